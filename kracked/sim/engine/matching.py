"""The matching engine of one instrument: price first, then time.

Pure: no clock, no randomness, no I/O. Requests come in as `NewOrder` and `AmendTerms`, time
as an argument; out comes a `EngineBatch` of what happened. What an exchange checks before
its engine sees an order (precision, minimums, funds) is not done here.

Queue places follow docs.kraken.com/api/docs/guides/spot-amends: less quantity keeps
the place, more quantity or another price goes to the back, an iceberg's next slice
queues anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from kracked.protocol.events import Level, Side
from kracked.protocol.order_terms import SelfTrade, TimeInForce
from kracked.sim.engine.book_side import EngineSide, RestingOrder
from kracked.sim.engine.orders import (
    AmendTerms,
    Done,
    EngineBatch,
    EngineReason,
    EngineStep,
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

    # --- requests -------------------------------------------------------------------

    def submit(self, order: NewOrder, now: int) -> EngineBatch:
        """Match the order against the book; rest, cancel or refuse what is left of it."""
        happened: list[EngineStep] = []
        time = self._tick(now)
        refusal = self._refusal(order)
        if refusal is not None:
            return EngineBatch(time, (RequestRefused(order.order_id, refusal),))
        taker = _working(order, time)
        stopped = self._match(taker, happened)
        if taker.left and stopped is None and _may_rest(order):
            self._rest(taker, happened)
            if taker.expire_at is not None:
                self._await_expiry(taker.expire_at, taker.order_id)
        else:
            happened.append(_ended(taker, stopped or _remainder(order)))
        return EngineBatch(time, tuple(happened))

    def cancel(
        self, order_id: str, now: int, reason: str = EngineReason.USER_REQUESTED
    ) -> EngineBatch:
        """Take a resting order out of the book."""
        time = self._tick(now)
        order = self._orders.get(order_id)
        if order is None:
            return EngineBatch(time, (RequestRefused(order_id, EngineReason.UNKNOWN_ORDER),))
        happened: list[EngineStep] = []
        self._remove(order, LeaveCause.CANCELLED, happened)
        happened.append(_ended(order, reason))
        return EngineBatch(time, tuple(happened))

    def amend(self, amend: AmendTerms, now: int) -> EngineBatch:
        """Change a resting order; it keeps its id and its fills.

        A quantity at or below what is filled cancels the rest. More shown of an
        iceberg counts from its next slice. An amend that changes nothing visible
        gives an empty batch.
        """
        time = self._tick(now)
        order = self._orders.get(amend.order_id)
        if order is None:
            return EngineBatch(time, (RequestRefused(amend.order_id, EngineReason.UNKNOWN_ORDER),))
        if amend.post_only and amend.price is not None and self._would_take(order, amend.price):
            return EngineBatch(time, (RequestRefused(order.order_id, EngineReason.POST_ONLY),))
        happened: list[EngineStep] = []
        self._change(order, amend, happened)
        return EngineBatch(time, tuple(happened))

    def expire(self, now: int) -> EngineBatch:
        """End every GTD order whose time has come."""
        time = self._tick(now)
        happened: list[EngineStep] = []
        while self._expiries and self._expiries[0][0] <= now:
            expire_at, order_id = heappop(self._expiries)
            order = self._orders.get(order_id)
            if order is not None and order.expire_at == expire_at:
                self._remove(order, LeaveCause.EXPIRED, happened)
                happened.append(
                    Done(order_id, order.side, OrderEnd.EXPIRED, order.filled, EngineReason.EXPIRED)
                )
        return EngineBatch(time, tuple(happened))

    # --- reading --------------------------------------------------------------------

    @property
    def time(self) -> int:
        """The newest batch's time."""
        return self._time

    @property
    def last_trade_id(self) -> int:
        """The newest trade's id; before the first, one less than it will have."""
        return self._trade_id

    @property
    def next_expiry(self) -> int | None:
        """When `expire` may next have something to do."""
        return self._expiries[0][0] if self._expiries else None

    @property
    def best_bid(self) -> Level | None:
        return self._bids.level_at(0)

    @property
    def best_ask(self) -> Level | None:
        return self._asks.level_at(0)

    @property
    def touch(self) -> tuple[int | None, int | None]:
        """Best bid and best ask price."""
        return self._bids.best, self._asks.best

    def best_price(self, side: Side) -> int | None:
        return self._side(side).best

    def levels(self, side: Side) -> Iterator[Level]:
        """Price and visible total of each level, best first."""
        return self._side(side).levels()

    def level_at(self, side: Side, position: int) -> Level | None:
        """The level with `position` better ones before it, at constant cost."""
        return self._side(side).level_at(position)

    def position(self, side: Side, price: int) -> int:
        """How many levels of the side are better than `price`."""
        return self._side(side).position(price)

    def depth(self, side: Side) -> int:
        """How many levels the side has."""
        return len(self._side(side).ranks)

    def total_at(self, side: Side, price: int) -> int:
        """Visible quantity at a price; 0 when there is no such level."""
        queue = self._side(side).queue_at(price)
        return queue.total if queue is not None else 0

    def queue(self, side: Side, price: int) -> Iterator[Queued]:
        """The visible orders of a level, first to fill first."""
        queue = self._side(side).queue_at(price)
        for order in queue.orders.values() if queue is not None else ():
            yield Queued(order.order_id, price, order.visible, order.entered)

    def order(self, order_id: str) -> OpenOrder | None:
        """A resting order, or None when it does not rest (any more)."""
        order = self._orders.get(order_id)
        return order.as_it_stands() if order is not None else None

    def orders_of(self, owner: str) -> list[OpenOrder]:
        """The owner's resting orders, oldest first."""
        return [order.as_it_stands() for order in self._owned.get(owner, {}).values()]

    def __contains__(self, order_id: str) -> bool:
        """Whether the order rests."""
        return order_id in self._orders

    def __len__(self) -> int:
        """How many orders rest."""
        return len(self._orders)

    # --- matching -------------------------------------------------------------------

    def _match(self, taker: RestingOrder, happened: list[EngineStep]) -> EngineReason | None:
        """Fill the taker as far as it goes; why it must not go on, if so."""
        book = self._other(taker.side)
        limit = None if taker.price is None else taker.rank
        while taker.left and book.crossed_by(limit):
            maker = book.first()
            if maker.owner and maker.owner == taker.owner:
                if self._prevent(taker, maker, happened):
                    return EngineReason.SELF_TRADE
            else:
                self._fill(taker, maker, happened)
        return None

    def _fill(self, taker: RestingOrder, maker: RestingOrder, happened: list[EngineStep]) -> None:
        """Trade the visible part of the maker, or as much as the taker wants."""
        assert maker.price is not None
        qty = min(taker.left, maker.visible)
        taker.left -= qty
        taker.filled += qty
        maker.left -= qty
        maker.filled += qty
        self._trade_id += 1
        happened.append(
            OrderFilled(
                taker.order_id,
                taker.side,
                self._trade_id,
                maker.price,
                qty,
                maker.order_id,
                taker.kind,
                maker.left,
                taker.left,
            )
        )
        self._side(maker.side).shrink(maker, maker.visible - qty)
        if maker.visible:
            happened.append(_resized(maker))
            return
        self._remove(maker, LeaveCause.FILLED, happened)
        if maker.left:
            self._rest(maker, happened)
        else:
            happened.append(_ended(maker))

    def _prevent(
        self, taker: RestingOrder, maker: RestingOrder, happened: list[EngineStep]
    ) -> bool:
        """Keep an owner from trading with itself; whether the taker must stop."""
        if taker.stp is not SelfTrade.CANCEL_NEWEST:
            self._remove(maker, LeaveCause.CANCELLED, happened)
            happened.append(_ended(maker, EngineReason.SELF_TRADE))
        return taker.stp is not SelfTrade.CANCEL_OLDEST

    def _refusal(self, order: NewOrder) -> EngineReason | None:
        """Why the order may not reach the book at all."""
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
        limit, wanted = _rank(order.side, order.price), order.qty
        for maker in self._other(order.side).best_first():
            if limit is not None and maker.rank + limit < 0:
                return False
            if order.owner and maker.owner == order.owner:
                if order.stp is not SelfTrade.CANCEL_OLDEST:
                    return False
                continue
            wanted -= maker.left
            if wanted <= 0:
                return True
        return False

    # --- the book -------------------------------------------------------------------

    def _change(self, order: RestingOrder, amend: AmendTerms, happened: list[EngineStep]) -> None:
        """Apply new terms that were not refused."""
        left = order.left if amend.qty is None else amend.qty - order.filled
        if left <= 0:
            self._remove(order, LeaveCause.CANCELLED, happened)
            happened.append(_ended(order, EngineReason.USER_REQUESTED))
            return
        repriced = amend.price is not None and amend.price != order.price
        if amend.display_qty is not None:
            order.display = amend.display_qty
        if repriced or left > order.left:
            self._requeue(order, left, amend.price, happened)
        else:
            self._shrink(order, left, happened)

    def _requeue(
        self, order: RestingOrder, left: int, price: int | None, happened: list[EngineStep]
    ) -> None:
        """Send the order to the back of its level or of another; it may trade on the way."""
        self._remove(order, LeaveCause.AMENDED, happened)
        order.left = left
        if price is not None:
            order.price = price
            order.rank = price * self._side(order.side).sign
        stopped = self._match(order, happened)
        if order.left and stopped is None:
            self._rest(order, happened)
        else:
            happened.append(_ended(order, stopped or ""))

    def _shrink(self, order: RestingOrder, left: int, happened: list[EngineStep]) -> None:
        """Less quantity, or less shown: the place is kept."""
        order.left = left
        visible = min(order.visible, order.slice())
        if visible != order.visible:
            self._side(order.side).shrink(order, visible)
            happened.append(_resized(order))

    def _rest(self, order: RestingOrder, happened: list[EngineStep]) -> None:
        assert order.price is not None
        order.visible, order.entered = order.slice(), self._time
        self._side(order.side).join(order)
        self._orders[order.order_id] = order
        if order.owner:
            self._owned.setdefault(order.owner, {})[order.order_id] = order
        happened.append(
            Rested(order.order_id, order.side, order.price, order.visible, order.entered)
        )

    def _remove(self, order: RestingOrder, cause: LeaveCause, happened: list[EngineStep]) -> None:
        assert order.price is not None
        self._side(order.side).leave(order)
        del self._orders[order.order_id]
        if order.owner:
            owned = self._owned[order.owner]
            del owned[order.order_id]
            if not owned:
                del self._owned[order.owner]
        happened.append(
            LeftLevel(order.order_id, order.side, order.price, order.visible, order.entered, cause)
        )

    def _await_expiry(self, expire_at: int, order_id: str) -> None:
        heappush(self._expiries, (expire_at, order_id))
        # Orders that ended early leave their entry behind; without this a client that
        # sends and cancels month-long orders would grow the list for a month.
        if len(self._expiries) > 2 * len(self._orders) + 64:
            self._expiries = [e for e in self._expiries if e[1] in self._orders]
            heapify(self._expiries)

    def _would_take(self, order: RestingOrder, price: int) -> bool:
        return self._other(order.side).crossed_by(price * self._side(order.side).sign)

    def _side(self, side: Side) -> EngineSide:
        return self._bids if side is Side.BID else self._asks

    def _other(self, side: Side) -> EngineSide:
        return self._asks if side is Side.BID else self._bids

    def _tick(self, now: int) -> int:
        """The batch's time: `now`, or just after the batch before."""
        self._time = now if now > self._time else self._time + 1
        return self._time


def _working(order: NewOrder, time: int) -> RestingOrder:
    """The engine's own record of a new order."""
    return RestingOrder(
        order.order_id,
        order.side,
        order.price,
        _rank(order.side, order.price) or 0,
        order.qty,
        0,
        0,
        order.display_qty,
        time,
        order.expire_at if order.tif is TimeInForce.GTD else None,
        order.owner,
        order.stp,
    )


def _rank(side: Side, price: int | None) -> int | None:
    if price is None:
        return None
    return price if side is Side.BID else -price


def _may_rest(order: NewOrder) -> bool:
    tif = order.tif
    return order.price is not None and tif is not TimeInForce.IOC and tif is not TimeInForce.FOK


def _remainder(order: NewOrder) -> EngineReason:
    """Why what is left of an order that may not rest is cancelled."""
    return EngineReason.NO_LIQUIDITY if order.price is None else EngineReason.IMMEDIATE_OR_CANCEL


def _ended(order: RestingOrder, reason: str = "") -> Done:
    if not order.left:
        return Done(order.order_id, order.side, OrderEnd.FILLED, order.filled)
    return Done(order.order_id, order.side, OrderEnd.CANCELLED, order.filled, reason)


def _resized(order: RestingOrder) -> Resized:
    assert order.price is not None
    return Resized(order.order_id, order.side, order.price, order.visible, order.entered)
