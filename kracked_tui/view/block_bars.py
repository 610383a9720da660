"""Bars in eighths of a cell, growing to either side, and small histograms. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kracked_tui.view.line import TIP, Span

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_RISING = " ▁▂▃▄▅▆▇█"


def rightwards(value: int, largest: int, width: int, name: str) -> tuple[Span, ...]:
    """Draw `value` of `largest` as a bar from the left edge, in the role `name`-bar."""
    full, part = _cells(value, largest, width)
    text = "█" * full + (_EIGHTHS[part] if part else "")
    return (Span(text, f"{name}-bar"), Span(" " * (width - len(text))))


def leftwards(value: int, largest: int, width: int, name: str) -> tuple[Span, ...]:
    """Draw `value` of `largest` as a bar from the right edge, in the role `name`-bar.

    Fonts have no right-hand eighths: the tip draws the missing part, with foreground and
    background exchanged by its role.
    """
    full, part = _cells(value, largest, width)
    tip = _EIGHTHS[8 - part] if part else ""
    blank = " " * (width - full - len(tip))
    return (Span(blank), Span(tip, f"{name}-bar{TIP}"), Span("█" * full, f"{name}-bar"))


def eighths(count: int, width: int) -> str:
    """Return a bar of so many eighths of a cell from the left edge, filled up with blanks."""
    full, part = divmod(max(0, min(count, 8 * width)), 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(width)


def share(part: int, whole: int, width: int) -> tuple[Span, ...]:
    """Draw two amounts against each other: `part` from the left, the rest up to `width`."""
    full, eighths = _cells(part, max(whole, 1), width)
    if not whole:
        return (Span("░" * width, "faint"),)
    tip = _EIGHTHS[eighths] if eighths else ""
    return (
        Span("█" * full + tip, "bid-bar"),
        Span("░" * (width - full - len(tip)), "ask-bar"),
    )


def columns(values: Sequence[int], largest: int | None = None) -> str:
    """Draw one character a value, one row high, from zero up to `largest`."""
    top = max(values, default=0) if largest is None else largest
    if top <= 0:
        return " " * len(values)
    return "".join(_RISING[min(8, -(-8 * max(value, 0) // top))] for value in values)


def spark(values: Sequence[int]) -> str:
    """Draw one character a value, from the least to the greatest; rows do not touch."""
    low, high = min(values, default=0), max(values, default=0)
    if high == low:
        return "▄" * len(values)
    return "".join(_RISING[1 + 6 * (value - low) // (high - low)] for value in values)


def _cells(value: int, largest: int, width: int) -> tuple[int, int]:
    """Return the full cells and the eighths of the next; any value above zero is visible."""
    if value <= 0 or largest <= 0 or width <= 0:
        return 0, 0
    eighths = max(1, min(8 * width, (8 * width * value + largest // 2) // largest))
    return divmod(eighths, 8)
