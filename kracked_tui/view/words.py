"""Words for sides, and sentences in a narrow space."""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked_tui.view.line import Line, Span

_PLACEHOLDERS = ("–", "—", "-")
"""What stands in a cell whose value is not known."""


def verb(side: Side) -> str:
    """Return what an order of this side does."""
    return "BUY" if side is Side.BID else "SELL"


def plain_values(row: Line) -> str:
    """Return the values of a row to copy: no frame, bar or mark, and nothing for what is not known.

    A mark has a cell of its own beside a number, and would stand glued to it.
    """
    texts = (
        " " * len(span.text) if "-bar" in span.role or _is_mark(span) else span.text
        for span in row.spans
    )
    kept = (
        " " if "\u2500" <= glyph <= "\u25ff" or glyph == "•" else glyph for glyph in "".join(texts)
    )
    return " ".join(word for word in "".join(kept).split() if word not in _PLACEHOLDERS)


def _is_mark(span: Span) -> bool:
    mark = span.text.strip()
    return span.role in ("accent", "mark", "last") and len(mark) == 1 and not mark.isdigit()


def wrapped(text: str, width: int) -> list[str]:
    """Break a sentence into lines of at most `width`; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
