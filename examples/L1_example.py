"""Best bid and ask, last trade and the day's figures, as they change.

python examples/L1_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys

import kracked
from kracked import events

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


async def main() -> None:
    shown = 0
    async with kracked.FeedManager(
        ["BTC/USD", "ETH/USD"], ticker="bbo", endpoints=ENDPOINTS
    ) as feed:
        async for event in feed:
            if not isinstance(event, events.Ticker) or event.bid is None or event.ask is None:
                continue
            price = event.precision.price_text
            best = f"bid {price(event.bid)}  ask {price(event.ask)}"
            print(f"{event.symbol}  {best}  {event.change_pct} %")
            shown += 1
            if shown == 10:
                return


asyncio.run(main())
