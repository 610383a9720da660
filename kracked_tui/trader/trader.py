"""The trader: takes the ticket, checks it, sends it once, and reports the outcome.

It owns the order manager with its outbox, and whether the monitor is armed. It draws nothing
and knows no key; every answer is words.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from kracked.errors import KrackedError
from kracked.orders import (
    CancelOutcome,
    Check,
    DeadManSwitch,
    FailedCheck,
    Limits,
    OrderDeclined,
    OrderManager,
    OrderState,
    OutboxEntry,
    open_order_manager,
)
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.protocol.limits import tier_of
from kracked.protocol.own_orders import OwnOrder
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from kracked_tui.config import Lost, Trading
from kracked_tui.error_boundary import Tell, error_text, report_error, reporting_errors
from kracked_tui.sources.base import Access
from kracked_tui.trader import messages, ticket_to_order
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.arming import Arming
from kracked_tui.trader.monitor_log import monitor_log
from kracked_tui.trader.order_review import Reviewer, place_after
from kracked_tui.trader.presets import Presets
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.account.rates import RateView
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.queue.queue_effect import measured
from kracked_tui.view.ticket.ticket import Ticket, TicketMarket
from kracked_tui.view.ticket.ticket_lines import TicketView

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book

log = logging.getLogger(__name__)

_STOPPED = (
    "Start the monitor again to trade or cancel; a dead-man's switch that is on cancels by itself."
)
_NOT_LOOKED_UP = "orders are not looked up any more, start the monitor again"
_SHOWN_ENDED = 6
_ENDED_FOR_NS = 60 * NS_PER_S
"""How long an order that has ended stays on the screen with its outcome."""


class Trader:
    """One per program. `run` lives as long as the source; the rest may be called at any time."""

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
        self.terms, self.presets = AccountTerms(access.client), Presets(settings.sizes)
        self._reviewer = Reviewer(access, self.terms, self.presets)
        self._timing = RequestTiming(clock=now)
        self._manager: OrderManager | None = None
        self._arming: Arming | None = None
        self._unavailable = "Asking the exchange what the key may do."
        """Why there is no order manager."""
        self._busy = False
        self._pending: frozenset[str] = frozenset()
        self._ended: deque[Sent] = deque(maxlen=_SHOWN_ENDED)

    # --- life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Open the order manager and keep it until cancelled; `status` says why there is none."""

        def waiting(reason: str) -> None:
            """Show why there is no order manager yet."""
            self._unavailable = reason

        access, settings = self._access, self._settings
        limits = Limits(
            max_qty=settings.max_qty,
            max_notional=settings.max_notional,
            max_distance_percent=settings.max_distance_percent,
        )
        with monitor_log(access.outbox.parent):
            try:
                await self.terms.learn(waiting)
                with open_order_manager(
                    access.client,
                    access.outbox,
                    limits=limits,
                    account=access.account,
                    pairs=self.terms.pairs,
                    fees=self.terms.fees,
                    timing=self._timing,
                ) as manager:
                    await self._trade(manager)
            except KrackedError as error:
                self._unavailable = str(error)
                self._tell(self._unavailable, "warn")
            except Exception as error:  # the screen stays, and says what does not work any more
                report_error(error, self._tell, "TRADING HAS STOPPED")
                self._unavailable = f"Trading has stopped: {error_text(error)}. {_STOPPED}"

    def _tell(self, text: str, role: str) -> None:
        """Write to the log on the screen, and to the log file, which outlives the terminal."""
        level = logging.WARNING if role == "warn" else logging.INFO
        log.log(level, "shown", extra={"text": text})
        self._show(text, role)

    async def _trade(self, manager: OrderManager) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                # Where it fails, orders of unknown outcome block new ones; cancels must go on.
                look_up = reporting_errors(manager.reconciler.run(), self._tell, _NOT_LOOKED_UP)
                tasks.create_task(look_up, name="unknown orders")
                tasks.create_task(self._listen(manager), name="own reports")
                self._arming = Arming(
                    DeadManSwitch(
                        self._access.client,
                        timing=self._timing,
                        maintenance=self._access.maintenance,
                    ),
                    tasks,
                    minutes=self._settings.armed_min,
                    tell=self._tell,
                    now=self._now,
                )
                manager.maintenance = self._access.maintenance
                self._manager, self._unavailable = manager, ""
                manager.outbox.on_settled = lambda entry: self._tell(*messages.resolved(entry))
                if count := len(manager.outbox.unknown()):
                    noun = "order" if count == 1 else "orders"
                    text = f"{count} {noun} of the last run: looking up what became of them"
                    self._tell(text, "warn")
        finally:
            self._manager, self._arming, self._unavailable = None, None, "Trading is closed."

    async def _listen(self, manager: OrderManager) -> None:
        """Hand every report of the account to the manager, in order and none left out."""
        assert self._access.reports is not None
        with self._access.reports as reports:
            while batch := await reports.batch():
                for event in batch:
                    try:
                        self._apply_report(manager, event)
                    except Exception as error:  # the next report is applied all the same
                        report_error(error, self._tell, "own orders may be shown wrong")

    def _apply_report(self, manager: OrderManager, event: events.Event) -> None:
        match event:
            case events.Executions():
                manager.apply(event)
                for report in () if event.snapshot else event.reports:
                    if report.get("exec_type") == "trade":
                        self._tell(*messages.fill(report))
            case events.Subscribed(channel="executions", max_rate_count=int(maximum)):
                manager.engine.tier = tier_of(maximum)
            case events.Overflow():
                for entry in manager.outbox.pending():
                    manager.reconciler.recheck(entry)

    # --- whether it can trade -------------------------------------------------------------

    @property
    def armed_min(self) -> int:
        """Minutes that arming lasts."""
        return self._settings.armed_min

    @property
    def armed(self) -> bool:
        """Whether keys send orders."""
        return self._arming is not None and self._arming.armed

    @property
    def armed_before(self) -> bool:
        """Whether it was armed since the start."""
        return self._arming is not None and self._arming.armed_before

    @property
    def open(self) -> bool:
        """Whether orders can be cancelled, armed or not."""
        return self._manager is not None

    def status(self) -> TradingStatus:
        """Return whether keys trade, why not, and the time left."""
        word = trading_status.ARMED if self.armed else trading_status.DISARMED
        if self._arming is None:
            return TradingStatus(word, self.why_not())
        return TradingStatus(word, self.why_not(), self._arming.left_ns, self._arming.switch_ns)

    def why_not(self) -> str:
        """Say why no order at all would be sent now; empty when one would."""
        if self._unavailable or self._arming is None:
            return self._unavailable
        if not self._access.account.orders_known:
            return "The account's stream is down; new orders wait for it, cancels do not."
        if not self._arming.armed:
            return "DISARMED: press A to arm first."
        if not self._arming.switch_ns:
            return f"The dead-man's switch is not set yet. {self._arming.switch_failure}".strip()
        return ""

    @property
    def switch_warning(self) -> str:
        """What near maintenance makes of the dead-man's switch, in sentences."""
        return "" if self._arming is None else self._arming.switch_warning

    def arm(self) -> None:
        """Let keys send orders."""
        if self._arming is not None:
            self._arming.arm()

    async def disarm(self) -> None:
        """Let no key send an order, and turn the dead-man's switch off."""
        if self._arming is not None:
            await self._arming.disarm()

    # --- reviewing and sending ------------------------------------------------------------

    def review(
        self, ticket: Ticket, market: TicketMarket, book: L3Book | None
    ) -> TicketView | None:
        """Return the ticket as it would be sent, and everything that speaks against it."""
        if self._manager is None:
            return None
        blocked, now = self.why_not(), self._now()
        return self._reviewer.review(self._manager, ticket, market, book, blocked=blocked, now=now)

    async def send(self, ticket: Ticket, market: TicketMarket, book: L3Book | None = None) -> bool:
        """Check the order again and send it: one request at most, whatever is pressed meanwhile.

        With the `book` an amend's effect on the place in the queue is measured, beside the
        predicted one.

        Returns:
            Whether a request went out.
        """
        blocked = self.why_not()
        if self._busy:
            blocked = "the last order is still on its way"
        if self._manager is None or blocked:
            self._tell(f"not sent: {blocked}", "warn")
            return False
        predicted = self._reviewer.effect(self._manager, ticket, market, book)
        before = book.order(ticket.amends) if book else None
        self._busy = True
        try:
            result = await self._deliver(self._manager, ticket, market)
        except KrackedError as error:
            self._tell(f"not sent: {error}", "warn")
            return False
        finally:
            self._busy = False
        self._tell(*messages.outcome(messages.order(ticket, market.instrument), result))
        acknowledged = isinstance(result, OutboxEntry) and result.state is OrderState.ACKNOWLEDGED
        if book and before and acknowledged:
            place = await place_after(book, ticket.amends, before)
            if place is not None:
                text, role = measured(predicted, place)
                self._tell(f"amended order {text}", role)
        return isinstance(result, OutboxEntry)

    async def _deliver(
        self, manager: OrderManager, ticket: Ticket, market: TicketMarket
    ) -> OutboxEntry | OrderDeclined:
        context, limits = self._reviewer.context(market), self._reviewer.limits(manager, ticket)
        if not ticket.amends:
            return await manager.place(ticket_to_order.draft_of(ticket), context, limits)
        order = manager.working.get(ticket.amends)
        if order is None:
            return OrderDeclined((FailedCheck(Check.FORM, "The order is not open any more."),))
        changes = ticket_to_order.changes(ticket, order, market.instrument)
        return await manager.amend(order, context, limits, **changes)

    # --- cancelling -----------------------------------------------------------------------

    async def cancel(self, *, order_id: str, cl_ord_id: str) -> None:
        """Cancel one order, also one of unknown outcome."""
        if self._manager is not None:
            outcome = await self._manager.cancel(txid=order_id or None, cl_ord_id=cl_ord_id or None)
            self._tell_cancelled("cancel", outcome)

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> bool:
        """Cancel all orders of a pair, or of one side. Returns whether the exchange confirmed."""
        if self._manager is None:
            return False
        outcome = await self._manager.cancel_pair(symbol, side)
        what = {None: "orders", Side.BID: "bids", Side.ASK: "asks"}[side]
        return self._tell_cancelled(f"cancel all {what} of {symbol}", outcome)

    async def cancel_everything(self) -> None:
        """Cancel every order of the account."""
        if self._manager is not None:
            self._tell_cancelled("cancel everything", await self._manager.cancel_all())

    async def panic(self, symbol: str) -> None:
        """Cancel the pair at once and disarm. A switch that may still be needed is left on."""
        if self._arming is None:
            return
        self._arming.stop()
        confirmed, known = await self.cancel_pair(symbol), self._access.account.orders_known
        if confirmed and known:
            await self._arming.disarm("panic")
            return
        why = "own orders are not all known" if confirmed else "not all confirmed"
        self._tell(*messages.panic(why, self._arming.let_switch_run_out()))

    async def leave(self, *, cancel: bool) -> bool:
        """Cancel own orders if asked, and turn the switch off. Returns whether all is confirmed."""
        if self._manager is None or self._arming is None:
            return True
        self._arming.stop()
        own = await self._manager.cancel_own() if cancel else CancelOutcome()
        done = not cancel or self._tell_cancelled("cancel own orders", own)
        return done and await self._arming.release()

    async def abandon(self) -> None:
        """Deal with own orders as the settings say: nobody watches any more."""
        if self._manager is None or self._arming is None:
            return
        choice, orders = self._settings.when_lost, len(self.own())
        if choice is Lost.SWITCH or not await self.leave(cancel=choice is Lost.CANCEL):
            self._tell(*messages.abandoned(orders, self._arming.let_switch_run_out()))

    def _tell_cancelled(self, what: str, outcome: CancelOutcome) -> bool:
        """Log the outcome. Returns whether none of the orders can be open any more."""
        self._tell(*messages.cancelled(what, outcome))
        return not outcome.failed

    # --- what the screen shows ------------------------------------------------------------

    @property
    def unknown(self) -> int:
        """The number of actions of unknown outcome."""
        return len(self._manager.outbox.unknown()) if self._manager else 0

    def own(self) -> list[OwnOrder]:
        """Return the open orders this program placed."""
        if self._manager is None:
            return []
        outbox = self._manager.outbox
        return [order for order in self._manager.working if (order.cl_ord_id or "") in outbox]

    def sent(self) -> tuple[Sent, ...]:
        """Return the actions that have not ended, and those that just have; oldest first."""
        if self._manager is None:
            return ()
        outbox, now = self._manager.outbox, self._now()
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
        if self._manager is None:
            return None
        count, room = self._manager.rate(symbol)
        age = None if touched is None else max(0, self._now() - touched)
        return RateView(count, self._manager.engine.tier.threshold, room, age)
