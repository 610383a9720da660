"""The pictures: candles by plotext, the depth curve, the make-up of a level."""

from __future__ import annotations

from textual.message import Message

from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.account.own_marks import OwnMarksCache
from kracked_tui.view.chart import ansi, candles, chart_marks, depth
from kracked_tui.view.chart.candles import ChartView
from kracked_tui.view.ladder.selection import orders_at
from kracked_tui.view.line import Line
from kracked_tui.view.queue import level_inspector
from kracked_tui.widgets.panes.pane import Content, Pane


class ChartPane(Pane):
    """Shows the newest plot it was given, with axes of its own.

    It never draws the plot: it posts `Wanted` when what it should show is another one,
    and whoever owns the plotting thread brings it back by `draw`.
    """

    name_shown = "Candles"
    every = 4

    class Wanted(Message):
        """A plot of this view is missing."""

        def __init__(self, view: ChartView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ChartPane.Wanted)

    def __init__(self, number: int, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(number, id=id, ascii_only=ascii_only)
        self._wanted = self._plotted = ChartView()
        self._plot: list[Line] = []
        self._asked: ChartView | None = None
        self._own_marks = OwnMarksCache()

    def content(self, frame: FrameState) -> Content:
        width, height = self.inside
        series = frame.market.bars(frame.timeframe_s)
        wanted = candles.chart_view(series, width, height, frame.precision, frame.timeframe_s)
        self._wanted = wanted
        self._ask(wanted)
        note = candles.timeframe_name(frame.timeframe_s)
        if not wanted.alike(self._plotted):
            return Content((), note)
        account, plot = frame.account, self._plot
        marks = self._own_marks.marks(
            frame.symbol, frame.precision, account.fills, account.own_levels
        )
        plot = chart_marks.marked(self._plotted, plot, marks)
        lines = candles.chart_lines(self._plotted, plot, frame.market.last, width, marks.orders)
        return Content(lines, note, "[ ] frame")

    @property
    def plotted(self) -> bool:
        """Whether there is a plot to show."""
        return bool(self._plot)

    @property
    def newest(self) -> bool:
        """Whether the plot shown is of what was to be shown with the last frame."""
        return self.plotted and self._plotted == self._wanted

    def _ask(self, wanted: ChartView) -> None:
        """One plot at a time, except that another size or timeframe does not wait."""
        if not wanted.bars or wanted == self._plotted:
            return
        if self._asked is None or not wanted.alike(self._asked):
            self._asked = wanted
            self.post_message(self.Wanted(wanted))

    def draw(self, view: ChartView, plotted: str) -> None:
        """Take the finished plot of a view."""
        shapes = self.ascii_only or self.app.no_color
        self._plotted, self._plot = view, ansi.parsed(plotted, shapes=shapes)
        self.redraw()

    def ready(self) -> None:
        """Another plot may be asked for."""
        self._asked = None


class DepthPane(Pane):
    """How much stands between here and a price."""

    name_shown = "Depth"
    every = 4

    def content(self, frame: FrameState) -> Content:
        width, height = self.inside
        if frame.book is None:
            return Content(())
        shown = depth.depth_view(frame.book.bids, frame.book.asks, (width - 1) // 2)
        lines = depth.depth_lines(shown, width, height, frame.precision)
        if not frame.data_status.usable:
            lines = [each.within("stale") for each in lines]
        return Content(lines, f"{frame.book.depth} levels a side")


class LevelPane(Pane):
    """Age and size of the orders at the ladder's cursor."""

    name_shown = "Level"
    every = 4

    def content(self, frame: FrameState) -> Content:
        width, selection, book = self.inside[0], frame.selection, frame.l3_book
        orders = orders_at(book, selection) if book is not None and selection else []
        shown = level_inspector.inspector_view(orders, frame.now)
        side = selection.side.value if selection else "bid"
        lines = level_inspector.inspector_lines(shown, side, width, frame.precision)
        return Content(lines, selection.text(frame.precision, width) if selection else "")
