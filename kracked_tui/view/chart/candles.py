"""The candle chart: which candles, at which columns, on which scale, with own orders and fills.

A cell has four quarters, so a candle is one and a half cells wide with its wick in the middle, and
prices have two steps a row. plotext makes glyphs of the quarters (`widgets.panes.candle_plot`);
everything around and over them is here. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from typing import NamedTuple

from kracked import times
from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked_tui.view import block_bars
from kracked_tui.view import format as fmt
from kracked_tui.view.account.own_marks import OwnMarks
from kracked_tui.view.chart.price_axis import AxisMark, axis_labels
from kracked_tui.view.line import Line, Span, fit

TIMEFRAMES = (5, 15, 60, 300, 900, 3600, 14_400, 86_400)
"""Seconds. Bars under a minute are made here from trades; the exchange offers the others."""
_SPACINGS = (3, 2)
_DOT_EVERY = 2
_DAY_NS = 86_400 * times.NS_PER_S
_BODY = (0, 1, 2)
"""Quarters of a candle's body, from its column; the wick is the middle one."""


class Bar(NamedTuple):
    """Prices and volume of one interval that began at `begin` (ns)."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    notional: int = 0
    """Sum of price times quantity, scaled by both; 0 where it is not known."""


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
    averages: tuple[int | None, ...] = ()
    """The VWAP after each bar, since the first known bar of its day in UTC."""
    averaged_since: int = 0
    """Begin of the first bar in the last VWAP, ns."""
    newer: int = 0
    """Bars after the last one shown."""

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

    def half_row(self, price: int) -> int:
        """Return the half row of a price, from the top: each row of the plot has two."""
        reach = max(1, self.high - self.low)
        return (2 * (self.high - price) * (2 * self.height - 1) + reach) // (2 * reach)

    def row(self, price: int) -> int:
        """Return the plot row of a price, from the top."""
        return self.half_row(price) // 2

    def quarters(self, *, rising: bool) -> list[tuple[int, int]]:
        """Return the filled quarters of the rising candles, or of the falling ones.

        An unchanged price counts as rising, as in the volume row. Each quarter is its column,
        two to a cell, and its half row from the top.
        """
        found = []
        for at, bar in enumerate(self.bars):
            if (bar.close >= bar.open) is not rising:
                continue
            left = 2 * self.column(at)
            top, bottom = sorted((self.half_row(bar.open), self.half_row(bar.close)))
            body = [(left + x, y) for x in _BODY for y in range(top, bottom + 1)]
            wick = range(self.half_row(bar.high), self.half_row(bar.low) + 1)
            found += [*body, *((left + 1, y) for y in wick if not top <= y <= bottom)]
        return found


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
                notional=last.notional + bar.notional,
            )
        else:
            found.append(bar._replace(begin=begin))
    return found


def chart_view(
    series: Sequence[Bar],
    width: int,
    height: int,
    precision: Precision,
    timeframe_s: int,
    end: int | None = None,
) -> ChartView:
    """Return the bars that fit in a pane of this inner size.

    Args:
        series: The bars, oldest first.
        width: Columns inside the pane.
        height: Rows inside the pane.
        precision: Decimals of the instrument.
        timeframe_s: Length of a bar, seconds.
        end: Begin of the last bar to show, ns; None for the newest.
    """
    axis = 1 + max((len(precision.price_text(bar.high)) for bar in series[-1:]), default=0) + 1
    columns, rows = width - axis, height - 2
    if columns < 8 or rows < 3 or not series:
        return ChartView()
    spacing = next((gap for gap in _SPACINGS if len(series) * gap < columns), _SPACINGS[-1])
    room = (columns - 2) // spacing
    stop = len(series) if end is None else bisect_right(series, end, key=lambda bar: bar.begin)
    stop = max(min(room, len(series)), stop)
    shown = tuple(series[max(0, stop - room) : stop])
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
        averages=_averages(series[:stop])[-len(shown) :],
        averaged_since=max(series[0].begin, shown[-1].begin // _DAY_NS * _DAY_NS),
        newer=len(series) - stop,
    )


def average_spans(view: ChartView) -> tuple[Span, ...]:
    """Name the dotted line, for the foot of the chart: `VWAP since 13:20`."""
    if not view.averages or view.averages[-1] is None:
        return ()
    return (Span(f"· VWAP since {fmt.clock(view.averaged_since)[:5]}", "average"),)


def _averages(series: Sequence[Bar]) -> tuple[int | None, ...]:
    """Return the VWAP after each bar, begun anew with each day in UTC."""

    def add(total: tuple[int, int, int], bar: Bar) -> tuple[int, int, int]:
        """Add a bar to the day's notional and volume."""
        day, notional, volume = total
        if bar.begin // _DAY_NS != day:
            notional = volume = 0
        weighed = bar.volume if bar.notional else 0
        return bar.begin // _DAY_NS, notional + bar.notional, volume + weighed

    totals = accumulate(series, add, initial=(-1, 0, 0))
    return tuple(
        (2 * notional + volume) // (2 * volume) if volume else None
        for _, notional, volume in list(totals)[1:]
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
    marks = [] if last is None else [AxisMark(last, "◂", "last", "last")]
    # From the last price outwards: the nearest order has the row beside its label.
    outwards = sorted((own or {}).items(), key=lambda order: abs(order[0] - (last or 0)))
    marks += [AxisMark(price, "▸", "mine", side.value) for price, side in outwards]
    if view.averages and view.averages[-1] is not None:
        marks.append(AxisMark(view.averages[-1], "·", "average", "average"))
    in_sight = [mark for mark in marks if view.reaches(mark.price)]
    labels = axis_labels(in_sight, view.low, view.high, view.height, view.row, view.precision)
    lines = []
    for row, label in enumerate(labels):
        drawn = plot[row].spans if row < len(plot) else ()
        lines.append(Line(fit((*fit(drawn, view.width), *label), width)))
    return [*lines, _volume_line(view, width), _time_line(view, width)]


class SeenMark(NamedTuple):
    """Something the detectors saw, at its time and price."""

    time: int
    price: int
    glyph: str
    sure: int
    """Of several in one column the surest is drawn."""


class _Overlay:
    """Single cells drawn over a plot."""

    def __init__(self, view: ChartView, plot: Sequence[Line]) -> None:
        self._view, self._plot = view, plot
        self._cells: dict[int, list[Span]] = {}

    def put(self, column: int, price: int, mark: Span, *, over: bool = False) -> None:
        """Draw a mark in the cell of a price, where it is empty or `over` what is there."""
        view, row = self._view, self._view.row(price)
        if not (view.reaches(price) and row < len(self._plot) and 0 <= column < view.width):
            return
        if row not in self._cells:
            drawn = [Span(glyph, role) for text, role in self._plot[row].spans for glyph in text]
            self._cells[row] = drawn[: view.width] + [Span(" ")] * (view.width - len(drawn))
        if over or self._cells[row][column].text == " ":
            self._cells[row][column] = mark

    def put_seen(self, seen: Iterable[SeenMark], begins: Sequence[int], end: int) -> None:
        """Draw what was seen between the first begin and the end; the surest of each bar."""
        surest: dict[int, SeenMark] = {}
        for mark in seen:
            at = bisect_right(begins, mark.time) - 1
            if at >= 0 and mark.time < end and (at not in surest or surest[at].sure <= mark.sure):
                surest[at] = mark
        for at, mark in surest.items():
            self.put(self._view.column(at), mark.price, Span(mark.glyph, "mark"), over=True)

    def lines(self) -> list[Line]:
        """Return the plot with the marks."""
        cells = self._cells
        return [
            Line(_joined(cells[row])) if row in cells else line
            for row, line in enumerate(self._plot)
        ]


def marked(
    view: ChartView, plot: Sequence[Line], marks: OwnMarks, seen: Iterable[SeenMark] = ()
) -> list[Line]:
    """Draw the VWAP, what the detectors saw, own orders and own fills over the plot.

    The VWAP is dotted, an open order a broken line at its price; neither covers a candle. A fill
    is an arrow in the column of its candle, up where we bought and down where we sold; of several
    in one cell the newest is drawn. Of what was seen a column has one mark, the surest.
    """
    overlay = _Overlay(view, plot)
    for price, side in marks.orders.items():
        for column in range(0, view.width, _DOT_EVERY):
            overlay.put(column, price, Span("─", side.value))
    for at, average in enumerate(view.averages):
        if average is not None:
            for column in range(view.column(at), view.column(at) + view.spacing):
                overlay.put(column, average, Span("·", "average"))
    begins = [bar.begin for bar in view.bars]
    end = begins[-1] + view.timeframe_s * times.NS_PER_S if begins else 0
    overlay.put_seen(seen, begins, end)
    for fill in marks.fills:
        at = bisect_right(begins, fill.time) - 1
        if at >= 0 and fill.time < end:
            arrow = "▲" if fill.side is Side.BID else "▼"
            overlay.put(view.column(at), fill.price, Span(arrow, "mine"), over=True)
    return overlay.lines()


def _joined(cells: Iterable[Span]) -> tuple[Span, ...]:
    """Join neighbours of one role to one span."""
    runs = groupby(cells, key=lambda cell: cell.role)
    return tuple(Span("".join(cell.text for cell in run), role) for role, run in runs)


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


def cvd_line(view: ChartView, deltas: Sequence[int | None], width: int) -> Line:
    """Draw bought minus sold, summed up from the first bar on: the height of each bar's end.

    Args:
        view: The chart.
        deltas: Bought minus sold of each bar; None before all trades were seen.
        width: Cells of the line.
    """
    cells = [Span(" ")] * view.width
    sums: list[int | None] = []
    total = 0
    for delta in deltas:
        total += delta or 0
        sums.append(None if delta is None else total)
    known = [each for each in sums if each is not None]
    marks = iter(block_bars.spark(known))
    for at, each in enumerate(sums):
        column = view.column(at)
        if 0 <= column < view.width:
            role = "faint" if each is None else "chart-up" if each >= 0 else "chart-down"
            cells[column] = Span("·" if each is None else next(marks), role)
        elif each is not None:
            next(marks)
    room = max(4, width - view.width - 4)
    text = f"Δ {fmt.signed(fmt.compact(total, view.precision.qty, room))}" if known else "Δ –"
    return Line(fit([*_joined(cells), Span("│", "chart-axis"), Span(text, "dim")], width))


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
