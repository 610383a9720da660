"""The list of recordings to choose from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit


class SessionRow(NamedTuple):
    """One recording; without a path, what was watched before."""

    name: str
    path: Path | None = None
    size: int = 0
    """Bytes on the disk."""
    length_ns: int | None = None
    """None while it is being recorded, or when its recorder was killed."""
    clean: bool = True
    """Whether its recorder ended cleanly."""


def session_lines(rows: Sequence[SessionRow], cursor: int, width: int) -> list[Line]:
    """Draw the recordings; `cursor` is the number of the marked one, from 0."""
    lines = []
    for at, row in enumerate(rows):
        mark = Span("▸ " if at == cursor else "  ", "accent")
        spans: tuple[Span, ...] = (mark, Span(f"back to {row.name}", "word"))
        if row.path is not None:
            length = fmt.age(row.length_ns) if row.length_ns is not None else "open"
            tail = f" {length:>5} {fmt.compact(row.size) + 'B':>7} "
            room = max(0, width - len(tail) - 2)
            name = fit([Span(row.name)], room)
            spans = (mark, *name, Span(tail, "dim" if row.clean else "warn"))
        lines.append(Line(fit(spans, width), "cursor" if at == cursor else ""))
    return lines
