"""Immediate-or-cancel orders on paper against the simulator's engine: what each one paid.

    python -m tests.benchmarks.ioc --seeds 1 2 3 --sizes 1 10 100

The requests of a seeded market are replayed. Every few seconds a copy of its engine gets an IOC
order of ours, five levels deep, and a `PaperEngine` on the public stream gets the same one; nobody
else ever learns of either. Quantity and cost must be the same unless the engine's order met hidden
quantity, which no public stream shows.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import sys
from collections import Counter
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.flow import Ledger, OrderFlow
from kracked.paper import (
    FeeRates,
    Opened,
    PaperAccount,
    PaperEngine,
    PaperRequest,
    Report,
)
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import NewOrder, OrderFilled
from kracked.sim.realism import Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market
from tests.benchmarks.streams import START
from tests.benchmarks.what_if import DEPTH, NotedMatcher, ask

EVERY_NS = 2_300_000_000
LEVELS = 5


class Met(NamedTuple):
    """One order of ours, and what it met in the engine."""

    time: int
    side: Side
    price: int
    qty: int
    filled: int
    cost: int
    hidden: bool
    """Whether some of it was not shown."""


def in_engine(noted: NotedMatcher, sizes: list[int]) -> list[Met]:
    """Replay the requests; return what each order of ours would have met."""
    plain, found, due = Matcher(), list[Met](), START + 60 * NS_PER_S
    for now, request in noted.requests:
        while now > due:
            side = Side.BID if len(found) % 2 else Side.ASK
            level = plain.level_at(side.opposite, LEVELS - 1)
            if level is not None:
                found.append(met(plain, due, side, level.price, sizes[len(found) % len(sizes)]))
            due += EVERY_NS
        ask(plain, now, request)
    return found


def met(plain: Matcher, due: int, side: Side, price: int, qty: int) -> Met:
    copied: Matcher = pickle.loads(pickle.dumps(plain))
    order = NewOrder("OURS", side, qty, price, tif=TimeInForce.IOC, owner="us")
    fills = [one for one in copied.submit(order, due).steps if type(one) is OrderFilled]
    taken: Counter[str] = Counter()
    for one in fills:
        taken[one.maker_order_id] += one.qty
    shown = {
        one.order_id: one.visible_qty
        for level in {fill.price for fill in fills}
        for one in plain.queue(side.opposite, level)
    }
    hidden = any(taken[name] > shown[name] for name in taken)
    cost = sum(one.price * one.qty for one in fills)
    return Met(due, side, price, qty, taken.total(), cost, hidden)


def on_paper(market: Market, orders: list[Met]) -> list[tuple[int, int]]:
    """Return quantity and cost of each order on paper, each on an account of its own."""
    instrument = market.listing.instrument
    owned = dict.fromkeys((instrument.base, instrument.quote), "1000000000")
    opened = Opened(time=0, instruments=(instrument,), balances=owned, rates=FeeRates())
    flow = OrderFlow(DEPTH)
    flow.ledgers[market.symbol] = Ledger(market.symbol, DEPTH)
    keeper = BookKeeper(precisions={market.symbol: instrument.precision})
    waiting, found = list(reversed(orders)), list[tuple[int, int]]()
    for message in market.feed(DEPTH, 0, 0, 1):
        while waiting and waiting[-1].time < message.received:
            one = waiting.pop()
            engine = PaperEngine(PaperAccount(opened), flow, now=one.time, verified=lambda _: True)
            request = PaperRequest(
                symbol=market.symbol,
                side=one.side,
                order_type=OrderType.LIMIT,
                qty=one.qty,
                price=one.price,
                time_in_force=TimeInForce.IOC,
            )
            engine.submit(request, one.time)
            rows = [news.row for news in engine.elapse(one.time) if isinstance(news, Report)]
            found.append(paid(rows, instrument.precision.price, instrument.precision.qty))
        for event in keeper.receive(message.raw, message.received):
            flow.apply(event)
    return found


def paid(rows: list[dict], price_decimals: int, qty_decimals: int) -> tuple[int, int]:
    fills = [
        (int(row["last_price"].scaleb(price_decimals)), int(row["last_qty"].scaleb(qty_decimals)))
        for row in rows
        if row["exec_type"] == "trade"
    ]
    return sum(qty for _, qty in fills), sum(price * qty for price, qty in fills)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 10, 100])
    parser.add_argument("--minutes", type=float, default=20)
    given = parser.parse_args()
    wrong = 0
    counts: dict[float, Counter[str]] = {size: Counter() for size in given.sizes}
    for seed in given.seeds:
        noted = NotedMatcher()
        market = Market(given.symbol, seed, given.minutes, [DEPTH], Realism(), noted)
        median = statistics.median(r.qty for _, r in noted.requests if type(r) is NewOrder)
        sizes = [int(median * size) for size in given.sizes]
        orders = in_engine(noted, sizes)
        for one, (filled, cost) in zip(orders, on_paper(market, orders), strict=False):
            told = counts[given.sizes[sizes.index(one.qty)]]
            same = (filled, cost) == (one.filled, one.cost)
            told["all"] += 1
            told["same"] += same
            told["met hidden quantity"] += one.hidden
            told["differs without hidden quantity"] += not same and not one.hidden
            wrong += not same and not one.hidden
            if not same and not one.hidden:
                print(f"  {one}: on paper {filled} for {cost}")
    for size, told in counts.items():
        print(f"{size:g} x median: " + ", ".join(f"{name} {told[name]}" for name in told))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
