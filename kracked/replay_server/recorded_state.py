"""What the recorded exchange had stated before the place where a recording is served.

Books are known at any place, by their keyframes. The instrument list, ticker, trades and
candles are not: they are found by reading the recording back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import msgspec

from kracked.format import keyframe, line
from kracked.format.frame import FrameKind
from kracked.gateway.relay.instrument_list import InstrumentList
from kracked.instruments import Instrument, Precision
from kracked.protocol import events
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Instruments
from kracked.protocol.last_values import MAX_CANDLES, REMEMBERED_TYPES
from kracked.record.read.recording import Recording
from kracked.record.replay import Player
from kracked.times import NS_PER_S

_SEARCHED = 5_000
"""How many messages are searched for the first instrument list: it comes before any data."""
_BACK_NS = (MAX_CANDLES + 1) * 60 * NS_PER_S
"""How far to read back: as far as an exchange's snapshots reach."""
_BACK_MESSAGES = 200_000
"""The most messages to read back: as many as are read in a moment."""
_CHANNELS = tuple(f'{{"channel":"{name}"'.encode() for name in ("ticker", "trade", "ohlc"))


def instrument_list(recording: Recording) -> InstrumentList:
    """Return the assets and pairs that a recording begins with.

    A recording that joined a running feed has the list as it stood then. Older recordings
    have none: one is made up from the decimals in `session.json`, with the smallest
    increments and minimums that these allow.
    """
    for kind, entry in islice(recording.read(), _SEARCHED):
        standing = kind is FrameKind.STATE
        data = keyframe.as_snapshot(entry.data) if standing else entry.data
        if _is_instrument_snapshot(data):
            found = InstrumentList()
            found.apply(data)
            return found
    symbols = recording.info().symbols.items()
    return InstrumentList(
        _made_up(symbol, info.precision) for symbol, info in symbols if info.precision is not None
    )


class _Acknowledged(msgspec.Struct, frozen=True):
    channel: str = ""
    symbol: str = ""
    event_trigger: str = ""


class _Acknowledgement(msgspec.Struct):
    result: _Acknowledged = _Acknowledged()


def ticker_triggers(recording: Recording) -> dict[str, str]:
    """Return the trigger of the recorded tickers by symbol, where an acknowledgement states it."""
    found: dict[str, str] = {}
    for kind, entry in islice(recording.read(), _SEARCHED):
        if kind is not FrameKind.DATA or b'"event_trigger"' not in entry.data[:400]:
            continue
        with suppress(msgspec.MsgspecError):
            one = msgspec.json.decode(entry.data, type=_Acknowledgement).result
            if one.channel == "ticker" and one.event_trigger:
                found[one.symbol] = one.event_trigger
    return found


def _is_instrument_snapshot(data: bytes) -> bool:
    if b'"instrument"' not in data[:200] or b'"snapshot"' not in data[:200]:
        return False
    return any(isinstance(event, Instruments) for event in Codec().decode(data))


def _made_up(symbol: str, precision: Precision) -> Instrument:
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


def events_before(player: Player) -> Iterator[Event]:
    """Iterate the ticker, trades, candles and lost connections up to the player's place."""
    recording, codec = player.recording, player.keeper.codec
    for kind, entry in recording.read(*_frames(player)):
        if entry.seq > player.seq:
            return
        if kind is FrameKind.EVENT:
            decoded: list[Event] = [line.decode_event(entry)]
        elif kind is FrameKind.STATE:
            decoded = codec.decode(keyframe.as_snapshot(entry.data), entry.received)
        elif entry.data.startswith(_CHANNELS):
            decoded = codec.decode(entry.data, entry.received)
        else:
            continue
        for event in decoded:
            if type(event) in REMEMBERED_TYPES or isinstance(event, events.Reconnecting):
                yield event


def _frames(player: Player) -> tuple[int, int]:
    """Return the first frame to read, and the one after the last."""
    places, since = player.recording.frame_index, player.position - _BACK_NS
    until = bisect_right(places, player.seq, key=lambda place: place.frame.first_seq)
    first, messages = until, 0
    while first and messages < _BACK_MESSAGES and places[first - 1].frame.last_received >= since:
        first -= 1
        messages += places[first].frame.lines
    return first, until
