"""The chart panes: candles by plotext, the depth curve, the orders of a level by age and size."""

from __future__ import annotations

from textual.message import Message

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.account.own_marks import OwnMarksCache
from kracked_tui.view.chart import candles, depth
from kracked_tui.view.chart.candles import ChartView
from kracked_tui.view.ladder.selection import orders_at
from kracked_tui.view.line import Line
from kracked_tui.view.queue import level_inspector
from kracked_tui.widgets.panes.candle_plot import parsed
from kracked_tui.widgets.panes.pane import Content, Pane

_CVD_HEIGHT = 12
"""Rows from which there is one for bought minus sold."""
_SHIFTS_A_SCREEN = 4
"""Key presses that lead a whole screen of candles back."""


class ChartPane(Pane):
    """Shows the newest plot it was given, with axes of its own.

    It never draws the plot: it posts `PlotRequested` when it needs another one, and the owner
    of the plotting thread brings it back by `draw`.
    """

    name_shown = "Candles"
    every = 4

    class PlotRequested(Message):
        """A plot of this view is missing."""

        def __init__(self, view: ChartView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            """Whether this replaces a message that waits: the newest request is enough."""
            return isinstance(message, ChartPane.PlotRequested)

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._newest = self._plotted = ChartView()
        """The charts of the last frame, and of the plot."""
        self._plot: list[Line] = []
        self._requested: ChartView | None = None
        """The chart whose plot is being made."""
        self._own_marks = OwnMarksCache()
        self._shown: tuple[str, int] = ("", 0)
        """The pair and the timeframe of the last frame."""
        self._end: int | None = None
        """Begin of the last bar in sight; None for the newest."""

    def content(self, frame: FrameState) -> Content:
        """Draw the plot with axes and own marks; request another plot where it is old."""
        width, height = self.inside
        if self._shown != (frame.symbol, frame.timeframe_s):
            self._shown, self._end = (frame.symbol, frame.timeframe_s), None
        series = frame.market.bars(frame.timeframe_s)
        with_cvd = height >= _CVD_HEIGHT
        newest = candles.chart_view(
            series, width, height - with_cvd, frame.precision, frame.timeframe_s, self._end
        )
        self._newest = newest
        # One plot at a time, except that another size or timeframe does not wait.
        free = self._requested is None or not newest.alike(self._requested)
        if newest.bars and newest != self._plotted and free:
            self._requested = newest
            self.post_message(self.PlotRequested(newest))
        note = candles.timeframe_name(frame.timeframe_s)
        if not newest.alike(self._plotted):
            return Content((), note)
        account = frame.account
        marks = self._own_marks.marks(
            frame.symbol, frame.precision, account.fills, account.own_levels
        )
        plot = candles.marked(self._plotted, self._plot, marks, frame.seen.chart)
        lines = candles.chart_lines(self._plotted, plot, frame.market.last, width, marks.orders)
        if with_cvd and lines:
            begins = [bar.begin for bar in self._plotted.bars]
            deltas = frame.measures.ring.of_bars(begins, frame.timeframe_s)
            lines.insert(-1, candles.cvd_line(self._plotted, deltas, width))
        past = f"{self._plotted.newer} newer" if self._plotted.newer else ""
        foot = candles.average_spans(self._plotted)
        return Content(lines, note, past, foot, urgent=bool(past))

    def shift(self, columns: int) -> None:
        """Show older candles (negative) or newer ones, up to the newest."""
        bars, frame = self._newest.bars, self.frame
        if not bars or frame is None:
            return
        series = frame.market.bars(frame.timeframe_s)
        step = max(1, len(bars) // _SHIFTS_A_SCREEN)
        at = len(series) - 1 - self._newest.newer + columns * step
        at = max(len(bars) - 1, min(len(series) - 1, at))
        self._go_to(None if at == len(series) - 1 else series[at].begin)

    def edge(self, up: int) -> None:
        """Show the oldest candles (1) or the newest (-1)."""
        self._go_to(0 if up > 0 else None)

    def _go_to(self, end: int | None) -> None:
        self._end, self._requested = end, None
        self.redraw()

    def wheel(self, up: int) -> None:
        """Show older candles, or newer ones."""
        self.shift(-up)

    @property
    def plotted(self) -> bool:
        """Whether there is a plot to show."""
        return bool(self._plot)

    @property
    def up_to_date(self) -> bool:
        """Whether the plot is that of the last frame."""
        return self.plotted and self._plotted == self._newest

    def draw(self, view: ChartView, plotted: str) -> None:
        """Take the finished plot of a view."""
        shapes = self.ascii_only or self.app.no_color
        self._plotted, self._plot = view, parsed(plotted, shapes=shapes)
        self.redraw()

    def ready(self) -> None:
        """Allow another plot to be requested."""
        self._requested = None


class DepthPane(Pane):
    """The cumulative quantity from the best price to each price."""

    name_shown = "Depth"
    every = 4

    def content(self, frame: FrameState) -> Content:
        """Draw the depth curve."""
        width, height = self.inside
        if frame.book is None:
            return Content(())
        shown = depth.depth_view(frame.book.bids, frame.book.asks, (width - 1) // 2)
        lines = depth.depth_lines(shown, width, height, frame.precision)
        if not frame.data_status.fresh:
            lines = [each.within("stale") for each in lines]
        return Content(lines, f"{frame.book.depth} levels a side")


class LevelPane(Pane):
    """Age and size of the orders at the ladder's cursor."""

    name_shown = "Level"
    every = 4

    def content(self, frame: FrameState) -> Content:
        """Draw both histograms of the selected level."""
        width, selection, book = self.inside[0], frame.selection, frame.l3_book
        orders = orders_at(book, selection) if book is not None and selection else []
        shown = level_inspector.inspector_view(orders, frame.now)
        side = selection.side.value if selection else "bid"
        lines = level_inspector.inspector_lines(shown, side, width, frame.precision)
        return Content(lines, selection.text(frame.precision, width) if selection else "")
