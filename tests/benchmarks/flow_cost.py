"""What the order flow of a live market costs an event, part by part, beside two floors.

    python -m tests.benchmarks.flow_cost --seeds 41 --depths 100 1000

A seeded market with planted patterns is decoded first; each part then takes the same events.
`ledger` has orders, links and places; `with odds` follows them with fitted odds that keep their
score; `with measures` is the ledger with every measure and detector; `live` is all of these.
Floors of the same run: `json.loads` of every message, and decoding and keeping the verified book.
Figures are CPU microseconds an event (an order's change or a trade), the least of `--turns`, and
how many times `json.loads`. `a look` is what a screen asks ten times a second, apart from events:
place and odds of three orders, and pulling and stacking of every row.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Callable
from statistics import median
from time import process_time

from kracked.book.keeper import BookKeeper
from kracked.flow import Ledger, MarketFlows, OrderFlow
from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.live import LiveOdds
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Side
from kracked.times import NS_PER_S
from tests.benchmarks.detectors import PlantedMarket
from tests.flow.odds.markets import invented

LOOK_NS = NS_PER_S // 10
LOOKED_AT = 3
ROW = 50
"""Prices a row."""


class Parts:
    """One market's events, and what is measured on them."""

    def __init__(self, market: PlantedMarket) -> None:
        precision = market.listing.instrument.precision
        self.market, self.decimals = market, precision.qty
        self.precisions = {market.symbol: precision}
        self.table = fit_table(market.symbol, invented(2_000), fitted=1, watched_ns=1, recordings=1)
        codec = Codec(self.precisions)
        self.events: list[Event] = [
            event
            for message in market.messages
            for event in codec.decode(message.raw, message.received)
        ]
        self.looks: list[float] = []
        """Seconds of each look of `live`."""
        names = (b'"event"', b'"trade_id"')
        self.count = sum(one.raw.count(name) for one in market.messages for name in names)

    def loads(self) -> None:
        for message in self.market.messages:
            json.loads(message.raw)

    def book(self) -> None:
        keeper = BookKeeper(precisions=self.precisions)
        for message in self.market.messages:
            keeper.receive(message.raw, message.received)

    def ledger(self) -> None:
        flow = OrderFlow()
        for event in self.events:
            flow.apply(event)

    def odds(self) -> None:
        flow, live = OrderFlow(), LiveOdds(self.table, self.decimals)
        for event in self.events:
            outcomes = flow.apply(event)
            live.follow(flow.ledgers[self.market.symbol], outcomes)

    def measures(self) -> None:
        flows = MarketFlows()
        for event in self.events:
            flows.apply(event)

    def live(self) -> None:
        flows, live, due = MarketFlows(), LiveOdds(self.table, self.decimals), 0
        market, ledgers = flows[self.market.symbol], flows.order_flow.ledgers
        for event in self.events:
            outcomes = flows.apply(event)
            live.follow(ledgers[self.market.symbol], outcomes)
            if event.received >= due:
                due = event.received + LOOK_NS
                started = process_time()
                look(ledgers[self.market.symbol], live)
                market.advance(market.now(event.received))
                for side in Side:
                    market.changes.rows(side, ROW)
                self.looks.append(process_time() - started)

    def spent(self, work: Callable[[], None]) -> float:
        before = len(self.looks)
        gc.collect()
        gc.freeze()  # the messages are the benchmark's, and no part of what is measured
        started = process_time()
        work()
        seconds = process_time() - started
        gc.unfreeze()
        return seconds - sum(self.looks[before:])


def look(ledger: Ledger, live: LiveOdds) -> None:
    """Look up the places and odds of orders near the best bid, as a screen does."""
    for key in ledger.bids.keys[-LOOKED_AT:]:
        order_id = next(reversed(ledger.bids.levels[key].orders))
        place = ledger.place(order_id)
        if place is not None:
            live.of_order(ledger, place, ledger.linker.level3_time)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--seeds", type=int, nargs="+", default=[41])
    parser.add_argument("--depths", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    names = ("json.loads", "book", "ledger", "with odds", "with measures", "live")
    print("depth seed   events" + "".join(f"{name:>18}" for name in names) + "    a look")
    for depth in given.depths:
        for seed in given.seeds:
            parts = Parts(PlantedMarket(given.symbol, seed, given.minutes, depth=depth, lead_s=0))
            work = (parts.loads, parts.book, parts.ledger, parts.odds, parts.measures, parts.live)
            turns = [[parts.spent(each) for each in work] for _ in range(given.turns)]
            least = [min(column) * 1e6 / parts.count for column in zip(*turns, strict=True)]
            told = "".join(f"{each:8.2f} us {each / least[0]:4.2f} x" for each in least)
            a_look = 1e6 * median(parts.looks)
            print(f"{depth:5} {seed:4} {parts.count:8}{told} {a_look:6.0f} us", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
