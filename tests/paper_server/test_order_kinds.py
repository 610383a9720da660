"""Every kind of order that the simulator takes is taken on paper, and told in the same words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from kracked.errors import RequestRejected
from kracked.paper_server import PaperServer
from kracked.protocol.events import Executions, Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest.encoding import RelativePrice
from kracked.rest.orders import AddOrder, AmendOrder, ConditionalClose, OrderFlag, OrderRef
from kracked.sim.server import SimServer
from tests.paper_server.conftest import BTC, OpenPaper, listener, trader
from tests.paper_server.test_paper_server import RICH, add, limit
from tests.patience import until

FAR_BELOW, FAR_ABOVE = Decimal(20_000), Decimal(200_000)
SMALL = Decimal("0.01")
UP_5000 = RelativePrice("+", Decimal(5000))


@pytest.fixture
async def paper(open_paper: OpenPaper) -> AsyncIterator[PaperServer]:
    async with open_paper(terms=RICH) as server:
        yield server


def waiting(kind: OrderType, side: Side = Side.ASK, **terms: object) -> AddOrder:
    return AddOrder(order_type=kind, side=side, volume=SMALL, **terms)  # type: ignore[arg-type]


async def words(server: PaperServer | SimServer, order: AddOrder) -> list[tuple[str, str]]:
    """Place an order that rests or waits, cancel it, and return what `executions` said."""
    told: list[tuple[str, str]] = []
    async with listener(server, trade=True) as feed, trader(server) as rest:  # type: ignore[arg-type]
        with feed.consumer() as consumer:
            placed = await add(rest, order)
            await rest.cancel_order(OrderRef(txid=placed))
            async for event in consumer:
                rows = event.reports if isinstance(event, Executions) else ()
                told += [
                    (str(row["exec_type"]), str(row["order_status"]))
                    for row in rows
                    if row["order_id"] == placed
                ]
                if told and told[-1][0] == "canceled":
                    return told
    raise AssertionError


RESTING = [
    limit(Side.BID, "0.01", FAR_BELOW, time_in_force=TimeInForce.GTD, expires_in_s=60),
    limit(Side.BID, "0.01", FAR_BELOW, self_trade=SelfTrade.CANCEL_BOTH),
    limit(Side.BID, "0.01", FAR_BELOW, flags=(OrderFlag.FEE_IN_BASE,)),
    limit(
        Side.BID,
        "0.01",
        FAR_BELOW,
        close=ConditionalClose(order_type=OrderType.STOP_LOSS, price=Decimal(10_000)),
    ),
    AddOrder(
        order_type=OrderType.ICEBERG,
        side=Side.BID,
        volume=Decimal("0.02"),
        price=FAR_BELOW,
        display_volume=SMALL,
    ),
    waiting(OrderType.STOP_LOSS, price=FAR_BELOW),
    waiting(OrderType.STOP_LOSS_LIMIT, price=FAR_BELOW, price2=FAR_BELOW),
    waiting(OrderType.TAKE_PROFIT, price=FAR_ABOVE),
    waiting(OrderType.TAKE_PROFIT_LIMIT, price=FAR_ABOVE, price2=FAR_ABOVE),
    waiting(OrderType.TRAILING_STOP, price=UP_5000),
    waiting(
        OrderType.TRAILING_STOP_LIMIT,
        price=RelativePrice("+", Decimal(5), percent=True),
        price2=RelativePrice("-", Decimal(1)),
    ),
]


@pytest.mark.parametrize("order", RESTING, ids=lambda order: order.order_type.value)
async def test_an_order_is_told_in_the_words_of_the_simulator(
    paper: PaperServer, sim: SimServer, order: AddOrder
) -> None:
    assert await words(paper, order) == await words(sim, order)


async def test_a_trailing_stop_shows_its_distance_and_where_it_stands(paper: PaperServer) -> None:
    async with listener(paper, trade=True) as feed, trader(paper) as rest:
        await until(lambda: bool(paper.exchange.last_price(BTC)))
        placed = await add(rest, waiting(OrderType.TRAILING_STOP, price=UP_5000))
        shown = (await rest.open_orders())[placed]
        assert shown.descr.price == "+5000.0"
        await until(lambda: placed in feed.account.orders)
        order = feed.account.orders.get(placed)
        assert order is not None
        assert order.triggers.price == 5000
        assert order.trigger_price is not None


async def test_each_fill_of_an_order_with_a_close_places_it(paper: PaperServer) -> None:
    close = ConditionalClose(order_type=OrderType.LIMIT, price=FAR_ABOVE)
    async with trader(paper) as rest:
        bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=SMALL, close=close)
        placed = await add(rest, bought)
        orders = await rest.open_orders()
        assert {one.refid for one in orders.values()} == {placed}
        assert sum(one.vol for one in orders.values()) == SMALL


async def test_an_order_expires_and_is_told_so(paper: PaperServer) -> None:
    terms = {"time_in_force": TimeInForce.GTD, "expires_in_s": 6}
    async with listener(paper) as feed, trader(paper) as rest:
        placed = await add(rest, limit(Side.BID, "0.01", FAR_BELOW, **terms))
        await until(lambda: placed in feed.account.closed)
        assert feed.account.closed[placed].order_status == "expired"
        assert (await rest.closed_orders()).closed[placed].status == "expired"


async def test_a_fee_in_the_base_asset_is_taken_and_told(paper: PaperServer) -> None:
    async with trader(paper) as rest:
        flags = (OrderFlag.FEE_IN_BASE,)
        bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=SMALL, flags=flags)
        await add(rest, bought)
        assert (await rest.balance())["XXBT"] == Decimal("5") + SMALL * (1 - Decimal("0.004"))
        entries = (await rest.ledgers()).ledger.values()
        assert sum(one.fee for one in entries if one.asset == "XXBT") == SMALL * Decimal("0.004")


async def test_a_batch_is_placed_and_cancelled_whole(paper: PaperServer) -> None:
    orders = [limit(Side.BID, "0.01", FAR_BELOW), waiting(OrderType.STOP_LOSS, price=FAR_BELOW)]
    async with trader(paper) as rest:
        placed = [one.txid for one in (await rest.add_order_batch(orders, BTC)).orders]
        assert len(await rest.open_orders()) == 2
        await rest.cancel_order_batch([one for one in placed if one])
        await until(lambda: not paper.exchange.broker.engine.account.open)


async def test_the_dead_man_s_switch_ends_every_kind_of_order(paper: PaperServer) -> None:
    account = paper.exchange.broker.engine.account
    async with trader(paper) as rest:
        for order in RESTING:
            await add(rest, order)
        assert len(account.open) == len(RESTING)
        await rest.cancel_all_orders_after(1)
        await until(lambda: not account.open)
    assert {one.reason for one in account.closed.values()} == {"Cancel all orders after"}


async def test_the_shown_part_of_an_iceberg_can_be_amended(paper: PaperServer) -> None:
    iceberg = AddOrder(
        order_type=OrderType.ICEBERG,
        side=Side.BID,
        volume=Decimal("0.03"),
        price=FAR_BELOW,
        display_volume=Decimal("0.02"),
    )
    async with trader(paper) as rest:
        placed = await add(rest, iceberg)
        await rest.amend_order(OrderRef(txid=placed), AmendOrder(display_qty=SMALL))
        amends = (await rest.order_amends(placed)).amends
        assert [one.display_qty for one in amends] == [Decimal("0.02"), SMALL]


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (waiting(OrderType.STOP_LOSS, price=FAR_BELOW, trigger=Trigger.INDEX), "index triggers"),
        (waiting(OrderType.MARKET, leverage=2), "Cannot open position"),
    ],
    ids=["index", "margin"],
)
async def test_what_is_not_modelled_is_refused_by_name(
    paper: PaperServer, order: AddOrder, refusal: str
) -> None:
    async with trader(paper) as rest:
        with pytest.raises(RequestRejected, match=refusal):
            await rest.add_order(order, BTC)


# --- places ---------------------------------------------------------------------------------


async def test_without_level_3_reports_bound_the_place_of_an_order(open_paper: OpenPaper) -> None:
    async with (
        open_paper(key=False, terms=RICH) as paper,
        listener(paper) as feed,
        trader(paper) as rest,
    ):
        best = feed.l2[BTC].bids.best
        assert best is not None
        price = feed.l2[BTC].precision.price_decimal(best.price) - 20
        placed = await add(rest, limit(Side.BID, "0.01", price))
        await until(lambda: feed.account.orders[placed].queue_place is not None)
        place = feed.account.orders[placed].queue_place
        assert place is not None
        assert place.limit_price == price
        assert place.qty_ahead_least is not None
        assert place.qty_ahead_most is not None
        assert 0 <= place.qty_ahead_least <= place.qty_ahead_most


async def test_a_subscriber_is_told_the_places_of_before(open_paper: OpenPaper) -> None:
    async with open_paper(terms=RICH) as paper, trader(paper) as rest:
        placed = await add(rest, limit(Side.BID, "0.01", FAR_BELOW))
        account = paper.exchange.broker.records.account
        await until(lambda: account.orders.open()[0].place is not None)
        async with listener(paper) as feed:
            place = feed.account.orders[placed].queue_place
        assert place is not None
        assert place.qty_ahead_least == place.qty_ahead_most == 0
