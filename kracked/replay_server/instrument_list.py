"""What the recorded exchange listed: its `instrument` messages, entry by entry as they came.

One that joined a running feed has them as they stood then. Older ones have none: a list
is made up from what `session.json` knows, the decimals; increments and minimums are the
least these allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import islice

import msgspec

from kracked.format import keyframe
from kracked.format.frame import FrameKind
from kracked.instruments import Instrument, Precision
from kracked.protocol import encode
from kracked.protocol.codec import Codec
from kracked.protocol.encode import SNAPSHOT
from kracked.protocol.events import Instruments
from kracked.record.read.recording import Recording

_SEARCHED = 5_000
"""Messages looked through for the first list: it comes before any data."""


class _Lists(msgspec.Struct):
    assets: list[msgspec.Raw] = []
    pairs: list[msgspec.Raw] = []


class _Message(msgspec.Struct):
    data: _Lists


class _Entry(msgspec.Struct):
    id: str = ""
    symbol: str = ""


class InstrumentList:
    """Assets and pairs as they stand at this place of the recording."""

    def __init__(self, recording: Recording) -> None:
        self._assets: dict[str, str] = {}
        self._pairs: dict[str, str] = {}
        for kind, entry in islice(recording.read(), _SEARCHED):
            standing = kind is FrameKind.STATE
            data = keyframe.as_snapshot(entry.data) if standing else entry.data
            if _is_snapshot(data):
                self.learn(data)
                return
        for symbol, subject in recording.info().symbols.items():
            if (precision := subject.precision) is not None:
                self._pairs[symbol] = encode.pair(_least(symbol, precision))

    def learn(self, message: bytes) -> None:
        """Take the entries of an `instrument` message, one of its two kinds."""
        lists = msgspec.json.decode(message, type=_Message).data
        self._assets |= {entry.id: text for entry, text in _named(lists.assets)}
        self._pairs |= {entry.symbol: text for entry, text in _named(lists.pairs)}
        self.__dict__.pop("rules", None)

    def snapshot(self) -> str:
        """The message a new subscriber gets."""
        return encode.instrument_lists(SNAPSHOT, self._assets.values(), self._pairs.values())

    @cached_property
    def rules(self) -> Instruments:
        """The same, decoded."""
        event = Codec().decode(self.snapshot().encode())[0]
        assert isinstance(event, Instruments)
        return event


def _named(entries: Iterable[msgspec.Raw]) -> Iterator[tuple[_Entry, str]]:
    """What each is of, and its text; what cannot be read concerns nobody."""
    for raw in entries:
        with suppress(msgspec.ValidationError):
            yield msgspec.json.decode(raw, type=_Entry), bytes(raw).decode()


def _is_snapshot(data: bytes) -> bool:
    if b'"instrument"' not in data[:200] or b'"snapshot"' not in data[:200]:
        return False
    return any(isinstance(event, Instruments) for event in Codec().decode(data))


def _least(symbol: str, precision: Precision) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        precision=precision,
        price_increment=1,
        qty_increment=1,
        qty_min=1,
    )
