"""The keys at the foot of the screen, each a button too. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked_tui.view.line import Line, Span, fit


class Hint(NamedTuple):
    """A key worth knowing; also a button."""

    key: str
    text: str
    action: str


def hint_line(hints: Sequence[Hint], width: int) -> Line:
    """Draw the first hints that fit."""
    spans: list[Span] = []
    for hint in hints:
        part = [Span(f" {hint.key}", "key"), Span(f" {hint.text} ", "dim")]
        if sum(len(span.text) for span in (*spans, *part)) > width:
            break
        spans += part
    return Line(fit(spans, width))


def hint_at(hints: Sequence[Hint], width: int, column: int) -> Hint | None:
    """Return the hint at this column of `hint_line`; None beside them."""
    start = 0
    for hint in hints:
        end = start + len(f" {hint.key} {hint.text} ")
        if end > width:
            return None
        if start <= column < end:
            return hint
        start = end
    return None
