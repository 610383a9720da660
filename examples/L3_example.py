"""Every order of the best bid in queue order, and one order's place in it.

python examples/L3_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken

Kraken gives level 3 only with an API key: KRAKEN_API_KEY and KRAKEN_API_SECRET (the
simulator prints a pair in its first line).
"""

import asyncio
import sys

import kracked
from kracked import events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


def show(book: kracked.L3Book) -> None:
    level = book.bids[0]
    price, qty = book.precision.price_text, book.precision.qty_text
    print(f"{book.symbol}  best bid {price(level.price)}: {len(level)} orders, {qty(level.qty)}")
    for order in level:
        place = book.place(order.order_id)
        assert place is not None
        ahead = qty(place.qty_ahead)
        print(f"  {place.position:2}. {order.order_id}  {qty(order.qty)}  ahead {ahead}")


async def main() -> None:
    shown = 0
    async with kracked.FeedManager(["BTC/USD"], level3=100, endpoints=ENDPOINTS) as feed:
        async for event in feed:
            if isinstance(event, events.L3Update) and feed.l3[event.symbol].verified:
                show(feed.l3[event.symbol])
                shown += 1
                if shown == 5:
                    return


asyncio.run(main())
