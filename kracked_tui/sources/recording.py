"""The abilities of every recording on disk: to be played from any place, with the events up to it.

A recording is the folder of a session or a log of raw messages; `ReplaySource` plays both.
All of this may take a moment: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from kracked.book.keeper import BookKeeper
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record.replay import Moment, Playable

VERDICTS = (events.Verified, events.Resync)
"""Events about a book that the exchange did not send."""


class SeekablePlayer(Playable, Protocol):
    """A player that shows its next message and knows the number of the last one."""

    seq: int

    @property
    def keeper(self) -> BookKeeper:
        """The books at this place."""

    @property
    def upcoming(self) -> bytes:
        """The message of the exchange that comes next; empty where none does."""


class MessagePlace(NamedTuple):
    """A message of a recording, or a time after it and before the next one."""

    seq: int
    received: int


class PlayableRecording(Protocol):
    """A recording that can be played from any place. Times are ns since the Unix epoch."""

    @property
    def name(self) -> str:
        """The name, for people."""

    @property
    def start(self) -> int:
        """The time of its beginning."""

    @property
    def end(self) -> int:
        """The time of its end, as far as that is known yet."""

    @property
    def gaps(self) -> Sequence[tuple[int, int]]:
        """Begin and end of each incomplete stretch."""

    def player(self) -> SeekablePlayer:
        """Return a player at the beginning."""

    def player_at(self, time: int) -> SeekablePlayer:
        """Return a player that has played everything received until `time`."""

    def player_before(self, place: MessagePlace) -> SeekablePlayer:
        """Return a player that has played everything before that message."""

    def last_update(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """Find the last update of a book up to message `seq`; None when there is none."""

    def events_until(self, place: MessagePlace) -> list[Event]:
        """Return the events up to a place without those of books, each fact once."""

    def only_books_between(self, first: MessagePlace, second: MessagePlace) -> bool:
        """Whether nothing but books changed between two places, in either order."""

    def events_of(self, moment: Moment) -> list[Event]:
        """Return the events the screen applies for a moment."""


def update_marks(symbol: str, channel: str) -> tuple[bytes, bytes, bytes]:
    """Return the texts that every update of this book contains."""
    return f'"channel":"{channel}"'.encode(), b'"type":"update"', f'"{symbol}"'.encode()


def condensed(history: Sequence[Event]) -> list[Event]:
    """Drop the tickers and single candles that a later one replaces; the end is the same."""
    last: dict[object, int] = {}
    for at, event in enumerate(history):
        if isinstance(event, events.Ticker):
            last[event.symbol] = at
        elif isinstance(event, events.Candles) and len(event.candles) == 1:
            last[event.symbol, event.candles[0].interval, event.candles[0].begin] = at
    newest = frozenset(last.values())
    return [
        event
        for at, event in enumerate(history)
        if at in newest
        or not isinstance(event, events.Ticker | events.Candles)
        or (isinstance(event, events.Candles) and len(event.candles) != 1)
    ]
