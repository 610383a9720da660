"""Candles of one and five minutes: the finished ones, then the one that is forming.

python examples/OHLC_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken
"""

import asyncio
import sys

import kracked
from kracked import events, times

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()


async def main() -> None:
    shown = 0
    async with kracked.FeedManager(["BTC/USD"], ohlc=(1, 5), endpoints=ENDPOINTS) as feed:
        async for event in feed:
            if not isinstance(event, events.Candles):
                continue
            price = event.precision.price_text
            for candle in event.candles:
                print(
                    f"{event.symbol} {candle.interval:2} min {times.to_rfc3339(candle.begin, 0)}",
                    f"open {price(candle.open)}  high {price(candle.high)}",
                    f"low {price(candle.low)}  close {price(candle.close)}",
                    f"{candle.trades} trades",
                    sep="  ",
                )
            shown += 1
            if shown == 4:
                return


asyncio.run(main())
