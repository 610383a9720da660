"""Orders left out of the stream and put back as ghosts: their fills must be the orders' own.

    python -m tests.benchmarks.leave_one_out --seeds 1 2 3 --symbols BTC/USD SOL/USD

For each stay of an order in a queue its own events are taken out of what the ledger saw, and a
`Ghost` stands in its place. Instants, parts and sum of the ghost's fills must be those the
engine gave the order. All stays are tried that were filled or saw a taker at their price.
What the owner did (amend, cancel) is told to the ghost. A stream should have five thousand stays;
a shorter one is said, and the exit code is 1 then, as for a stay that is wrong.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from copy import copy
from typing import NamedTuple

from kracked.book.keeper import BookKeeper
from kracked.flow import Fact, Ghost, Ledger, Link, OrderFlow, Settled, Standing, Taker, What
from kracked.flow.assignment import Shares, assign
from kracked.flow.life import Reduction
from kracked.flow.links import Linker
from kracked.protocol.events import Side, Trade
from kracked.sim.realism import PLAIN, Realism
from tests.benchmarks.queue_truth import Market

JOINS = {What.NEW, What.CAME, What.RETURNED, What.MOVED_IN, What.PRESENT}
LEAVES = {What.FILLED, What.CANCELLED, What.MOVED_AWAY, What.LEFT_VIEW, What.TAKEN, What.LOST}
MINUTES = {"SOL/USD": 240}
ENOUGH = 5_000


class Decided(NamedTuple):
    """A taker, with copies of the reductions that could be its makers."""

    instant: int
    side: Side
    trades: list[Trade]
    candidates: dict[int, list[Reduction]]

    def without(self, order_id: str, symbol: str) -> Taker:
        """Return the taker as it would be told if an order had never been shown."""
        left = {
            price: [copy(one) for one in found if one.life.order_id != order_id]
            for price, found in self.candidates.items()
        }
        shares = assign(self.trades, left)
        links = tuple(
            Link(
                symbol,
                trade.trade_id,
                self.instant,
                self.side.opposite,
                trade.price,
                qty,
                maker.life.order_id if maker else None,
                certainty,
                self.side,
                None,
                maker.standing if maker else None,
            )
            for trade in self.trades
            for maker, qty, certainty in shares[trade.trade_id]
        )
        return Taker(symbol, self.instant, self.side, tuple(self.trades), links, None, None)


class LookingLinker(Linker):
    """A linker that keeps what each taker was decided by."""

    def __init__(self, symbol: str) -> None:
        super().__init__(symbol)
        self.looked_at: list[Decided] = []

    def assign(
        self,
        instant: int,
        side: Side,
        trades: list[Trade],
        candidates: dict[int, list[Reduction]],
    ) -> Shares:
        kept = {price: [copy(one) for one in found] for price, found in candidates.items()}
        self.looked_at.append(Decided(instant, side, list(trades), kept))
        return super().assign(instant, side, trades, candidates)


class Stay:
    """An order's time in one queue."""

    def __init__(self, fact: Fact, standing: Standing, start: int) -> None:
        self.order_id, self.side, self.price = fact.order_id, fact.side, fact.price
        self.standing, self.start = standing, start
        self.qty = fact.qty
        self.end = 1 << 63
        self.kind = fact.what.value
        self.slices: list[int] = []
        self.amends: list[tuple[int, int]] = []
        """Time and quantity of amends downwards in place."""
        self.filled = False


def stays_of(
    market: Market, depth: int, delay_ns: int, seed: int
) -> tuple[list[Stay], LookingLinker]:
    """Let a ledger read the stream; return every stay it saw."""
    keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
    flow = OrderFlow(depth)
    ledger = flow.ledgers[market.symbol] = Ledger(market.symbol, depth)
    ledger.linker = linker = LookingLinker(market.symbol)
    done: list[Stay] = []
    now: dict[str, Stay] = {}
    last: dict[str, list[Stay]] = {}
    for message in market.feed(depth, delay_ns, 0, seed):
        for event in keeper.receive(message.raw, message.received):
            for one in flow.apply(event):
                follow(one, ledger, now, last, done)
    for one in ledger.finish():
        follow(one, ledger, now, last, done)
    return [*done, *now.values()], linker


def follow(
    one: object,
    ledger: Ledger,
    now: dict[str, Stay],
    last: dict[str, list[Stay]],
    done: list[Stay],
) -> None:
    if isinstance(one, Settled):
        # It may have moved on since, more than once within the hold.
        stays = [*last.get(one.order_id, ()), *([now[one.order_id]] if one.order_id in now else ())]
        for stay in reversed(stays):
            if stay.start <= one.time:
                stay.amends.append((one.time, one.qty))
                break
        return
    if not isinstance(one, Fact):
        return
    if one.what in JOINS:
        life = ledger.lives.known.get(one.order_id)
        level = ledger.side(one.side).levels.get(one.price)
        if life is None or level is None:
            return
        standing = Standing(level.made, one.number, life.entered)
        start = one.time if one.what is not What.NEW else life.entered
        now[one.order_id] = Stay(one, standing, start)
    elif one.what is What.REFILLED:
        earlier = last.get(one.order_id)
        if earlier:
            stay = earlier.pop()
            stay.slices.append(one.qty)
            stay.end, stay.filled = 1 << 63, False
            now[one.order_id] = stay
            done.remove(stay)
    elif one.what in LEAVES and one.order_id in now:
        stay = now.pop(one.order_id)
        stay.end, stay.filled = one.time, one.what is What.FILLED
        done.append(stay)
        last.setdefault(one.order_id, []).append(stay)


def score(market: Market, depth: int, delay_ns: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Count the stays whose ghost was right, by kind; return the first that were not."""
    stays, linker = stays_of(market, depth, delay_ns, seed)
    truth: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in market.truth:
        if row.what == "filled":
            truth[row.order_id].append((row.time, row.qty))
    takers: dict[tuple[Side, int], list[Decided]] = defaultdict(list)
    for decided in sorted(linker.looked_at, key=lambda one: (one.instant, one.trades[0].trade_id)):
        for price in decided.candidates:
            takers[decided.side.opposite, price].append(decided)
    instants = {key: [one.instant for one in found] for key, found in takers.items()}
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for stay in stays:
        key = stay.side, stay.price
        known = instants.get(key, [])
        begin, end = bisect_left(known, stay.start - 999), bisect_left(known, stay.end + 1)
        met = takers[key][begin:end] if known else []
        own = [one for one in truth.get(stay.order_id, ()) if stay.start <= one[0] <= stay.end]
        if not met and not own:
            continue
        expected = [(time // 1000 * 1000, qty) for time, qty in own]
        ghost = ghost_of(stay, sum(qty for _, qty in own))
        fill(ghost, stay, met, market.symbol)
        got = [(one.instant, one.qty) for one in ghost.fills]
        kind = "iceberg" if stay.slices else stay.kind
        counts[f"{kind}, {'filled' if own else 'untouched'}"] += 1
        counts["all"] += 1
        if got == expected:
            counts["right"] += 1
        else:
            counts[f"WRONG {kind}"] += 1
            counts["same sum"] += sum(q for _, q in got) == sum(q for _, q in expected)
            wrong.append(f"{stay.order_id} {kind}: {got} for {expected}")
    return counts, wrong


def ghost_of(stay: Stay, traded: int) -> Ghost:
    """Return a ghost in an order's place; an iceberg's owner knows how much there is of it."""
    if not stay.slices:
        return Ghost(stay.side, stay.price, stay.qty, stay.standing)
    total = traded if stay.filled else 1 << 60
    display = max(stay.qty, *stay.slices)
    ghost = Ghost(stay.side, stay.price, total, stay.standing, display=display)
    ghost._shown = min(stay.qty, total)  # it may have come into view with a part half filled
    return ghost


def fill(ghost: Ghost, stay: Stay, met: list[Decided], symbol: str) -> None:
    """Let a ghost meet the takers of its price, and its owner's amends between them."""
    amends = sorted(stay.amends)
    for decided in met:
        while amends and amends[0][0] < decided.instant:
            ghost.amend(ghost.left - amends.pop(0)[1], ghost.price, ghost.standing)
        ghost.take(decided.without(stay.order_id, symbol))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--symbols", nargs="+", default=["BTC/USD", "SOL/USD"])
    parser.add_argument("--depths", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--minutes", type=float, help="by default 60, of quieter pairs 240")
    parser.add_argument("--delay-ms", type=float, default=250)
    parser.add_argument("--plain", action="store_true", help="none of the live habits")
    given = parser.parse_args()
    habits, failed = PLAIN if given.plain else Realism(), False
    for symbol in given.symbols:
        for seed in given.seeds:
            minutes = given.minutes or MINUTES.get(symbol, 60)
            market = Market(symbol, seed, minutes, given.depths, habits)
            for depth in given.depths:
                counts, wrong = score(market, depth, int(given.delay_ms * 1e6), seed)
                print(f"{symbol} {seed} depth {depth}: {counts['right']} of {counts['all']}")
                print("  " + ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
                failed = failed or counts["right"] < counts["all"] or counts["all"] < ENOUGH
                if counts["all"] < ENOUGH:
                    print(f"  fewer than {ENOUGH:,}: give more --minutes than {minutes:g}")
                for line in wrong[:5]:
                    print(f"  {line}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
