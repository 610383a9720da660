"""The matching engine of one instrument: price first, then time.

Pure: no clock, no randomness, no I/O. Requests come in as `NewOrder` and `AmendTerms`, the
time as an argument; an `EngineBatch` of what was done comes out. What an exchange checks
before its engine sees an order (precision, minimums, funds) is not checked here.

Queue positions follow docs.kraken.com/api/docs/guides/spot-amends: less quantity keeps
the position, more quantity or another price goes to the back, an iceberg's next part
queues anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from kracked.gateway.exchange_ids import ExchangeIds
from kracked.protocol.events import Level, Side
from kracked.protocol.order_terms import SelfTrade, TimeInForce
from kracked.sim.engine.book_side import EngineSide, RestingOrder
from kracked.sim.engine.orders import (
    AmendTerms,
    Done,
    EngineBatch,
    EngineReason,
    EngineStep,
    KilledRemainder,
    LeaveCause,
    LeftLevel,
    NewOrder,
    OpenOrder,
    OrderEnd,
    OrderFilled,
    Queued,
    RequestRefused,
    Resized,
    Rested,
)


class Matcher:
    """The order book of one instrument and the rules that change it."""

    def __init__(self, *, first_trade_id: int = 1) -> None:
        self._bids, self._asks = EngineSide(Side.BID), EngineSide(Side.ASK)
        self._orders: dict[str, RestingOrder] = {}
        self._owned: dict[str, dict[str, RestingOrder]] = {}
        self._expiries: list[tuple[int, str]] = []
        self._trade_id = first_trade_id - 1
        self._time = 0
        self.part_ids: ExchangeIds | None = None
        """Ids for each next part of an iceberg without an owner; by default it keeps its own."""

    # --- requests -------------------------------------------------------------------

    def submit(self, order: NewOrder, now: int) -> EngineBatch:
        """Match an order against the book; rest, cancel or refuse what is left of it."""
        steps: list[EngineStep] = []
        time = self._tick(now)
        refusal = self._refusal(order)
        if refusal is not None:
            return EngineBatch(time, (RequestRefused(order.order_id, refusal),))
        taker = RestingOrder(
            order_id=order.order_id,
            side=order.side,
            price=order.price,
            rank=_rank(order.side, order.price) or 0,
            left=order.qty,
            filled=0,
            visible=0,
            display=order.display_qty,
            entered=time,
            expire_at=order.expire_at if order.tif is TimeInForce.GTD else None,
            owner=order.owner,
            stp=order.stp,
        )
        stopped = self._match(taker, steps)
        tif = order.tif
        may_rest = tif is not TimeInForce.IOC and tif is not TimeInForce.FOK
        if taker.left and stopped is None and may_rest and order.price is not None:
            self._rest(taker, steps)
            if taker.expire_at is not None:
                heappush(self._expiries, (taker.expire_at, taker.order_id))
                # Orders that ended early leave their entry behind; without this a client that
                # sends and cancels month-long orders would grow the list for a month.
                if len(self._expiries) > 2 * len(self._orders) + 64:
                    self._expiries = [e for e in self._expiries if e[1] in self._orders]
                    heapify(self._expiries)
        else:
            remainder = (
                EngineReason.NO_LIQUIDITY
                if order.price is None
                else EngineReason.IMMEDIATE_OR_CANCEL
            )
            steps.append(_ended(taker, stopped or remainder))
            if taker.left and taker.filled and order.price is not None:
                killed = KilledRemainder(order.order_id, order.side, order.price, taker.left)
                return EngineBatch(time, tuple(steps), killed)
        return EngineBatch(time, tuple(steps))

    def cancel(
        self, order_id: str, now: int, reason: str = EngineReason.USER_REQUESTED
    ) -> EngineBatch:
        """Take a resting order out of the book, for a reason that its end states."""
        time = self._tick(now)
        order = self._orders.get(order_id)
        if order is None:
            return EngineBatch(time, (RequestRefused(order_id, EngineReason.UNKNOWN_ORDER),))
        steps: list[EngineStep] = []
        self._remove(order, LeaveCause.CANCELLED, steps)
        steps.append(_ended(order, reason))
        return EngineBatch(time, tuple(steps))

    def amend(self, amend: AmendTerms, now: int) -> EngineBatch:
        """Change a resting order; it keeps its id and its fills.

        A quantity at or below what is filled cancels the rest. A larger shown part of
        an iceberg counts from its next part on. An amend that changes nothing visible
        gives an empty batch.
        """
        time = self._tick(now)
        order = self._orders.get(amend.order_id)
        if order is None:
            return EngineBatch(time, (RequestRefused(amend.order_id, EngineReason.UNKNOWN_ORDER),))
        if (
            amend.post_only
            and amend.price is not None
            and self._other(order.side).crossed_by(_rank(order.side, amend.price))
        ):
            return EngineBatch(time, (RequestRefused(order.order_id, EngineReason.POST_ONLY),))
        steps: list[EngineStep] = []
        self._change(order, amend, steps)
        return EngineBatch(time, tuple(steps))

    def expire(self, now: int) -> EngineBatch:
        """End every GTD order whose time has come."""
        time = self._tick(now)
        steps: list[EngineStep] = []
        while self._expiries and self._expiries[0][0] <= now:
            expire_at, order_id = heappop(self._expiries)
            order = self._orders.get(order_id)
            if order is not None and order.expire_at == expire_at:
                self._remove(order, LeaveCause.EXPIRED, steps)
                steps.append(
                    Done(order_id, order.side, OrderEnd.EXPIRED, order.filled, EngineReason.EXPIRED)
                )
        return EngineBatch(time, tuple(steps))

    # --- reading --------------------------------------------------------------------

    @property
    def time(self) -> int:
        """The time of the newest batch."""
        return self._time

    @property
    def last_trade_id(self) -> int:
        """The id of the newest trade; before the first, one less than the first will have."""
        return self._trade_id

    @property
    def next_expiry(self) -> int | None:
        """The next time at which `expire` may have an order to end."""
        return self._expiries[0][0] if self._expiries else None

    @property
    def best_bid(self) -> Level | None:
        """The best bid level; None when there are no bids."""
        return self._bids.level_at(0)

    @property
    def best_ask(self) -> Level | None:
        """The best ask level; None when there are no asks."""
        return self._asks.level_at(0)

    @property
    def touch(self) -> tuple[int | None, int | None]:
        """Best bid and best ask price."""
        return self._bids.best, self._asks.best

    def best_price(self, side: Side) -> int | None:
        """Return a side's best price; None when the side is empty."""
        return self._side(side).best

    def levels(self, side: Side) -> Iterator[Level]:
        """Iterate price and visible total of each level, best first."""
        return self._side(side).levels()

    def level_at(self, side: Side, position: int) -> Level | None:
        """Return the level with `position` better ones before it, at constant cost."""
        return self._side(side).level_at(position)

    def depth(self, side: Side) -> int:
        """Return how many levels a side has."""
        return len(self._side(side).ranks)

    def queue(self, side: Side, price: int) -> Iterator[Queued]:
        """Iterate the visible orders of a level, in queue order."""
        queue = self._side(side).queue_at(price)
        for order in queue.orders.values() if queue is not None else ():
            yield Queued(order.order_id, price, order.visible, order.entered)

    def order(self, order_id: str) -> OpenOrder | None:
        """Return an order that rests; None when it does not, or not any more."""
        order = self._orders.get(order_id)
        return order.frozen() if order is not None else None

    def orders_of(self, owner: str) -> list[OpenOrder]:
        """Return an owner's resting orders, oldest first."""
        return [order.frozen() for order in self._owned.get(owner, {}).values()]

    def __contains__(self, order_id: str) -> bool:
        """Whether an order rests."""
        return order_id in self._orders

    def __len__(self) -> int:
        """Return how many orders rest."""
        return len(self._orders)

    # --- matching -------------------------------------------------------------------

    def _match(self, taker: RestingOrder, steps: list[EngineStep]) -> EngineReason | None:
        """Fill the taker as far as it goes; return why it must stop there, if it must."""
        book = self._other(taker.side)
        limit = None if taker.price is None else taker.rank
        while taker.left and book.crossed_by(limit):
            maker = book.first()
            if maker.owner and maker.owner == taker.owner:
                if taker.stp is not SelfTrade.CANCEL_NEWEST:
                    self._remove(maker, LeaveCause.CANCELLED, steps)
                    steps.append(_ended(maker, EngineReason.SELF_TRADE))
                if taker.stp is not SelfTrade.CANCEL_OLDEST:
                    return EngineReason.SELF_TRADE
            else:
                self._fill(taker, maker, steps)
        return None

    def _fill(self, taker: RestingOrder, maker: RestingOrder, steps: list[EngineStep]) -> None:
        """Trade the visible part of the maker, or as much as the taker takes."""
        assert maker.price is not None
        qty = min(taker.left, maker.visible)
        taker.left -= qty
        taker.filled += qty
        maker.left -= qty
        maker.filled += qty
        self._trade_id += 1
        steps.append(
            OrderFilled(
                order_id=taker.order_id,
                side=taker.side,
                trade_id=self._trade_id,
                price=maker.price,
                qty=qty,
                maker_order_id=maker.order_id,
                taker_type=taker.taker_type,
                maker_left=maker.left,
                taker_left=taker.left,
            )
        )
        self._side(maker.side).shrink(maker, maker.visible - qty)
        if maker.visible:
            steps.append(_resized(maker))
            return
        self._remove(maker, LeaveCause.FILLED, steps)
        if maker.left:
            if self.part_ids is not None and not maker.owner:
                maker.order_id = self.part_ids.take()
            self._rest(maker, steps)
        else:
            steps.append(_ended(maker))

    def _refusal(self, order: NewOrder) -> EngineReason | None:
        """Return why an order may not reach the book, if it may not."""
        if order.qty <= 0 or (order.display_qty is not None and order.display_qty <= 0):
            return EngineReason.INVALID_QUANTITY
        if order.order_id in self._orders:
            return EngineReason.DUPLICATE_ORDER
        if order.post_only and self._other(order.side).crossed_by(_rank(order.side, order.price)):
            return EngineReason.POST_ONLY
        if order.tif is TimeInForce.FOK and not self._can_fill(order):
            return EngineReason.FILL_OR_KILL
        return None

    def _can_fill(self, order: NewOrder) -> bool:
        """Whether the whole order would trade at once, self-trade prevention included."""
        limit, left = _rank(order.side, order.price), order.qty
        for maker in self._other(order.side).orders():
            if limit is not None and maker.rank + limit < 0:
                return False
            if order.owner and maker.owner == order.owner:
                if order.stp is not SelfTrade.CANCEL_OLDEST:
                    return False
                continue
            left -= maker.left
            if left <= 0:
                return True
        return False

    # --- the book -------------------------------------------------------------------

    def _change(self, order: RestingOrder, amend: AmendTerms, steps: list[EngineStep]) -> None:
        """Apply new terms; they were not refused."""
        left = order.left if amend.qty is None else amend.qty - order.filled
        if left <= 0:
            self._remove(order, LeaveCause.CANCELLED, steps)
            steps.append(_ended(order, EngineReason.USER_REQUESTED))
            return
        repriced = amend.price is not None and amend.price != order.price
        if amend.display_qty is not None:
            order.display = amend.display_qty
        if repriced or left > order.left:
            self._requeue(order, left, amend.price, steps)
            return
        # Less quantity, or less shown: the position is kept.
        order.left = left
        visible = min(order.visible, order.part_to_show())
        if visible != order.visible:
            self._side(order.side).shrink(order, visible)
            steps.append(_resized(order))

    def _requeue(
        self, order: RestingOrder, left: int, price: int | None, steps: list[EngineStep]
    ) -> None:
        """Send an order to the back of its level or of another; it may trade on the way."""
        self._remove(order, LeaveCause.AMENDED, steps)
        order.left = left
        if price is not None:
            order.price = price
            order.rank = price * self._side(order.side).sign
        stopped = self._match(order, steps)
        if order.left and stopped is None:
            self._rest(order, steps)
        else:
            steps.append(_ended(order, stopped or ""))

    def _rest(self, order: RestingOrder, steps: list[EngineStep]) -> None:
        assert order.price is not None
        order.visible, order.entered = order.part_to_show(), self._time
        self._side(order.side).join(order)
        self._orders[order.order_id] = order
        if order.owner:
            self._owned.setdefault(order.owner, {})[order.order_id] = order
        steps.append(Rested(order.order_id, order.side, order.price, order.visible, order.entered))

    def _remove(self, order: RestingOrder, cause: LeaveCause, steps: list[EngineStep]) -> None:
        assert order.price is not None
        self._side(order.side).leave(order)
        del self._orders[order.order_id]
        if order.owner:
            owned = self._owned[order.owner]
            del owned[order.order_id]
            if not owned:
                del self._owned[order.owner]
        steps.append(
            LeftLevel(order.order_id, order.side, order.price, order.visible, order.entered, cause)
        )

    def _side(self, side: Side) -> EngineSide:
        return self._bids if side is Side.BID else self._asks

    def _other(self, side: Side) -> EngineSide:
        return self._asks if side is Side.BID else self._bids

    def _tick(self, now: int) -> int:
        """Return the next batch's time: `now`, or just after the batch before."""
        self._time = now if now > self._time else self._time + 1
        return self._time


def _rank(side: Side, price: int | None) -> int | None:
    if price is None:
        return None
    return price if side is Side.BID else -price


def _ended(order: RestingOrder, reason: str = "") -> Done:
    if not order.left:
        return Done(order.order_id, order.side, OrderEnd.FILLED, order.filled)
    return Done(order.order_id, order.side, OrderEnd.CANCELLED, order.filled, reason)


def _resized(order: RestingOrder) -> Resized:
    assert order.price is not None
    return Resized(order.order_id, order.side, order.price, order.visible, order.entered)
