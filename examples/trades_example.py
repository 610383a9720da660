"""The trade tape: the last fifty trades, then each as it happens.

python examples/trades_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys

import kracked
from kracked import Side, events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


async def main() -> None:
    live = 0
    async with kracked.FeedManager(["BTC/USD"], trade=True, endpoints=ENDPOINTS) as feed:
        async for event in feed:
            if not isinstance(event, events.Trades):
                continue
            for trade in event.trades:
                taker = "buy " if trade.side is Side.BID else "sell"
                price, qty = (
                    event.precision.price_text(trade.price),
                    event.precision.qty_text(trade.qty),
                )
                print(f"{trade.timestamp}  {event.symbol}  {taker}  {qty} at {price}")
            live += not event.snapshot
            if live == 3:
                return


asyncio.run(main())
