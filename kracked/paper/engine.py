"""The paper engine: an account's orders in a real market that does not know of them.

It opens nothing and reads no clock: market events and requests come in with their times, answers
and execution reports come out. Resting orders are ghosts of `kracked.flow`; takers take the
visible book at the moment of arrival. Nothing is decided from a book that is not verified: a
hole in the data makes what rests `unknown`, and it is never filled after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from kracked.book.l2 import L2Book
from kracked.book.queue import QueuePosition
from kracked.flow import Ledger, Link, OrderFlow, Outcome, Settled, Taker
from kracked.paper.account import PaperAccount
from kracked.paper.account_events import AnyAccountEvent, PaperOrder, SwitchSet
from kracked.paper.amends import Amends
from kracked.paper.cancels import Cancels
from kracked.paper.market import SymbolMarket
from kracked.paper.order_entry import OrderEntry
from kracked.paper.reports import USER_REQUESTED, rows
from kracked.paper.requests import (
    Answer,
    CancelAllRequest,
    CancelRequest,
    ExpiryRequest,
    Report,
    Request,
    Requests,
    StartRequest,
    SwitchRequest,
)
from kracked.paper.terms import (
    Latency,
    PaperAmend,
    PaperRefusal,
    PaperRequest,
    PaperState,
    PlaceBounds,
)
from kracked.protocol import events
from kracked.protocol.events import Event

NOT_RUNNING = "unknown: the paper engine did not run while it was open"
TIMED_OUT = "Cancel all orders after"

_MARKET_DATA = (events.L3Snapshot, events.L3Update, events.Trades)


class PaperEngine:
    """Trades one account on paper.

    Attributes:
        account: The account.
        flow: The ledgers of the market's orders.
        latency: How long requests take.
    """

    def __init__(
        self,
        account: PaperAccount,
        flow: OrderFlow,
        *,
        now: int,
        verified: Callable[[str], bool],
        levels: Callable[[str], L2Book | None] | None = None,
        latency: Latency | None = None,
        record: Callable[[AnyAccountEvent], None] | None = None,
    ) -> None:
        """Begin to trade; what was open in an account that is replayed becomes unknown.

        Args:
            account: New, or replayed from its log.
            flow: The ledgers; the engine gives them every event.
            now: On the clock of the events' `received`.
            verified: Whether the book of a symbol is verified just now.
            levels: Returns a symbol's level 2 book, as it is when an event is applied. With it
                the engine works from level 2: places are bounded, and fills follow the worst.
            latency: How long requests take; by default none.
            record: Writes an event down before it is applied. When it raises, stop, and begin
                anew from what is written: the account has not changed, but the market moved on.
        """
        self.account, self.flow = account, flow
        self.latency = latency or Latency()
        self._verified, self._levels = verified, levels
        self._record = record or (lambda _: None)
        self._markets: dict[str, SymbolMarket] = {}
        self._misfits: set[str] = set()
        """Symbols whose numbers have another scale than the account's instrument."""
        self._requests = Requests()
        self._news: list[Answer | Report] = []
        self._entry = OrderEntry(account, self._put)
        self._amends = Amends(account, self._entry, self._put)
        self._cancels = Cancels(account, self._entry, self._markets, self._news.append)
        for order in tuple(account.open.values()):
            self._schedule(order)
            # An order that is taken up again is unknown, unless its time is yet to come.
            later = (order.request.start_at or 0) > now
            if order.state is not PaperState.UNKNOWN and not (not order.started and later):
                self._entry.obscure(order.order_id, NOT_RUNNING, now)

    def _schedule(self, order: PaperOrder) -> None:
        """Note when an order begins and ends by itself."""
        request = order.request
        if not order.started and request.start_at is not None:
            self._requests.send(StartRequest(order.order_id), request.start_at)
        if request.expire_at is not None:
            self._requests.send(ExpiryRequest(order.order_id), request.expire_at)

    # --- requests -----------------------------------------------------------------------------

    def submit(self, request: PaperRequest, now: int) -> int:
        """Send an order; return the ticket of its answer, which comes with a later call."""
        return self._requests.send(request, now + self.latency.submit)

    def amend(self, request: PaperAmend, now: int) -> int:
        """Send new terms of an order; return the ticket of the answer."""
        return self._requests.send(request, now + self.latency.amend)

    def cancel(self, order_id: str, now: int) -> int:
        """Send the end of an order; return the ticket of the answer."""
        return self._requests.send(CancelRequest(order_id), now + self.latency.cancel)

    def cancel_all(self, now: int) -> int:
        """Send the end of every order; return the ticket of the answer."""
        return self._requests.send(CancelAllRequest(), now + self.latency.cancel)

    def cancel_all_after(self, timeout: int | None, now: int) -> int:
        """Set the dead-man's switch; return the ticket of the answer.

        Args:
            timeout: ns after its arrival when everything is cancelled; None disarms it.
            now: On the clock of the events' `received`.
        """
        return self._requests.send(SwitchRequest(timeout), now + self.latency.cancel)

    def bought_for(self, symbol: str, cash: int) -> int:
        """Return the quantity that a market buy of a value would get from the visible book now.

        Args:
            symbol: The pair.
            cash: The value, scaled by the decimals of price and quantity.
        """
        market = self._market(symbol)
        if market is None or not market.ready:
            return 0
        return market.visible.bought_for(cash)

    # --- time and the market ------------------------------------------------------------------

    def apply(self, event: Event) -> list[Answer | Report]:
        """Let requests arrive that came before an event, then apply it; return what followed.

        Give it every event of the feed, in order.
        """
        self._advance(event.received)
        if isinstance(event, _MARKET_DATA):
            self._look_at(event)
        elif isinstance(event, events.Ticker):
            self._learn_last(event)
        elif self._levels is not None:
            self._look_at_levels(event)
            self._follow(self.flow.elapse(event.received), event.received)
        self._follow(self.flow.apply(event), event.received)
        return self._told()

    def elapse(self, now: int) -> list[Answer | Report]:
        """Let requests arrive and decide what has waited long enough; return what followed.

        Call it after a request without latency, and some times a second on a quiet feed.
        """
        self._advance(now)
        self._follow(self.flow.elapse(now), now)
        return self._told()

    def _told(self) -> list[Answer | Report]:
        news = self._news[:]
        self._news.clear()
        return news

    def _look_at(self, event: events.L3Snapshot | events.L3Update | events.Trades) -> None:
        """Note numbers of another scale, and trades that are missing."""
        instrument = self.account.instruments.get(event.symbol)
        if instrument is None:
            return
        market, misfits = self._market(event.symbol), event.precision != instrument.precision
        if misfits:
            self._misfits.add(event.symbol)
        elif self._misfits:
            self._misfits.discard(event.symbol)
        if market is None:
            return
        if misfits:
            self._cancels.obscure(market, "unknown: the pair's precision has changed", waiting=True)
        elif isinstance(event, events.Trades) and market.look_at(event):
            self._cancels.obscure(market, "unknown: trades are missing", waiting=True)

    def _learn_last(self, event: events.Ticker) -> None:
        """Take the last price from a ticker, before the first trade that is seen."""
        instrument = self.account.instruments.get(event.symbol)
        if instrument is None or event.precision != instrument.precision:
            return
        market = self._market(event.symbol)
        if market is not None and not market.last:
            market.last = event.last or 0

    def _look_at_levels(self, event: Event) -> None:
        """Follow level 2, and say what its loss makes unknown."""
        lost: Iterable[SymbolMarket | None] = ()
        match event:
            case events.BookSnapshot() | events.BookUpdate():
                market = self._market(event.symbol)
                if market is not None:
                    market.follow(event)
            case events.Resync(channel="book"):
                lost = (self._markets.get(event.symbol),)
            case events.Reconnecting(connection=name) if name.startswith("public"):
                lost = self._markets.values()
            case events.Overflow():
                lost = self._markets.values()
        for market in lost:
            if market is not None:
                reason = "unknown: level 2 was lost while it rested"
                self._cancels.obscure(market, reason, waiting=False)

    def _follow(self, outcomes: list[Outcome], now: int) -> None:
        """Follow the market by what its ledgers tell."""
        market, symbol = None, ""
        for outcome in outcomes:
            kind = type(outcome)
            if kind is Link or kind is Settled:
                continue
            if outcome.symbol != symbol:
                symbol = outcome.symbol
                market = self._market(symbol)
            if market is None:
                continue
            for order_id, fill in market.apply(outcome):
                self._entry.fill(market, order_id, fill)
            if market.holed:
                market.holed = False
                self._cancels.obscure(
                    market, "unknown: level 3 was lost while it rested", waiting=False
                )
            if kind is Taker:
                for price, time in market.new_prices():
                    self._entry.trigger_waiting(market, price, time)
        self._settle(now)

    def _settle(self, now: int) -> None:
        """Decide what waits for the takers of before."""
        for market in self._markets.values():
            if market.idle:
                continue
            for order_id, fill in market.settle(now):
                self._entry.fill(market, order_id, fill)
            if market.ending:
                self._cancels.end_decided(market, now)

    def _market(self, symbol: str) -> SymbolMarket | None:
        """Return a symbol's market; None for one that is not traded or not seen yet."""
        if symbol not in self.account.instruments:
            return None
        if self._levels is not None:
            self.flow.ledgers.setdefault(symbol, Ledger(symbol, 0))
        ledger = self.flow.ledgers.get(symbol)
        if ledger is None:
            return None
        market = self._markets.get(symbol)
        if market is None or market.ledger is not ledger:
            if market is not None:
                self._cancels.obscure(market, "unknown: level 3 began anew", waiting=False)
            market = self._markets[symbol] = SymbolMarket(
                ledger,
                lambda: self._knows(symbol),
                levels=partial(self._levels, symbol) if self._levels is not None else None,
            )
        return market

    def _knows(self, symbol: str) -> bool:
        """Whether a symbol's book is verified and has the scale of its instrument."""
        if self._levels is not None:
            book = self._levels(symbol)
            if book is None or book.precision != self.account.instruments[symbol].precision:
                return False
        return symbol not in self._misfits and self._verified(symbol)

    # --- arrivals -----------------------------------------------------------------------------

    def _advance(self, now: int) -> None:
        """Let everything happen that is due: requests, and the dead-man's switch between them."""
        while True:
            arrival, deadline = self._requests.next_arrival, self.account.deadline
            if deadline is not None and deadline <= now and deadline <= (arrival or deadline):
                self._put(SwitchSet(time=deadline, deadline=None))
                self._cancels.cancel_all(TIMED_OUT, deadline)
            elif arrival is not None and arrival <= now:
                for at, ticket, request in self._requests.due(arrival):
                    self._arrive(at, ticket, request)
            else:
                return

    def _arrive(self, time: int, ticket: int, request: Request) -> None:
        """Carry a request out, and answer it."""
        order_id: str | None = None
        count = 0
        try:
            match request:
                case PaperRequest():
                    market = self._market(request.symbol)
                    order_id = self._entry.place(market, request, time)
                    if (placed := self.account.open.get(order_id)) is not None:
                        self._schedule(placed)
                case PaperAmend():
                    order_id = request.order_id
                    order = self._cancels.open(order_id)
                    if request.qty is not None and 0 < request.qty <= order.filled:
                        self._cancels.cancel(order, USER_REQUESTED, time, None)
                    else:
                        market = self._market(order.request.symbol)
                        self._amends.amend(market, order, request, time)
                case CancelRequest():
                    order = self._cancels.open(request.order_id)
                    self._cancels.cancel(order, USER_REQUESTED, time, ticket)
                    return
                case CancelAllRequest():
                    count = self._cancels.cancel_all(USER_REQUESTED, time)
                case SwitchRequest():
                    until = None if request.timeout is None else time + request.timeout
                    self._put(SwitchSet(time=time, deadline=until))
                case StartRequest() | ExpiryRequest():
                    self._follow_time(request, time)
                    return
        except PaperRefusal as refusal:
            self._news.append(
                Answer(ticket=ticket, time=time, error=refusal.error, order_id=order_id)
            )
            return
        self._news.append(Answer(ticket=ticket, time=time, order_id=order_id, count=count))

    def _follow_time(self, due: StartRequest | ExpiryRequest, time: int) -> None:
        """Let an order begin or end at its own time."""
        order = self.account.open.get(due.order_id)
        if isinstance(due, ExpiryRequest):
            self._cancels.expire(due.order_id, time)
        elif order is not None and order.state is PaperState.PENDING:
            self._entry.start(self._market(order.request.symbol), order, time)

    # --- places -------------------------------------------------------------------------------

    def place(self, order_id: str) -> tuple[int, QueuePosition] | None:
        """Return the price of a resting order and its place among the real orders there.

        None where it rests in no queue, or in one that is not known, as without level 3.
        """
        order = self.account.open.get(order_id)
        market = self._markets.get(order.request.symbol) if order else None
        return None if market is None else market.place(order_id)

    def bounds(self, order_id: str) -> PlaceBounds | None:
        """Return what stands ahead of a resting order at least and at most.

        By level 3 both are the same. None where it rests in no queue, or in one that is not known.
        """
        order = self.account.open.get(order_id)
        market = self._markets.get(order.request.symbol) if order else None
        return None if market is None else market.bounds(order_id)

    def _put(self, event: AnyAccountEvent) -> PaperOrder | None:
        """Write an event down, apply it, and report it."""
        self._record(event)
        order = self.account.apply(event)
        self._news += [Report(row) for row in rows(self.account, order, event)]
        return order
