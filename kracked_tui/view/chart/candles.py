"""The candle chart: which candles, at which columns, on which scale, with own orders and fills.

plotext draws the candles (`widgets.panes.candle_plot`); everything around and over them is here.
One candle stands on exactly one column, so that the volume row lines up with it. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.account.own_marks import OwnMarks
from kracked_tui.view.line import Line, Span, fit

TIMEFRAMES = (5, 15, 60, 300, 900, 3600, 14_400, 86_400)
"""Seconds. Bars under a minute are made here from trades; the exchange offers the others."""
_SPACINGS = (3, 2)
_DOT_EVERY = 2


class Bar(NamedTuple):
    """Prices and volume of one interval that began at `begin` (ns)."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0


class ChartView(NamedTuple):
    """The bars of a chart and the scale they are drawn on."""

    bars: tuple[Bar, ...] = ()
    width: int = 0
    """Columns of the plot, without the price axis."""
    height: int = 0
    """Rows of the plot, without volume and time axis."""
    spacing: int = 1
    low: int = 0
    high: int = 1
    precision: Precision = Precision(0, 0)
    timeframe_s: int = 60

    def alike(self, other: ChartView) -> bool:
        """Whether the axes of one chart fit the plot of the other."""
        kind = (self.width, self.height, self.timeframe_s, self.precision)
        return kind == (other.width, other.height, other.timeframe_s, other.precision)

    def reaches(self, price: int) -> bool:
        """Whether a price is on the scale."""
        return self.low <= price <= self.high

    def column(self, at: int) -> int:
        """Return the plot column of the `at`-th bar; the newest is near the right edge."""
        return self.width - 2 - (len(self.bars) - 1 - at) * self.spacing

    def row(self, price: int) -> int:
        """Return the plot row of a price, from the top, as plotext rounds it."""
        reach = max(1, self.high - self.low)
        return (2 * (self.high - price) * (self.height - 1) + reach) // (2 * reach)


def timeframe_name(seconds: int) -> str:
    """Return the short name of a timeframe: ``5s``, ``1m``, ``4h``, ``1d``."""
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


def merged(series: Iterable[Bar], seconds: int) -> list[Bar]:
    """Merge finer bars, oldest first, into bars of `seconds`, oldest first."""
    length = seconds * times.NS_PER_S
    found: list[Bar] = []
    for bar in series:
        begin = bar.begin // length * length
        if found and found[-1].begin == begin:
            last = found[-1]
            found[-1] = last._replace(
                high=max(last.high, bar.high),
                low=min(last.low, bar.low),
                close=bar.close,
                volume=last.volume + bar.volume,
            )
        else:
            found.append(bar._replace(begin=begin))
    return found


def chart_view(
    series: Sequence[Bar], width: int, height: int, precision: Precision, timeframe_s: int
) -> ChartView:
    """Return the newest bars that fit in a pane of this inner size."""
    axis = 1 + max((len(precision.price_text(bar.high)) for bar in series[-1:]), default=0) + 1
    columns, rows = width - axis, height - 2
    if columns < 8 or rows < 3 or not series:
        return ChartView()
    spacing = next((gap for gap in _SPACINGS if len(series) * gap < columns), _SPACINGS[-1])
    shown = tuple(series[-((columns - 2) // spacing) :])
    low, high = min(bar.low for bar in shown), max(bar.high for bar in shown)
    margin = max(1, (high - low) // 20)
    return ChartView(
        bars=shown,
        width=columns,
        height=rows,
        spacing=spacing,
        low=max(0, low - margin),
        high=high + margin,
        precision=precision,
        timeframe_s=timeframe_s,
    )


def chart_lines(
    view: ChartView,
    plot: Sequence[Line],
    last: int | None,
    width: int,
    own: Mapping[int, Side] | None = None,
) -> list[Line]:
    """Draw the plot with its price axis, the volumes below it, and the time axis.

    Args:
        view: The chart.
        plot: The rows that plotext drew.
        last: Price of the last trade, scaled.
        width: Cells of a line.
        own: Sides of resting orders by price; the price axis names them.
    """
    if not view.bars:
        return []
    named = {
        view.row(price): (price, side) for price, side in (own or {}).items() if view.reaches(price)
    }
    last_row = view.row(last) if last is not None and view.reaches(last) else None
    lines = []
    for row in range(view.height):
        drawn = plot[row].spans if row < len(plot) else ()
        label = _price_label(view, row, last if row == last_row else None, named.get(row))
        lines.append(Line(fit((*fit(drawn, view.width), *label), width)))
    return [*lines, _volume_line(view, width), _time_line(view, width)]


def marked(view: ChartView, plot: Sequence[Line], marks: OwnMarks) -> list[Line]:
    """Draw own orders and fills over the plot.

    An open order is a dotted line at its price. A fill is an arrow in the column of its candle,
    up where we bought and down where we sold; of several in one cell the newest is drawn.
    """
    cells: dict[int, list[Span]] = {}

    def cells_of(row: int) -> list[Span]:
        """Return a row of the plot as single cells, to be drawn over."""
        if row not in cells:
            drawn = [Span(glyph, span.role) for span in plot[row].spans for glyph in span.text]
            cells[row] = drawn[: view.width] + [Span(" ")] * (view.width - len(drawn))
        return cells[row]

    for price, side in marks.orders.items():
        if view.reaches(price) and view.row(price) < len(plot):
            row = cells_of(view.row(price))
            for column in range(0, view.width, _DOT_EVERY):
                if row[column].text == " ":
                    row[column] = Span("·", side.value)
    begins = [bar.begin for bar in view.bars]
    for fill in marks.fills:
        at = bisect_right(begins, fill.time) - 1
        if at < 0 or not view.reaches(fill.price) or view.row(fill.price) >= len(plot):
            continue
        if 0 <= view.column(at) < view.width:
            arrow = Span("▲" if fill.side is Side.BID else "▼", "mine")
            cells_of(view.row(fill.price))[view.column(at)] = arrow
    return [Line(_joined(cells[at])) if at in cells else line for at, line in enumerate(plot)]


def _joined(cells: Iterable[Span]) -> tuple[Span, ...]:
    """Join neighbours of one role to one span."""
    runs = groupby(cells, key=lambda cell: cell.role)
    return tuple(Span("".join(cell.text for cell in run), role) for role, run in runs)


def _price_label(
    view: ChartView, row: int, last: int | None, own: tuple[int, Side] | None
) -> tuple[Span, ...]:
    if own is not None:
        return (Span("▸", "mine"), Span(view.precision.price_text(own[0]), own[1].value))
    if last is not None:
        return (Span("◂", "last"), Span(view.precision.price_text(last), "last"))
    if row % 3:
        return (Span("│", "chart-axis"),)
    reach = view.high - view.low
    price = view.high - reach * row // max(1, view.height - 1)
    return (Span("┤", "chart-axis"), Span(view.precision.price_text(price), "dim"))


def _volume_line(view: ChartView, width: int) -> Line:
    cells = [Span(" ")] * view.width
    largest = max(bar.volume for bar in view.bars)
    for at, bar in enumerate(view.bars):
        column = view.column(at)
        if 0 <= column < view.width:
            role = "chart-up" if bar.close >= bar.open else "chart-down"
            cells[column] = Span(block_bars.columns([bar.volume], largest), role)
    newest = fmt.compact(view.bars[-1].volume, view.precision.qty)
    return Line(fit([*_joined(cells), Span("│", "chart-axis"), Span(f"v {newest}", "dim")], width))


def _time_line(view: ChartView, width: int) -> Line:
    cells = list(" " * view.width)
    daily = view.timeframe_s >= 86_400
    every_s = view.timeframe_s * (5 if view.spacing == _SPACINGS[0] else 10)
    free = 0
    for at, bar in enumerate(view.bars):
        column = view.column(at)
        text = times.to_rfc3339(bar.begin, 0)[5:10] if daily else fmt.clock(bar.begin)
        text = text if view.timeframe_s < 60 else text[:5]
        round_time = (bar.begin // times.NS_PER_S) % every_s == 0
        if round_time and column >= free and column + len(text) <= view.width:
            cells[column : column + len(text)] = text
            free = column + len(text) + 3
    return Line(fit([Span("".join(cells), "dim")], width))
