"""Words for sides, and sentences in a narrow space."""

from __future__ import annotations

from kracked.protocol.events import Side


def verb(side: Side) -> str:
    """Return what an order of this side does."""
    return "BUY" if side is Side.BID else "SELL"


def bare(text: str) -> str:
    """Return the words of a row: without frames, bars, marks, and blanks between columns."""
    kept = (" " if "\u2500" <= glyph <= "\u25ff" else glyph for glyph in text)
    return " ".join("".join(kept).split())


def wrapped(text: str, width: int) -> list[str]:
    """Break a sentence into lines of at most `width`; a longer word has a line of its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
