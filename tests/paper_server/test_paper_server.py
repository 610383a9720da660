"""Clients of our own on a paper server: the market passed on, the account traded."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

import kracked
from kracked.errors import RequestRejected
from kracked.paper_server import NotTraded, PaperOptions, PaperServer, PaperTerms
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.orders import AddOrder, AmendOrder, OrderRef
from kracked.sim.faults.schedule import Fault, FaultKind
from kracked.sim.server import SimServer
from tests.paper_server.conftest import BTC, OpenPaper, credentials, listener, trader
from tests.patience import until

RICH = PaperTerms(balances={"USD": "1000000", "BTC": "5"})


def limit(side: Side, volume: str, price: Decimal | str, **terms: object) -> AddOrder:
    return AddOrder(
        order_type=OrderType.LIMIT,
        side=side,
        volume=Decimal(volume),
        price=Decimal(price),
        **terms,  # type: ignore[arg-type]
    )


async def add(rest: kracked.RestClient, order: AddOrder) -> str:
    """Place an order and return its id."""
    return (await rest.add_order(order, BTC)).txid[0]


async def test_books_of_any_depth_pass_through_verified(paper: PaperServer) -> None:
    async with listener(paper, book=25, level3=100, trade=True, ticker=True, ohlc=1) as feed:
        await until(lambda: sum(one.verified for one in tallies(feed)) > 40)
        assert [one.mismatched for one in tallies(feed)] == [0, 0]
        depths = (feed.l2[BTC].depth, feed.l3[BTC].depth)
    assert depths == (25, 100)


def tallies(feed: kracked.FeedManager) -> list[object]:
    return [feed.l2[BTC].stats, feed.l3[BTC].stats]


async def test_candles_are_fetched_when_somebody_asks(paper: PaperServer) -> None:
    async with listener(paper, ohlc=15) as feed:
        with feed.consumer() as consumer:
            async with asyncio.timeout(20):
                async for event in consumer:
                    if isinstance(event, kracked.events.Candles):
                        break
    assert event.candles[0].interval == 15


async def test_a_market_order_takes_the_visible_book_and_is_paid_for(
    open_paper: OpenPaper,
) -> None:
    async with open_paper(terms=RICH) as paper, listener(paper) as feed, trader(paper) as rest:
        order = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.5"))
        placed = await add(rest, order)
        balances = await rest.balance()
        fills = (await rest.trades_history()).trades.values()
        paid = sum(fill.cost + fill.fee for fill in fills)
        assert {fill.ordertxid for fill in fills} == {placed}
        assert balances["XXBT"] == Decimal("5.5")
        assert abs(balances["ZUSD"] - (1_000_000 - paid)) < Decimal("0.001")
        await until(lambda: feed.account.balances["BTC"] == Decimal("5.5"))
        assert feed.account.closed[placed].order_status == "filled"


async def test_an_order_rests_is_amended_and_cancelled(open_paper: OpenPaper) -> None:
    async with open_paper(terms=RICH) as paper, listener(paper) as feed, trader(paper) as rest:
        bid = feed.l2[BTC].bids.best
        assert bid is not None
        price = feed.l2[BTC].precision.price_decimal(bid.price) - 500
        placed = await add(rest, limit(Side.BID, "0.01", price, userref=7))
        assert (await rest.open_orders())[placed].vol == Decimal("0.01")
        await rest.amend_order(OrderRef(txid=placed), AmendOrder(order_qty=Decimal("0.02")))
        assert (await rest.query_orders(placed))[placed].vol == Decimal("0.02")
        held = (await rest.extended_balance())["ZUSD"].hold_trade
        assert held > price * Decimal("0.02")
        reply = await rest.cancel_order(OrderRef(txid=placed))
        assert (reply.count, reply.pending) == (1, True)
        await until(lambda: placed in feed.account.closed)
        assert await rest.open_orders() == {}
        assert (await rest.extended_balance())["ZUSD"].hold_trade == 0


async def test_a_resting_order_is_filled_by_the_queue_as_a_maker(open_paper: OpenPaper) -> None:
    async with open_paper(terms=RICH) as paper, listener(paper) as feed, trader(paper) as rest:
        for side, best in ((Side.BID, feed.l2[BTC].bids.best), (Side.ASK, feed.l2[BTC].asks.best)):
            assert best is not None
            price = feed.l2[BTC].precision.price_decimal(best.price)
            await add(rest, limit(side, "0.0005", price, flags=("post",)))
        await until(lambda: feed.account.fills)
        assert feed.account.fills[0].liquidity_ind == "m"


async def test_an_account_on_disk_goes_on_where_it_was_left(
    open_paper: OpenPaper, tmp_path: Path
) -> None:
    file = tmp_path / "paper.log"
    async with open_paper(account=file, terms=RICH) as paper, trader(paper) as rest:
        bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.5"))
        await add(rest, bought)
        left = await add(rest, limit(Side.BID, "0.01", "20000"))
        before = await rest.balance(), (await rest.trades_history()).trades
    async with open_paper(account=file) as paper, trader(paper) as rest:
        assert (await rest.balance(), (await rest.trades_history()).trades) == before
        order = (await rest.open_orders())[left]
        assert "did not run" in (order.reason or "")
        assert (await rest.cancel_order(OrderRef(txid=left))).count == 1


async def test_an_account_whose_file_was_made_shorter_goes_on_the_same(
    open_paper: OpenPaper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kracked.paper_server.server.MOST_BYTES", 500)
    file = tmp_path / "paper.log"
    async with open_paper(account=file, terms=RICH) as paper, trader(paper) as rest:
        bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.5"))
        await add(rest, bought)
        left = await add(rest, limit(Side.BID, "0.01", "20000", userref=5))
        await until(lambda: b'"carried"' in file.read_bytes())
        trades = (await rest.trades_history()).trades
        before = await rest.balance(), set(trades), (await rest.closed_orders()).closed
    async with open_paper(account=file) as paper, trader(paper) as rest:
        again = await rest.balance(), set((await rest.trades_history()).trades)
        assert (*again, (await rest.closed_orders()).closed) == before
        assert (await rest.open_orders())[left].userref == 5


async def test_latency_holds_a_request_back(open_paper: OpenPaper) -> None:
    terms = PaperTerms(latency_ns=300_000_000)
    async with open_paper(terms=terms) as paper, trader(paper) as rest:
        begun = asyncio.get_running_loop().time()
        await add(rest, limit(Side.BID, "0.001", "20000"))
        assert asyncio.get_running_loop().time() - begun > 0.28


async def test_without_a_key_it_trades_by_level_2(open_paper: OpenPaper) -> None:
    async with (
        open_paper(key=False, terms=RICH) as paper,
        listener(paper, trade=True) as feed,
        trader(paper) as rest,
    ):
        assert not paper.has_level3
        bought = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.5"))
        await add(rest, bought)
        assert (await rest.balance())["XXBT"] == Decimal("5.5")
        best = feed.l2[BTC].asks.best
        assert best is not None
        far = feed.l2[BTC].precision.price_decimal(best.price) + 500
        placed = await add(rest, limit(Side.ASK, "0.01", far, flags=("post",)))
        await rest.cancel_order(OrderRef(txid=placed))
        await until(lambda: placed in feed.account.closed)


async def test_without_a_key_level_3_is_refused(open_paper: OpenPaper) -> None:
    async with open_paper(key=False) as paper:
        with pytest.raises(RequestRejected, match="depth not supported"):
            async with listener(paper, level3=100):
                pass


async def test_while_the_market_is_lost_orders_are_refused_and_what_rests_is_unknown(
    paper: PaperServer, sim: SimServer
) -> None:
    async with trader(paper) as rest:
        placed = await add(rest, limit(Side.BID, "0.01", "20000"))
        assert sim.injector is not None
        assert sim.injector.inject(Fault(FaultKind.REFUSE, "level3", "1s"))
        await until(lambda: paper.exchange.system == "cancel_only")
        with pytest.raises(RequestRejected, match="cancel_only"):
            await add(rest, limit(Side.BID, "0.01", "20000"))
        await until(lambda: paper.exchange.system == "online")
        assert "level 3" in ((await rest.open_orders())[placed].reason or "")


async def test_a_pair_that_is_not_traded_is_named(sim: SimServer) -> None:
    server = PaperServer(
        ["XBT/USD"],
        PaperOptions(),
        endpoints=kracked.Endpoints.at(sim.endpoints.rest),
    )
    with pytest.raises(NotTraded, match="did you mean BTC/USD"):
        async with server:
            pass


async def test_no_other_key_opens_the_account(paper: PaperServer, sim: SimServer) -> None:
    assert credentials(paper).key != sim.api_key
    endpoints = kracked.Endpoints.at(paper.endpoints.rest)
    real = kracked.Credentials(sim.api_key, sim.api_secret)
    async with kracked.RestClient(real, endpoints) as rest:
        with pytest.raises(RequestRejected, match="Invalid key"):
            await rest.balance()
