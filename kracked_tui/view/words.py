"""Words for sides, and sentences in a narrow space."""

from __future__ import annotations

from kracked.protocol.events import Side


def verb(side: Side) -> str:
    return "BUY" if side is Side.BID else "SELL"


def wrapped(text: str, width: int) -> list[str]:
    """The sentence in lines of at most `width`; a word longer than that has its own."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
