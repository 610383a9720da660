"""Bars in eighths of a cell, growing to either side, and small histograms."""

from __future__ import annotations

from collections.abc import Sequence

from kracked_tui.view.line import TIP, Span

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_RISING = " ▁▂▃▄▅▆▇█"


def rightwards(value: int, largest: int, width: int, name: str) -> tuple[Span, ...]:
    """`value` of `largest` as a bar from the left edge; roles `name`-bar."""
    full, part = _cells(value, largest, width)
    text = "█" * full + (_EIGHTHS[part] if part else "")
    return (Span(text, f"{name}-bar"), Span(" " * (width - len(text))))


def leftwards(value: int, largest: int, width: int, name: str) -> tuple[Span, ...]:
    """`value` of `largest` as a bar from the right edge.

    There are no right-hand eighths to draw with: the tip is the missing part, with
    foreground and background exchanged, as its role says.
    """
    full, part = _cells(value, largest, width)
    tip = _EIGHTHS[8 - part] if part else ""
    blank = " " * (width - full - len(tip))
    return (Span(blank), Span(tip, f"{name}-bar{TIP}"), Span("█" * full, f"{name}-bar"))


def share(part: int, whole: int, width: int) -> tuple[Span, ...]:
    """Two amounts against each other: `part` from the left, the rest up to `width`."""
    full, eighths = _cells(part, max(whole, 1), width)
    if not whole:
        return (Span("░" * width, "faint"),)
    tip = _EIGHTHS[eighths] if eighths else ""
    return (
        Span("█" * full + tip, "bid-bar"),
        Span("░" * (width - full - len(tip)), "ask-bar"),
    )


def columns(values: Sequence[int], largest: int | None = None) -> str:
    """One character a value, one row high: a sparkline from zero."""
    top = max(values, default=0) if largest is None else largest
    if top <= 0:
        return " " * len(values)
    return "".join(_RISING[min(8, -(-8 * max(value, 0) // top))] for value in values)


def spark(values: Sequence[int]) -> str:
    """One character a value, from the least to the greatest; rows above each other stay apart."""
    low, high = min(values, default=0), max(values, default=0)
    if high == low:
        return "▄" * len(values)
    return "".join(_RISING[1 + 6 * (value - low) // (high - low)] for value in values)


def _cells(value: int, largest: int, width: int) -> tuple[int, int]:
    """Full cells and eighths of the next one; anything above zero shows."""
    if value <= 0 or largest <= 0 or width <= 0:
        return 0, 0
    eighths = max(1, min(8 * width, (8 * width * value + largest // 2) // largest))
    return divmod(eighths, 8)
