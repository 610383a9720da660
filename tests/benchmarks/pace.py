"""How many messages a second the simulated market tells of at its natural rate.

    python -m tests.benchmarks.pace --symbols 6 --depth 10 --seed 1

Of `book` and `level3` of these symbols together, without sockets or faults.
`tests.benchmarks.natural` holds such figures against recordings of the real market.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.listings import listings
from kracked.sim.market_data.book_publisher import BookPublisher
from kracked.times import NS_PER_S
from tests.benchmarks.streams import START, public_book

CHANNELS = ("book", "level3")
SECONDS = 120


async def natural_rate(symbols: int, depth: int, seed: int) -> float:
    """Measured in a process of its own, whose memory is not this one's."""
    arguments = {"--symbols": symbols, "--depth": depth, "--seed": seed}
    words = [str(word) for pair in arguments.items() for word in pair]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, *words, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return float(told)


def measured(symbols: int, depth: int, seed: int) -> float:
    """Messages a second."""
    chosen = listings(count=symbols)
    market = SimulatedMarket(chosen, seed=seed).opened(START)
    publishers = {}
    for listing in chosen:
        book = public_book(market.matcher(listing.symbol), listing.instrument.precision)
        publishers[listing.symbol] = BookPublisher(listing.instrument, book, START)
        for channel in CHANNELS:
            publishers[listing.symbol].watch(channel, depth)
    told = 0
    for symbol, batch in market.advance(START + SECONDS * NS_PER_S):
        told += len(publishers[symbol].apply(batch))
    return told / SECONDS


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbols", type=int, default=6)
    parser.add_argument("--depth", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(measured(options.symbols, options.depth, options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
