"""Counts of one instrument's book messages, by what became of them."""

from __future__ import annotations

import msgspec


class BookStats(msgspec.Struct):
    """Counts of one book's messages. Each message is in exactly one of the last four counts."""

    symbol: str
    channel: str
    depth: int = 0
    snapshots: int = 0
    verified: int = 0
    mismatched: int = 0
    """Messages whose checksum did not match, or that contradicted the book."""

    ignored: int = 0
    """Updates that came while there was no trusted book to apply them to."""

    unreadable: int = 0
    """Messages about this book that could not be read."""

    @property
    def messages(self) -> int:
        """All messages about this book."""
        return self.verified + self.mismatched + self.ignored + self.unreadable

    @property
    def updates(self) -> int:
        """All messages but snapshots."""
        return self.messages - self.snapshots
