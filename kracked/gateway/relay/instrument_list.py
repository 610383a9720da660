"""The list of assets and pairs that new subscribers get, entry by entry as it was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property

import msgspec

from kracked.instruments import Instrument
from kracked.protocol import encode
from kracked.protocol.codec import Codec
from kracked.protocol.encode import SNAPSHOT
from kracked.protocol.events import Instruments


class _Lists(msgspec.Struct):
    assets: list[msgspec.Raw] = []
    pairs: list[msgspec.Raw] = []


class _Message(msgspec.Struct):
    data: _Lists


class _Entry(msgspec.Struct):
    id: str = ""
    symbol: str = ""


class InstrumentList:
    """The assets and pairs as they were stated last."""

    def __init__(self, pairs: Iterable[Instrument] = ()) -> None:
        """Begin with pairs that no message has stated; usually none."""
        self._assets: dict[str, str] = {}
        self._pairs = {pair.symbol: encode.pair(pair) for pair in pairs}

    def apply(self, message: bytes) -> bool:
        """Take the entries of an `instrument` message; return whether they change the list."""
        lists = msgspec.json.decode(message, type=_Message).data
        before = self._assets, self._pairs
        self._assets = self._assets | {entry.id: text for entry, text in _readable(lists.assets)}
        self._pairs = self._pairs | {entry.symbol: text for entry, text in _readable(lists.pairs)}
        self.__dict__.pop("decoded", None)
        return before != (self._assets, self._pairs)

    def snapshot(self) -> str:
        """Return the message that a new subscriber gets."""
        return encode.instrument_lists(SNAPSHOT, self._assets.values(), self._pairs.values())

    @cached_property
    def decoded(self) -> Instruments:
        """The assets and pairs, decoded."""
        event = Codec().decode(self.snapshot().encode())[0]
        assert isinstance(event, Instruments)
        return event


def _readable(entries: Iterable[msgspec.Raw]) -> Iterator[tuple[_Entry, str]]:
    """Iterate the names and the text of entries; skip those that cannot be read."""
    for raw in entries:
        with suppress(msgspec.ValidationError):
            yield msgspec.json.decode(raw, type=_Entry), bytes(raw).decode()
