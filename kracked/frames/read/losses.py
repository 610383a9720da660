"""Account of what a file holds and its frame does not, told in one line a file.

Nothing is left out in silence: each row and each cell that is not in a frame is counted here.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from kracked.untrusted import printable_lines

log = logging.getLogger(__name__)

_MANY = 6
"""Columns that are named one by one."""


class Losses:
    """Rows left out and cells emptied while one file is read."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.rows: Counter[str] = Counter()
        """Rows left out, by reason."""
        self.cells: Counter[str] = Counter()
        """Cells that could not be read, by column."""
        self.notes: list[str] = []
        """Whatever else is missing, as sentences."""

    def clear(self) -> None:
        """Forget everything: the file is read anew in another way."""
        self.rows.clear()
        self.cells.clear()
        self.notes.clear()

    def tell(self) -> None:
        """Log one line, if anything is missing."""
        said = list(self.notes)
        if self.rows:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.rows.items())
            said.append(f"{_count(self.rows.total(), 'row')} left out ({reasons})")
        if self.cells:
            columns = [f"{name} in {count}" for name, count in self.cells.most_common()]
            more = [f"{len(columns) - _MANY} more columns"] if len(columns) > _MANY else []
            rows = _count(max(self.cells.values()), "row")
            named = ", ".join(columns[:_MANY] + more)
            said.append(f"cells that cannot be read are empty, in up to {rows}: {named}")
        if said:
            facts = {
                "file": str(self.path),
                "rows_left_out": self.rows.total(),
                "column": ", ".join(self.cells),
                "cells": self.cells.total(),
            }
            words = printable_lines("; ".join(said))
            log.warning("%s: %s", printable_lines(str(self.path)), words, extra=facts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
