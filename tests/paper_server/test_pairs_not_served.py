"""A paper account goes on with other pairs than it was traded with; a request fails alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import KrackedError
from kracked.paper_server import PaperOptions, PaperServer, PaperTerms
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.orders import AddOrder, OrderRef
from kracked.sim.server import SimOptions, SimServer
from tests.paper_server.conftest import BTC, credentials, trader
from tests.paper_server.test_paper_server import limit

ETH = "ETH/USD"
RICH = PaperTerms(balances={"USD": "1000000", "BTC": "5"})


@pytest.fixture
async def two_pairs() -> AsyncIterator[SimServer]:
    options = SimOptions(seed=3, symbols=[BTC, ETH], rate=4, faults="")
    async with SimServer(options) as running:
        yield running


@asynccontextmanager
async def served(sim: SimServer, symbol: str, file: Path) -> AsyncIterator[PaperServer]:
    async with PaperServer(
        [symbol],
        PaperOptions(account=file, terms=RICH),
        credentials=Credentials(sim.api_key, sim.api_secret),
        endpoints=Endpoints.at(sim.endpoints.rest),
    ) as server:
        yield server


async def leave_an_order_and_a_fill(sim: SimServer, file: Path) -> str:
    """Trade BTC/USD; return the id of the order that still rests."""
    async with served(sim, BTC, file) as server, trader(server) as rest:
        taker = AddOrder(order_type=OrderType.MARKET, side=Side.BID, volume=Decimal("0.01"))
        await rest.add_order(taker, BTC)
        return (await rest.add_order(limit(Side.BID, "0.01", "20000"), BTC)).txid[0]


async def test_orders_and_fills_of_a_pair_that_is_not_served_are_told(
    two_pairs: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "paper.log"
    order = await leave_an_order_and_a_fill(two_pairs, file)
    async with served(two_pairs, ETH, file) as server, trader(server) as rest:
        assert list(await rest.open_orders()) == [order]
        assert len((await rest.trades_history()).trades) == 1
        assert len((await rest.closed_orders()).closed) == 1


async def test_an_order_of_a_pair_that_is_not_served_is_unknown_and_can_be_cancelled(
    two_pairs: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "paper.log"
    order = await leave_an_order_and_a_fill(two_pairs, file)
    async with served(two_pairs, ETH, file) as server, trader(server) as rest:
        account = server.exchange.broker.engine.account
        assert account.open[order].reason == (
            "unknown: BTC/USD was not served while it was open; it can only be cancelled"
        )
        with pytest.raises(KrackedError, match="cancel_only"):
            await rest.add_order(limit(Side.BID, "0.01", "20000"), BTC)
        await rest.cancel_order(OrderRef(txid=order))
        assert not account.open


async def test_a_value_that_needs_the_price_of_a_pair_that_is_not_served_is_refused(
    two_pairs: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "paper.log"
    await leave_an_order_and_a_fill(two_pairs, file)
    async with served(two_pairs, BTC, file) as server, trader(server) as rest:
        assert (await rest.trade_balance()).equivalent > 1_000_000
    async with served(two_pairs, ETH, file) as server, trader(server) as rest:
        with pytest.raises(KrackedError, match="no price of BTC in USD is known"):
            await rest.trade_balance()


async def test_the_private_channel_lists_an_order_of_a_pair_that_is_not_served(
    two_pairs: SimServer, tmp_path: Path
) -> None:
    file = tmp_path / "paper.log"
    order = await leave_an_order_and_a_fill(two_pairs, file)
    async with (
        served(two_pairs, ETH, file) as server,
        kracked.FeedManager(
            [ETH],
            credentials=credentials(server),
            endpoints=Endpoints.at(server.endpoints.rest),
            account=True,
            book=10,
        ) as feed,
    ):
        await feed.ready()
        assert list(feed.account.orders) == [order]


async def test_an_error_inside_one_request_is_answered_and_the_server_goes_on(
    paper: PaperServer, caplog: pytest.LogCaptureFixture
) -> None:
    account = paper.exchange.broker.records.account
    async with trader(paper) as rest:
        held = account.ledger
        del account.ledger
        with (
            caplog.at_level(logging.ERROR),
            pytest.raises(KrackedError, match="EGeneral:Internal error"),
        ):
            await rest.balance()
        account.ledger = held
        assert await rest.balance()
    assert "a request failed inside" in caplog.text


async def test_an_error_inside_a_subscription_is_answered_and_the_server_goes_on(
    paper: PaperServer,
) -> None:
    account = paper.exchange.broker.records.account
    held = account.fills
    async with trader(paper) as rest:
        token = await rest.websockets_token()
        async with (
            asyncio.timeout(10),
            aiohttp.ClientSession() as http,
            http.ws_connect(paper.endpoints.private) as socket,
        ):
            del account.fills
            terms = {"channel": "executions", "token": token, "snap_trades": True}
            await socket.send_json({"method": "subscribe", "params": terms})
            while "EGeneral:Internal error" not in (await socket.receive()).data:
                pass
            account.fills = held
        assert await rest.balance()
