"""The trader: takes what the screen wrote, checks it, sends it once, and says what became of it.

It owns the desk with its outbox, and whether the monitor is armed. It draws nothing and
knows no key; every answer is words.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from kracked.errors import KrackedError
from kracked.instruments import Instrument
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
from kracked_tui import error_boundary
from kracked_tui.config import Lost, Trading
from kracked_tui.error_boundary import endured, told
from kracked_tui.sources.base import Access
from kracked_tui.trader import logbook, messages, ticket_to_order
from kracked_tui.trader.account_terms import AccountTerms
from kracked_tui.trader.arming import Arming, Tell
from kracked_tui.trader.await_amend import place_after
from kracked_tui.trader.order_review import Reviewer
from kracked_tui.trader.presets import Presets
from kracked_tui.trader.ticket_to_order import MarketMoment
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.account.rates import RateView
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.chrome.trading_status import TradingStatus
from kracked_tui.view.queue.queue_effect import measured
from kracked_tui.view.ticket.ticket import Ticket
from kracked_tui.view.ticket.ticket_lines import TicketView

if TYPE_CHECKING:
    from kracked.book.l3 import L3Book

log = logging.getLogger(__name__)

_STOPPED = (
    "Start the monitor again to trade or cancel; a dead-man's switch that is on cancels by itself."
)
_UNSETTLED = "orders are not looked up any more, start the monitor again"
_SHOWN_ENDED = 6
_ENDED_FOR_NS = 60 * NS_PER_S
"""How long an order that has ended stays on the screen with its outcome."""


class Trader:
    """One per program. `run` lives as long as the source; the rest may be called at any time."""

    def __init__(
        self, access: Access, settings: Trading, *, tell: Tell, now: Callable[[], int]
    ) -> None:
        self._access, self._settings, self._shown, self._now = access, settings, tell, now
        self._terms, self._presets = AccountTerms(access.client), Presets(settings.sizes)
        self._reviewer = Reviewer(access, self._terms, self._presets)
        self._timing = RequestTiming(clock=now)
        self._desk: OrderManager | None = None
        self._arming: Arming | None = None
        self._closed = "Asking the exchange what the key may do."
        """Why there is no desk."""
        self._busy = False
        self._pending: frozenset[str] = frozenset()
        self._ended: deque[Sent] = deque(maxlen=_SHOWN_ENDED)

    # --- life -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Opens the desk and keeps it until cancelled. What it cannot do, `standing` says."""
        with logbook.written(self._access.outbox.parent):
            await self._run()

    async def _run(self) -> None:
        access, settings = self._access, self._settings
        limits = Limits(
            max_qty=settings.max_qty,
            max_notional=settings.max_notional,
            max_distance_percent=settings.max_distance_percent,
        )
        try:
            await self._terms.learn(self._wait)
            with open_order_manager(
                access.client,
                access.outbox,
                limits=limits,
                account=access.account,
                pairs=self._terms.pairs,
                fees=self._terms.fees,
                timing=self._timing,
            ) as desk:
                await self._trade(desk)
        except KrackedError as error:
            self._closed = str(error)
            self._tell(self._closed, "warn")
        except Exception as error:  # the screen stays, and says what it cannot do any more
            told(error, self._tell, "TRADING HAS STOPPED")
            self._closed = f"Trading has stopped: {error_boundary.words(error)}. {_STOPPED}"

    def _wait(self, reason: str) -> None:
        self._closed = reason

    def _tell(self, text: str, role: str) -> None:
        """On the screen, and in the log file: that one is still there when the terminal is not."""
        level = logging.WARNING if role == "warn" else logging.INFO
        log.log(level, "told", extra={"text": text})
        self._shown(text, role)

    async def _trade(self, desk: OrderManager) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                # Without it unknown orders go on blocking; cancels must go on too.
                settling = endured(desk.reconciler.run(), self._tell, _UNSETTLED)
                tasks.create_task(settling, name="settler")
                tasks.create_task(self._listen(desk), name="own reports")
                self._arming = Arming(
                    DeadManSwitch(self._access.client, timing=self._timing),
                    tasks,
                    minutes=self._settings.armed_min,
                    tell=self._tell,
                    now=self._now,
                )
                self._desk, self._closed = desk, ""
                desk.outbox.on_settled = lambda entry: self._tell(*messages.settled(entry))
                self._tell_unsettled(desk)
        finally:
            self._desk, self._arming, self._closed = None, None, "The desk is closed."

    def _tell_unsettled(self, desk: OrderManager) -> None:
        count = len(desk.outbox.unknown())
        if count:
            noun = "order" if count == 1 else "orders"
            self._tell(f"{count} {noun} of the last run: looking up what became of them", "warn")

    async def _listen(self, desk: OrderManager) -> None:
        """Every report of the account to the desk, in order and none left out."""
        assert self._access.reports is not None
        with self._access.reports as reports:
            while batch := await reports.batch():
                for event in batch:
                    try:
                        self._hear(desk, event)
                    except Exception as error:  # the next report is heard all the same
                        told(error, self._tell, "own orders may be shown wrong")

    def _hear(self, desk: OrderManager, event: events.Event) -> None:
        match event:
            case events.Executions():
                desk.apply(event)
                for report in () if event.snapshot else event.reports:
                    if report.get("exec_type") == "trade":
                        self._tell(*messages.fill(report))
            case events.Subscribed(channel="executions", max_rate_count=int(most)):
                desk.engine.tier = tier_of(most)
            case events.Overflow():
                for entry in desk.outbox.pending():
                    desk.reconciler.recheck(entry)

    # --- whether it can -------------------------------------------------------------------

    @property
    def armed(self) -> bool:
        return self._arming is not None and self._arming.armed

    @property
    def armed_before(self) -> bool:
        return self._arming is not None and self._arming.ever

    @property
    def open(self) -> bool:
        """Whether orders can be cancelled, armed or not."""
        return self._desk is not None

    def standing(self) -> TradingStatus:
        word = trading_status.ARMED if self.armed else trading_status.DISARMED
        if self._arming is None:
            return TradingStatus(word, self.why_not())
        return TradingStatus(word, self.why_not(), self._arming.left_ns, self._arming.switch_ns)

    def why_not(self) -> str:
        """Why no order at all would be sent now; empty when one would."""
        if self._closed or self._arming is None:
            return self._closed
        if not self._access.account.orders_known:
            return "The account's stream is down; new orders wait for it, cancels do not."
        if not self._arming.armed:
            return "DISARMED: press A to arm first."
        if not self._arming.switch_ns:
            return f"The dead-man's switch is not set yet. {self._arming.switch_failure}".strip()
        return ""

    def arm(self) -> None:
        """From now on keys send orders."""
        if self._arming is not None:
            self._arming.arm()

    async def disarm(self) -> None:
        if self._arming is not None:
            await self._arming.disarm()

    # --- reviewing and sending ------------------------------------------------------------

    def look(self, ticket: Ticket, moment: MarketMoment, book: L3Book | None) -> TicketView | None:
        """The ticket as it would be sent, and everything that speaks against it."""
        if self._desk is None:
            return None
        look = self._reviewer.look
        blocked, at = self.why_not(), self._now()
        return look(self._desk, ticket, moment, book, blocked=blocked, at=at)

    async def send(self, ticket: Ticket, moment: MarketMoment, book: L3Book | None = None) -> bool:
        """One request at most, whatever is pressed meanwhile; says whether one went out.

        With the `book` an amend's effect on the place is measured, beside what was foretold.
        """
        blocked = self.why_not()
        if self._busy:
            blocked = "the last order is still on its way"
        if self._desk is None or blocked:
            self._tell(f"not sent: {blocked}", "warn")
            return False
        foretold = self._reviewer.effect(self._desk, ticket, moment, book)
        before = book.order(ticket.amends) if book else None
        self._busy = True
        try:
            result = await self._deliver(self._desk, ticket, moment)
        except KrackedError as error:
            self._tell(f"not sent: {error}", "warn")
            return False
        finally:
            self._busy = False
        self._tell(*messages.outcome(messages.order(ticket, moment.instrument), result))
        acknowledged = isinstance(result, OutboxEntry) and result.state is OrderState.ACKNOWLEDGED
        if book and before and acknowledged:
            place = await place_after(book, ticket.amends, before)
            if place is not None:
                text, role = measured(foretold, place)
                self._tell(f"amended order {text}", role)
        return isinstance(result, OutboxEntry)

    async def _deliver(
        self, desk: OrderManager, ticket: Ticket, moment: MarketMoment
    ) -> OutboxEntry | OrderDeclined:
        now = self._reviewer.situation(moment)
        if not ticket.amends:
            return await desk.place(
                ticket_to_order.draft_of(ticket), now, self._reviewer.limits(desk, ticket)
            )
        order = desk.working.get(ticket.amends)
        if order is None:
            return OrderDeclined((FailedCheck(Check.FORM, "The order is not open any more."),))
        change = ticket_to_order.changes(ticket, order, moment.instrument)
        return await desk.amend(order, now, self._reviewer.limits(desk, ticket), **change)

    async def learn_fees(self, symbol: str) -> None:
        await self._terms.learn_fees(symbol)

    @property
    def dearest_fee(self) -> Decimal:
        return self._terms.dearest_fee

    # --- cancelling -----------------------------------------------------------------------

    async def cancel(self, *, order_id: str, cl_ord_id: str) -> None:
        """One order, also one of unknown outcome."""
        if self._desk is not None:
            outcome = await self._desk.cancel(txid=order_id or None, cl_ord_id=cl_ord_id or None)
            self._tell_cancelled("cancel", outcome)

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> bool:
        """All of a pair, or of one side of it; whether the exchange has answered."""
        if self._desk is None:
            return False
        outcome = await self._desk.cancel_pair(symbol, side)
        what = {None: "orders", Side.BID: "bids", Side.ASK: "asks"}[side]
        return self._tell_cancelled(f"cancel all {what} of {symbol}", outcome)

    async def cancel_everything(self) -> None:
        if self._desk is not None:
            self._tell_cancelled("cancel everything", await self._desk.cancel_all())

    async def panic(self, symbol: str) -> None:
        """Cancel the pair at once and disarm. A switch that may still be needed is let run out."""
        if self._arming is None:
            return
        self._arming.stop()
        answered, known = await self.cancel_pair(symbol), self._access.account.orders_known
        if answered and known:
            await self._arming.disarm("panic")
            return
        why = "own orders are not all known" if answered else "not all confirmed"
        self._tell(*messages.panic(why, self._arming.let_run()))

    async def leave(self, *, cancel: bool) -> bool:
        """Before the program ends: whether all that was asked for is confirmed."""
        if self._desk is None or self._arming is None:
            return True
        self._arming.stop()
        own = await self._desk.cancel_own() if cancel else CancelOutcome()
        done = not cancel or self._tell_cancelled("cancel own orders", own)
        return done and await self._arming.release()

    async def abandon(self) -> None:
        """The terminal is gone, or the program was told to end: what the settings say is done."""
        if self._desk is None or self._arming is None:
            return
        choice, orders = self._settings.when_lost, len(self.own())
        if choice is Lost.SWITCH or not await self.leave(cancel=choice is Lost.CANCEL):
            self._tell(*messages.abandoned(orders, self._arming.let_run()))

    def _tell_cancelled(self, what: str, outcome: CancelOutcome) -> bool:
        """Says it; whether the exchange has answered."""
        self._tell(*messages.cancelled(what, outcome))
        return messages.answered(outcome)

    # --- what the screen asks -------------------------------------------------------------

    @property
    def unknown(self) -> int:
        """How many actions have an outcome that is not known."""
        return len(self._desk.outbox.unknown()) if self._desk else 0

    def own(self) -> list[OwnOrder]:
        """Open orders this program placed."""
        if self._desk is None:
            return []
        outbox = self._desk.outbox
        return [order for order in self._desk.working if (order.cl_ord_id or "") in outbox]

    def sent(self) -> tuple[Sent, ...]:
        """All of the outbox that has not ended, and what has just ended; oldest first."""
        if self._desk is None:
            return ()
        outbox, now = self._desk.outbox, self._now()
        pending = {entry.id: entry for entry in outbox.pending()}
        for id_ in sorted(self._pending - pending.keys()):
            self._ended.append(ticket_to_order.sent_of(outbox[id_], self._amends(outbox[id_])))
        self._pending = frozenset(pending)
        fresh = [sent for sent in self._ended if now - sent.since < _ENDED_FOR_NS]
        return (*fresh, *map(ticket_to_order.sent_of, pending.values()))

    def _amends(self, order: OutboxEntry) -> list[OutboxEntry]:
        """Those of an order that took effect."""
        outbox = self._desk.outbox if self._desk else ()
        return [
            each
            for each in outbox
            if each.target and each.target == order.txid and each.state is OrderState.ACKNOWLEDGED
        ]

    def rates(self, symbol: str, touched: int | None) -> RateView | None:
        """The pair's rate counter, with the age of the order last touched at `touched`."""
        if self._desk is None:
            return None
        count, room = self._desk.rate(symbol)
        age = None if touched is None else max(0, self._now() - touched)
        return RateView(count, self._desk.engine.tier.threshold, room, age)

    def moment(
        self, instrument: Instrument, bid: int | None, ask: int | None, *, trusted: bool
    ) -> MarketMoment:
        return MarketMoment(instrument, bid, ask, trusted)

    def size(self, moment: MarketMoment) -> int:
        """What the next order is for, scaled."""
        return self._presets.size(moment)

    def choose_size(self, number: int) -> None:
        """From 1."""
        self._presets.choose(number)
