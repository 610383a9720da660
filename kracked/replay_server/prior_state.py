"""What the exchange had told before the place where a recording begins to be served.

Books are known at any place, by their keyframes. The last ticker, trades and candles are
found by reading back: as far as an exchange's snapshot reaches, or as is read in a moment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from kracked.format import keyframe, line
from kracked.format.frame import FrameKind
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.protocol.last_values import MAX_CANDLES, REMEMBERED_TYPES
from kracked.record.replay import Player
from kracked.times import NS_PER_S

_BACK_NS = (MAX_CANDLES + 1) * 60 * NS_PER_S
_MESSAGES = 200_000
_CHANNELS = tuple(f'{{"channel":"{name}"'.encode() for name in ("ticker", "trade", "ohlc"))


def told_before(player: Player) -> Iterator[Event]:
    """Ticker, trades and candles up to the player's place, and where the feed was lost."""
    recording, codec = player.recording, player.keeper.codec
    first, until = _frames(player)
    for kind, entry in recording.read(first, until):
        if entry.seq > player.seq:
            return
        if kind is FrameKind.EVENT:
            happened: list[Event] = [line.event_of(entry)]
        elif kind is FrameKind.STANDING:
            happened = codec.decode(keyframe.as_snapshot(entry.data), entry.received)
        elif entry.data.startswith(_CHANNELS):
            happened = codec.decode(entry.data, entry.received)
        else:
            continue
        for event in happened:
            if type(event) in REMEMBERED_TYPES or isinstance(event, events.Reconnecting):
                yield event


def _frames(player: Player) -> tuple[int, int]:
    """The first frame to read, and the one after the last."""
    places, since = player.recording.places, player.position - _BACK_NS
    until = bisect_right(places, player.seq, key=lambda place: place.frame.first_seq)
    first, messages = until, 0
    while first and messages < _MESSAGES and places[first - 1].frame.last_received >= since:
        first -= 1
        messages += places[first].frame.lines
    return first, until
