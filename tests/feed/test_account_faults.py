"""The account's streams under faults: right or not known, and known again without help."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from kracked.credentials import Credentials
from kracked.feed_manager import FeedManager
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.rest import orders
from kracked.rest.client import RestClient
from kracked.sim.faults.schedule import FaultKind
from tests.feed.witness import Witness, watching
from tests.patience import PATIENCE_S


class Trader:
    """A trader with an account on the exchange and orders far from the market."""

    def __init__(self, client: RestClient) -> None:
        self.client = client
        self._price = 1_000
        self.given: list[str] = []
        """Every token so far."""

    async def token(self) -> str:
        self.given.append(await self.client.websockets_token())
        return self.given[-1]

    async def place(self) -> str:
        self._price += 1
        order = orders.AddOrder(
            order_type=orders.OrderType.LIMIT,
            side=Side.BID,
            volume=Decimal("0.01"),
            price=Decimal(self._price),
        )
        (order_id,) = (await self.client.add_order(order, "BTC/USD")).txid
        return order_id

    async def buy(self) -> None:
        order = orders.AddOrder(
            order_type=orders.OrderType.MARKET, side=Side.BID, volume=Decimal("0.01")
        )
        await self.client.add_order(order, "BTC/USD")


@pytest.fixture
async def trader(faulty) -> AsyncIterator[Trader]:
    credentials = Credentials(faulty.server.api_key, faulty.server.api_secret)
    async with RestClient(credentials, faulty.endpoints) as client:
        yield Trader(client)


async def caught_up(faulty, feed: FeedManager) -> bool:
    """Wait until the account is known and equals the exchange's own."""
    account = feed.account
    with feed.consumer() as consumer:
        async with asyncio.timeout(PATIENCE_S):
            while not (account.orders_known and account.balances_known) or faulty.unlike(feed):
                await consumer.batch()
    return True


async def test_what_was_missed_while_the_connection_was_down_is_made_up_for(faulty, trader) -> None:
    async with faulty.feed(book=10, account=True) as feed:
        await feed.ready()
        kept, gone = await trader.place(), await trader.place()
        assert await caught_up(faulty, feed)
        with watching(feed) as witness:
            faulty.strike(FaultKind.REFUSE, "private", "4")
            await witness.until(events.Reconnecting)
            assert not feed.account.orders_known
            assert not feed.account.balances_known
            await trader.client.cancel_order(orders.OrderRef(txid=gone))
            await trader.buy()
            added = await trader.place()
            await witness.until(events.Reconnected)
            assert await caught_up(faulty, feed)
            assert set(feed.account.orders) == {kept, added}
            assert feed.account.fills
            assert {one.connection for one in witness.all(events.Reconnecting)} == {"private"}
            assert all(book.verified for book in feed.l2.values())


@pytest.mark.parametrize(
    "kind", [FaultKind.HALF_OPEN, FaultKind.TRUNCATE, FaultKind.GARBAGE, FaultKind.DROP]
)
async def test_a_private_connection_lost_in_any_way_comes_back_true(faulty, trader, kind) -> None:
    async with faulty.feed("BTC/USD", account=True, book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            await witness.until(events.Heartbeat)
            await trader.place()
            faulty.strike(kind, "private")
            await witness.until(events.Reconnecting)
            await trader.place()
            await witness.until(events.Reconnected)
            assert await caught_up(faulty, feed)


@pytest.mark.parametrize(
    "kind", [FaultKind.LOST, FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.JSON]
)
async def test_a_spoilt_message_makes_its_half_unknown_until_a_snapshot(
    faulty, trader, kind: FaultKind
) -> None:
    async with faulty.feed("BTC/USD", account=True, book=10) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(kind, "private")
            resync = await resynced(witness, trader)
            assert resync.channel in ("executions", "balances")
            assert await caught_up(faulty, feed)
            assert witness.all(events.Reconnecting) == []


async def resynced(witness: Witness, trader: Trader) -> events.Resync:
    """Trade until the feed has noticed a missing message."""
    noticed = asyncio.ensure_future(witness.until(events.Resync))
    while not noticed.done():
        await trader.buy()
        await asyncio.wait([noticed], timeout=0.05)
    return noticed.result()


async def test_a_token_killed_while_connected_is_replaced_when_it_is_needed(faulty, trader) -> None:
    async with faulty.feed("BTC/USD", account=True, book=10, token=trader.token) as feed:
        await feed.ready()
        with watching(feed) as witness:
            faulty.strike(FaultKind.TOKEN, "private")
            faulty.strike(FaultKind.LOST, "private")
            await resynced(witness, trader)
            lost = await witness.until(events.Reconnecting)
            assert lost.reason == "token refused: ESession:Invalid session"
            await witness.until(events.Reconnected)
            assert await caught_up(faulty, feed)
    assert len(trader.given) == len(set(trader.given)) == 2


async def test_every_reconnect_brings_a_token_of_its_own(faulty, trader) -> None:
    async with faulty.feed("BTC/USD", account=True, level3=10, token=trader.token) as feed:
        await feed.ready()
        with watching(feed) as witness:
            for role in ("private", "level3", "private"):
                faulty.strike(FaultKind.DROP, role)
                await witness.until(events.Reconnected)
            await feed.ready()
            assert await caught_up(faulty, feed)
    assert len(trader.given) == len(set(trader.given)) == 5
