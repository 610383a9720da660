"""What a recorder remembers of each book: whose keyframe is due, and which await their proof.

How often a keyframe: every segment begins with one of each book, and they come again in a
round, all together, so that a search need not read long before the one it finds last. A round
is due after so many messages as a search reads in a twentieth of a second, of all books
together, and half a message more for each of their rows: where one round is as large as a
minute's log it is rarer. After a minute it comes sooner, for whom a damaged frame has left in
doubt.
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
    """Says which books' keyframes are due: each once a round, a few at a time."""

    def __init__(self) -> None:
        self._begun: tuple[int, int] | None = None
        """When the round began, and how many messages there were of all books."""
        self._written: set[tuple[str, type]] = set()

    def restart(self) -> None:
        """A new segment: every book is due again."""
        self._begun = None

    def due(self, books: Iterable[Book], now: int) -> list[Book]:
        """Verified books whose turn it is, taken as written at `now`.

        Of deep books one at most: to copy its rows takes half a millisecond.
        """
        books, due, rows = tuple(books), [], 0
        if self._is_over(books, now):
            self._begun = now, _messages(books)
            self._written.clear()
        for book in books:
            key = book.symbol, type(book)
            if rows < _ROWS_AT_ONCE and book.verified and key not in self._written:
                self._written.add(key)
                due.append(book)
                rows += _rows(book)
        return due

    def _is_over(self, books: Iterable[Book], now: int) -> bool:
        """Whether it is time for another round."""
        if self._begun is None:
            return True
        begun, messages = self._begun
        passed = _messages(books) - messages
        enough = sum(map(_rows, books)) // _ROWS_PER_MESSAGE
        if now - begun < _EVERY_NS:
            enough += _EVERY_MESSAGES
        return passed < 0 or passed >= max(1, enough)  # fewer: one is no longer kept


def _messages(books: Iterable[Book]) -> int:
    return sum(book.tally.messages for book in books)


def _rows(book: Book) -> int:
    return len(book) if isinstance(book, L3Book) else len(book.bids) + len(book.asks)


class PendingVerification:
    """Hears of doubts and proofs; what is left when a recording stops was never proven."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}
        """By channel and symbol."""

    def apply(self, event: FeedEvent) -> None:
        match event:
            case events.Verified(channel=channel, symbol=symbol):
                self._since.pop((channel, symbol), None)
            case events.Resync(channel=channel, symbol=symbol) if channel in BOOKS:
                self._since.setdefault((channel, symbol), event.received)
            case events.Gap(channel=channel, symbols=symbols, start=start):
                for symbol in symbols:  # told when it is over, be it with the feed itself
                    if start <= self._since.get((channel, symbol), start - 1):
                        del self._since[channel, symbol]

    def gaps(self, now: int) -> Iterator[events.Gap]:
        """One for each book that waits still."""
        for (channel, symbol), since in [*self._since.items()]:
            yield events.Gap(now, channel, (symbol,), since, now, "not proven before the end")


def is_rebuilt_from_messages(event: FeedEvent) -> bool:
    """Whether keeping the books again will tell it again: then the log need not."""
    match event:
        case events.Verified():
            return True
        case events.Resync(reason=reason):
            return reason in ("checksum", "impossible", "precision")
    return False
