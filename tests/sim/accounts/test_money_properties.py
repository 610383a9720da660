"""Whatever is requested of the exchange, money is conserved and its streams are true."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.feed.account import Account as Followed
from kracked.gateway.accounts.order_records import FillRecord
from kracked.gateway.refusals import Refusal
from kracked.protocol.codec import Codec
from kracked.protocol.events import Balances, Executions, Side
from kracked.sim.order_entry.client_accounts import STARTING_BALANCES, AccountOptions
from tests.sim.empty_exchange import BTC, EmptyExchange, Subscriber

PRICES = st.integers(629_990, 630_021).map(lambda ticks: f"{ticks / 10:.1f}")
SIZES = st.sampled_from(["0.00005", "0.00012345", "0.5", "0.99999999", "1.3", "0.0101"])
SIDES = st.sampled_from(["buy", "sell"])
MARKS = st.integers(0, 30)

order = st.fixed_dictionaries(
    {"type": SIDES, "volume": SIZES, "price": PRICES},
    optional={
        "oflags": st.sampled_from(["post", "fcib", "fciq", "post,fcib"]),
        "timeinforce": st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK"]),
        "stptype": st.sampled_from(["cancel-newest", "cancel-oldest", "cancel-both"]),
        "close[ordertype]": st.just("limit"),
    },
)
market = st.fixed_dictionaries({"type": SIDES, "volume": SIZES})
waiting = st.fixed_dictionaries(
    {
        "type": SIDES,
        "volume": SIZES,
        "price": PRICES,
        "ordertype": st.sampled_from(["stop-loss", "take-profit"]),
    }
)
steps = st.one_of(
    st.tuples(st.just("agent"), SIDES, SIZES, PRICES),
    st.tuples(st.just("agent"), SIDES, SIZES, PRICES),
    st.tuples(st.just("order"), order),
    st.tuples(st.just("order"), market),
    st.tuples(st.just("order"), waiting),
    st.tuples(
        st.just("amend"),
        MARKS,
        st.fixed_dictionaries({}, optional={"order_qty": SIZES, "limit_price": PRICES}),
    ),
    st.tuples(
        st.just("edit"),
        MARKS,
        st.fixed_dictionaries({}, optional={"volume": SIZES, "price": PRICES}),
    ),
    st.tuples(st.just("cancel"), MARKS),
    st.tuples(st.just("cancel_all")),
    st.tuples(st.just("wait"), st.integers(1, 400)),
)
lives = st.lists(steps, min_size=15, max_size=40)
thorough = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class World:
    """One account among agents, with everything its streams have sent."""

    def __init__(self, balances: dict[str, str] | None = None) -> None:
        self.exchange = EmptyExchange(terms=AccountOptions(balances=balances or STARTING_BALANCES))
        self.executions, self.balances = (
            self.exchange.subscribe(),
            self.exchange.subscribe("balances"),
        )
        self.placed: list[str] = []
        for tenths in range(5):
            self.exchange.agent("buy", "0.7", f"63000.{tenths}")
            self.exchange.agent("sell", "0.7", f"63001.{tenths}")

    def take(self, step: tuple[Any, ...]) -> None:
        """Trade with agents; a refusal is no failure."""
        try:
            getattr(self, step[0])(*step[1:])
        except Refusal:
            return

    def agent(self, side: str, qty: str, price: str) -> None:
        self.exchange.agent(side, qty, price)

    def order(self, terms: dict[str, str]) -> None:
        if "close[ordertype]" in terms:
            terms = {**terms, "close[price]": terms["price"]}
        kind = "limit" if "price" in terms else "market"
        asked = {"ordertype": kind, "pair": "XBTUSD", **terms}
        self.placed += self.exchange.rest("AddOrder", **asked)["txid"]

    def amend(self, mark: int, terms: dict[str, str]) -> None:
        self.exchange.rest("AmendOrder", txid=self._one(mark), **terms)

    def edit(self, mark: int, terms: dict[str, str]) -> None:
        reply = self.exchange.rest("EditOrder", txid=self._one(mark), pair="XBTUSD", **terms)
        self.placed.append(reply["txid"])

    def cancel(self, mark: int) -> None:
        self.exchange.rest("CancelOrder", txid=self._one(mark))

    def cancel_all(self) -> None:
        self.exchange.rest("CancelAll")

    def wait(self, seconds: int) -> None:
        self.exchange.wait(seconds)

    def _one(self, mark: int) -> str:
        return self.placed[mark % len(self.placed)] if self.placed else "none"


def followed(*subscribers: Subscriber) -> Followed:
    """The account as the framework's own client merges it from the streams."""
    account, codec = Followed(), Codec()
    for subscriber in subscribers:
        for text in subscriber.raw:
            for event in codec.decode(text.encode(), 0):
                assert isinstance(event, Executions | Balances)
                account.apply(event)
    assert account.unreadable == 0
    return account


def moved(fill: FillRecord, exchange: EmptyExchange) -> dict[str, int]:
    """Return what one fill moved of each asset, in ledger units."""
    order = exchange.account.orders.get(fill.order_id)
    assert order is not None
    amounts = exchange.brokerage.settlement.amounts[BTC]
    sign = 1 if order.side is Side.BID else -1
    change = {"BTC": sign * amounts.lots(fill.qty), "USD": -sign * fill.cost}
    change[fill.fee_asset] -= fill.fee
    return change


@thorough
@given(lives)
def test_balances_are_what_came_in_and_what_fills_moved_to_the_last_digit(
    life: list[Any],
) -> None:
    world = World()
    start = dict(world.exchange.account.ledger.balances)
    for step in life:
        world.take(step)
    account = world.exchange.account
    for fill in account.fills.values():
        for asset, change in moved(fill, world.exchange).items():
            start[asset] += change
    assert account.ledger.balances == start


@thorough
@given(lives)
def test_nothing_is_ever_spent_that_is_not_there(life: list[Any]) -> None:
    world = World({"USD": "40000", "BTC": "0.7"})
    ledger = world.exchange.account.ledger
    for step in life:
        world.take(step)
        for asset in ("USD", "BTC"):
            assert 0 <= ledger.held(asset) <= ledger.balances[asset]


@thorough
@given(lives)
def test_what_is_held_is_held_by_open_orders_alone(life: list[Any]) -> None:
    world = World()
    for step in life:
        world.take(step)
    account = world.exchange.account
    for asset in ("USD", "BTC"):
        by_order = [
            account.ledger.held_by(order.order_id)
            for order in account.orders.open()
            if world.exchange.brokerage.settlement.amounts[BTC].pays_with(order.side) == asset
        ]
        assert account.ledger.held(asset) == sum(by_order)


@thorough
@given(lives)
def test_the_deltas_of_executions_merge_to_the_orders_as_they_are(life: list[Any]) -> None:
    world = World()
    for step in life:
        world.take(step)
    digits = world.exchange.listing(BTC).instrument.precision
    merged = followed(world.executions)
    told = {
        (one.order_id, one.order_status, one.order_qty, one.cum_qty, one.limit_price)
        for one in merged.orders.values()
    }
    assert told == {
        (
            one.order_id,
            one.status.value,
            digits.qty_decimal(one.qty),
            digits.qty_decimal(one.filled),
            None if one.price is None else digits.price_decimal(one.price),
        )
        for one in world.exchange.account.orders.open()
    }
    assert {fill.exec_id for fill in merged.fills} == set(world.exchange.account.fills)


@thorough
@given(lives)
def test_the_balances_stream_ends_at_the_ledger(life: list[Any]) -> None:
    world = World()
    for step in life:
        world.take(step)
    ledger = world.exchange.account.ledger
    merged = followed(world.balances)
    assert merged.balances == {
        asset: Decimal(ledger.text(asset, amount)) for asset, amount in ledger.balances.items()
    }


@thorough
@given(lives)
def test_every_subscription_numbers_its_messages_without_a_hole(life: list[Any]) -> None:
    world = World()
    for step in life:
        world.take(step)
    for subscriber in (world.executions, world.balances):
        numbers = [message["sequence"] for message in subscriber.messages]
        assert numbers == list(range(1, len(numbers) + 1))


@thorough
@given(lives)
def test_every_order_in_the_engine_is_open_and_every_open_one_is_in_it(life: list[Any]) -> None:
    world = World()
    for step in life:
        world.take(step)
    resting = {order.order_id for order in world.exchange.matchers[BTC].orders_of("main")}
    expected = [order for order in world.exchange.account.orders.open() if not order.waiting]
    assert resting == {order.order_id for order in expected}
    for order in expected:
        engine = world.exchange.matchers[BTC].order(order.order_id)
        assert engine is not None
        assert (engine.qty, engine.filled, engine.price) == (order.qty, order.filled, order.price)
