"""Place an order far from the market, amend it, cancel it; each step checked before it is sent.

python examples/order_examples.py ADDRESS     ADDRESS: of `kracked sim`, and of nothing else

The key is in KRAKEN_API_KEY and KRAKEN_API_SECRET; the simulator prints a pair in its first
line. The outbox is the file that lets a program that died learn what became of its orders.
"""

import asyncio
import sys
import time
from pathlib import Path

import kracked
from kracked import Side, events
from kracked.orders import (
    Draft,
    Limits,
    MarketContext,
    OrderManager,
    OutboxEntry,
    open_order_manager,
)

if len(sys.argv) != 2:
    sys.exit("This example sends orders: name the simulator's address, http://127.0.0.1:PORT")
ENDPOINTS = kracked.Endpoints.at(sys.argv[1])
SYMBOL = "BTC/USD"
LIMITS = Limits(max_distance_percent=None)  # the default refuses orders this far away


def market_context(feed: kracked.FeedManager) -> MarketContext:
    """Return the market as it is now, for the checks of an order."""
    book = feed.l2[SYMBOL]
    bid, ask = book.best_bid, book.best_ask
    return MarketContext(
        instrument=feed.instruments[SYMBOL],
        bid=bid.price if bid else None,
        ask=ask.price if ask else None,
        book_verified=book.verified,
        book_age_ns=time.time_ns() - book.received,
    )


async def until_resting(manager: OrderManager, news: kracked.Consumer) -> kracked.OwnOrder:
    """Wait until the account's stream shows the order, and return it."""
    async for event in news:
        if isinstance(event, events.Executions):
            manager.apply(event)
            for order in manager.working:
                return order
    raise SystemExit("the feed ended before the order was seen")


async def trade(feed: kracked.FeedManager, manager: OrderManager, news: kracked.Consumer) -> None:
    now = market_context(feed)
    digits = now.instrument.precision
    price = (now.bid or 0) * 9 // 10
    draft = Draft(symbol=SYMBOL, side=Side.BID, qty=10 ** (digits.qty - 2), price=price)
    review = manager.review(draft, now)
    print(review.words, *review.remarks)

    placed = await manager.place(draft, now)
    if not isinstance(placed, OutboxEntry):
        raise SystemExit(placed.sentence)
    print(f"placed     {placed.id}: {placed.state}")

    order = await until_resting(manager, news)
    print(f"at rest    {order.order_id}: {order.order_qty} at {order.limit_price}")

    amended = await manager.amend(order, market_context(feed), qty=draft.qty // 2)
    print(f"amended    {amended.state if isinstance(amended, OutboxEntry) else amended.sentence}")

    outcome = await manager.cancel(txid=order.order_id)
    print(f"cancelled  {outcome.count} order")


async def main() -> None:
    credentials = kracked.Credentials.from_environment()
    async with kracked.RestClient(credentials, ENDPOINTS) as client:
        feed = kracked.FeedManager(
            [SYMBOL],
            book=10,
            account=True,
            token=client.websockets_token,
            endpoints=ENDPOINTS,
        )
        async with feed:
            await feed.ready()
            with (
                open_order_manager(
                    client, Path("outbox"), limits=LIMITS, account=feed.account
                ) as manager,
                feed.consumer() as news,
            ):
                await trade(feed, manager, news)


asyncio.run(main())
