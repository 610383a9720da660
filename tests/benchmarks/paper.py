"""The paper engine against the simulator's own, with the same orders, and what it costs.

    python -m tests.benchmarks.paper --seeds 1 2 3 --sizes 1 8

As `what_if --kept` does, but the orders are sent to a `PaperEngine`, which places, fills and
cancels them; the public stream does not know of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from time import process_time

from kracked.book.keeper import BookKeeper
from kracked.flow import Ledger, OrderFlow
from kracked.paper import (
    Answer,
    FeeRates,
    Opened,
    PaperAccount,
    PaperEngine,
    PaperRequest,
    Report,
)
from kracked.protocol.order_terms import OrderType
from kracked.sim.engine.orders import NewOrder
from kracked.sim.realism import Realism
from kracked.times import parse_ns
from tests.benchmarks.queue_truth import Market
from tests.benchmarks.streams import plain_seconds
from tests.benchmarks.what_if import DEPTH, LIFE_NS, NotedMatcher, Ours, with_ours

BATCH = 1_000
"""Messages that are decoded before the engine's time with them is taken."""


class PaperRun:
    """Our orders on paper, in the public stream of a market."""

    def __init__(self, market: Market, ours: list[Ours]) -> None:
        instrument = market.listing.instrument
        flow = OrderFlow(DEPTH)
        flow.ledgers[market.symbol] = Ledger(market.symbol, DEPTH)
        owned = dict.fromkeys((instrument.base, instrument.quote), "1000000000")
        opened = Opened(time=0, instruments=(instrument,), balances=owned, rates=FeeRates())
        self.account = PaperAccount(opened)
        self.engine = PaperEngine(self.account, flow, now=0, verified=lambda _: True)
        self.fills: dict[str, Counter[int]] = {one.order_id: Counter() for one in ours}
        self.refused: list[str] = []
        self.events = 0
        self.seconds = 0.0
        self.least = plain_seconds(message.raw for message in market.level3[DEPTH])
        self._named: dict[str, str] = {}
        self._tickets: dict[int, str] = {}
        self._ends: list[tuple[int, str]] = []
        self._run(market, list(reversed(ours)))

    def _run(self, market: Market, waiting: list[Ours]) -> None:
        keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
        feed = market.feed(DEPTH, 0, 0, 1)
        for first in range(0, len(feed), BATCH):
            batch = feed[first : first + BATCH]
            decoded = [keeper.receive(message.raw, message.received) for message in batch]
            before = process_time()
            for message, events in zip(batch, decoded, strict=True):
                while waiting and waiting[-1].time < message.received:
                    self._send(market.symbol, waiting.pop())
                while self._ends and self._ends[0][0] < message.received:
                    end, order_id = self._ends.pop(0)
                    self.engine.cancel(order_id, end)
                for event in events:
                    for one in self.engine.apply(event):
                        self._note(one)
            self.seconds += process_time() - before
            self.events += sum(message.raw.count(b'"event"') for message in batch)

    def _send(self, symbol: str, one: Ours) -> None:
        request = PaperRequest(
            symbol=symbol,
            side=one.side,
            order_type=OrderType.LIMIT,
            qty=one.qty,
            price=one.price,
            post_only=True,
        )
        self._tickets[self.engine.submit(request, one.time)] = one.order_id

    def _note(self, news: Answer | Report) -> None:
        if isinstance(news, Report):
            row = news.row
            if row["exec_type"] == "trade":
                instant = parse_ns(str(row["timestamp"])) // 1000 * 1000
                qty = int(row["last_qty"].scaleb(8))  # type: ignore[attr-defined]
                self.fills[self._named[str(row["order_id"])]][instant] += qty
        elif news.ticket in self._tickets:
            if news.error:
                self.refused.append(f"{self._tickets[news.ticket]}: {news.error}")
            elif news.order_id:
                self._named[news.order_id] = self._tickets[news.ticket]
                self._ends.append((news.time + LIFE_NS, news.order_id))


def compare(
    seed: int, minutes: float, size: float, runs: int, symbol: str = "BTC/USD"
) -> tuple[Counter[str], PaperRun]:
    """Return how many orders fared alike, and the last run."""
    noted = NotedMatcher()
    market = Market(symbol, seed, minutes, [DEPTH], Realism(), noted)
    median = int(statistics.median(r.qty for _, r in noted.requests if type(r) is NewOrder))
    counts: Counter[str] = Counter()
    for number in range(runs):
        ours, engine = with_ours(noted, int(median * size), number, apart=False)
        paper = PaperRun(market, ours)
        for one in ours:
            real, found = engine[one.order_id], paper.fills[one.order_id]
            counts["all"] += 1
            counts["filled"] += bool(real.total())
            counts["filled or not"] += bool(real.total()) == bool(found.total())
            counts["same sum"] += real.total() == found.total()
            counts["per taker"] += real == found
        counts["refused"] += len(paper.refused)
    return counts, paper


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 8], help="times the median")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--runs", type=int, default=4)
    given = parser.parse_args()
    for size in given.sizes:
        total: Counter[str] = Counter()
        for seed in given.seeds:
            counts, paper = compare(seed, given.minutes, size, given.runs)
            total += counts
        shares = ", ".join(f"{name} {count}" for name, count in total.items())
        cost, ratio = paper.seconds / paper.events * 1e6, paper.seconds / paper.least
        print(
            f"{size:g} x median: {shares}; {cost:.1f} us an order event, the ledger included,"
            f" {ratio:.1f} times as much as to decode it and keep a dict of orders"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
