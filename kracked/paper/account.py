"""The paper account: its orders and its money, a fold over its events.

`apply` decides nothing: the same events give the same account, whatever the market did since.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from kracked.errors import RecordError, says
from kracked.instruments import Instrument
from kracked.paper.account_events import (
    Accepted,
    AnyAccountEvent,
    Carried,
    Ended,
    Filled,
    Listed,
    Obscured,
    Opened,
    PaperOrder,
    Started,
    SwitchSet,
    TermsChanged,
    TriggerMet,
    TriggerMoved,
)
from kracked.paper.money import Money
from kracked.paper.terms import PaperState
from kracked.protocol.own_orders import MAX_CLOSED

AnyChange = Started | Filled | TermsChanged | TriggerMoved | TriggerMet | Ended | Obscured
"""What changes an order that is open."""
MOST_FILLS = 1_000
"""Fills that are retained."""


@says("paper event {kind} does not fit the account: {reason}")
class ImpossibleEvent(RecordError):
    """An event that cannot follow from the ones before it: the log is not the account's own."""

    kind: str
    reason: str


class PaperAccount:
    """Owner of orders and money; changes by `apply` alone.

    Attributes:
        money: Balances and holds.
        instruments: What may be traded, by symbol.
        open: Open orders by order id, oldest first.
        closed: The latest closed orders by order id, oldest first.
        deadline: When the dead-man's switch cancels everything; None while it is disarmed.
        history: The latest fills, oldest first.
        orders: Orders that were ever placed.
        fills: Fills that there ever were.
    """

    def __init__(self, opened: Opened | Carried) -> None:
        """Open an account, or carry one on; raises what `Money` does for impossible balances."""
        self.money = Money(opened.instruments, opened.balances, opened.rates)
        self.instruments: dict[str, Instrument] = {one.symbol: one for one in opened.instruments}
        self.open: dict[str, PaperOrder] = {}
        self.closed: dict[str, PaperOrder] = {}
        self.history: deque[Filled] = deque(maxlen=MOST_FILLS)
        self.deadline: int | None = None
        self.orders = self.fills = 0
        if isinstance(opened, Carried):
            for order in (*opened.closed, *opened.open):
                self._put(order)
            self.history.extend(opened.history)
            self.orders, self.fills = opened.orders, opened.fills
            self.deadline = opened.deadline

    def carried(self, time: int) -> Carried:
        """Return the event that makes this account, in place of all before."""
        money = self.money
        return Carried(
            time=time,
            instruments=tuple(self.instruments.values()),
            balances={asset: f"{money.balance(asset):f}" for asset in money.assets},
            rates=money.rates,
            open=tuple(self.open.values()),
            closed=tuple(self.closed.values()),
            history=tuple(self.history),
            orders=self.orders,
            fills=self.fills,
            deadline=self.deadline,
        )

    @classmethod
    def replay(cls, events: Iterable[AnyAccountEvent]) -> PaperAccount:
        """Return the account that its events make.

        Raises:
            ImpossibleEvent: They are not the events of one account, in order.
        """
        rest = iter(events)
        first = next(rest, None)
        if not isinstance(first, Opened | Carried):
            raise ImpossibleEvent(type(first).__name__, "the first one opens the account")
        account = cls(first)
        for event in rest:
            account.apply(event)
        return account

    def by_client_id(self, cl_ord_id: str) -> PaperOrder | None:
        """Return the open order with a client id."""
        found = (one for one in self.open.values() if one.request.cl_ord_id == cl_ord_id)
        return next(found, None)

    def apply(self, event: AnyAccountEvent) -> PaperOrder | None:
        """Apply one event; return the order after it, None for an event without one.

        Raises:
            ImpossibleEvent: It cannot follow from the ones before it.
            Overdrawn: The account cannot pay for it.
        """
        match event:
            case Opened() | Carried():
                raise ImpossibleEvent(type(event).__name__, "the account is open")
            case SwitchSet():
                self.deadline = event.deadline
                return None
            case Listed():
                instrument = event.instrument
                old = self.instruments.get(instrument.symbol)
                if old is not None and old.precision != instrument.precision:
                    raise ImpossibleEvent("Listed", f"{instrument.symbol} had other decimals")
                self.money.list(instrument)
                self.instruments[instrument.symbol] = instrument
                return None
            case Accepted():
                return self._place(event)
        order = self.open.get(event.order_id)
        if order is None:
            raise ImpossibleEvent(type(event).__name__, f"no order {event.order_id} is open")
        return self._put(self._changed(order, event))

    def _place(self, event: Accepted) -> PaperOrder:
        if event.order_id in self.open or event.order_id in self.closed:
            raise ImpossibleEvent("Accepted", f"there is an order {event.order_id}")
        if event.request.symbol not in self.instruments:
            raise ImpossibleEvent("Accepted", f"{event.request.symbol} is not traded")
        self.orders += 1
        order = PaperOrder(
            order_id=event.order_id,
            request=event.request,
            state=PaperState.PENDING,
            placed=event.time,
            touched=event.time,
            started=False,
        )
        begins = event.request.start_at or event.time
        return self._put(order if begins > event.time else _started(order))

    def _changed(self, order: PaperOrder, event: AnyChange) -> PaperOrder:
        match event:
            case Filled():
                return self._fill(order, event)
            case Started() | TriggerMoved():
                if isinstance(event, Started) == order.started:
                    reason = f"{order.order_id} is {'' if order.started else 'not '}in the market"
                    raise ImpossibleEvent(type(event).__name__, reason)
                terms = replace(order.request, trigger_price=event.trigger_price)
                order = replace(order, request=terms)
                return order if order.started else _started(order)
            case TermsChanged():
                terms = replace(
                    order.request,
                    qty=event.qty,
                    price=event.price,
                    trigger_price=event.trigger_price,
                    display_qty=event.display_qty or order.request.display_qty,
                )
                if event.qty <= order.filled:
                    raise ImpossibleEvent("TermsChanged", f"{order.order_id} has nothing left")
                return replace(order, request=terms, touched=event.time)
            case TriggerMet():
                price = order.request.price if event.price is None else event.price
                terms = replace(order.request, price=price)
                return replace(order, request=terms, triggered=True, state=PaperState.RESTING)
            case Ended():
                state = PaperState.EXPIRED if event.expired else PaperState.CANCELLED
                return replace(order, state=state, reason=event.reason, ended=event.time)
            case Obscured():
                return replace(order, state=PaperState.UNKNOWN, reason=event.reason)
        assert_never(event)

    def _fill(self, order: PaperOrder, event: Filled) -> PaperOrder:
        if not 0 < event.qty <= order.left:
            raise ImpossibleEvent("Filled", f"{order.order_id} has {order.left} left")
        request, money = order.request, self.money
        money.settle(request, event.price, event.qty, maker=event.maker)
        self.fills += 1
        self.history.append(event)
        if event.close_id is not None:
            self._close(order, event, event.close_id)
        rate = money.rates.maker if event.maker else money.rates.taker
        weight = money.weight(event.price, event.qty, rate, in_base=request.fee_in_base)
        filled = order.filled + event.qty
        over = filled == request.qty
        return replace(
            order,
            filled=filled,
            notional=order.notional + event.price * event.qty,
            fee_weight=order.fee_weight + weight,
            fills=order.fills + 1,
            state=PaperState.FILLED if over else order.state,
            ended=event.time if over else 0,
        )

    def _close(self, parent: PaperOrder, event: Filled, close_id: str) -> None:
        """Take in the order that closes a fill."""
        if close_id in self.open or close_id in self.closed:
            raise ImpossibleEvent("Filled", f"there is an order {close_id}")
        if parent.request.close is None:
            raise ImpossibleEvent("Filled", f"{parent.order_id} has no conditional close")
        self.orders += 1
        self._put(
            PaperOrder(
                order_id=close_id,
                request=parent.request.closing(event.qty),
                state=PaperState.PENDING,
                placed=event.time,
                touched=event.time,
                started=False,
                ref_id=parent.order_id,
            )
        )

    def _put(self, order: PaperOrder) -> PaperOrder:
        """Keep an order and hold what it needs from here on."""
        self.money.hold(order.order_id, self.need(order))
        if order.is_open:
            self.open[order.order_id] = order
            return order
        self.open.pop(order.order_id, None)
        self.closed[order.order_id] = order
        while len(self.closed) > MAX_CLOSED:
            del self.closed[next(iter(self.closed))]
        return order

    def need(self, order: PaperOrder) -> tuple[str, int]:
        """Return the asset and the amount that an order holds.

        What is pending or waits for its trigger holds nothing, and neither does an order without
        a limit: it is over in the moment of its arrival.
        """
        request = order.request
        held = order.is_open and order.started and request.price is not None
        if request.order_type.waits and not order.triggered:
            held = False
        left = order.left if held else 0
        notional = left * (request.price or 0)
        return self.money.need(request, notional, left, self.money.rates.maker)


def _started(order: PaperOrder) -> PaperOrder:
    """Return an order that has come to the market."""
    waits = order.request.order_type.waits
    return replace(order, started=True, state=PaperState.WAITING if waits else PaperState.RESTING)
