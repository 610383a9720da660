"""plotext's ANSI text to lines of roles.

plotext is asked to draw in two palette colours and nothing else; the colour numbers are
names for roles here, and the theme decides what they look like. A general parser costs
ten times as much.
"""

from __future__ import annotations

import re

from kracked_tui.view.line import Line, Span

_PIECE = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)")
ROLES = {"38;5;2": "chart-up", "38;5;1": "chart-down"}


def parsed(text: str, *, shapes: bool = False) -> list[Line]:
    """One line per row. With `shapes`, falling bodies are hatched: readable without colour."""
    return [_line(row, shapes=shapes) for row in text.rstrip("\n").split("\n")]


def _line(row: str, *, shapes: bool) -> Line:
    first, escape, rest = row.partition("\x1b")
    spans = [Span(first)] if first else []
    for code, piece in _PIECE.findall(escape + rest):
        if piece:
            role = ROLES.get(code, "")
            hatched = shapes and role == "chart-down"
            spans.append(Span(piece.replace("█", "▒") if hatched else piece, role))
    return Line(tuple(spans))
