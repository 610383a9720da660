"""The program that `chaos` kills: it trades through a hostile gateway, and says what it believes.

    python -m tests.benchmarks.chaos_client ADDRESS FOLDER SEED [--settle]

The key is in KRAKEN_API_KEY and KRAKEN_API_SECRET. With `--settle` it places nothing, looks up
what is unknown, and prints one JSON object: its outbox, account and books.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from pathlib import Path
from random import Random

import kracked
from kracked.errors import KrackedError
from kracked.orders import (
    Draft,
    Limits,
    MarketContext,
    OrderManager,
    OrderType,
    OutboxEntry,
    TimeInForce,
    open_order_manager,
)
from kracked.orders.outbox.order_states import ENDED, OrderState
from kracked.protocol import events
from kracked.protocol.events import Side

SYMBOLS = ("BTC/USD", "ETH/USD")
SETTLE_S = 150.0
MOST_OPEN = 6
LIMITS = Limits(max_distance_percent=None, allow_duplicate=True, max_notional=None)


class Program:
    """A feed, an order manager, and somebody in a hurry."""

    def __init__(self, feed: kracked.FeedManager, manager: OrderManager, seed: str) -> None:
        self.feed, self.manager, self.random = feed, manager, Random(seed)

    async def listen(self, news: kracked.Consumer) -> None:
        """Hand every report to the manager."""
        while batch := await news.batch():
            for event in batch:
                if isinstance(event, events.Executions):
                    self.manager.apply(event)
                elif isinstance(event, events.Overflow):
                    for entry in self.manager.outbox.pending():
                        self.manager.reconciler.recheck(entry)

    def context(self, symbol: str) -> MarketContext | None:
        book, instrument = self.feed.l2.get(symbol), self.feed.instruments.get(symbol)
        if book is None or instrument is None or not book.best_bid or not book.best_ask:
            return None
        return MarketContext(
            instrument=instrument,
            bid=book.best_bid.price,
            ask=book.best_ask.price,
            book_verified=book.verified,
            book_age_ns=time.time_ns() - book.received,
        )

    async def trade(self) -> None:
        """Act about twice a second, whatever came of the last action."""
        while True:
            await asyncio.sleep(self.random.uniform(0.1, 0.8))
            context = self.context(self.random.choice(SYMBOLS))
            if context is None:
                continue
            try:
                await self.act(context)
            except KrackedError as error:
                say(failed=type(error).__name__)

    async def act(self, context: MarketContext) -> None:
        own = [order for order in self.manager.working if order.symbol in SYMBOLS]
        roll = self.random.random()
        if len(own) > MOST_OPEN or (own and roll < 0.25):
            order = self.random.choice(own)
            if roll < 0.02:
                outcome = await self.manager.cancel_pair(order.symbol)
                cancelled = [each.order_id for each in own if each.symbol == order.symbol]
            else:
                outcome = await self.manager.cancel(txid=order.order_id)
                cancelled = [order.order_id]
            if not outcome.failed and not outcome.pending and not outcome.error:
                say(cancelled=cancelled)
        elif own and roll < 0.4:
            order = self.random.choice(own)
            qty = int(context.instrument.qty_min * self.random.choice((2, 3, 4)))
            await self.manager.amend(order, context, qty=qty)
        else:
            entry = await self.manager.place(self.draft(context), context)
            if isinstance(entry, OutboxEntry):
                say(placed=entry.id, state=entry.state)
            else:
                say(failed=", ".join(each.check for each in entry.refusals))

    def draft(self, context: MarketContext) -> Draft:
        side = self.random.choice((Side.BID, Side.ASK))
        qty = int(context.instrument.qty_min * self.random.choice((2, 3, 5)))
        symbol = context.instrument.symbol
        kind = self.random.random()
        touch = context.bid if side is Side.BID else context.ask
        across = context.ask if side is Side.BID else context.bid
        assert touch is not None
        assert across is not None
        if kind < 0.3:  # what a second delivery makes dearest
            return Draft(symbol=symbol, side=side, qty=qty, order_type=OrderType.MARKET)
        if kind < 0.5:
            ioc = TimeInForce.IOC
            return Draft(symbol=symbol, side=side, qty=qty, price=across, time_in_force=ioc)
        away = self.random.choice((0, 1, 5, 20, 200)) * context.instrument.price_increment
        price = touch - away if side is Side.BID else touch + away
        return Draft(symbol=symbol, side=side, qty=qty, price=price, post_only=kind < 0.7)

    def well(self) -> bool:
        """Whether no outcome is unknown, and the account and every book are known."""
        account = self.feed.account
        states = {entry.state for entry in self.manager.outbox}
        books = [self.feed.l2.get(symbol) for symbol in SYMBOLS]
        return (
            account.orders_known
            and account.balances_known
            and not states & {OrderState.UNKNOWN, OrderState.SENT, OrderState.PREPARED}
            and all(book is not None and book.verified for book in books)
        )

    async def watch(self) -> None:
        """Say when all is well, and when it is not any more."""
        was = False
        while True:
            if (now := self.well()) != was:
                was = now
                say(well=now, at=time.time())
            await asyncio.sleep(0.1)

    async def settled(self) -> bool:
        """Wait until all is well; False when that fails."""
        ends = time.monotonic() + SETTLE_S
        while not self.well() and time.monotonic() < ends:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.2)
        return self.well()


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def report(program: Program, settled: bool) -> dict[str, object]:
    account = program.feed.account
    return {
        "settled": settled,
        "entries": {
            entry.id: {
                "kind": entry.kind,
                "state": entry.state,
                "txid": entry.txid,
                "ended": entry.state in ENDED,
            }
            for entry in program.manager.outbox
        },
        "open": {
            order.order_id: [str(order.order_qty), str(order.cum_qty), str(order.limit_price)]
            for order in account.orders.values()
        },
        "balances": {asset: str(total) for asset, total in account.balances.items()},
        "fills": [fill.exec_id for fill in account.fills],
        "books": {
            symbol: [
                [level.price, level.qty]
                for side in (book.bids, book.asks)
                for level in list(side)[:10]
            ]
            for symbol, book in program.feed.l2.items()
            if book.verified
        },
    }


async def main(address: str, folder: Path, seed: str, *, settle: bool) -> int:
    endpoints = kracked.Endpoints.at(address)
    credentials = kracked.Credentials.from_environment()
    async with kracked.RestClient(credentials, endpoints, state=folder) as client:
        feed = kracked.FeedManager(
            SYMBOLS, book=10, account=True, endpoints=endpoints, token=client.websockets_token
        )
        with open_order_manager(
            client, folder / "outbox.jsonl", limits=LIMITS, account=feed.account
        ) as manager:
            program = Program(feed, manager, seed)
            async with feed, asyncio.TaskGroup() as tasks:
                with feed.consumer() as news:
                    work = [
                        tasks.create_task(program.listen(news)),
                        tasks.create_task(manager.reconciler.run()),
                        tasks.create_task(program.watch()),
                    ]
                    if settle:
                        settled = await program.settled()
                        say(report=report(program, settled))
                    else:
                        await program.trade()
                    for task in work:
                        task.cancel()
    return 0


if __name__ == "__main__":
    logging.disable()
    sys.exit(
        asyncio.run(
            main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], settle="--settle" in sys.argv)
        )
    )
