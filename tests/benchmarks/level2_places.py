"""Places and fills on paper by level 2, against those by level 3, with the same orders.

    python -m tests.benchmarks.level2_places --seeds 31 32 33

The public stream of a seeded market goes to three paper engines: one reads level 3, one the totals
of its levels, and a third the same totals but fills as from the best place. Every 40 seconds each
gets the same post-only order, at the touch or up to two levels behind it. What level 3 tells must
lie within the bounds: the quantity ahead, looked at every so many messages, between the least and
the most of level 2, and what was filled of each order between the two level 2 engines. What a
killed taker wanted beyond its trades is in level 3 alone, where it stands for some nanoseconds: the
fills that came of it are counted apart. How tight the bounds are is printed beside. The exit code
is 1 when one of them does not hold.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.flow import FillReason, GhostFill, OrderFlow, Outcome
from kracked.paper import Answer, FeeRates, Opened, PaperAccount, PaperEngine, PaperRequest, Report
from kracked.paper.levels import LevelGhost, RestingLevels
from kracked.paper.resting import Fills, Resting
from kracked.paper.visible import Visible
from kracked.protocol import events
from kracked.protocol.events import BookSnapshot, BookUpdate, Event, Side
from kracked.protocol.order_terms import OrderType
from kracked.sim.engine.orders import NewOrder
from kracked.sim.realism import Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market
from tests.benchmarks.what_if import DEPTH, LIFE_NS, NotedMatcher, Ours, with_ours

LOOK_EVERY = 20
"""Messages between two looks at the places."""
SETTLED_NS = 2 * NS_PER_S


class GhostAtBest(LevelGhost):
    """A ghost that is filled as from the best place of its bounds."""

    def shrink(self, until: int) -> None:
        super().shrink(until)
        self.ahead = self.ahead_at_best

    def take(self, qty: int, instant: int, trade_id: int) -> GhostFill | None:
        found = super().take(qty, instant, trade_id)
        self.ahead = self.ahead_at_best
        return found


class RestingAtBest(RestingLevels):
    """The resting orders of the engine that fills as from the best place."""

    ghost_type = GhostAtBest


class RestingNoted(Resting):
    """The resting orders of the engine of level 3, which notes the fills that level 2 cannot know.

    Attributes:
        of_killed: What killed takers would have filled of each order, by its id.
    """

    def __init__(self, visible: Visible) -> None:
        super().__init__(visible)
        self.of_killed: Counter[str] = Counter()

    def apply(self, outcome: Outcome) -> Fills:
        found = super().apply(outcome)
        for order_id, fill in found:
            if fill.reason is FillReason.REMAINDER:
                self.of_killed[order_id] += fill.qty
        return found


class Trader:
    """One paper engine, and what became of our orders in it."""

    def __init__(self, market: Market, book: L2Book | None, *, at_best: bool = False) -> None:
        instrument = market.listing.instrument
        owned = dict.fromkeys((instrument.base, instrument.quote), "1000000000")
        opened = Opened(time=0, instruments=(instrument,), balances=owned, rates=FeeRates())
        self.engine = PaperEngine(
            PaperAccount(opened),
            OrderFlow(DEPTH),
            now=0,
            verified=lambda _: True,
            levels=None if book is None else lambda _: book,
        )
        if at_best:
            paper_market = self.engine._market(market.symbol)
            assert paper_market is not None
            paper_market.resting = RestingAtBest(paper_market.visible)  # type: ignore[arg-type]
        self.noted: RestingNoted | None = None
        self.symbol = market.symbol
        self.ids: dict[str, str] = {}
        """Our names of the orders, to the engine's."""
        self.refused = 0
        self._tickets: dict[int, str] = {}

    def note_remainders(self) -> None:
        """Note from now on what killed takers fill; level 3 has begun."""
        paper_market = self.engine._market(self.symbol)
        assert paper_market is not None
        assert isinstance(paper_market.visible, Visible)
        paper_market.resting = self.noted = RestingNoted(paper_market.visible)

    def place(self, one: Ours) -> None:
        request = PaperRequest(
            symbol=self.symbol,
            side=one.side,
            order_type=OrderType.LIMIT,
            qty=one.qty,
            price=one.price,
            post_only=True,
        )
        self._tickets[self.engine.submit(request, one.time)] = one.order_id
        self.note(self.engine.elapse(one.time))

    def end(self, one: Ours, now: int) -> None:
        if one.order_id in self.ids:
            self.engine.cancel(self.ids[one.order_id], now)

    def note(self, news: Iterable[Answer | Report]) -> None:
        for each in news:
            if isinstance(each, Answer) and each.ticket in self._tickets:
                if each.order_id and not each.error:
                    self.ids[self._tickets[each.ticket]] = each.order_id
                else:
                    self.refused += 1

    def of_killed(self, name: str) -> int:
        """Return what killed takers filled of an order; level 2 knows none of it."""
        return self.noted.of_killed[self.ids[name]] if self.noted is not None else 0

    def filled(self, name: str) -> int:
        account, order_id = self.engine.account, self.ids[name]
        return (account.open.get(order_id) or account.closed[order_id]).filled


def totals(book: L3Book, happened: Event) -> BookSnapshot | BookUpdate | None:
    """Return what level 2 tells of a level 3 message that the book has taken."""
    if isinstance(happened, events.L3Snapshot):
        kind: type[BookSnapshot | BookUpdate] = BookSnapshot
        prices = {side: [queue.price for queue in book.side(side)] for side in Side}
    elif isinstance(happened, events.L3Update):
        kind, changes = BookUpdate, {Side.BID: happened.bids, Side.ASK: happened.asks}
        prices = {side: sorted({one.price for one in changes[side]}) for side in Side}
    else:
        return None
    told = {
        side: tuple((price, _total(book, side, price)) for price in prices[side]) for side in Side
    }
    return kind(
        received=happened.received,
        symbol=happened.symbol,
        bids=told[Side.BID],
        asks=told[Side.ASK],
        checksum=0,
        precision=happened.precision,
        timestamp=happened.timestamp,
    )


def _total(book: L3Book, side: Side, price: int) -> int:
    queue = book.side(side).at(price)
    return queue.qty if queue else 0


class Comparison:
    """The three engines in one stream."""

    def __init__(self, market: Market, ours: list[Ours]) -> None:
        self.counts: Counter[str] = Counter()
        self.widths: list[float] = []
        """Widths of the bounds, over the quantity ahead when the order joined."""
        self._ours = ours
        self._joined: dict[str, int] = {}
        precision = market.listing.instrument.precision
        self._book = L2Book(market.symbol, precision, DEPTH)
        self.level3 = Trader(market, None)
        self.worst = Trader(market, self._book)
        self.best = Trader(market, self._book, at_best=True)
        self._all = (self.level3, self.worst, self.best)
        self._run(market, BookKeeper(precisions={market.symbol: precision}))

    def _run(self, market: Market, keeper: BookKeeper) -> None:
        waiting, ends, now = list(reversed(self._ours)), list[Ours](), 0
        for number, message in enumerate(market.feed(DEPTH, 0, 0, 1)):
            now = message.received
            while waiting and waiting[-1].time < now:
                ends.append(waiting.pop())
                for trader in self._all:
                    trader.place(ends[-1])
            while ends and ends[0].time + LIFE_NS < now:
                one = ends.pop(0)
                for trader in self._all:
                    trader.end(one, one.time + LIFE_NS)
            for happened in keeper.receive(message.raw, now):
                self._apply(keeper, happened)
            if number % LOOK_EVERY == 0:
                self._look(ends)
        for trader in self._all:
            trader.note(trader.engine.elapse(now + SETTLED_NS))

    def _apply(self, keeper: BookKeeper, happened: Event) -> None:
        self.level3.note(self.level3.engine.apply(happened))
        if isinstance(happened, events.L3Snapshot) and self.level3.noted is None:
            self.level3.note_remainders()
        told: Event | None = happened
        if isinstance(happened, (events.L3Snapshot, events.L3Update)):
            told = totals(keeper.l3[happened.symbol], happened)
            assert isinstance(told, (BookSnapshot, BookUpdate))
            self._book.apply(told)
        elif not isinstance(happened, events.Trades):
            return
        for trader in (self.worst, self.best):
            trader.note(trader.engine.apply(told))

    def _look(self, alive: Iterable[Ours]) -> None:
        for name, true, least, most in self._places(alive):
            within = least <= true and (most is None or true <= most)
            self.counts["places"] += 1
            self.counts["places within"] += within
            if most is not None:
                joined = self._joined.setdefault(name, true)
                self.counts["places exact"] += least == most
                self.widths.append((most - least) / joined if joined else 0.0)

    def _places(self, alive: Iterable[Ours]) -> Iterator[tuple[str, int, int, int | None]]:
        for one in alive:
            name = one.order_id
            if all(name in trader.ids for trader in self._all):
                true = self.level3.engine.bounds(self.level3.ids[name])
                told = self.worst.engine.bounds(self.worst.ids[name])
                if true is not None and told is not None:
                    yield name, true.least, told.least, told.most

    def score(self) -> Counter[str]:
        """Count the orders, and what was filled of them in each engine."""
        for one in self._ours:
            if not all(one.order_id in trader.ids for trader in self._all):
                self.counts["refused"] += 1
                continue
            true, low, high = (trader.filled(one.order_id) for trader in self._all)
            self.counts["orders"] += 1
            killed = self.level3.of_killed(one.order_id)
            self.counts["of killed"] += bool(killed)
            self.counts["fills within"] += low <= true <= high + killed
            self.counts["fills the same"] += low == true
            self.counts["filled"] += bool(true)
            for name, qty in (("true", true), ("least", low), ("most", high)):
                self.counts[f"qty {name}"] += qty
        return self.counts


def compare(seed: int, minutes: float, size: float, run: int, symbol: str) -> Comparison:
    """Return the comparison of one seed's orders."""
    noted = NotedMatcher()
    market = Market(symbol, seed, minutes, [DEPTH], Realism(), noted)
    median = statistics.median(r.qty for _, r in noted.requests if type(r) is NewOrder)
    ours, _ = with_ours(noted, int(median * size), run, apart=False)
    return Comparison(market, ours)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    parser.add_argument("--symbols", nargs="+", default=["BTC/USD", "SOL/USD"])
    parser.add_argument("--size", type=float, default=1, help="times the median order")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    failed = False
    for symbol in given.symbols:
        counts, widths = Counter[str](), list[float]()
        for seed in given.seeds:
            for run in range(given.runs):
                one = compare(seed, given.minutes, given.size, run, symbol)
                counts += one.score()
                widths += one.widths
        failed |= counts["places within"] < counts["places"] or not counts["places"]
        failed |= counts["fills within"] < counts["orders"]
        print(told(symbol, counts, widths), flush=True)
    return int(failed)


def told(symbol: str, counts: Counter[str], widths: list[float]) -> str:
    """Return the result in words."""
    share = partial("{:.1%}".format)
    places, orders, true = counts["places"] or 1, counts["orders"] or 1, counts["qty true"] or 1
    return (
        f"{symbol}: places within the bounds {counts['places within']} of {counts['places']},"
        f" exact {share(counts['places exact'] / places)},"
        f" width over what was ahead at first: median {statistics.median(widths or [0]):.2f},"
        f" mean {statistics.fmean(widths or [0]):.2f};"
        f" fills within {counts['fills within']} of {counts['orders']}"
        f" ({counts['filled']} filled, {counts['of killed']} by killed takers,"
        f" {counts['refused']} refused),"
        f" the same as by level 3 {share(counts['fills the same'] / orders)};"
        f" of the quantity, at worst {share(counts['qty least'] / true)},"
        f" at best {share(counts['qty most'] / true)}"
    )


if __name__ == "__main__":
    sys.exit(main())
