"""The list of recordings to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit


class SessionRow(NamedTuple):
    """One recording. No path stands for what was watched before."""

    name: str
    path: Path | None = None
    size: int = 0
    """Bytes on the disk."""
    length_ns: int | None = None
    """None while it grows, or when its recorder was killed."""
    clean: bool = True


def session_lines(rows: Sequence[SessionRow], cursor: int, width: int) -> list[Line]:
    return [_row_line(row, width, chosen=at == cursor) for at, row in enumerate(rows)]


def _row_line(row: SessionRow, width: int, *, chosen: bool) -> Line:
    mark = Span("▸ " if chosen else "  ", "accent")
    spans: tuple[Span, ...]
    if row.path is None:
        spans = (mark, Span(f"back to {row.name}", "word"))
    else:
        length = fmt.age(row.length_ns) if row.length_ns is not None else "open"
        tail = f" {length:>5} {fmt.compact(row.size) + 'B':>7} "
        room = max(0, width - len(tail) - 2)
        spans = (mark, *fit([Span(row.name)], room), Span(tail, "dim" if row.clean else "warn"))
    return Line(fit(spans, width), "cursor" if chosen else "")
