"""What every recording on disk can do: be wound to any place, with everything heard until there.

A session's folder or a bare log of raw messages; both are played by the same deck. All of
this may take a moment and runs in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kracked.book.keeper import BookKeeper
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.replay import Moment, Playable

VERDICTS = (events.Verified, events.Resync)
"""What is said of a book, not by it."""


class SeekablePlayer(Playable, Protocol):
    """A tape that shows its next message and knows the number of the last."""

    seq: int

    @property
    def keeper(self) -> BookKeeper: ...
    @property
    def upcoming(self) -> bytes: ...


class MessagePlace(NamedTuple):
    """A message of a reel, or a time after it and before the next."""

    seq: int
    received: int


class PlayableRecording(Protocol):
    """A recording to be wound. Times are ns since the Unix epoch."""

    name: str
    start: int
    end: int
    holes: Sequence[tuple[int, int]]
    """Begin and end of each stretch that is not complete."""

    def tape(self) -> SeekablePlayer:
        """Wound to the beginning."""

    def wound(self, to: int) -> SeekablePlayer:
        """Everything that came until `to` has been played."""

    def before(self, spot: MessagePlace) -> SeekablePlayer:
        """Everything before that message has been played."""

    def latest(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """The last update of a book up to message `seq`; None when there is none."""

    def past(self, until: MessagePlace) -> list[Event]:
        """What was said up to a place, books left out, each fact once."""

    def silent(self, one: MessagePlace, other: MessagePlace) -> bool:
        """Whether nothing but books changed between two places."""

    def heard(self, moment: Moment) -> list[Event]:
        """What is told of a moment."""


def marks_of(symbol: str, channel: str) -> tuple[bytes, bytes, bytes]:
    """What an update of this book has in it."""
    return f'"channel":"{channel}"'.encode(), b'"type":"update"', f'"{symbol}"'.encode()


def condensed(said: Sequence[Event]) -> list[Event]:
    """The same end in fewer events: of each ticker and each candle the last word alone."""
    last: dict[object, int] = {}
    for at, event in enumerate(said):
        if isinstance(event, events.Ticker):
            last[event.symbol] = at
        elif isinstance(event, events.Candles) and len(event.candles) == 1:
            last[event.symbol, event.candles[0].interval, event.candles[0].begin] = at
    kept = frozenset(last.values())
    return [
        event
        for at, event in enumerate(said)
        if at in kept
        or not isinstance(event, events.Ticker | events.Candles)
        or (isinstance(event, events.Candles) and len(event.candles) != 1)
    ]
