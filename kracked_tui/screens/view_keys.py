"""Keys for looking: moving, zooming, choosing a pane, a pair, a grouping, a timeframe."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from kracked_tui.screens.part import ScreenPart
from kracked_tui.sources.record_switch import recorded_sessions
from kracked_tui.view.chart.candles import TIMEFRAMES, timeframe_name
from kracked_tui.view.chrome import layout as places
from kracked_tui.view.replay.sessions import SessionRow
from kracked_tui.widgets.panels.help_pages import HelpPages
from kracked_tui.widgets.panels.session_picker import SessionPicker
from kracked_tui.widgets.panels.symbol_picker import SymbolPicker
from kracked_tui.widgets.panes.ladder import LadderPane
from kracked_tui.widgets.panes.pane import Pane

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen

_FAR = 1000
"""Rows further than any list is long."""


class ViewKeys(ScreenPart):
    """None of these keys touches an order."""

    def __init__(self, screen: TradeScreen) -> None:
        self._screen, self._panels = screen, screen.panels
        self.actions = {
            "help": partial(self._panels.toggle, places.HELP),
            "pick": self._pick,
            "sessions": self._sessions,
            "zoom": self._zoom,
            "pane": self._next_pane,
            "go": self.go,
            "move": self._move,
            "edge": self._edge,
            "open": self._open,
            "recentre": screen.ladder.recentre,
            "hold": screen.ladder.hold,
            "group": screen.ladder.group,
            "filter": screen.tape.filter,
            "reset_traded": self._reset_traded,
            "timeframe": self._timeframe,
            "watch": self._watch,
            "copy": self._copy,
        }

    # --- panels -----------------------------------------------------------------------

    def _pick(self) -> None:
        screen = self._screen
        self._panels.toggle(places.PICKER)
        if self._panels.top == places.PICKER:
            screen.call_after_refresh(partial(screen.picker.start, screen.model.known_symbols()))

    async def _sessions(self) -> None:
        """List the recordings there are."""
        screen, folder = self._screen, self._screen.recording.folder
        rows = await asyncio.to_thread(recorded_sessions, folder)
        self._panels.toggle(places.SESSIONS)
        screen.call_after_refresh(partial(self._list_sessions, [*screen.watched_before, *rows]))

    def _list_sessions(self, rows: list[SessionRow]) -> None:
        screen = self._screen
        screen.sessions.ends_recording = screen.recording.on
        screen.sessions.start(rows, Path(screen.recording.folder))

    # --- panes ------------------------------------------------------------------------

    def _zoom(self) -> None:
        focused = self._panels.focused
        self._panels.zoom(None if self._panels.zoomed or focused is None else focused.id)

    def _next_pane(self, step: int) -> None:
        panes = self._panels.in_sight()
        at = next((at for at, pane in enumerate(panes) if pane.has_focus), -1 if step > 0 else 0)
        if panes:
            panes[(at + step) % len(panes)].focus()

    def go(self, number: int) -> None:
        """Focus a pane by its number; one this size has no room for is shown zoomed."""
        pane = self._panels.pane(places.PANES[number - 1])
        if not pane.display:
            self._panels.zoom(pane.id)
        pane.focus()

    def _target(self) -> Widget | None:
        """What the movement keys move."""
        screen = self._screen
        panels: dict[str | None, Widget] = {
            places.HELP: screen.help_pages,
            places.PICKER: screen.picker,
            places.SESSIONS: screen.sessions,
        }
        return panels.get(self._panels.top, screen.focused)

    def _move(self, rows_up: int) -> None:
        target = self._target()
        if isinstance(target, (Pane, HelpPages, SymbolPicker, SessionPicker)):
            target.move(rows_up)

    def _edge(self, up: int) -> None:
        target = self._target()
        if isinstance(target, (Pane, HelpPages)):
            target.edge(up)
        elif isinstance(target, SessionPicker):
            target.move(up * _FAR)

    def _open(self) -> None:
        focused = self._panels.focused
        if self._panels.top == places.SESSIONS:
            self._screen.sessions.open()
        elif isinstance(focused, LadderPane):
            self.go(places.PANES.index(places.QUEUE) + 1)
        elif focused is not None:
            focused.open()

    # --- what is shown ----------------------------------------------------------------

    def _reset_traded(self) -> None:
        self._screen.model.market.reset_traded()
        self._screen.draw()

    def _timeframe(self, step: int) -> None:
        model = self._screen.model
        at = TIMEFRAMES.index(model.timeframe_s) + step
        model.timeframe_s = TIMEFRAMES[max(0, min(len(TIMEFRAMES) - 1, at))]
        self._screen.draw()
        model.tell(f"candles of {timeframe_name(model.timeframe_s)}")
        self._screen.run_beside(model.load_candles, "candles", "no candles")

    def _watch(self, step: int) -> None:
        model = self._screen.model
        symbols = [row.symbol for row in model.watch_rows()]
        if model.symbol in symbols:
            at = symbols.index(model.symbol) + step
            self._screen.show_symbol(symbols[at % len(symbols)])

    def _copy(self) -> None:
        if self._panels.focused is not None:
            text = self._panels.focused.row_text()
            self._screen.app.copy_to_clipboard(text)
            self._screen.model.tell(f"copied: {' '.join(text.split())}")
