"""The one screen: places its panes by the terminal's size and routes keys to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import WorkType

from kracked_tui import keys
from kracked_tui.error_boundary import endured
from kracked_tui.keys import Key
from kracked_tui.sources.session_list import recorded_sessions
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.account.account_view import mine_line
from kracked_tui.view.chart.candles import TIMEFRAMES, ChartView, timeframe_name
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.chrome.header import header_line
from kracked_tui.view.chrome.layout import arrange
from kracked_tui.view.chrome.status import Hint, log_line, status_line
from kracked_tui.view.replay.record_status import banner_line
from kracked_tui.view.replay.sessions import SessionRow
from kracked_tui.widgets.account import BalancesPane, FillsPane, OrdersPane
from kracked_tui.widgets.bindings import bindings
from kracked_tui.widgets.charts import ChartPane, DepthPane, LevelPane
from kracked_tui.widgets.ladder import LadderPane
from kracked_tui.widgets.painted_rows import LiveRows
from kracked_tui.widgets.pane import FrameSkip, Pane
from kracked_tui.widgets.queue import QueuePane
from kracked_tui.widgets.session_picker import SessionPicker
from kracked_tui.widgets.status_lines import HelpPages, Hints
from kracked_tui.widgets.tape import FlowPane, TapePane
from kracked_tui.widgets.watchlist import SymbolChosen, SymbolPicker, WatchlistPane

_PLOT_EVERY_S = 0.5
"""A plot costs tens of milliseconds of processor time, if not of the loop's."""

_FOOT_EVERY = 5
"""Frames to one of the counters at the foot."""
_FIRST_HINTS = 4


def hints(table: tuple[Key, ...], *, money: bool = False) -> list[Hint]:
    """The keys for the foot of the screen; a short text may name its keys itself.

    With `money` those of orders come after the very first.
    """
    named = [key for key in table if key.short]
    calm = [key for key in named if key.group not in keys.MONEY]
    orders = [key for key in named if key.group in keys.MONEY] if money else []
    return [
        Hint(
            "" if key.short[0] in "+[,<{(" or "/" in key.short else keys.first_shown(key.keys),
            key.short,
            key.action,
        )
        for key in (*calm[:_FIRST_HINTS], *orders, *calm[_FIRST_HINTS:])
    ]


class TradeScreen(Screen[None]):
    """Ladder, queue, tape, candles and what else fits."""

    BINDINGS = list(bindings(key for key in keys.KEYS if key.group not in keys.MONEY))  # noqa: RUF012  the toolkit's own way
    AUTO_FOCUS = None
    timed = False
    """Whether there is a time bar."""

    def __init__(self, desk: ViewModel, table: tuple[Key, ...], *, ascii_only: bool) -> None:
        super().__init__()
        self.desk = desk
        self.ladder = LadderPane(1, id=places.LADDER, ascii_only=ascii_only)
        self.tape = TapePane(3, id=places.TAPE, ascii_only=ascii_only)
        self.chart = ChartPane(4, id=places.CHART, ascii_only=ascii_only)
        self.orders = OrdersPane(9, id=places.ORDERS, ascii_only=ascii_only)
        self.panes: tuple[Pane, ...] = (
            self.ladder,
            QueuePane(2, id=places.QUEUE, ascii_only=ascii_only),
            self.tape,
            self.chart,
            FlowPane(5, id=places.FLOW, ascii_only=ascii_only),
            LevelPane(6, id=places.LEVEL, ascii_only=ascii_only),
            DepthPane(7, id=places.DEPTH, ascii_only=ascii_only),
            WatchlistPane(8, id=places.WATCH, ascii_only=ascii_only),
            self.orders,
            FillsPane(10, id=places.FILLS, ascii_only=ascii_only),
            BalancesPane(11, id=places.BALANCES, ascii_only=ascii_only),
        )
        self.header = LiveRows(id=places.HEADER, ascii_only=ascii_only)
        self.status = LiveRows(id=places.STATUS, ascii_only=ascii_only)
        self.log_row = LiveRows(id=places.LOG, ascii_only=ascii_only)
        self.mine = LiveRows(id=places.MINE, ascii_only=ascii_only)
        self.hints = Hints(hints(table), id=places.HINTS, ascii_only=ascii_only)
        self.picker = SymbolPicker(id=places.PICKER, ascii_only=ascii_only)
        self.help_pages = HelpPages(table, id=places.HELP, ascii_only=ascii_only)
        self.sessions = SessionPicker(id=places.SESSIONS, ascii_only=ascii_only)
        self._zoomed: str | None = None
        self._panel: str | None = None
        self._account = False
        self._foot = FrameSkip(_FOOT_EVERY)

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self.panes
        yield self.picker
        yield self.help_pages
        yield self.sessions
        yield self.mine
        yield self.status
        yield self.log_row
        yield self.hints

    def on_mount(self) -> None:
        self._place()
        self._pane(places.LADDER).focus()

    def on_resize(self, _: Resize) -> None:
        self._place()

    # --- layout ---------------------------------------------------------------------

    def _place(self) -> None:
        """Put every widget where this size has it; hide those it has no room for."""
        self._account = self.desk.has_account
        arranged = arrange(
            *self.size, zoomed=self._zoomed, panel=self._panel, account=self._account,
            timed=self.timed,
        )  # fmt: skip
        for widget in self.children:
            place = arranged.get(widget.id or "")
            widget.display = place is not None
            if place is not None:
                widget.styles.offset = (place.x, place.y)
                widget.styles.width, widget.styles.height = place.width, place.height
        focused = self.focused
        if self._panel is None and not (isinstance(focused, Pane) and focused.display):
            self.set_focus(self._pane(self._zoomed or places.LADDER))
        self.call_after_refresh(self.draw)

    def _pane(self, name: str) -> Pane:
        return self.panes[places.PANES.index(name)]

    def _shown_panes(self) -> list[Pane]:
        return [pane for pane in self.panes if pane.display]

    # --- drawing --------------------------------------------------------------------

    def draw(self) -> None:
        """One whole frame, now."""
        self._let_all_take_turns()
        for _ in self.frame():
            pass

    def _let_all_take_turns(self) -> None:
        for pane in self.panes:
            pane.turns.reset()
        self._foot.reset()

    def frame(self) -> Iterator[None]:
        """One frame of the newest state, in parts: every pane in sight whose turn it is."""
        if not self.is_attached:
            return
        if self._account != self.desk.has_account:
            self._place()
        if self.desk.resting:
            self._let_all_take_turns()
        row = self.orders.row
        chosen = row.order_id if row else ""
        scene, width = self.desk.scene(self.ladder, chosen), self.size.width
        self.header.set_lines([header_line(self.desk.header(scene), width)])
        for pane in self._shown_panes():
            if pane.turns.take():
                pane.show(scene)
                yield
        if self.status.display and self._foot.take():
            self._show_foot(scene, width)
        if self.mine.display:
            self.mine.set_lines([mine_line(scene.own, width)])
        self.hints.show()
        self._show_panel()

    def _show_panel(self) -> None:
        if self._panel == places.HELP:
            self.help_pages.show()
        if self._panel == places.PICKER:
            self.picker.offer(self.desk.symbols())
        if self._panel == places.SESSIONS:
            self.sessions.ends_recording = self.desk.recording.on
            self.sessions.show()

    def _show_foot(self, scene: FrameState, width: int) -> None:
        record = self.desk.recorded()
        self.status.set_lines([status_line(self.desk.feed(scene), width, record)])
        log = banner_line(record, width) or log_line(self.desk.recent(), scene.now, width)
        self.log_row.set_lines([log])

    # --- messages up ------------------------------------------------------------------

    def on_ladder_pane_moved(self, _: LadderPane.Moved) -> None:
        """Another level is selected: its queue is shown at once, not at the next frame."""
        scene = self.desk.scene(self.ladder)
        for pane in self._shown_panes():
            if pane.id in (places.QUEUE, places.LEVEL):
                pane.show(scene)

    def on_orders_pane_opened(self, message: OrdersPane.Opened) -> None:
        """The level of an own order: the ladder's cursor goes there, and the queue with it."""
        row = message.row
        if row.symbol != self.desk.symbol:
            self.show_symbol(row.symbol)
        elif row.limit is not None:
            precision = self.desk.scene(self.ladder).precision
            self.ladder.point(int(row.limit.scaleb(precision.price)))

    def on_symbol_chosen(self, message: SymbolChosen) -> None:
        self._close_panel()
        self.show_symbol(message.symbol)

    def on_hints_pressed(self, message: Hints.Pressed) -> None:
        self._let(partial(self.run_action, message.action), "hints", "this key failed")

    def on_chart_pane_wanted(self, message: ChartPane.Wanted) -> None:
        plot = partial(self._plot, message.view)
        self._let(plot, "plot", "no candles are drawn", exclusive=True)

    async def _plot(self, view: ChartView) -> None:
        plotted = await self.desk.plot(view)
        self.chart.draw(view, plotted)
        await asyncio.sleep(_PLOT_EVERY_S)
        self.chart.ready()

    def _let(
        self,
        work: Callable[[], Awaitable[object]],
        group: str,
        meanwhile: str,
        *,
        exclusive: bool = False,
        drawn: bool = False,
    ) -> None:
        """Runs beside all else; an error nobody foresaw is said so, and nothing ends by it.

        `drawn`: the screen shows at once what it led to.
        """

        async def going() -> None:
            # Called here: what the program's end keeps from starting was never begun.
            await endured(work(), self.desk.tell, meanwhile)
            if drawn:
                self.draw()

        begin: WorkType[None] = going
        self.run_worker(begin, group=group, exclusive=exclusive)

    def show_symbol(self, symbol: str) -> None:
        """Show another symbol; what it needs is subscribed meanwhile."""
        self.desk.symbol = symbol
        self.tape.at_least = 0
        self.draw()
        self.subscribe()

    def subscribe(self) -> None:
        """Have everything that is shown of the symbol; what is refused, the log says."""
        symbol = self.desk.symbol
        self._let(partial(self.desk.show, symbol), "show", f"not all of {symbol} is shown")

    async def may_leave(self) -> bool:
        """Whether the program may end without a question."""
        return True

    # --- keys -------------------------------------------------------------------------

    def action_help(self) -> None:
        self._toggle_panel(places.HELP)

    def action_pick(self) -> None:
        self._toggle_panel(places.PICKER)
        if self._panel == places.PICKER:
            self.call_after_refresh(partial(self.picker.start, self.desk.symbols()))

    async def action_sessions(self) -> None:
        """The recordings there are."""
        rows = await asyncio.to_thread(recorded_sessions, self.desk.sessions_folder)
        self._toggle_panel(places.SESSIONS)
        self.call_after_refresh(partial(self._list_sessions, [*self.desk.before, *rows]))

    def _list_sessions(self, rows: list[SessionRow]) -> None:
        self.sessions.ends_recording = self.desk.recording.on
        self.sessions.start(rows, self.desk.sessions_folder)

    def _toggle_panel(self, panel: str) -> None:
        self._panel = None if self._panel == panel else panel
        self._place()

    def _close_panel(self) -> None:
        self._panel = None
        self._place()

    def action_back(self) -> None:
        if self._panel:
            self._close_panel()
        elif self._zoomed:
            self.action_zoom()

    def action_zoom(self) -> None:
        focused = self.focused
        name = focused.id if isinstance(focused, Pane) else None
        self._zoomed = None if self._zoomed else name
        self._place()

    def action_pane(self, step: int) -> None:
        panes = self._shown_panes()
        at = next((at for at, pane in enumerate(panes) if pane.has_focus), -1 if step > 0 else 0)
        if panes:
            panes[(at + step) % len(panes)].focus()

    def action_go(self, number: int) -> None:
        """To a pane by its number; one this size has no room for is shown zoomed."""
        pane = self._pane(places.PANES[number - 1])
        if not pane.display:
            self._zoomed = pane.id
            self._place()
        pane.focus()

    def _target(self) -> Widget | None:
        """What the movement keys move."""
        if self._panel == places.HELP:
            return self.help_pages
        if self._panel == places.PICKER:
            return self.picker
        if self._panel == places.SESSIONS:
            return self.sessions
        return self.focused

    def action_move(self, rows_up: int) -> None:
        target = self._target()
        if isinstance(target, (Pane, HelpPages, SymbolPicker, SessionPicker)):
            target.move(rows_up)

    def action_edge(self, up: int) -> None:
        target = self._target()
        if isinstance(target, (Pane, HelpPages)):
            target.edge(up)
        elif isinstance(target, SessionPicker):
            target.move(up * 1000)

    def action_open(self) -> None:
        if self._panel == places.SESSIONS:
            self.sessions.open()
        elif isinstance(self.focused, LadderPane):
            self.action_go(places.PANES.index(places.QUEUE) + 1)
        elif isinstance(self.focused, Pane):
            self.focused.open()

    def action_recentre(self) -> None:
        self.ladder.recentre()

    def action_hold(self) -> None:
        self.ladder.hold()

    def action_group(self, coarser: int) -> None:
        self.ladder.group(coarser)

    def action_filter(self, further: int) -> None:
        self.tape.filter(further)

    def action_reset_traded(self) -> None:
        self.desk.market.reset_traded()
        self.draw()

    def action_timeframe(self, step: int) -> None:
        at = TIMEFRAMES.index(self.desk.timeframe_s) + step
        self.desk.timeframe_s = TIMEFRAMES[max(0, min(len(TIMEFRAMES) - 1, at))]
        self.draw()
        self.desk.tell(f"candles of {timeframe_name(self.desk.timeframe_s)}")
        self._let(self.desk.load_candles, "candles", "no candles")

    def action_watch(self, step: int) -> None:
        symbols = [row.symbol for row in self.desk.watched()]
        if self.desk.symbol in symbols:
            at = symbols.index(self.desk.symbol) + step
            self.show_symbol(symbols[at % len(symbols)])

    def action_copy(self) -> None:
        if isinstance(self.focused, Pane):
            text = self.focused.row_text()
            self.app.copy_to_clipboard(text)
            self.desk.tell(f"copied: {' '.join(text.split())}")
