"""Whether the simulated exchange grows: hours of its market in minutes, without sockets.

    python -m tests.benchmarks.exchange_memory --hours 2 --rate 20

A client that reads and throws away hears `book`, `level3`, `trade` and `ticker` of six
symbols. Every ten minutes of the exchange's time a line says what the process holds and
how long its tables are; at `--rate 20` that is over three hours of natural trade a line.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator

from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S
from tests.benchmarks.exchange_cost import SYMBOLS, joined
from tests.benchmarks.remote import resident_bytes
from tests.benchmarks.streams import START

LINE_EVERY_S = 600
SLICE_NS = NS_PER_S // 10
MIB = 2**20
TABLES = ("orders", "agenda", "trades", "candles", "minutes", "spreads", "objects")


def tables(venue: Exchange) -> Iterator[int]:
    """How long each of `TABLES` is, over all symbols."""
    market, desks = venue.market, venue.publishers.values()
    yield sum(len(market.matcher(symbol)) for symbol in SYMBOLS)
    yield len(market._agenda)
    yield sum(len(desk.history.trades) for desk in desks)
    yield sum(len(series.traded) for desk in desks for series in desk.tape.series.values())
    yield sum(len(desk.history.day._minutes) for desk in desks)
    yield sum(len(desk.spreads) for desk in desks)
    yield len(gc.get_objects())


def run(hours: float, rate: float) -> None:
    """Print a line every ten minutes."""
    venue, client = joined(rate, (10, 10))
    for channel in ("trade", "ticker"):
        params = {"channel": channel, "symbol": SYMBOLS}
        client.receive(json.dumps({"method": "subscribe", "params": params}), START)
    print("minutes     MiB " + "".join(f"{name:>13}" for name in TABLES))
    for second in range(int(hours * 3600) + 1):
        if second % LINE_EVERY_S == 0:
            gc.collect()
            lengths = "".join(f"{length:13}" for length in tables(venue))
            print(f"{second // 60:7} {resident_bytes() / MIB:7.1f} {lengths}", flush=True)
        for step in range(NS_PER_S // SLICE_NS):
            venue.advance(START + second * NS_PER_S + (step + 1) * SLICE_NS)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--rate", type=float, default=20)
    given = parser.parse_args()
    run(given.hours, given.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
