"""What happens to every order: which trade fills which one, and where one stands in its queue.

python examples/queue_example.py [ADDRESS]     ADDRESS: of `kracked sim`; none is Kraken

Kraken gives level 3 only with an API key: KRAKEN_API_KEY and KRAKEN_API_SECRET (the
simulator prints a pair in its first line).
"""

import asyncio
import sys

import kracked
from kracked.flow import Fact, Link, What

ENDPOINTS = kracked.Endpoints.at(sys.argv[1]) if sys.argv[1:] else kracked.Endpoints.kraken()
SYMBOL = "BTC/USD"


def show(flow: kracked.OrderFlow, told: Fact | Link) -> None:
    if isinstance(told, Link):
        print(f"trade {told.trade_id} filled {told.order_id} ({told.certainty})")
    elif place := flow[told.symbol].place(told.order_id):
        where = f"place {place.position} of {place.of}, {place.known}"
        print(f"{told.order_id} {told.what}: {where}, {place.qty_ahead} ahead")


async def main() -> None:
    flow = kracked.OrderFlow()
    told = 0
    async with kracked.FeedManager([SYMBOL], level3=100, trade=True, endpoints=ENDPOINTS) as feed:
        async for event in feed:
            for one in flow.apply(event):
                if isinstance(one, Link) or (isinstance(one, Fact) and one.what is What.NEW):
                    show(flow, one)
                    told += 1
            if told >= 20:
                return


asyncio.run(main())
