"""The times at which the verified book of a symbol ended and was verified again.

Between its last message before a gap and the snapshot that ends the gap nobody knows a book.
What is read from it has to end there, or the last quote would stand for all that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

FOREVER = (1 << 63) - 1
"""In place of a time that never came."""


class UnknownSpan(NamedTuple):
    """A span without a verified book, ns since the Unix epoch."""

    start: int
    until: int
    """When the book was verified again; FOREVER if it never was."""


class _Loss(NamedTuple):
    last: int
    """When the book was last right."""
    found: int
    """When a message showed that it might not be."""
    snapshot: bool
    """Whether that message was a snapshot, which contradicts nothing."""
    until: int


class QuoteEnds:
    """Collects the spans without a verified book while a recording is replayed."""

    def __init__(self) -> None:
        self._last: int | None = None
        """When the book was last right; None while it is not."""
        self._losses: list[_Loss] = []

    def right(self, at: int) -> None:
        """Note that a message of this time left the book verified."""
        if self._last is None and self._losses and self._losses[-1].until == FOREVER:
            self._losses[-1] = self._losses[-1]._replace(until=at)
        self._last = at

    def wrong(self, at: int, *, snapshot: bool = False) -> None:
        """Note that a message of this time ends what was known, or as a snapshot begins anew."""
        if self._last is not None:
            self._losses.append(_Loss(self._last, at, snapshot, FOREVER))
            self._last = None

    def __bool__(self) -> bool:
        return bool(self._losses)

    def spans(self, gaps: Iterable[tuple[int, int]] | None) -> Sequence[UnknownSpan]:
        """Return the spans in order.

        Args:
            gaps: When the gaps began and ended that the recorder knew of; None if that is not
                known. Without a gap a book stays known until a snapshot replaces it. It is unknown
                from its last message on where a later one contradicts it.
        """
        known = None if gaps is None else sorted(gaps)
        spans = (
            UnknownSpan(min(_begin(known, loss), loss.until), loss.until) for loss in self._losses
        )
        return [span for span in spans if span.start < span.until]


def _begin(gaps: Sequence[tuple[int, int]] | None, loss: _Loss) -> int:
    if gaps is None:
        return loss.last + 1
    within = (start for start, end in gaps if start <= loss.found and end > loss.last)
    reported = next(within, None)
    if reported is not None:
        return max(loss.last + 1, reported)
    return loss.found if loss.snapshot else loss.last + 1
