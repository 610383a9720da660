"""A manager on the simulated exchange over real sockets, and the knowledge of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from kracked.gateway.accounts.order_records import OrderRecord
from kracked.orders.draft import Draft
from kracked.orders.open import open_order_manager
from kracked.orders.order_manager import OrderManager
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import OutboxEntry
from kracked.orders.rules.market_context import Limits, MarketContext
from kracked.protocol.codec import Codec
from kracked.protocol.events import Executions, Side
from kracked.protocol.requests import Subscribe, encode
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimServer
from tests.patience import PATIENCE_S

SYMBOL = "BTC/USD"
FAR = 500_000
"""A price far below the market, scaled."""
LATEST = 2**63


class Clock:
    """The time of day, for the exchange and the manager alike; it can jump."""

    def __init__(self) -> None:
        self.ahead_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns

    def jump_to(self, instant: int) -> None:
        self.ahead_ns += max(0, instant - self())


class Stage:
    """The exchange, a manager that trades there, and the exchange's view of it."""

    def __init__(self, server: SimServer, client: RestClient, clock: Clock, folder: Path) -> None:
        self.server, self.client, self.clock, self.folder = server, client, clock, folder
        self.manager: OrderManager
        self.listening = False
        self.news = asyncio.Event()

    @asynccontextmanager
    async def running(self, *, listening: bool = True) -> AsyncIterator[OrderManager]:
        """Run the program: the manager on its file, with or without the account's stream."""
        file = self.folder / "outbox"
        limits = Limits(max_distance_percent=None, allow_duplicate=True)
        timing = RequestTiming(clock=self.clock, ticks=self.clock)
        with open_order_manager(self.client, file, limits=limits, timing=timing) as manager:
            self.manager = manager
            async with asyncio.TaskGroup() as tasks:
                listener = tasks.create_task(self._listen()) if listening else None
                if listening:
                    await self.until(lambda: self.listening)
                yield manager
                if listener is not None:
                    listener.cancel()

    async def _listen(self) -> None:
        self.listening = False
        token = await self.client.websockets_token()
        request = Subscribe(channel="executions", token=token, snap_orders=True)
        codec = Codec()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.server.endpoints.private) as ws,
        ):
            await ws.send_bytes(encode(request, 1))
            async for message in ws:
                for event in codec.decode(message.data.encode(), 0):
                    if isinstance(event, Executions):
                        self.listening = True
                        self.manager.apply(event)
                        self.news.set()

    @property
    def situation(self) -> MarketContext:
        matcher = self.server.exchange.matcher(SYMBOL)
        bid, ask = matcher.best_bid, matcher.best_ask
        assert bid is not None
        assert ask is not None
        return MarketContext(
            instrument=self.server.exchange.listing(SYMBOL).instrument,
            bid=bid.price,
            ask=ask.price,
            book_verified=True,
            book_age_ns=0,
        )

    async def place(
        self, price: int | None = FAR, qty: int = 1_000_000, **terms: object
    ) -> OutboxEntry:
        draft = Draft(symbol=SYMBOL, side=Side.BID, qty=qty, price=price, **terms)  # type: ignore[arg-type]
        entry = await self.manager.place(draft, self.situation)
        assert isinstance(entry, OutboxEntry), entry
        return entry

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until the stream has shown it."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self.news.clear()
                await self.news.wait()

    async def until_struck(self, kind: OrderFault) -> None:
        """Wait for a request that meets this fault; nothing announces it."""
        async with asyncio.timeout(PATIENCE_S):
            while kind not in dict(self.server.exchange.order_faults.injected):  # noqa: ASYNC110
                await asyncio.sleep(0)

    async def becomes(self, entry: OutboxEntry, state: OrderState) -> OutboxEntry:
        """Wait until an entry is in this state, and return it."""
        await self.until(lambda: self.manager.outbox[entry.id].state is state)
        return self.manager.outbox[entry.id]

    @property
    def orders(self) -> list[OrderRecord]:
        """Every order the exchange has ever accepted."""
        account = self.server.exchange.brokerage.accounts["main"]
        return list(account.orders.as_of(LATEST))

    def at_exchange(self, entry: OutboxEntry) -> OrderRecord:
        (order,) = [one for one in self.orders if one.request.cl_ord_id == entry.id]
        return order
