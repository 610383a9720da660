"""One more order in the engine, against a ghost that sees the stream without it.

    python -m tests.benchmarks.what_if --seeds 1 2 3 --sizes 1 8

The requests of a seeded market are replayed. Every 40 seconds a copy of its engine gets one order
of ours, at the touch, one or two levels behind it, on both sides in turn, and goes on for 38
seconds with it and the same requests; `--runs` replays begin at other times. The same orders stand
as ghosts in the public stream of the market without them. Compared are whether each was filled,
the sum, and the sum of each taker. What must differ: the public stream does not tell what a killed
taker wanted, unless its remainder was shown, nor what an order would have done that ours used up.

`--kept` keeps all orders of a replay in one engine: each ghost then stands in a market that the
orders before it have changed, of which it cannot know.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import sys
from collections import Counter
from itertools import product
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.flow import Ghost, Ledger, OrderFlow, Standing
from kracked.protocol.events import Side
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import AmendTerms, EngineBatch, NewOrder, OrderFilled
from kracked.sim.realism import PLAIN, Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market
from tests.benchmarks.streams import START

LIFE_NS = 38 * NS_PER_S
EVERY_NS = 40 * NS_PER_S
DEPTH = 1000


class NotedMatcher(Matcher):
    """An engine that notes its requests."""

    def __init__(self, *, first_trade_id: int = 1) -> None:
        super().__init__(first_trade_id=first_trade_id)
        self.requests: list[tuple[int, NewOrder | AmendTerms | str | None]] = []

    def submit(self, order: NewOrder, now: int) -> EngineBatch:
        self.requests.append((now, order))
        return super().submit(order, now)

    def cancel(self, order_id: str, now: int, reason: str = "User requested") -> EngineBatch:
        self.requests.append((now, order_id))
        return super().cancel(order_id, now, reason)

    def amend(self, amend: AmendTerms, now: int) -> EngineBatch:
        self.requests.append((now, amend))
        return super().amend(amend, now)

    def expire(self, now: int) -> EngineBatch:
        self.requests.append((now, None))
        return super().expire(now)


class Ours(NamedTuple):
    """One order of ours."""

    time: int
    side: Side
    rank: int
    """Levels behind the touch."""
    price: int
    qty: int
    order_id: str


def ask(matcher: Matcher, now: int, request: NewOrder | AmendTerms | str | None) -> EngineBatch:
    match request:
        case NewOrder():
            return matcher.submit(request, now)
        case AmendTerms():
            return matcher.amend(request, now)
        case None:
            return matcher.expire(now)
        case _:
            return matcher.cancel(request, now)


def with_ours(
    noted: NotedMatcher, qty: int, run: int, *, apart: bool
) -> tuple[list[Ours], dict[str, Counter[int]]]:
    """Replay the requests with our orders; return them with what each taker filled of each.

    Args:
        noted: Their engine.
        qty: The quantity of each order of ours.
        run: Which replay, by number.
        apart: Whether each order of ours has an engine to itself.
    """
    plain, other = Matcher(), None if apart else Matcher()
    ours: list[Ours] = []
    fills: dict[str, Counter[int]] = {}
    due = START + (60 + 10 * run) * NS_PER_S
    for now, request in noted.requests:
        if other is not None and ours and now > (end := ours[-1].time + LIFE_NS):
            if ours[-1].order_id in other:
                other.cancel(ours[-1].order_id, end)
            other = None if apart else other
        if now > due:
            number = len(ours) + run
            side = Side.BID if number % 2 else Side.ASK
            level = plain.level_at(side, number // 2 % 3)
            if level is not None:
                one = Ours(due, side, number // 2 % 3, level.price, qty, f"OURS{number}")
                order = NewOrder(one.order_id, side, qty, level.price, post_only=True, owner="us")
                engine = pickle.loads(pickle.dumps(plain)) if apart else other
                if engine.submit(order, due).refusal is None:
                    other = engine
                    ours.append(one)
                    fills[one.order_id] = Counter()
            due += EVERY_NS
        ask(plain, now, request)
        if other is None:
            continue
        for step in ask(other, now, request).steps:
            if type(step) is OrderFilled and step.maker_order_id in fills:
                fills[step.maker_order_id][other.time // 1000 * 1000] += step.qty
    return ours, fills


def as_ghosts(market: Market, ours: list[Ours]) -> dict[str, Counter[int]]:
    """Stand our orders in the public stream; return what each taker filled of each."""
    flow = OrderFlow(DEPTH)
    ledger = flow.ledgers[market.symbol] = Ledger(market.symbol, DEPTH)
    keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
    waiting = list(reversed(ours))
    alive: list[tuple[int, Ghost]] = []
    ghosts: dict[str, Ghost] = {}
    for message in market.feed(DEPTH, 0, 0, 1):
        while waiting and waiting[-1].time < message.received:
            one = waiting.pop()
            standing: Standing = ledger.back_of(one.side, one.price, one.time)
            ghost = ghosts[one.order_id] = Ghost(one.side, one.price, one.qty, standing)
            alive.append((one.time + LIFE_NS, ghost))
        alive = [each for each in alive if message.received < each[0] + NS_PER_S]
        outcomes = [
            outcome
            for event in keeper.receive(message.raw, message.received)
            for outcome in flow.apply(event)
        ]
        for end, ghost in alive:
            if message.received > end:
                ghost.cancel(end)
            for outcome in outcomes:
                ghost.apply(outcome)
            ghost.settle(ledger.decided)
    return {order_id: by_taker(ghost) for order_id, ghost in ghosts.items()}


def by_taker(ghost: Ghost) -> Counter[int]:
    """Return what was filled by each taker, by its instant."""
    sums: Counter[int] = Counter()
    for fill in ghost.fills:
        sums[fill.instant // 1000 * 1000] += fill.qty
    return sums


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 8], help="times the median")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--plain", action="store_true", help="none of the live habits")
    parser.add_argument("--kept", action="store_true", help="all of our orders in one engine")
    parser.add_argument("--show", type=int, default=0, help="print so many that differ")
    given = parser.parse_args()
    totals: dict[float, Counter[str]] = {size: Counter() for size in given.sizes}
    for seed in given.seeds:
        noted = NotedMatcher()
        habits = PLAIN if given.plain else Realism()
        market = Market(given.symbol, seed, given.minutes, [DEPTH], habits, noted)
        median = int(statistics.median(r.qty for _, r in noted.requests if type(r) is NewOrder))
        for size, run in product(given.sizes, range(given.runs)):
            ours, engine = with_ours(noted, int(median * size), run, apart=not given.kept)
            ghosts = as_ghosts(market, ours)
            counts = totals[size]
            for one in ours:
                real, paper = engine[one.order_id], ghosts[one.order_id]
                counts["all"] += 1
                counts["filled or not"] += bool(real.total()) == bool(paper.total())
                counts["same sum"] += real.total() == paper.total()
                counts["per taker"] += real == paper
                if real != paper and given.show:
                    given.show -= 1
                    print(f"  {one}: {dict(real)} and on paper {dict(paper)}")
    for size, counts in totals.items():
        shares = ", ".join(
            f"{name} {counts[name]} ({counts[name] / counts['all']:.1%})"
            for name in ("filled or not", "same sum", "per taker")
        )
        print(f"{size:g} x median: {counts['all']} orders, {shares}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
