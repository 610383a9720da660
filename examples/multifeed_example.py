"""Several symbols and channels through one shared feed, changed while it runs.

python examples/multifeed_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys
from collections import Counter

import kracked
from kracked import events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


async def main() -> None:
    seen: Counter[str] = Counter()
    async with kracked.FeedManager(
        ["BTC/USD", "ETH/USD", "DOGE/USD"],
        book=10,
        trade=True,
        ticker=True,
        ohlc=1,
        endpoints=ENDPOINTS,
    ) as feed:
        async for event in feed:
            seen[type(event).__name__] += 1
            if isinstance(event, events.Verified) and event.symbol == "DOGE/USD":
                await feed.unsubscribe("DOGE/USD")
                await feed.subscribe("SOL/USD", book=100)
            if isinstance(event, events.Verified) and event.symbol == "SOL/USD":
                break
        for symbol, book in sorted(feed.l2.items()):
            bid, ask = book.best_bid, book.best_ask
            if bid and ask:
                price = book.precision.price_text
                print(
                    f"{symbol:9} {price(bid.price)} / {price(ask.price)}  verified {book.verified}"
                )
    print(dict(seen))


asyncio.run(main())
