"""The price axis of the chart: round prices, and the prices that matter beside them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kracked.instruments import Precision
from kracked_tui.view.line import Span

_NICE = (1, 2, 5)
_ROWS_APART = 2
"""Rows between two round prices, at least."""
_NEAR = 2
"""Rows that a label may stand away from its price, where another has its row."""


_SHIFTS = (-1, 1, -2, 2)
"""Rows by which the first label may make room for the others."""


class AxisMark(NamedTuple):
    """A price that the axis names."""

    price: int
    glyph: str
    glyph_role: str
    role: str


def round_step(low: int, high: int, rows: int) -> int:
    """Return the smallest 1, 2 or 5 times a power of ten that leaves room between two labels.

    >>> round_step(631908, 638055, 12), round_step(0, 7, 12)
    (2000, 2)
    """
    return nice_above(max(1, -(-(high - low) * _ROWS_APART // max(1, rows - 1))))


def nice_above(least: int) -> int:
    """Return the smallest 1, 2 or 5 times a power of ten that is at least this, above zero."""
    power = int(10 ** (len(str(least)) - 1))
    return next((nice * power for nice in _NICE if nice * power >= least), 10 * power)


def axis_labels(
    marks: Sequence[AxisMark],
    low: int,
    high: int,
    rows: int,
    row_of: Callable[[int], int],
    precision: Precision,
) -> list[tuple[Span, ...]]:
    """Return the axis of every row, top to bottom.

    Marks come first, in their order: one whose row is taken stands in the nearest free row where
    it is below every higher price and above every lower one, or is left out where none is near.
    The first makes room where more of them then have a label. Round prices take what is left.

    Args:
        marks: The prices to name, all between `low` and `high`.
        low: Price at the foot of the plot.
        high: Price at its top.
        rows: Rows of the plot.
        row_of: Returns the row of a price.
        precision: Decimals of the instrument.
    """
    tried = [_placed(marks, rows, row_of, shift) for shift in (0, *_SHIFTS)]
    labels: dict[int, tuple[Span, ...]] = {
        row: (Span(mark.glyph, mark.glyph_role), Span(precision.price_text(mark.price), mark.role))
        for row, mark in max(tried, key=len).items()
    }
    step = round_step(low, high, rows)
    for price in range(-(-low // step) * step, high + 1, step):
        text = precision.price_text(price)
        label = (Span("┤", "chart-axis"), Span(text, "dim"))
        labels.setdefault(row_of(price), label)
    return [labels.get(row, (Span("│", "chart-axis"),)) for row in range(rows)]


def _placed(
    marks: Sequence[AxisMark], rows: int, row_of: Callable[[int], int], shift: int
) -> dict[int, AxisMark]:
    """Return the marks that have a row, the first of them so many rows below its own."""
    placed: dict[int, AxisMark] = {}
    for mark in marks:
        wanted = row_of(mark.price) + (0 if placed else shift)
        row = _free_row(mark.price, wanted, rows, placed)
        if row is not None:
            placed[row] = mark
    return placed


def _free_row(price: int, wanted: int, rows: int, taken: Mapping[int, AxisMark]) -> int | None:
    """Return the nearest free row in the order of the prices; None where none is near."""
    above = max((row for row, other in taken.items() if other.price > price), default=-1)
    below = min((row for row, other in taken.items() if other.price < price), default=rows)
    near = sorted(range(wanted - _NEAR, wanted + _NEAR + 1), key=lambda row: abs(row - wanted))
    return next((row for row in near if above < row < below and row not in taken), None)
