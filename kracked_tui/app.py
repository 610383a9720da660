"""The monitor: wires a source to a screen and keeps the loop quick.

Importing this module loads Textual; `__main__` does so only to run. Textual sets its repaint
timer from the environment when it is imported: a frame is then drawn within milliseconds of
being ready, and the frame pump limits how many there are.
"""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "240")

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segments
from rich.traceback import Traceback
from textual import events, work
from textual.actions import ActionParseResult
from textual.app import App
from textual.dom import DOMNode
from textual.widgets import Input

from kracked.errors import KrackedError
from kracked.flow.odds.store import odds_path
from kracked_tui import keys, palettes, themes
from kracked_tui.alerts.ways import AlertWays
from kracked_tui.beside import Beside
from kracked_tui.config import Settings
from kracked_tui.error_boundary import report_error, reporting_errors
from kracked_tui.keys import Key
from kracked_tui.palettes import Colours
from kracked_tui.remembered import Memory
from kracked_tui.screens.command_keys import ActionProvider
from kracked_tui.screens.look_back import LookBack
from kracked_tui.screens.order import OrderScreen
from kracked_tui.screens.past import BackToLive
from kracked_tui.screens.replay import ReplayScreen
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.sources.base import Source
from kracked_tui.sources.opening import Destination, EmptySource, Open, Opening
from kracked_tui.sources.record_switch import RecordSwitch, session_name, sessions_folder
from kracked_tui.state.market_odds import MarketOdds
from kracked_tui.state.store import Store
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.widgets.frame_pump import EventIntake, FramePump, backlog, keep_quick
from kracked_tui.widgets.panels.session_picker import SessionPicker

if TYPE_CHECKING:
    from kracked.feed_manager import FeedManager

_GRACE_S = 3.0
"""Time to deal with own orders when the terminal is gone, or the program is told to end."""
_TICK_S = 0.5
"""How often a frame is drawn without an event: ages and staleness change all the same."""
_MODAL_FPS = 2
"""Frame rate below the command palette, where drawing costs five times as much."""


class Monitor(App[None]):
    """Shows one source until quit."""

    CSS_PATH = "monitor.tcss"
    TITLE = "kracked"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS = {ActionProvider}  # noqa: RUF012  the toolkit's own way

    destination: Destination | None = None
    """None: the program ends with this monitor."""
    _wanted: Destination | None = None
    """Where to go once the user has decided about own orders."""
    record_at_once = False
    """Whether to record as soon as the source is open."""
    record_to: Path | None = None
    """Folder of the recording; None for a new folder for each."""

    def __init__(
        self,
        source: Source | Opening,
        settings: Settings,
        symbols: tuple[str, ...] = (),
        *,
        read_only: bool = False,
        memory: Memory | None = None,
    ) -> None:
        """
        Args:
            source: The source, open or to be opened once the screen is painted.
            settings: Colours, keys, trading limits.
            symbols: Pairs to watch; the first is shown.
            read_only: Have no key that moves money.
            memory: What earlier starts left; None remembers nothing.

        Raises:
            UnknownTheme: The settings name a theme that does not exist.
        """
        super().__init__()
        self.use_colours(Colours.TRUE)
        if settings.theme not in self.available_themes:
            raise themes.UnknownTheme(settings.theme, tuple(self.available_themes))
        replay, money = source.mode == "REPLAY", not read_only and source.mode != "REPLAY"
        if isinstance(source, Opening):
            self._open: Open = source.open
            shown_first: Source = EmptySource(source.mode, source.name)
        else:
            opened = shown_first = source
            self._open = lambda: opened
        self.settings = settings
        self.store = Store(source.mode)
        self.view_model = ViewModel(shown_first, self.store, symbols, memory, settings.alerts)
        self.alerts = self.view_model.alerts
        self._ways = AlertWays(settings.alerts, self, tell=self.view_model.tell)
        self.alerts.on_fire = self._ways.tell
        self.recording = RecordSwitch(sessions_folder(os.environ))
        self.table: tuple[Key, ...] = keys.active(settings.keys, money=money, replay=replay)
        screen = ReplayScreen if replay else OrderScreen if money else TradeScreen
        self.trade: TradeScreen = screen(
            self.view_model, self.table, recording=self.recording, ascii_only=settings.ascii
        )
        self.pump = FramePump(self._frame, partial(backlog, self), settings.fps)
        self.intake = EventIntake(
            self.store, self.view_model.tell, evaluate=self.alerts.apply, applied=self._applied
        )
        self.beside = Beside(self, self.trade, settings, self.pump.mark)
        """What is shown beside the session, and what is kept of it."""
        self.view_model.applying = lambda: self.intake.applying

    @property
    def source(self) -> Source:
        """The source watched; an empty one until it is open."""
        return self.view_model.source

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our variables for the toolkit's own themes."""
        return dict(themes.FALLBACKS)

    def use_colours(self, colours: Colours) -> None:
        """Draw every theme with the palette of a terminal of so many colours."""
        self.colours = colours
        for theme in themes.for_terminal(colours):
            self.register_theme(theme)

    def on_mount(self) -> None:
        # A picture has all colours; without any, the toolkit makes greys of all of them.
        if not (self.is_headless or self.no_color):
            with suppress(ValueError):
                self.use_colours(Colours(self.console.color_system))
        self.theme = self.settings.theme
        self.set_keymap(self.settings.keys)
        self.push_screen(self.trade)
        self.set_interval(_TICK_S, self._tick)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        """Start the source and the frames, after the first paint."""
        keep_quick()
        for said in self.view_model.first_words(self.table):
            self.view_model.tell(*said)
        if not self.is_headless:
            # A lost terminal or a request to end must not cut a recording short.
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._end)
        self._read_odds()
        # A defect of these two ends the program: it would show old prices as today's.
        self._watch()
        self.run_worker(self.pump.run(), group="frames")
        self.pump.mark()

    @work
    async def _end(self) -> None:
        """End as the settings say: the terminal is gone, or another program asks for it."""
        self._wanted = None
        trader = self.view_model.trader
        if trader is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    left = "orders may be left open"
                    await reporting_errors(trader.abandon(), self.view_model.tell, left)
        await self.recording.stop()
        # The toolkit waits for ever to restore a terminal that is gone, and a program that
        # lives on unseen would go on renewing the dead-man's switch.
        last = threading.Timer(_GRACE_S, os._exit, (1,))
        last.daemon = True
        last.start()
        await self.action_finish()

    def _tick(self) -> None:
        """Ask for a frame, look what is due, and save what is to be remembered."""
        if not self.intake.applying:
            self.view_model.look_at_alerts()
        if self.trade.covered and self.trade.is_attached:
            self.view_model.go_on(self.trade.frame_state())
        self._applied()
        self.view_model.remember_pairs()
        unsaved = self.view_model.memory.unsaved or self.store.odds.unsaved
        if unsaved and not self.view_model.saving.locked():
            in_background = self.trade.run_in_background
            in_background(self.view_model.save_choices, "memory", "choices are not remembered")

    def _applied(self) -> None:
        """Draw what came, and keep what alerts told of it."""
        self.pump.mark()
        if self.alerts.unkept:
            told_again = "an alert may be told again after a restart"
            self.trade.run_in_background(self.alerts.keep, "keep alerts", told_again)

    @work(group="odds")
    async def _read_odds(self) -> None:
        """Read the tables of the odds; live, their score goes on from what was kept."""
        keeps = self.store.mode in ("LIVE", "PAPER")
        path = odds_path(os.environ)
        self.store.odds = await asyncio.to_thread(MarketOdds.read, path, keeps=keeps)

    @work(group="feed")
    async def _watch(self) -> None:
        """Take the source from beginning to end; its error ends the monitor with a sentence."""
        try:
            await self.alerts.recall(self.source)
            async with self._open() as source:
                self.view_model.source = source
                self.trade.subscribe()
                self.alerts.open(source, self.store.markets)
                in_background = self.trade.run_in_background
                in_background(self.alerts.subscribe, "alerts", "alerts miss their channels")
                in_background(self._ways.run, "alerts", "alerts are shown here alone")
                if self.record_at_once:
                    await self.action_record()
                await self._open_account(source)
                self.beside.keep(source)
                await self.intake.run(source)
        except (KrackedError, OSError) as error:
            self.exit(return_code=1, message=f"kracked-tui: {error}")

    async def _open_account(self, source: Source) -> None:
        """Start the trader, if there is a key; otherwise say what one would add."""
        access = source.access
        if access is None:
            if source.mode in ("LIVE", "PAPER"):
                self.view_model.status_without_trader = TradingStatus(
                    trading_status.NO_KEY, trading_status.HOW_TO_GIVE_A_KEY
                )
                self.view_model.tell(trading_status.KEY_IN_SHORT)
        elif access.reports is None:
            self.view_model.status_without_trader = TradingStatus(
                trading_status.READ_ONLY, "Started with --read-only."
            )
        else:
            from kracked_tui.trader import Trader  # noqa: PLC0415  not before the first paint

            trader = Trader(
                access, self.settings.trading, tell=self.view_model.tell, now=source.now
            )
            self.view_model.trader = trader
            self.run_worker(trader.life.run(), group="trade")

    def _frame(self) -> Iterator[None]:
        # While the program ends there may be a last frame, and no screen.
        front = self.beside.front
        modal = self.screen_stack[-1:] not in ([], [front])
        self.pump.fps = _MODAL_FPS if modal else self.settings.fps
        front.frames += 1
        yield from front.frame()
        front.paint()

    async def action_record(self) -> None:
        """Start or stop recording."""
        feed = self.source.feed
        if self.recording.on:
            await self.recording.stop()
        elif feed is None:
            replay = self.source.mode == "REPLAY"
            reason = "a replay is a recording already" if replay else "not connected yet"
            self.view_model.tell(f"nothing to record: {reason}", "warn")
        else:
            name = session_name(self.source.name, self.source.now())
            self._record(feed, self.record_to or self.recording.folder / name)

    @work(group="record")
    async def _record(self, feed: FeedManager, out: Path) -> None:
        self.view_model.tell(f"recording into {out}", "good")
        try:
            await self.recording.run(feed, out)
        except Exception as error:  # the market goes on, recorded or not
            report_error(error, self.view_model.tell, "recording")
        else:
            self.view_model.tell(f"recorded {out}", "good")

    async def on_event(self, event: events.Event) -> None:
        """Hear every key and click first, and give a key to what the key before it opened."""
        front = self.beside.front
        if isinstance(event, events.MouseDown):
            front.presses.point()
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        front.presses.hear(event.key, event.time)
        if self.screen is not front or isinstance(self.focused, Input):
            await super().on_event(event)
        elif not front.view_keys.take_letter(event):
            for first in (True, False):
                if await self._check_bindings(event.key, priority=first):
                    return
            front.view_keys.explain(event.key, self.table, self.settings.keys)

    def _fatal_error(self) -> None:
        """Print a traceback without variables: a key or a token may be among them."""
        trace = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(trace, self.console.options)))
        self._close_messages_no_wait()

    # --- leaving ------------------------------------------------------------------------

    async def on_session_picker_chosen(self, message: SessionPicker.Chosen) -> None:
        """Show a recording beside a session; of a replay, leave for another one."""
        if message.path is not None:
            from kracked_tui.sources.open import check_playable  # noqa: PLC0415  slow to load

            try:
                await asyncio.to_thread(check_playable, message.path)
            except (KrackedError, OSError) as error:
                self.view_model.tell(str(error), "warn")
                self.beside.front.sessions.refuse(str(error))
                return
            if self.source.mode != "REPLAY":
                self.beside.front.panels.close()
                self.beside.open_recording(message.path)
                return
        title = "Open a recording" if message.path else "Back to the market"
        await self._leave(Destination(message.path, self.recording.on), title)

    def on_look_back(self, message: LookBack) -> None:
        """Show the past of this session."""
        self.beside.look_back(message.at)

    def on_back_to_live(self, _: BackToLive) -> None:
        """Close the past."""
        self.beside.close()

    async def action_paper(self) -> None:
        """Go on with paper money in place of the real account, or the other way round."""
        trader, mode = self.view_model.trader, self.source.mode
        if mode not in ("LIVE", "PAPER"):
            self.view_model.tell(f"{mode}: paper money is for the live market", "warn")
        elif trader is not None and trader.armed:
            self.view_model.tell("disarm first (A): this changes the account", "warn")
        else:
            other = Destination(None, self.recording.on, other_account=True)
            await self._leave(other, "The real account" if mode == "PAPER" else "Paper money")

    async def action_quit(self) -> None:
        """End the program, even where another source was chosen and not opened."""
        await self._leave(None, "Quit")

    async def _leave(self, wanted: Destination | None, title: str) -> None:
        """End the monitor, once the user has decided about own orders."""
        await self.beside.closed()  # own orders are asked about on the session's own screen
        self._wanted, self.trade.leaving_as = wanted, title
        if await self.trade.may_leave():
            await self.action_finish()

    async def action_finish(self) -> None:
        """End the monitor, once the recording is on the disk."""
        self.destination = self._wanted  # not before: a question may be left, a source may fail
        await self.recording.stop()
        await super().action_quit()

    def action_theme(self) -> None:
        """Take the next of our themes."""
        self.theme = palettes.after(self.theme)
        self.view_model.memory.change(theme=self.theme)
        self.view_model.tell(f"theme {self.theme}")

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run the action of a key; an error of one leaves all the others."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:
            report_error(error, self.view_model.tell, "this key did not finish")
            return True

    async def on_unmount(self) -> None:
        await self.recording.stop()
        await self.alerts.keep()
        await self.view_model.save_choices()
