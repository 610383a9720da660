"""Own orders and fills drawn over the candles. Pure.

An order at work is a dotted line at its price, a fill an arrow in the column of its
candle: up where we bought, down where we sold.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby

from kracked.protocol.events import Side
from kracked_tui.view.account.own_marks import OwnMarks
from kracked_tui.view.chart.candles import ChartView
from kracked_tui.view.line import Line, Span

_DOT_EVERY = 2


def marked(view: ChartView, plot: Sequence[Line], ours: OwnMarks) -> list[Line]:
    """The plot with what is ours on its scale; rows without are as they were."""
    lines = list(plot)
    for price, side in ours.orders.items():
        if view.reaches(price) and view.row(price) < len(lines):
            lines[view.row(price)] = _dotted(lines[view.row(price)], view.width, side)
    for (row, column), side in _fill_cells(view, ours).items():
        if row < len(lines):
            lines[row] = _with_arrow(lines[row], column, view.width, side)
    return lines


def _fill_cells(view: ChartView, ours: OwnMarks) -> dict[tuple[int, int], Side]:
    """Row and column of every fill in sight; of several in one cell the newest counts."""
    begins = [bar.begin for bar in view.bars]
    cells: dict[tuple[int, int], Side] = {}
    for fill in ours.fills:
        at = bisect_right(begins, fill.time) - 1
        if at >= 0 and view.reaches(fill.price) and 0 <= view.column(at) < view.width:
            cells[view.row(fill.price), view.column(at)] = fill.side
    return cells


def _dotted(line: Line, width: int, side: Side) -> Line:
    """Dots where nothing is drawn."""
    cells = _cells(line, width)
    for at in range(0, width, _DOT_EVERY):
        if cells[at].text == " ":
            cells[at] = Span("·", side.value)
    return _joined(cells)


def _with_arrow(line: Line, column: int, width: int, side: Side) -> Line:
    cells = _cells(line, width)
    cells[column] = Span("▲" if side is Side.BID else "▼", "mine")
    return _joined(cells)


def _cells(line: Line, width: int) -> list[Span]:
    cells = [Span(glyph, span.role) for span in line.spans for glyph in span.text]
    return cells[:width] + [Span(" ")] * (width - len(cells))


def _joined(cells: Sequence[Span]) -> Line:
    """Neighbours of one role as one span."""
    runs = groupby(cells, key=lambda cell: cell.role)
    return Line(tuple(Span("".join(cell.text for cell in run), role) for role, run in runs))
