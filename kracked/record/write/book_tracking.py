"""State of each book that a recording tracks: when its keyframe is due, whether it is verified.

Every segment begins with a keyframe of each book. Further rounds of keyframes follow, each of
all books together, so that a search need not read far before the last one it needs. A round is
due after as many messages of all books as a search reads in a twentieth of a second, plus half
a message for each of their rows: rounds of large books are rarer. After a minute the half
messages alone count, so that a book which a damaged frame has left suspect is found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kracked import times
from kracked.book.l3 import L3Book
from kracked.format.keyframe import Book
from kracked.format.line import FeedEvent
from kracked.protocol import events
from kracked.protocol.client.subscription import BOOKS

_EVERY_MESSAGES, _EVERY_NS = 4_000, 60 * times.NS_PER_S
_ROWS_PER_MESSAGE = 2
_ROWS_AT_ONCE = 1_000


class KeyframeSchedule:
    """Chooses the books whose keyframes are due: each once a round, a few at a time."""

    def __init__(self) -> None:
        self._round: tuple[int, int] | None = None
        """When the round began, and how many messages all books had then."""
        self._written: set[tuple[str, type]] = set()
        self.rounds = 0
        """Rounds begun so far."""

    def restart(self) -> None:
        """Make every book due again, as for a new segment."""
        self._round = None

    def due(self, books: Iterable[Book], now: int) -> list[Book]:
        """Return the verified books that are due, and count them as written at `now`.

        At most one deep book at a time: copying its rows takes half a millisecond.
        """
        books, due, rows = tuple(books), [], 0
        begun, messages = self._round or (now, 0)
        passed = _messages(books) - messages
        enough = sum(map(_rows, books)) // _ROWS_PER_MESSAGE
        if now - begun < _EVERY_NS:
            enough += _EVERY_MESSAGES
        # Fewer messages than when the round began: the feed has dropped a book.
        if self._round is None or passed < 0 or passed >= max(1, enough):
            self._round = now, _messages(books)
            self.rounds += 1
            self._written.clear()
        for book in books:
            key = book.symbol, type(book)
            if rows < _ROWS_AT_ONCE and book.verified and key not in self._written:
                self._written.add(key)
                due.append(book)
                rows += _rows(book)
        return due


def _messages(books: Iterable[Book]) -> int:
    return sum(book.stats.messages for book in books)


def _rows(book: Book) -> int:
    return len(book) if isinstance(book, L3Book) else len(book.bids) + len(book.asks)


class PendingVerification:
    """Books that await a verified snapshot; those left at the end get a gap each."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}
        """When each began to wait, by channel and symbol."""

    def apply(self, event: FeedEvent) -> None:
        """Apply a feed event: a resync begins the wait, a verified snapshot or a gap ends it."""
        match event:
            case events.Verified(channel=channel, symbol=symbol):
                self._since.pop((channel, symbol), None)
            case events.Resync(channel=channel, symbol=symbol) if channel in BOOKS:
                self._since.setdefault((channel, symbol), event.received)
            case events.Gap(channel=channel, symbols=symbols, start=start):
                for symbol in symbols:  # a gap is published when it is over
                    if start <= self._since.get((channel, symbol), start - 1):
                        del self._since[channel, symbol]

    def gaps(self, now: int) -> Iterator[events.Gap]:
        """Yield a gap for each book that still waits."""
        for (channel, symbol), since in [*self._since.items()]:
            yield events.Gap(now, channel, (symbol,), since, now, "not proven before the end")


def is_rebuilt_from_messages(event: FeedEvent) -> bool:
    """Whether rebuilding the books brings this event again, so that the log need not hold it."""
    match event:
        case events.Verified():
            return True
        case events.Resync(reason=reason):
            return reason in ("checksum", "impossible", "precision")
    return False
