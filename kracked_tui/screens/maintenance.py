"""The question before maintenance: cancel everything, turn the dead-man's switch off, or neither.

It comes by itself, once for each event, and never over anything that is open: a key that was
meant for a ticket or another question must not answer it. Its answer is a word.
"""

from __future__ import annotations

from functools import partial

from kracked.protocol.maintenance.trading_effect import SwitchAdvice, TradingEffect
from kracked_tui.screens.part import ScreenPart
from kracked_tui.screens.ticket import TicketKeys
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.view.chrome import questions


class MaintenanceOffer(ScreenPart):
    """Offers to cancel while the exchange still takes cancels, and asks about the switch."""

    def __init__(self, screen: TradeScreen, ticket: TicketKeys) -> None:
        self._screen, self._model, self._ticket = screen, screen.model, ticket
        self._asked: set[tuple[str, str]] = set()
        """What was asked, by subject and event."""

    def draw(self) -> None:
        """Ask, when there is something to decide and nothing is open."""
        trader, access = self._model.trader, self._model.source.access
        if trader is None or access is None or not trader.open:
            return
        effect, orders = self._model.effect(), len(access.account.orders)
        switch_on = bool(trader.status(self._model.symbol).switch_ns)
        due = self._due(effect, orders, switch_on=switch_on)
        if due - self._asked and self._is_free():
            self._asked |= due
            question = questions.maintenance(effect, orders, switch_on=switch_on)
            self._screen.questions.ask(question, partial(self._answer, effect))

    def _due(self, effect: TradingEffect, orders: int, *, switch_on: bool) -> set[tuple[str, str]]:
        """Return what has to be decided now."""
        due = set()
        if orders and effect.offers_cancel:
            due.add(("cancel", effect.key))
        if switch_on and (due or effect.switch is not SwitchAdvice.KEEP):
            due.add(("switch", effect.key))
        return due

    def _is_free(self) -> bool:
        """Whether nothing is open that a key could be meant for."""
        screen, panels = self._screen, self._screen.panels
        return screen.is_current and panels.top is None and panels.focused is not None

    def _answer(self, effect: TradingEffect, text: str) -> None:
        trader, word = self._model.trader, text.strip().lower()
        if trader is not None and word == "cancel":
            self._ticket.run_order(trader.cancel_everything)
        elif trader is not None and word == "disarm":
            self._ticket.run_order(trader.disarm)
        else:
            kept = f"nothing is cancelled before the maintenance ({effect.title})"
            self._model.tell(f"{kept}: X, ctrl+x and A go on working", "warn")
