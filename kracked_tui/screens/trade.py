"""The screen: its panes, one frame of them, and the messages that widgets send up.

Its parts handle keys: every screen has those for looking (`ViewKeys`) and asks questions
(`Questions`); `OrderScreen` adds orders, `ReplayScreen` adds time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from textual.actions import parse
from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkType

from kracked_tui import keys
from kracked_tui.config_checks import PAIR
from kracked_tui.error_boundary import reporting_errors
from kracked_tui.keys import Key
from kracked_tui.screens.alert_keys import AlertKeys
from kracked_tui.screens.command_keys import CommandKeys
from kracked_tui.screens.look_back import LookBackKeys
from kracked_tui.screens.pane_set import pane_set
from kracked_tui.screens.panels import Panels
from kracked_tui.screens.part import ScreenPart
from kracked_tui.screens.questions import Questions
from kracked_tui.screens.view_keys import ViewKeys
from kracked_tui.sources.record_switch import RecordSwitch
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.account.orders import mine_line
from kracked_tui.view.chrome import layout
from kracked_tui.view.chrome.hints import Hint
from kracked_tui.view.chrome.status import log_line, pressing
from kracked_tui.view.chrome.trade_strip import strip_line
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.replay.past import past_line
from kracked_tui.view.replay.record_status import banner_line
from kracked_tui.view.replay.sessions import SessionRow
from kracked_tui.widgets.bindings import Presses, bindings
from kracked_tui.widgets.painted_rows import LiveRows, paint
from kracked_tui.widgets.panels.card_panel import CardOpened, CardPanel
from kracked_tui.widgets.panels.command_line import CommandLine
from kracked_tui.widgets.panels.help_pages import HelpPages
from kracked_tui.widgets.panels.jump import JumpPanel
from kracked_tui.widgets.panels.prompt import Prompt
from kracked_tui.widgets.panels.session_picker import SessionPicker
from kracked_tui.widgets.panels.symbol_picker import SymbolChosen, SymbolPicker
from kracked_tui.widgets.panes.account import OrdersPane
from kracked_tui.widgets.panes.candle_plot import Plotter
from kracked_tui.widgets.panes.charts import ChartPane
from kracked_tui.widgets.panes.ladder import LadderPane
from kracked_tui.widgets.panes.pane import FrameSkip
from kracked_tui.widgets.status_lines import Header, Hints, StatusLine

_PLOT_EVERY_S = 0.5
"""A plot costs tens of milliseconds of processor time, though not of the loop's."""
_FOOT_EVERY = 5
"""The counters at the foot are drawn with one frame in so many."""


class TradeScreen(Screen[None]):
    """Ladder, queue, tape, candles, and the other panes for which there is room."""

    BINDINGS = list(bindings(key for key in keys.KEYS if key.group not in keys.MONEY))  # noqa: RUF012  the toolkit's own way
    AUTO_FOCUS = None
    has_time_bar = False
    leaving_as = "Quit"
    """What the user is about to do, for the question about own orders."""

    def __init__(
        self,
        model: ViewModel,
        table: tuple[Key, ...],
        *,
        recording: RecordSwitch,
        ascii_only: bool,
    ) -> None:
        """
        Args:
            model: What the screen shows.
            table: The keys of the screen.
            recording: The switch of the recorder, whose progress is shown.
            ascii_only: Draw with ASCII characters alone.
        """
        super().__init__()
        self.model, self.table = model, table
        self.recording = recording
        self.watched_before: tuple[SessionRow, ...] = ()
        """The source watched before this recording was opened, to go back to."""
        self.presses = Presses()
        """What tells a press from the repeats of a held key."""
        self.frames = 0
        """Frames drawn since the start."""
        self.covered = False
        """Whether another screen is shown over this one, which then paints nothing."""
        self.panes = pane_set(
            recording=recording, frames=lambda: self.frames, ascii_only=ascii_only
        )
        self.ladder, self.tape = self.panes.ladder, self.panes.tape
        self.chart, self.orders = self.panes.chart, self.panes.orders
        self.header = Header(id=layout.HEADER, ascii_only=ascii_only)
        self.strip = LiveRows(id=layout.STRIP, ascii_only=ascii_only)
        self.status = StatusLine(id=layout.STATUS, ascii_only=ascii_only)
        self.log_row = LiveRows(id=layout.LOG, ascii_only=ascii_only)
        self.mine = LiveRows(id=layout.MINE, ascii_only=ascii_only)
        self.hints = Hints(id=layout.HINTS, ascii_only=ascii_only)
        self.picker = SymbolPicker(id=layout.PICKER, ascii_only=ascii_only)
        self.help_pages = HelpPages(table, id=layout.HELP, ascii_only=ascii_only)
        self.commands = CommandLine(id=layout.COMMAND, ascii_only=ascii_only)
        self.jump = JumpPanel(self.panes.by_letter(), id=layout.JUMP, ascii_only=ascii_only)
        self.sessions = SessionPicker(id=layout.SESSIONS, ascii_only=ascii_only)
        self.card = CardPanel(id=layout.CARD, ascii_only=ascii_only)
        self.panels = Panels(self, self.panes)
        self.questions = Questions(self, ascii_only=ascii_only)
        self.parts: list[ScreenPart] = []
        self._gates, self._judges = list[ScreenPart](), list[ScreenPart]()
        """The parts that say whether an action may run, and whether it would do anything."""
        self.view_keys, self.alert_keys = ViewKeys(self), AlertKeys(self)
        self.command_keys = CommandKeys(self, table)
        looking = (self.view_keys, LookBackKeys(self), self.command_keys, self.alert_keys)
        for part in (*looking, self.questions):
            self.add_part(part)
        self.panels.takes_focus[layout.JUMP] = self.jump
        self._hints = keys.hints(table)
        self._plotter = Plotter()
        self._foot_skip = FrameSkip(_FOOT_EVERY)

    def add_part(self, part: ScreenPart) -> None:
        """Take in a part; the last one added is asked first.

        Its actions become the screen's, where the toolkit looks for them.
        """
        self.parts.insert(0, part)
        kind = type(part)
        if kind.allows is not ScreenPart.allows:
            self._gates.insert(0, part)
        if kind.has_effect is not ScreenPart.has_effect:
            self._judges.insert(0, part)
        for name in dir(part):
            if name.startswith("action_"):
                setattr(self, name, getattr(part, name))

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.strip
        yield from self.panes
        yield self.picker
        yield self.help_pages
        yield self.sessions
        yield self.commands
        yield self.jump
        yield self.card
        for part in reversed(self.parts):
            yield from part.widgets()
        yield self.mine
        yield self.status
        yield self.log_row
        yield self.hints

    def on_mount(self) -> None:
        self.panels.place()
        self.ladder.focus()

    def on_resize(self, _: Resize) -> None:
        self.panels.place()

    def on_unmount(self) -> None:
        self._plotter.close()

    # --- keys -------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key may act now; the parts are asked first."""
        for part in self._gates:
            if (allowed := part.allows(action)) is not None:
                return allowed
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave what is open: what a part has open first, then the panel, then the zoom."""
        any(part.back() for part in self.parts) or self.panels.back()

    async def may_leave(self) -> bool:
        """Whether the program may end without a question."""
        for part in self.parts:
            if not await part.may_leave():
                return False
        return True

    # --- drawing ----------------------------------------------------------------------

    def frame_state(self) -> FrameState:
        """Return the state of this moment, with the selections of ladder and orders pane."""
        return self.model.frame_state(self.ladder.selection, self.orders.chosen_order)

    def draw(self) -> None:
        """Draw one whole frame, now."""
        self._skip_no_pane()
        for _ in self.frame():
            pass
        self.paint()

    def paint(self) -> None:
        """Send what was drawn to the terminal, as one write."""
        if not self.covered:
            paint(self, (*self.children, *self.questions.prompt.children))

    def _skip_no_pane(self) -> None:
        for pane in self.panes:
            pane.frame_skip.reset()
        self._foot_skip.reset()

    def frame(self) -> Iterator[None]:
        """Draw one frame: every pane in sight whose turn it is. Yields after each."""
        if not self.is_attached:
            return
        self.panels.place_account(has_account=self.model.has_account)
        if self.model.paused:
            self._skip_no_pane()
        frame = self.frame_state()
        self.model.follow(frame)
        self.header.show(frame)
        if self.strip.display:
            wide, past = self.size.width, frame.past
            line = past_line(past, wide) if past else strip_line(frame.account.strip, wide)
            self.strip.set_lines([line])
        for pane in self.panels.in_sight():
            if pane.frame_skip.take():
                pane.show(frame)
                yield
        width = self.size.width
        if self.status.display and self._foot_skip.take():
            record = self.recording.view(frame.now)
            self.status.show(frame, record)
            banner = banner_line(record, width)
            told, present = self.model.recent_log(), self.model.log_now()
            self.log_row.set_lines([banner or log_line(told, present, width)])
        if self.mine.display:
            account = frame.account
            line = mine_line(
                account.order_rows,
                width,
                symbol=frame.symbol,
                known=account.known,
                empty=account.empty_reason,
            )
            before = (Span(" PAST", "notice"),) if frame.past else ()
            self.mine.set_lines([Line(tuple(fit((*before, *line.spans), width)), line.role)])
        present = self.model.log_now()
        told = [] if self.log_row.display else pressing(self.model.recent_log(), present)
        if told:
            self.hints.tell(log_line(told, present, width))
        else:
            self.hints.show(self._hints_of(frame))
        self.draw_panel()

    def _hints_of(self, frame: FrameState) -> list[Hint]:
        """Return the keys that would do something now, by the live map of keys."""
        if isinstance(self.focused, Input):
            return [Hint("enter", "take it", ""), Hint("esc", "close", "back")]
        panic = f"{frame.past.live} {frame.past.panic}" if frame.past else frame.symbol
        hints = []
        for key, names in self._hints:
            action, parameters = parse(key.action)[1:]
            answers = (part.has_effect(action, frame) for part in self._judges)
            if self.check_action(action, parameters) and next(
                (answer for answer in answers if answer is not None), True
            ):
                text = f"PANIC {panic}" if key.id == "panic" else key.short
                hints.append(Hint(names, text, key.action))
        return hints

    def draw_panel(self) -> None:
        """Draw the panel on top, and what the parts of the screen show."""
        match self.panels.top:
            case layout.HELP:
                self.help_pages.show()
            case layout.PICKER:
                self.picker.offer(self.model.known_symbols())
            case layout.JUMP:
                self.jump.show()
            case layout.CARD:
                self.card.show(self.frame_state())
            case layout.SESSIONS:
                self.sessions.show()
        for part in self.parts:
            part.draw()

    # --- messages up ------------------------------------------------------------------

    def on_ladder_pane_moved(self, _: LadderPane.Moved) -> None:
        """Show the queue of the newly selected level at once, not with the next frame."""
        frame = self.frame_state()
        for pane in self.panels.in_sight():
            if pane.id in (layout.QUEUE, layout.LEVEL):
                pane.show(frame)

    def on_orders_pane_opened(self, message: OrdersPane.Opened) -> None:
        """Move the ladder's cursor to the level of an own order, and the queue with it."""
        row = message.row
        if not row.symbol:  # its report began in the middle of its life
            self.model.tell("the pair of this order is not known yet", "warn")
            self.draw()
        elif row.symbol != self.model.symbol:
            self.show_symbol(row.symbol)
        elif row.limit is not None:
            precision = self.frame_state().precision
            self.ladder.point(int(row.limit.scaleb(precision.price)))

    def on_card_opened(self, message: CardOpened) -> None:
        """Show a card over the panes."""
        self.card.start(message.card)
        if self.panels.top != layout.CARD:
            self.panels.open(layout.CARD)
        self.draw_panel()

    def on_command_line_entered(self, message: CommandLine.Entered) -> None:
        self.command_keys.enter(message.text)

    def on_symbol_chosen(self, message: SymbolChosen) -> None:
        self.panels.close()
        self.show_symbol(message.symbol)

    def on_prompt_key_refused(self, message: Prompt.KeyRefused) -> None:
        """Say why the key was no answer."""
        self.model.tell(message.reason, "warn")
        self.draw()

    def on_hints_pressed(self, message: Hints.Pressed) -> None:
        if not message.action:
            return
        self.run_in_background(partial(self.run_action, message.action), "hints", "this key failed")

    def on_chart_pane_plot_requested(self, message: ChartPane.PlotRequested) -> None:
        async def plot() -> None:
            """Draw the plot, then wait a while before the next one."""
            plotted = await self._plotter.candles(message.view)
            self.chart.draw(message.view, plotted)
            await asyncio.sleep(_PLOT_EVERY_S)
            self.chart.ready()

        self.run_in_background(plot, "plot", "no candles are drawn", exclusive=True)

    # --- for the parts ----------------------------------------------------------------

    def run_in_background(
        self,
        work: Callable[[], Awaitable[object]],
        group: str,
        on_error: str,
        *,
        exclusive: bool = False,
        drawn: bool = False,
    ) -> None:
        """Run something in the background; an unexpected error is reported and ends nothing else.

        Args:
            work: Called when the worker begins; not at all when the program ends before.
            group: The name of the group of workers.
            on_error: What an error means to the user.
            exclusive: Cancel the group's earlier workers.
            drawn: Draw the screen at once when the work is done.
        """

        async def begin() -> None:
            """Call the work, and report its error."""
            await reporting_errors(work(), self.model.tell, on_error)
            if drawn:
                self.draw()

        worker: WorkType[None] = begin
        self.run_worker(worker, group=group, exclusive=exclusive)

    def show_symbol(self, symbol: str) -> None:
        """Show another pair, and subscribe what it needs; what cannot be a pair is refused."""
        if not PAIR.fullmatch(symbol):
            self.model.tell(f"{symbol[:20]!r} is no pair such as BTC/USD", "warn")
            self.draw()
            return
        for part in self.parts:
            part.leave_symbol()
        self.model.symbol = symbol
        self.draw()
        self.subscribe()

    def subscribe(self) -> None:
        """Subscribe everything that is shown of the pair; the log says what is refused."""
        symbol = self.model.symbol
        if not symbol:
            return
        show = partial(self.model.show, symbol)
        self.run_in_background(show, "show", f"not all of {symbol} is shown")
