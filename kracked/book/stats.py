"""Counts of what became of one instrument's book messages."""

from __future__ import annotations

import msgspec


class BookStats(msgspec.Struct):
    """Every book message is in exactly one of the four counts from `verified` on."""

    symbol: str
    channel: str
    depth: int = 0
    snapshots: int = 0
    verified: int = 0
    mismatched: int = 0
    """Their checksum was another, or they said what cannot be true of the book."""

    ignored: int = 0
    """Updates that came while there was no trusted book to apply them to."""

    unreadable: int = 0
    """Messages about this book that could not be read."""

    @property
    def messages(self) -> int:
        return self.verified + self.mismatched + self.ignored + self.unreadable

    @property
    def updates(self) -> int:
        return self.messages - self.snapshots
