"""Keys and commands of alerts. None of them touches an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kracked.protocol.events import Side
from kracked_tui.screens.part import ScreenPart
from kracked_tui.view.chrome import layout
from kracked_tui.widgets.panes.ladder import LadderPane
from kracked_tui.widgets.panes.lists import AlertsPane

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen

_REMOVE = "remove"
_WHERE = "put the cursor on a price of the ladder first: ! then sets an alert there"


class AlertKeys(ScreenPart):
    """Sets an alert at the cursor, lists them, and takes them away."""

    def __init__(self, screen: TradeScreen) -> None:
        self._screen, self._model, self._panels = screen, screen.model, screen.panels
        self._alerts = screen.model.alerts

    def allows(self, action: str) -> bool | None:
        """Let an alert be removed only where the cursor is on one."""
        return isinstance(self._panels.focused, AlertsPane) if action == "remove_alert" else None

    def action_alert(self) -> None:
        """Set a price alert at the ladder's cursor; elsewhere, or the second time, list all."""
        ladder, frame = self._screen.ladder, self._screen.frame_state()
        selection = frame.selection
        if not isinstance(self._panels.focused, LadderPane):
            self._screen.view_keys.go_to(layout.ALERTS)
        elif ladder.scroll.cursor is None or selection is None:
            self._model.tell(_WHERE, "warn")
        else:
            price = selection.low if selection.side is Side.BID else selection.high
            self._set(f"price {frame.precision.price_text(price)}", listed_twice=True)
        self._screen.draw()

    def action_remove_alert(self) -> None:
        """Remove the alert at the cursor."""
        pane = self._panels.focused
        row = pane.chosen if isinstance(pane, AlertsPane) else None
        if row is not None and (error := self._remove(row.number)):
            self._model.tell(error, "warn")
        self._screen.draw()

    def run(self, text: str) -> str:
        """Run `:alert`. Returns why it was not run; empty where it was."""
        word, _, rest = text.partition(" ")
        if not text:
            self._panels.close()
            self._screen.view_keys.go_to(layout.ALERTS)
            return ""
        if word.lower() != _REMOVE:
            return self._set(text)
        if not rest.strip().isdecimal():
            return "remove needs the number of an alert; the list has them"
        return self._remove(int(rest))

    def _set(self, text: str, *, listed_twice: bool = False) -> str:
        """Set an alert, and say what stands in its way now. Returns why it was not set."""
        model, alerts = self._model, self._alerts
        error = alerts.add(text, model.symbol, tuple(model.store.instruments))
        if error and listed_twice:
            self._screen.view_keys.go_to(layout.ALERTS)
        if error:
            return error
        row = alerts.rows()[-1]
        model.tell(f"alert {row.number}: {row.pair} {row.text}: {row.state}", row.role)
        self._subscribe()
        return ""

    def _remove(self, number: int) -> str:
        error = self._alerts.remove(number)
        if not error:
            self._subscribe()
        return error

    def _subscribe(self) -> None:
        self._screen.run_in_background(
            self._alerts.subscribe, "alerts", "not all that the alerts need is subscribed"
        )
