"""Keys for looking: moving, zooming, choosing a pane, a pair, a grouping, a timeframe."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget

from kracked.flow.measures.traded_at_price import UNDO_NS, Clear
from kracked.protocol.events import Side
from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.screens.part import ScreenPart
from kracked_tui.sources.record_switch import recorded_sessions
from kracked_tui.state.frame_state import FrameState
from kracked_tui.state.pane_tables import csv_text, table_of
from kracked_tui.state.watch_rows import watch_rows
from kracked_tui.view.chart.candles import TIMEFRAMES, timeframe_name
from kracked_tui.view.chrome import layout, layouts, watchlist
from kracked_tui.view.chrome.questions import QuestionText
from kracked_tui.widgets.panels.card_panel import CardPanel
from kracked_tui.widgets.panels.command_line import CommandLine
from kracked_tui.widgets.panels.help_pages import HelpPages
from kracked_tui.widgets.panels.jump import TOP
from kracked_tui.widgets.panels.session_picker import SessionPicker
from kracked_tui.widgets.panels.symbol_picker import SymbolPicker
from kracked_tui.widgets.panes.heat import HeatPane
from kracked_tui.widgets.panes.ladder import LadderPane
from kracked_tui.widgets.panes.pane import Pane
from kracked_tui.widgets.panes.queue import QueuePane
from kracked_tui.widgets.panes.seen import SeenPane

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen

_ACTS_IN = {
    **dict.fromkeys(("recentre", "hold", "group"), layout.LADDER),
    "timeframe": layout.CHART,
    "filter": layout.TAPE,
}
"""The pane that must be in sight for a key to show an effect."""
_SEARCH = "A word, such as cancel or queue; nothing shows all pages."
_FAR = 1000
"""More rows than any list has."""

_NO_ORDERS_IN_REPLAY = "REPLAY: a recording takes no orders; this key trades on a live market"
_NO_ORDER_KEYS = "read-only: started with --read-only, so this key trades nothing"


class ViewKeys(ScreenPart):
    """None of these keys touches an order."""

    def __init__(self, screen: TradeScreen) -> None:
        self._screen, self._model, self._panels = screen, screen.model, screen.panels
        self.action_hold = screen.ladder.hold
        self.action_window = screen.ladder.window
        self.action_foot = screen.ladder.next_foot
        self._clear_asked: int | None = None
        """When `r` was pressed, ns: the next key says what it clears."""

    def has_effect(self, action: str, frame: FrameState) -> bool | None:
        """Say whether a key of this part would do anything now."""
        pane = _ACTS_IN.get(action)
        if pane is not None:
            return self._panels.pane(pane).display
        if action == "watch":
            return len(frame.store.markets) > 1
        if action == "pane":
            return len(self._panels.in_sight()) > 1
        return frame.source.feed is not None if action == "record" else None

    # --- panels -----------------------------------------------------------------------

    def action_help(self) -> None:
        """Open the help, or close it."""
        self._screen.help_pages.search("")
        self._panels.toggle(layout.HELP)

    def action_pane_help(self) -> None:
        """Open the help of the focused pane, or close it."""
        pane = self._panels.focused
        self._screen.help_pages.of_pane(pane.id or "" if pane else "")
        self._panels.toggle(layout.HELP)

    def _search_help(self) -> None:
        """Ask for a word, and show the help that has it."""

        def search(word: str) -> None:
            """Show what was found."""
            self._screen.help_pages.search(word)
            self._screen.help_pages.show()

        self._screen.questions.ask(QuestionText("Search the help", (_SEARCH,)), search)

    def action_pick(self) -> None:
        """Open the symbol picker, or close it; over the help, search it instead."""
        if self._panels.top == layout.HELP:
            self._search_help()
            return
        self._panels.toggle(layout.PICKER)
        if self._panels.top == layout.PICKER:
            self._screen.picker.start(self._model.known_symbols())

    async def action_sessions(self) -> None:
        """Open the list of recordings, or close it."""
        screen, folder = self._screen, self._screen.recording.folder
        rows = await asyncio.to_thread(recorded_sessions, folder)
        # Before it is painted: an empty list would be painted first, and then half over.
        screen.sessions.start([*screen.watched_before, *rows], folder)
        self._panels.toggle(layout.SESSIONS)

    # --- panes ------------------------------------------------------------------------

    def action_zoom(self) -> None:
        """Give the focused pane the whole screen, or show all panes again."""
        focused = self._panels.focused
        self._panels.zoom(None if self._panels.zoomed or focused is None else focused.id)

    def action_pane(self, step: int) -> None:
        """Focus the next pane in sight (1) or the previous one (-1)."""
        panes = self._panels.in_sight()
        at = next(
            (at for at, pane in enumerate(panes) if pane is self._panels.focused),
            -1 if step > 0 else 0,
        )
        if panes:
            panes[(at + step) % len(panes)].focus()

    def action_go(self, number: int) -> None:
        """Focus a pane by its number; one this size has no room for is shown zoomed."""
        self.go_to(layout.PANES[number - 1])

    def go_to(self, name: str) -> None:
        """Focus a pane; one this size has no room for is shown zoomed."""
        pane = self._panels.pane(name)
        if not pane.display:
            self._panels.zoom(pane.id)
        pane.focus()

    def action_jump_to(self) -> None:
        """Show the letters of the panes: the next key goes to one."""
        self._panels.toggle(layout.JUMP)

    def take_letter(self, key: events.Key) -> bool:
        """Take the key after the one that shows the letters; False while they are not shown.

        They close; a letter goes to its pane, or to the top of the focused one.
        """
        if self._panels.top != layout.JUMP or key.key == "escape":
            return False
        self._panels.close()
        pane = self._screen.jump.pane_of(key.character or "")
        if pane is not None:
            self.go_to(pane)
        elif key.character == TOP:
            self.action_edge(1)
        return True

    def explain(self, pressed: str, table: tuple[Key, ...], changes: Mapping[str, str]) -> None:
        """Say why a key that trades elsewhere does nothing on a screen without such keys.

        Args:
            pressed: The key, which nothing has used.
            table: The keys of the monitor.
            changes: Keys of the configuration, by id.
        """
        if self._panels.top is not None or any(key.group == keys.TRADING for key in table):
            return
        trading = (key.keys for key in keys.active(changes) if key.group == keys.TRADING)
        if any(pressed in names.split(",") for names in trading):
            replay = self._model.source.mode == "REPLAY"
            self._model.tell(_NO_ORDERS_IN_REPLAY if replay else _NO_ORDER_KEYS, "warn")
            self._screen.draw()

    def action_layout(self, step: int) -> None:
        """Take the next layout (1) or the one before (-1)."""
        at = layouts.NAMES.index(self._panels.layout) if self._panels.layout in layouts.NAMES else 0
        name = layouts.NAMES[(at + step) % len(layouts.NAMES)]
        self._panels.lay_out_as(name)
        self._model.tell(f"layout {name}")
        self._screen.draw()

    def _target(self) -> Widget | None:
        """Return the widget that the movement keys move."""
        screen = self._screen
        panels: dict[str | None, Widget] = {
            layout.HELP: screen.help_pages,
            layout.PICKER: screen.picker,
            layout.SESSIONS: screen.sessions,
            layout.COMMAND: screen.commands,
            layout.CARD: screen.card,
        }
        return panels.get(self._panels.top, screen.focused)

    def action_move(self, rows_up: int) -> None:
        """Move the cursor or the view up by some rows."""
        target = self._target()
        if isinstance(
            target, (Pane, HelpPages, SymbolPicker, SessionPicker, CommandLine, CardPanel)
        ):
            target.move(rows_up)

    def action_edge(self, up: int) -> None:
        """Go to the top (1) or the bottom (-1)."""
        target = self._target()
        if isinstance(target, (Pane, HelpPages)):
            target.edge(up)
        elif isinstance(target, SessionPicker | CardPanel):
            target.move(up * _FAR)

    def action_shift_time(self, columns: int) -> None:
        """Show what was before (-1) or after (1) in the focused pane."""
        if self._panels.top == layout.HELP:
            self._screen.help_pages.move(-columns)
        elif self._panels.focused is not None:
            self._panels.focused.shift(columns)

    def action_open(self) -> None:
        """Open what is under the cursor; from the ladder go to the queue."""
        focused = self._panels.focused
        if self._panels.top == layout.SESSIONS:
            self._screen.sessions.open()
        elif self._panels.top == layout.CARD:
            self._panels.close()
        elif isinstance(focused, LadderPane):
            self.action_go(layout.PANES.index(layout.QUEUE) + 1)
        elif focused is not None:
            focused.open()

    # --- what is shown ----------------------------------------------------------------

    def action_recentre(self) -> None:
        """Bring the market back to the middle: of the heat strip if it has the focus."""
        focused = self._panels.focused
        (focused if isinstance(focused, HeatPane) else self._screen.ladder).recentre()

    def allows(self, action: str) -> bool | None:
        """Let the keys that say what to clear act right after `r` alone."""
        if action == "clear_traded":
            return self._clear_is_asked and self._panels.focused is not None
        return None

    @property
    def _clear_is_asked(self) -> bool:
        asked, now = self._clear_asked, self._model.source.now()
        return asked is not None and 0 <= now - asked <= UNDO_NS

    def action_group(self, coarser: int) -> None:
        """Take the next coarser (1) or finer (-1) grouping of the ladder, and remember it."""
        ladder = self._screen.ladder
        ladder.group(coarser)
        if ladder.frame is not None and ladder.scroll.ready:
            row = ladder.frame.precision.price_text(ladder.scroll.step)
            self._model.memory.change_pair(ladder.frame.symbol, row=row)

    def action_columns(self) -> None:
        """Show the ladder's next set of columns, and remember it."""
        ladder = self._screen.ladder
        ladder.next_columns()
        if ladder.frame is not None:
            self._model.memory.change_pair(ladder.frame.symbol, columns=ladder.shown.value)

    def action_filter(self, further: int) -> None:
        """Hide trades below the next larger size; 0 shows them all.

        With the focus on what was seen, list the next kind alone, or all kinds.
        """
        focused = self._panels.focused
        if isinstance(focused, SeenPane):
            focused.filter(further)
            return
        tape = self._screen.tape
        tape.filter(further)
        if tape.frame is not None:
            least = tape.frame.precision.qty_text(tape.at_least) if tape.at_least else ""
            self._model.memory.change_pair(tape.frame.symbol, least_print=least)

    def action_units(self) -> None:
        """Write the tape's quantities in the quote currency, or in the base currency again."""
        units = "" if self._model.memory.choices.units else "quote"
        self._model.memory.change(units=units)
        self._screen.draw()

    def action_reset_traded(self) -> None:
        """Ask what to clear of the traded columns; the second time undo the last clear."""
        model = self._model
        if not self._clear_is_asked:
            self._clear_asked = model.source.now()
            model.tell("clear traded: a all, u above the ask, d below the bid, r undoes the last")
        else:
            self._clear_asked = None
            flow = model.store.flows[model.symbol]
            undone = flow.traded.undo(flow.now(model.source.now()))
            model.tell("brought back" if undone else "nothing was cleared in the last five seconds")
        self._screen.draw()

    def action_clear_traded(self, which: str) -> None:
        """Clear the traded columns, and the window of pulling and stacking with them."""
        model, now = self._model, self._model.source.now()
        self._clear_asked = None
        flow, quote = model.store.flows[model.symbol], self._screen.frame_state().quote
        bid, ask = quote or (None, None)
        cleared = flow.traded.clear(Clear(which), flow.now(now), bid=bid, ask=ask)
        if cleared:
            sides = {Clear.ABOVE: Side.ASK, Clear.BELOW: Side.BID}
            flow.changes.reset(flow.now(now), sides.get(Clear(which)))
        model.tell(f"cleared: {which}; r r brings it back" if cleared else "not cleared: no quote")
        self._screen.draw()

    def action_follow(self) -> None:
        """Follow the size of the order at the queue's cursor, or stop following it."""
        pane, model = self._panels.focused, self._model
        order = pane.at_cursor() if isinstance(pane, QueuePane) else None
        if order is None:
            model.tell("m follows the size of an order: go to the queue (2), then to an order")
        else:
            precision = self._screen.frame_state().precision
            model.tell(model.followed.toggle(model.symbol, order.qty, precision))
        self._screen.draw()

    def action_hide_empty(self) -> None:
        """Hide empty rows, with a warning: the rows then move with the market."""
        ladder = self._screen.ladder
        ladder.hide_empty()
        if ladder.hides_empty:
            armed = self._screen.frame_state().armed
            until = "; while armed all rows are shown" if armed else ""
            self._model.tell(f"empty rows hidden: ROWS MOVE with the market{until}", "warn")

    def action_timeframe(self, step: int) -> None:
        """Show longer candles (1) or shorter ones (-1); in the heat strip other columns."""
        if isinstance(heat := self._panels.focused, HeatPane):
            heat.timeframe(step)
            return
        at = TIMEFRAMES.index(self._model.timeframe_s) + step
        self.show_candles(TIMEFRAMES[max(0, min(len(TIMEFRAMES) - 1, at))])

    def show_candles(self, seconds: int) -> None:
        """Show candles of this length."""
        model = self._model
        model.timeframe_s = seconds
        model.memory.change(timeframe_s=seconds)
        self._screen.draw()
        model.tell(f"candles of {timeframe_name(model.timeframe_s)}")
        self._screen.run_in_background(model.load_candles, "candles", "no candles")

    def action_sort(self, step: int) -> None:
        """Sort the watch list by the next column."""
        orders, before = watchlist.ORDERS, self._model.memory.choices.watch_order
        at = orders.index(before) if before in orders else 0
        order = orders[(at + step) % len(orders)]
        self._model.memory.change(watch_order=order)
        self._model.tell(f"watch list by {order}")
        self._screen.draw()

    def action_watch(self, step: int) -> None:
        """Show the next watched symbol (1) or the previous one (-1)."""
        symbols = [row.symbol for row in watch_rows(self._model)]
        if self._model.symbol in symbols:
            at = symbols.index(self._model.symbol) + step
            self._screen.show_symbol(symbols[at % len(symbols)])

    def action_copy(self) -> None:
        """Copy the row under the cursor to the clipboard, or the whole card that is open."""
        if self._panels.top == layout.CARD:
            self._screen.app.copy_to_clipboard(self._screen.card.text())
            self._model.tell("copied the card")
        elif self._panels.focused is not None:
            text = self._panels.focused.row_text()
            self._screen.app.copy_to_clipboard(text)
            self._model.tell(f"copied: {text}")

    def action_copy_csv(self) -> None:
        """Copy everything the focused pane knows as CSV, with a header."""
        pane = self._panels.focused
        table = table_of(pane.id or "", self._screen.frame_state()) if pane else None
        if table is None:
            self._model.tell("this pane has no table to copy", "warn")
        else:
            self._screen.app.copy_to_clipboard(csv_text(table))
            self._model.tell(f"copied {len(table.rows)} rows as CSV")
        self._screen.draw()
