"""The trader: takes the ticket, checks it, sends it once, and reports the outcome.

It owns the order manager with its outbox, and whether the monitor is armed. It draws nothing
and knows no key; every answer is words.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from kracked.errors import KrackedError
from kracked.orders import (
    CancelOutcome,
    Check,
    FailedCheck,
    OrderDeclined,
    OrderManager,
    OrderState,
    OutboxEntry,
)
from kracked.protocol.events import Side
from kracked.protocol.own_orders import OwnOrder
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from kracked_tui.config import Lost, Trading
from kracked_tui.error_boundary import Tell
from kracked_tui.sources.base import Access
from kracked_tui.trader import messages, ticket_to_order
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.exits import Exits
from kracked_tui.trader.order_review import Reviewer, place_after
from kracked_tui.trader.panic import Panic
from kracked_tui.trader.presets import Presets
from kracked_tui.trader.trading_life import TradingLife
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.account.rates import RateView
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.chrome.trade_strip import StripLimits
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.queue.queue_effect import measured
from kracked_tui.view.ticket.exit_order import Exit
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket
from kracked_tui.view.ticket.ticket_lines import TicketView

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book
    from kracked.orders.draft import Draft

log = logging.getLogger(__name__)

_STREAM_DOWN = "The account's stream is down; new orders wait for it, cancels do not."
_NOT_OPEN = "Trading is not open."
_SHOWN_ENDED = 6
_ENDED_FOR_NS = 60 * NS_PER_S
"""How long an order that has ended stays on the screen with its outcome."""


class Trader:
    """One per program. `life.run` lasts as long as the source; the rest may be called any time."""

    def __init__(
        self, access: Access, settings: Trading, *, tell: Tell, now: Callable[[], int]
    ) -> None:
        """
        Args:
            access: What the API key opens.
            settings: The user's limits, and what keys mean.
            tell: Writes to the log on the screen.
            now: The clock, ns.
        """
        self._access, self._settings, self._show, self._now = access, settings, tell, now
        self.terms = AccountTerms(access.client)
        self.presets = Presets(settings.sizes, self._tell)
        self._reviewer = Reviewer(access, self.terms, self.presets)
        self.life = TradingLife(
            access, settings, self.terms, timing=RequestTiming(clock=now), tell=self._tell
        )
        self.panic = Panic(self.life, access.account, self._tell)
        self._exits = Exits(access.account, self._reviewer, self._tell)
        self._busy = False
        self._pending: frozenset[str] = frozenset()
        self._ended: deque[Sent] = deque(maxlen=_SHOWN_ENDED)

    # --- life -----------------------------------------------------------------------------

    def _tell(self, text: str, role: str) -> None:
        """Write to the log on the screen, and to the log file, which outlives the terminal."""
        level = logging.WARNING if role == "warn" else logging.INFO
        log.log(level, "shown", extra={"text": text})
        self._show(text, role)

    # --- whether it can trade -------------------------------------------------------------

    @property
    def armed_min(self) -> int:
        """Minutes that arming lasts."""
        return self._settings.armed_min

    @property
    def limits(self) -> StripLimits:
        """The user's limits of an order, and of all that are open."""
        settings = self._settings
        return StripLimits(settings.max_qty, settings.max_notional, settings.max_open_notional)

    @property
    def armed(self) -> bool:
        """Whether keys send orders."""
        return self.life.arming is not None and self.life.arming.armed

    def armed_for(self, symbol: str) -> bool:
        """Whether keys send orders of this pair."""
        arming = self.life.arming
        return arming is not None and arming.armed and arming.symbol == symbol

    def armed_before(self, symbol: str) -> bool:
        """Whether this pair was armed since the start."""
        return self.life.arming is not None and symbol in self.life.arming.armed_before

    @property
    def open(self) -> bool:
        """Whether orders can be cancelled, armed or not."""
        return self.life.manager is not None

    @property
    def ready(self) -> bool:
        """Whether orders could be sent, once armed."""
        return self.open and not (self.life.broken or self.life.unchecked)

    def status(self, symbol: str) -> TradingStatus:
        """Return whether keys trade the pair, why not, and the time left."""
        arming, paper, reason = self.life.arming, self._access.paper, self.why_not(symbol)
        if arming is None:
            return TradingStatus(trading_status.DISARMED, reason, paper=paper)
        word = trading_status.ARMED if arming.armed else trading_status.DISARMED
        if word == trading_status.ARMED and arming.symbol != symbol:
            word = f"{trading_status.ARMED} {arming.symbol} ONLY"
        return TradingStatus(word, reason, arming.left_ns, arming.switch_ns, paper=paper)

    def why_not(self, symbol: str) -> str:
        """Say why no order at all of the pair would be sent now; empty when one would."""
        life, arming = self.life, self.life.arming
        if life.broken or life.unchecked or arming is None:
            return life.broken or life.unchecked or _NOT_OPEN
        if not self._access.account.orders_known:
            return _STREAM_DOWN
        if not arming.armed:
            return "DISARMED: press A to arm first."
        if arming.symbol != symbol:
            return f"Armed for {arming.symbol} alone: press A to arm {symbol}."
        switch = f"The dead-man's switch is not set yet. {arming.switch_failure}".strip()
        return "" if arming.switch_ns else switch

    @property
    def switch_warning(self) -> str:
        """The consequences of near maintenance for the dead-man's switch, in sentences."""
        return "" if self.life.arming is None else self.life.arming.switch_warning

    def arm(self, symbol: str) -> None:
        """Let keys send orders of this pair, and of no other."""
        if not self.ready:
            self._tell(f"not armed: {self.why_not(symbol)}", "warn")
        elif self.life.arming is not None:
            self.panic.end()
            self.life.arming.arm(symbol)

    async def disarm(self) -> None:
        """Let no key send an order, and turn the dead-man's switch off."""
        if self.life.arming is not None:
            await self.life.arming.disarm()

    # --- reviewing and sending ------------------------------------------------------------

    def review(
        self, ticket: Ticket, market: TicketMarket, book: L3Book | None
    ) -> TicketView | None:
        """Return the ticket as it would be sent, and everything that speaks against it."""
        manager, blocked, now = self.life.manager, self.why_not(ticket.symbol), self._now()
        if manager is None:
            return None
        return self._reviewer.review(manager, ticket, market, book, blocked=blocked, now=now)

    async def send(self, ticket: Ticket, market: TicketMarket, book: L3Book | None = None) -> bool:
        """Check the order again and send it: one request at most, whatever is pressed meanwhile.

        With the `book` an amend's effect on the place in the queue is measured, beside the
        predicted one.

        Returns:
            Whether a request went out.
        """
        blocked, manager = self.why_not(ticket.symbol), self.life.manager
        if self._busy:
            blocked = "the last order is still on its way"
        if manager is None or blocked:
            self._tell(f"not sent: {blocked}", "warn")
            return False
        # A new order has no place yet: what it would have was told on the ticket.
        before = book.order(ticket.amends) if book is not None and ticket.amends else None
        predicted = self._reviewer.effect(manager, ticket, market, book) if before else None
        self._busy = True
        try:
            result = await self._deliver(manager, ticket, market)
        except KrackedError as error:
            self._tell(f"not sent: {error}", "warn")
            return False
        finally:
            self._busy = False
        self._tell(*messages.outcome(messages.order(ticket, market.instrument), result))
        acknowledged = isinstance(result, OutboxEntry) and result.state is OrderState.ACKNOWLEDGED
        if book is not None and before and predicted and acknowledged:
            place = await place_after(book, ticket.amends, before)
            if place is not None:
                text, role = measured(predicted, place)
                self._tell(f"amended order {text}", role)
        return isinstance(result, OutboxEntry)

    def review_exit(self, wanted: Exit, draft: Draft | str) -> tuple[str, str]:
        """Return the order of an exit in words, and why it cannot be sent; either may be empty.

        It is reviewed as if the pair had no open order: those are cancelled first.

        Args:
            wanted: What to do.
            draft: Its order, or why there is none.
        """
        market, blocked = wanted.market(), self.why_not(wanted.symbol)
        if blocked or isinstance(draft, str) or market is None or self.life.manager is None:
            return "", blocked or (draft if isinstance(draft, str) else _NOT_OPEN)
        return self._reviewer.review_exit(self.life.manager, draft, market)

    async def exit(self, wanted: Exit, confirmed: Draft) -> None:
        """Cancel the pair's orders, then leave the position or turn it round with one order.

        Args:
            wanted: What to do.
            confirmed: The order that was asked for: never is more sent, nor another side.
        """
        blocked = "the last order is still on its way" if self._busy else ""
        blocked = blocked or self.why_not(wanted.symbol)
        if self.life.manager is None or blocked:
            self._tell(f"{wanted.name} not begun: {blocked or _NOT_OPEN}", "warn")
            return
        self._busy = True
        try:
            await self._exits.run(
                self.life.manager, wanted, confirmed, lambda: self.why_not(wanted.symbol)
            )
        except KrackedError as error:
            self._tell(f"{wanted.name} stopped: {error}", "warn")
        finally:
            self._busy = False

    async def _deliver(
        self, manager: OrderManager, ticket: Ticket, market: TicketMarket
    ) -> OutboxEntry | OrderDeclined:
        context, limits = self._reviewer.context(market), self._reviewer.limits(manager, ticket)
        if not ticket.amends:
            return await manager.place(ticket_to_order.draft_of(ticket), context, limits)
        order = manager.working.open.get(ticket.amends)
        if order is None:
            return OrderDeclined((FailedCheck(Check.FORM, "The order is not open any more."),))
        changes = ticket_to_order.changes(ticket, order, market.instrument)
        return await manager.amend(order, context, limits, **changes)

    # --- cancelling -----------------------------------------------------------------------

    async def cancel(self, *, order_id: str, cl_ord_id: str) -> None:
        """Cancel one order, also one of unknown outcome."""
        manager = self.life.manager
        if manager is not None:
            outcome = await manager.cancel(txid=order_id or None, cl_ord_id=cl_ord_id or None)
            self._tell_cancelled("cancel", outcome)

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> bool:
        """Cancel all orders of a pair, or of one side. Returns whether the exchange confirmed."""
        if self.life.manager is None:
            return False
        outcome = await self.life.manager.cancel_pair(symbol, side)
        what = {None: "orders", Side.BID: "bids", Side.ASK: "asks"}[side]
        return self._tell_cancelled(f"cancel all {what} of {symbol}", outcome)

    async def cancel_everything(self) -> None:
        """Cancel every order of the account."""
        if self.life.manager is not None:
            self._tell_cancelled("cancel everything", await self.life.manager.cancel_all())

    async def leave(self, *, cancel: bool) -> bool:
        """Cancel own orders if asked, and turn the switch off. Returns whether all is confirmed."""
        if self.life.manager is None or self.life.arming is None:
            return True
        self.panic.end()
        self.life.arming.stop()
        own = await self.life.manager.cancel_own() if cancel else CancelOutcome()
        done = not cancel or self._tell_cancelled("cancel own orders", own)
        return done and await self.life.arming.release()

    async def abandon(self) -> None:
        """Deal with own orders as the settings say: nobody watches any more."""
        if self.life.manager is None or self.life.arming is None:
            return
        choice, orders = self._settings.when_lost, len(self.own())
        if choice is Lost.SWITCH or not await self.leave(cancel=choice is Lost.CANCEL):
            self._tell(*messages.abandoned(orders, self.life.arming.let_switch_run_out()))

    def _tell_cancelled(self, what: str, outcome: CancelOutcome) -> bool:
        """Log the outcome. Returns whether none of the orders can be open any more."""
        self._tell(*messages.cancelled(what, outcome))
        return not outcome.failed

    # --- what the screen shows ------------------------------------------------------------

    @property
    def unknown(self) -> int:
        """The number of actions of unknown outcome."""
        return len(self.life.manager.outbox.unknown()) if self.life.manager else 0

    def own(self) -> list[OwnOrder]:
        """Return the open orders this program placed."""
        if self.life.manager is None:
            return []
        outbox = self.life.manager.outbox
        return [order for order in self.life.manager.working if (order.cl_ord_id or "") in outbox]

    def sent(self) -> tuple[Sent, ...]:
        """Return the actions that have not ended, and those that just have; oldest first."""
        if self.life.manager is None:
            return ()
        outbox, now = self.life.manager.outbox, self._now()
        pending = {entry.id: entry for entry in outbox.pending()}
        for id_ in sorted(self._pending - pending.keys()):
            txid = outbox[id_].txid
            amends = [
                entry
                for entry in outbox
                if entry.target and entry.target == txid and entry.state is OrderState.ACKNOWLEDGED
            ]
            self._ended.append(ticket_to_order.sent_of(outbox[id_], amends))
        self._pending = frozenset(pending)
        fresh = [sent for sent in self._ended if now - sent.since < _ENDED_FOR_NS]
        return (*fresh, *map(ticket_to_order.sent_of, pending.values()))

    def rates(self, symbol: str, touched: int | None) -> RateView | None:
        """Return the pair's rate counter, and the age of an order last changed at `touched`, ns."""
        if self.life.manager is None:
            return None
        count, room = self.life.manager.rate(symbol)
        age = None if touched is None else max(0, self._now() - touched)
        return RateView(count, self.life.manager.engine.tier.threshold, room, age)
