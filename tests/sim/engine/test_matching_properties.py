"""The engine against a naive one that sorts a list, and the laws that no book may break.

The reference keeps every order in one flat list and finds the next maker by searching
all of it: slow, and simple enough to be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import (
    AmendTerms,
    EngineBatch,
    LeftLevel,
    NewOrder,
    OrderFilled,
    Resized,
    Rested,
)

SIDES = st.sampled_from(list(Side))
PRICES = st.integers(90, 110)
QTYS = st.integers(1, 60)
TIFS = st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])


@dataclass
class Naive:
    """An order of the reference; `turn` is its position among all that ever queued."""

    order_id: str
    side: Side
    price: int
    left: int
    visible: int
    display: int | None
    turn: int
    filled: int = 0

    def refill(self, turn: int) -> None:
        self.turn = turn
        self.visible = self.left if self.display is None else min(self.display, self.left)


@dataclass
class Reference:
    orders: list[Naive] = field(default_factory=list)
    turns: int = 0

    def next_turn(self) -> int:
        self.turns += 1
        return self.turns

    def queue_of(self, side: Side) -> list[Naive]:
        """Return all orders of a side, in queue order."""
        sign = -1 if side is Side.BID else 1
        mine = [order for order in self.orders if order.side is side]
        return sorted(mine, key=lambda order: (sign * order.price, order.turn))

    def crossing(self, side: Side, price: int | None) -> list[Naive]:
        def crosses(maker: Naive) -> bool:
            if price is None:
                return True
            return maker.price <= price if side is Side.BID else maker.price >= price

        return [maker for maker in self.queue_of(side.opposite) if crosses(maker)]

    def take(self, order: Naive, price: int | None) -> list[tuple[str, int, int]]:
        fills = []
        while order.left and (makers := self.crossing(order.side, price)):
            maker = makers[0]
            qty = min(order.left, maker.visible)
            for party in (order, maker):
                party.left -= qty
                party.filled += qty
            maker.visible -= qty
            fills.append((maker.order_id, maker.price, qty))
            if not maker.left:
                self.orders.remove(maker)
            elif not maker.visible:
                maker.refill(self.next_turn())
        return fills

    def submit(self, order: NewOrder) -> list[tuple[str, int, int]]:
        crossing = self.crossing(order.side, order.price)
        if order.post_only and crossing:
            return []
        if order.tif is TimeInForce.FOK and sum(maker.left for maker in crossing) < order.qty:
            return []
        taker = Naive(
            order.order_id, order.side, order.price or 0, order.qty, 0, order.display_qty, 0
        )
        fills = self.take(taker, order.price)
        if taker.left and order.price is not None and order.tif is TimeInForce.GTC:
            taker.refill(self.next_turn())
            self.orders.append(taker)
        return fills

    def amend(self, amend: AmendTerms) -> list[tuple[str, int, int]]:
        (order,) = (order for order in self.orders if order.order_id == amend.order_id)
        price = order.price if amend.price is None else amend.price
        if amend.post_only and self.crossing(order.side, price):
            return []
        left = order.left if amend.qty is None else amend.qty - order.filled
        if left <= 0:
            self.orders.remove(order)
            return []
        if amend.display_qty is not None:
            order.display = amend.display_qty
        if left <= order.left and price == order.price:
            order.left = left
            order.visible = min(order.visible, left, order.display or left)
            return []
        self.orders.remove(order)
        order.left, order.price = left, price
        fills = self.take(order, price)
        if order.left:
            order.refill(self.next_turn())
            self.orders.append(order)
        return fills


def fills_of(batch: EngineBatch) -> list[tuple[str, int, int]]:
    return [
        (step.maker_order_id, step.price, step.qty)
        for step in batch.steps
        if isinstance(step, OrderFilled)
    ]


class Trading(RuleBasedStateMachine):
    """Any sequence of requests: the engine does what the reference does."""

    def __init__(self) -> None:
        super().__init__()
        self.engine, self.reference = Matcher(), Reference()
        self.now = 0
        self.submitted = 0
        self.traded = 0

    def tick(self) -> int:
        self.now += 1
        return self.now

    @rule(
        side=SIDES,
        price=st.one_of(st.none(), PRICES),
        qty=QTYS,
        tif=TIFS,
        display=st.one_of(st.none(), st.integers(1, 20)),
        post_only=st.booleans(),
    )
    def submit(
        self,
        side: Side,
        price: int | None,
        qty: int,
        tif: TimeInForce,
        display: int | None,
        post_only: bool,
    ) -> None:
        self.submitted += 1
        order = NewOrder(
            f"o{self.submitted}",
            side,
            qty,
            price,
            tif,
            post_only=post_only and price is not None and tif is TimeInForce.GTC,
            display_qty=display,
        )
        batch = self.engine.submit(order, self.tick())
        assert fills_of(batch) == self.reference.submit(order)
        self.check(order, batch)

    @precondition(lambda self: self.reference.orders)
    @rule(
        data=st.data(),
        qty=st.one_of(st.none(), QTYS),
        price=st.one_of(st.none(), PRICES),
        display=st.one_of(st.none(), st.integers(1, 20)),
        post_only=st.booleans(),
    )
    def amend(
        self,
        data: st.DataObject,
        qty: int | None,
        price: int | None,
        display: int | None,
        post_only: bool,
    ) -> None:
        order = data.draw(st.sampled_from(self.reference.orders))
        amend = AmendTerms(order.order_id, qty, price, display, post_only and price is not None)
        batch = self.engine.amend(amend, self.tick())
        assert fills_of(batch) == self.reference.amend(amend)

    @precondition(lambda self: self.reference.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.reference.orders))
        assert self.engine.cancel(order.order_id, self.tick()).refusal is None
        self.reference.orders.remove(order)

    def check(self, order: NewOrder, batch: EngineBatch) -> None:
        """Check the laws of a single submission."""
        taken = sum(qty for _, _, qty in fills_of(batch))
        assert taken <= order.qty
        assert not (order.post_only and taken)
        assert order.tif is not TimeInForce.FOK or taken in {0, order.qty}

    @invariant()
    def both_hold_the_same_queues(self) -> None:
        for side in Side:
            ours = [
                (order.order_id, order.price, order.visible_qty)
                for level in self.engine.levels(side)
                for order in self.engine.queue(side, level.price)
            ]
            theirs = [
                (order.order_id, order.price, order.visible)
                for order in self.reference.queue_of(side)
            ]
            assert ours == theirs

    @invariant()
    def the_book_is_never_crossed(self) -> None:
        bid, ask = self.engine.best_bid, self.engine.best_ask
        assert bid is None or ask is None or bid.price < ask.price

    @invariant()
    def levels_sum_their_orders_and_no_order_shows_more_than_it_may(self) -> None:
        for side in Side:
            for level in self.engine.levels(side):
                queue = list(self.engine.queue(side, level.price))
                assert level.qty == sum(order.visible_qty for order in queue) > 0
        for naive in self.reference.orders:
            order = self.engine.order(naive.order_id)
            assert order is not None
            assert order.left == naive.left
            assert 0 < order.visible_qty <= min(order.left, order.display_qty or order.left)


TestTrading = Trading.TestCase
TestTrading.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

REQUESTS = st.lists(
    st.builds(
        lambda side, qty, price, display: (side, qty, price, display),
        SIDES,
        QTYS,
        PRICES,
        st.one_of(st.none(), st.integers(1, 20)),
    ),
    max_size=60,
)


@given(REQUESTS)
@settings(deadline=None)
def test_no_quantity_appears_or_vanishes(
    requests: list[tuple[Side, int, int, int | None]],
) -> None:
    matcher, submitted, traded = Matcher(), 0, 0
    for now, (side, qty, price, display) in enumerate(requests):
        batch = matcher.submit(NewOrder(str(now), side, qty, price, display_qty=display), now)
        submitted += qty
        traded += sum(qty for _, _, qty in fills_of(batch))
    resting = [matcher.order(str(now)) for now in range(len(requests))]
    assert submitted == 2 * traded + sum(order.left for order in resting if order is not None)


@given(REQUESTS)
@settings(deadline=None)
def test_what_happened_rebuilds_the_levels(
    requests: list[tuple[Side, int, int, int | None]],
) -> None:
    matcher, shown = Matcher(), {}
    for now, (side, qty, price, display) in enumerate(requests):
        batch = matcher.submit(NewOrder(str(now), side, qty, price, display_qty=display), now)
        for step in batch.steps:
            if isinstance(step, Rested | Resized):
                shown[step.order_id] = (step.side, step.price, step.visible_qty)
            elif isinstance(step, LeftLevel):
                del shown[step.order_id]
    for side in Side:
        totals: dict[int, int] = {}
        for its_side, price, qty in shown.values():
            if its_side is side:
                totals[price] = totals.get(price, 0) + qty
        assert totals == dict(matcher.levels(side))
