"""The best five levels of a verified book after each of ten updates.

python examples/L2_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys

import kracked
from kracked import events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


def show(book: kracked.L2Book) -> None:
    price, qty = book.precision.price_text, book.precision.qty_text
    print(f"{book.symbol}  checksum {book.checksum}  verified {book.verified}")
    for bid, ask in zip(book.bids.top(5), book.asks.top(5), strict=False):
        print(
            f"  {qty(bid.qty):>14} {price(bid.price):>10} | {price(ask.price):<10} {qty(ask.qty)}"
        )


async def main() -> None:
    shown = 0
    async with kracked.FeedManager(["BTC/USD"], book=25, endpoints=ENDPOINTS) as feed:
        async for event in feed:
            if isinstance(event, events.Resync):  # the feed fetches a fresh snapshot by itself
                print(f"{event.symbol}: {event.reason}; waiting for a fresh snapshot")
            if isinstance(event, events.BookUpdate) and feed.l2[event.symbol].verified:
                show(feed.l2[event.symbol])
                shown += 1
                if shown == 10:
                    return


asyncio.run(main())
