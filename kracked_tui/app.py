"""The monitor: wires a source to a screen and keeps the loop quick.

Importing this module loads Textual; `__main__` does so only to run. The repaint timer
is set from the environment when Textual is imported: a frame is then drawn within
milliseconds of being ready, while the pump below limits how many there are.
"""

from __future__ import annotations

import os

os.environ.setdefault("TEXTUAL_FPS", "240")

import asyncio
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segments
from rich.traceback import Traceback
from textual import work
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen

from kracked.errors import KrackedError
from kracked.protocol.events import Event
from kracked_tui import error_boundary, keys, themes
from kracked_tui.config import Settings
from kracked_tui.error_boundary import report_error, reporting_errors
from kracked_tui.keys import Key
from kracked_tui.screens.order import OrderScreen
from kracked_tui.screens.replay import ReplayScreen
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.sources.base import Source
from kracked_tui.sources.opening import EmptySource, Open, Opening
from kracked_tui.sources.record_switch import RecordSwitch, session_name, sessions_folder
from kracked_tui.state.store import Store
from kracked_tui.state.view_model import ViewModel
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.widgets.frame_pump import FramePump, backlog, keep_quick
from kracked_tui.widgets.painted_rows import paint
from kracked_tui.widgets.panels.session_picker import SessionPicker

if TYPE_CHECKING:
    from kracked.feed_manager import FeedManager

_GRACE_S = 3.0
_SLICE_S = 0.002
"""Longest time events are applied for before the screen gets its turn."""
_TICK_S = 0.5
"""Ages and staleness move on without an event."""
_MODAL_FPS = 2
"""Drawing below the command palette costs five times as much."""


class Destination(NamedTuple):
    """What to open when this monitor has ended; no path: what was watched before."""

    path: Path | None
    ends_recording: bool = False
    """Whether one goes on until then."""


class Monitor(App[None]):
    """Shows one source until quit."""

    CSS_PATH = "monitor.tcss"
    TITLE = "kracked"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    leads_to: Destination | None = None
    record_at_once = False
    record_to: Path | None = None
    """None: a new folder for each recording."""

    def __init__(
        self,
        source: Source | Opening,
        settings: Settings,
        symbols: tuple[str, ...] = (),
        *,
        read_only: bool = False,
    ) -> None:
        """
        Args:
            source: What to watch, or how to open it once the screen is there.
            settings: Colours, keys, trading limits.
            symbols: Pairs to watch, the first of them shown.
            read_only: Have no key that moves money.
        """
        super().__init__()
        for theme in themes.THEMES:
            self.register_theme(theme)
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
        self.view_model = ViewModel(shown_first, self.store, symbols)
        self.recording = RecordSwitch(sessions_folder(os.environ))
        self.table: tuple[Key, ...] = keys.active(settings.keys, money=money, replay=replay)
        screen = ReplayScreen if replay else OrderScreen if money else TradeScreen
        self.trade: TradeScreen = screen(
            self.view_model, self.table, recording=self.recording, ascii_only=settings.ascii
        )
        self._undrawn_event = ""
        """Why the last event that is not shown is not."""
        self.pump = FramePump(self._frame, partial(backlog, self), settings.fps)

    @property
    def source(self) -> Source:
        """What is watched; empty until it is open."""
        return self.view_model.source

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(themes.FALLBACKS)

    def on_mount(self) -> None:
        self.theme = self.settings.theme
        self.set_keymap(self.settings.keys)
        self.push_screen(self.trade)
        self.set_interval(_TICK_S, self.pump.mark)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        """After the first paint: the data, then the frames."""
        keep_quick()
        self._heed_signals()
        # A defect of these two ends the program: it would show old prices as today's.
        self.run_worker(self._watch(), group="feed")
        self.run_worker(self.pump.run(), group="frames")
        self.pump.mark()

    def _heed_signals(self) -> None:
        """A lost terminal or a request to end must not cut a recording short."""
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self._end)

    @work
    async def _end(self) -> None:
        """Asked to end from outside, or the terminal is gone."""
        self.leads_to = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await reporting_errors(
                    self._abandon(), self.view_model.tell, "orders may be left open"
                )
        await self.recording.stop()
        # The toolkit waits for ever to restore a terminal that is gone, and a program that
        # lives on unseen would go on renewing the dead-man's switch.
        last = threading.Timer(_GRACE_S, os._exit, (1,))
        last.daemon = True
        last.start()
        await self.action_finish()

    async def _abandon(self) -> None:
        """Deal with own orders as the settings say: nobody watches any more."""
        if self.view_model.trader is not None:
            await self.view_model.trader.abandon()

    async def _watch(self) -> None:
        """The source from beginning to end. What it cannot do ends the monitor with a sentence."""
        try:
            async with self._open() as source:
                self.view_model.source = source
                self.trade.subscribe()
                if self.record_at_once:
                    await self.action_record()
                await self._open_account(source)
                await self._consume(source)
        except (KrackedError, OSError) as error:
            self.exit(return_code=1, message=f"kracked-tui: {error}")
            return

    async def _open_account(self, source: Source) -> None:
        """Trade with the key, if there is one; say what one would add, if there is none."""
        access = source.access
        if access is None:
            if source.mode == "LIVE":
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
            self.run_worker(trader.run(), group="trade")

    async def _consume(self, source: Source) -> None:
        """Every event into the store, in slices, so that a burst never blocks a key."""
        loop = asyncio.get_running_loop()
        async for batch in source.batches():
            until = loop.time() + _SLICE_S
            for event in batch:
                self._apply(event)
                if loop.time() > until:
                    await asyncio.sleep(0)
                    until = loop.time() + _SLICE_S
            self.pump.mark()

    def _apply(self, event: Event) -> None:
        """One odd message is no reason to see none of the others."""
        try:
            self.store.apply(event)
        except Exception as error:
            failure = error_boundary.error_text(error)
            if failure != self._undrawn_event:
                report_error(error, self.view_model.tell, f"{type(event).__name__} not shown")
            self._undrawn_event = failure

    def _frame(self) -> Iterator[None]:
        # While the program ends there may be a frame left, and no screen.
        modal = self.screen_stack[-1:] not in ([], [self.trade])
        self.pump.fps = _MODAL_FPS if modal else self.settings.fps
        self.trade.frames += 1
        yield from self.trade.frame()
        paint(self.trade, self.trade.children)

    # --- recording ----------------------------------------------------------------------

    async def action_record(self) -> None:
        """Start recording, or stop."""
        feed = self.source.feed
        if self.recording.on:
            await self.recording.stop()
        elif feed is None:
            replay = self.source.mode == "REPLAY"
            reason = "a replay is a recording already" if replay else "not connected yet"
            self.view_model.tell(f"nothing to record: {reason}", "warn")
        else:
            name = session_name(self.source.name, self.source.now())
            out = self.record_to or self.recording.folder / name
            self._record(feed, out)

    @work(group="record")
    async def _record(self, feed: FeedManager, out: Path) -> None:
        self.view_model.tell(f"recording into {out}", "good")
        try:
            await self.recording.run(feed, out)
        except Exception as error:  # the market goes on, recorded or not
            report_error(error, self.view_model.tell, "recording")
        else:
            self.view_model.tell(f"recorded {out}", "good")

    def _fatal_error(self) -> None:
        """The toolkit's own prints every frame's variables: a key or a token may be among them."""
        trace = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(trace, self.console.options)))
        self._close_messages_no_wait()

    # --- leaving ------------------------------------------------------------------------

    async def on_session_picker_chosen(self, message: SessionPicker.Chosen) -> None:
        """Another monitor opens it, once this one has ended as it always does."""
        if message.path is not None and (reason := await _unplayable(message.path)):
            self.view_model.tell(reason, "warn")
            self.trade.sessions.refuse(reason)
            return
        self.leads_to = Destination(message.path, self.recording.on)
        await self._leave()

    async def action_quit(self) -> None:
        """The end, also after a way to elsewhere that was not gone."""
        self.leads_to = None
        await self._leave()

    async def _leave(self) -> None:
        """Leave, once it is settled what becomes of own orders."""
        if await self.trade.may_leave():
            await self.action_finish()

    async def action_finish(self) -> None:
        """End, once what was recorded is on the disk."""
        await self.recording.stop()
        await super().action_quit()

    def action_theme(self) -> None:
        """The next of our own themes."""
        names = themes.NAMES
        at = names.index(self.theme) + 1 if self.theme in names else 0
        self.theme = names[at % len(names)]
        self.view_model.tell(f"theme {self.theme}")

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """Every key's action, by name, in the palette."""
        for key in self.table:
            if key.id not in ("palette", "back"):
                name = key.id.replace("-", " ").capitalize()
                run = partial(self._run, key.action)
                yield SystemCommand(name, f"{key.help} ({keys.first_shown(key.keys)})", run)

    async def _run(self, action: str) -> None:
        await self.trade.run_action(action)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Every key ends up here; a defect of one leaves all the others."""
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:
            report_error(error, self.view_model.tell, "this key did not finish")
            return True

    async def on_unmount(self) -> None:
        await self.recording.stop()


async def _unplayable(path: Path) -> str:
    """Why a recording cannot be replayed, or nothing."""
    from kracked_tui.sources.open import check_playable  # noqa: PLC0415  not before it is asked for

    try:
        await asyncio.to_thread(check_playable, path)
    except (KrackedError, OSError) as error:
        return str(error)
    return ""
