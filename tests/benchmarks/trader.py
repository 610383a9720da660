"""Somebody who trades all the time, a little of everything: the account's streams speak.

Refusals, lost replies and dead connections are what a storm of faults is about: they are
counted and the next action follows. What became of the orders is for the streams to say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from decimal import Decimal
from random import Random

from kracked.errors import KrackedError
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType
from kracked.rest.client import RestClient
from kracked.rest.orders import AddOrder, AmendOrder, OrderRef

PAUSE_S = 0.4
KEPT = 8
"""Own orders open at a time; more are cancelled, oldest first."""
SMALLEST = 2
"""Times the least quantity: what each order is of."""


class Trader:
    """Acts once every `PAUSE_S`, while it is not held."""

    def __init__(
        self, client: RestClient, feed: FeedManager, symbols: Sequence[str], seed: int
    ) -> None:
        self.done: Counter[str] = Counter()
        """What was done, and what came of the rest."""
        self._client, self._feed, self._symbols = client, feed, symbols
        self._random = Random(f"{seed}/trader")
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Trade until cancelled."""
        while True:
            async with self._turn:
                await self._act()
            await asyncio.sleep(PAUSE_S)

    async def hold(self) -> None:
        """Let what is under way come to its end, and begin nothing more."""
        await self._turn.acquire()

    def release(self) -> None:
        self._turn.release()

    async def nudge(self) -> None:
        """Buy and sell a little, so that a message lost last is followed by another."""
        for side in Side:
            await self._try("nudge", self._place(self._symbols[0], side, OrderType.MARKET))

    # --- acting ---------------------------------------------------------------------------

    async def _act(self) -> None:
        symbol, side = self._random.choice(self._symbols), self._random.choice(tuple(Side))
        standing = [one for one in self._feed.account.orders.values() if one.symbol]
        chance = self._random.random()
        if len(standing) > KEPT or (standing and chance < 0.25):
            gone = OrderRef(txid=standing[0].order_id)
            await self._try("cancel", self._client.cancel_order(gone))
        elif standing and chance < 0.4:
            one = self._random.choice(standing)
            change = AmendOrder(order_qty=one.order_qty + self._least(one.symbol))
            ref = OrderRef(txid=one.order_id)
            await self._try("amend", self._client.amend_order(ref, change))
        elif chance < 0.6:
            await self._try("market", self._place(symbol, side, OrderType.MARKET))
        else:
            await self._try("limit", self._place(symbol, side, OrderType.LIMIT))

    async def _place(self, symbol: str, side: Side, kind: OrderType) -> None:
        """At the touch, where the market soon trades, or a few ticks behind it."""
        instrument, book = self._feed.instruments[symbol], self._feed.l2.get(symbol)
        best = book and (book.best_bid if side is Side.BID else book.best_ask)
        if not best:
            return
        away = self._random.randrange(4) * (1 if side is Side.ASK else -1)
        price = instrument.precision.price_decimal(best.price + away * instrument.price_increment)
        order = AddOrder(
            order_type=kind,
            side=side,
            volume=self._least(symbol) * SMALLEST,
            price=price if kind is OrderType.LIMIT else None,
        )
        await self._client.add_order(order, symbol)

    def _least(self, symbol: str) -> Decimal:
        instrument = self._feed.instruments[symbol]
        return instrument.precision.qty_decimal(instrument.qty_min)

    async def _try(self, name: str, action: Awaitable[object]) -> None:
        try:
            await action
        except KrackedError as error:
            self.done[f"{name}: {type(error).__name__}"] += 1
        else:
            self.done[name] += 1
