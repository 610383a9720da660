"""The question before maintenance: cancel everything, turn the dead-man's switch off, or neither.

It comes by itself, once for each event, and never over anything that is open. What is typed when
it comes was meant for something else and is no answer: `!` opens its field, a word answers it.
"""

from __future__ import annotations

from functools import partial

from kracked.protocol.maintenance.trading_effect import SwitchAdvice, TradingEffect
from kracked_tui.screens.part import ScreenPart
from kracked_tui.screens.ticket import TicketKeys
from kracked_tui.screens.trade import TradeScreen
from kracked_tui.view.chrome import layout, questions


class MaintenanceOffer(ScreenPart):
    """Offers to cancel while the exchange still takes cancels, and asks about the switch."""

    def __init__(self, screen: TradeScreen, ticket: TicketKeys) -> None:
        self._screen, self._model, self._ticket = screen, screen.model, ticket
        self._asked: set[tuple[str, str]] = set()
        """What was asked, by subject and event."""
        self._offering = False
        """Whether the offer is on the screen, and nobody has taken it up."""

    def allows(self, action: str) -> bool | None:
        """Let PANIC act while the offer is open: nobody has opened it."""
        open_now = self._offering and self._screen.panels.top == layout.PROMPT
        return True if open_now and action in ("panic", "panic_all") else None

    def draw(self) -> None:
        """Ask, when there is something to decide and nothing is open."""
        trader, access = self._model.trader, self._model.source.access
        if trader is None or access is None or not trader.open:
            return
        effect, orders = self._model.effect(), len(access.account.orders)
        if not effect.offers_cancel and effect.switch is SwitchAdvice.KEEP:
            return
        switch_on = bool(trader.status(self._model.symbol).switch_ns)
        due = set()
        if orders and effect.offers_cancel:
            due.add(("cancel", effect.key))
        if switch_on and (due or effect.switch is not SwitchAdvice.KEEP):
            due.add(("switch", effect.key))
        screen, panels = self._screen, self._screen.panels
        # Only where nothing is open that a key could be meant for.
        free = screen.is_current and panels.top is None and panels.focused is not None
        if due - self._asked and free:
            self._asked |= due
            self._offering = True
            offer = questions.maintenance_offer(effect, orders, switch_on=switch_on)
            ask = partial(self._ask, effect, orders, switch_on=switch_on)
            self._screen.questions.ask(offer, ask, left=partial(self._leave, effect))

    def _ask(self, effect: TradingEffect, orders: int, _: str, *, switch_on: bool) -> None:
        """Ask for the word, once the user has taken the offer up."""
        self._offering = False
        question = questions.maintenance(effect, orders, switch_on=switch_on)
        answer = partial(self._answer, effect)
        self._screen.questions.ask(question, answer, left=partial(self._leave, effect))

    def _answer(self, effect: TradingEffect, text: str) -> None:
        trader, word = self._model.trader, text.strip().lower()
        if trader is not None and word == "cancel":
            self._ticket.run_order(trader.cancel_everything)
        elif trader is not None and word == "disarm":
            self._ticket.run_order(trader.disarm)
        else:
            self._leave(effect)

    def _leave(self, effect: TradingEffect) -> None:
        self._offering = False
        kept = f"nothing is cancelled before the maintenance ({effect.title})"
        self._model.tell(f"{kept}: X, ctrl+x and A go on working", "warn")
