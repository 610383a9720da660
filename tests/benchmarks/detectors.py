"""Detectors scored against what was planted in the simulator, and what they cost.

    python -m tests.benchmarks.detectors --seeds 9 21 33 --minutes 60

Each seed is one market at depth 100 with planted patterns, its level 3 messages and its trades on
two feeds, each up to `--delay-ms` late. A second run gives the agents' icebergs new ids for each
part. Columns: planted, found, others (sightings that nothing planted explains). The limits were set
on seed 5 alone. `--plain-minutes` is a run without anything planted. The messages are read twice,
once looked at every 20 ms between them as on a screen, once straight as in a replay: the sightings
must be the same. The facts of the ledger are compared with the engine's causes. Cost: microseconds
an event, beside decoding and keeping the verified book in the same run.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random
from time import process_time

from kracked.book.keeper import BookKeeper
from kracked.flow import Fact, Link, MarketFlows, OrderFlow, What
from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.detectors.sighting import Kind, Sighting, Sureness
from kracked.flow.market_flow import MarketFlow
from kracked.gateway.channels import Topic
from kracked.protocol.codec import Codec
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.agents.planter import Pattern
from kracked.sim.engine.orders import LeaveCause, LeftLevel, Rested
from kracked.sim.listings import listings
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher
from kracked.sim.realism import Realism
from kracked.sim.truth import PlantedRow, TruthRow, truth_rows
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Message, _delayed
from tests.benchmarks.streams import START

AN_HOUR = {
    Pattern.ICEBERG: 40,
    Pattern.OWN_ICEBERG: 90,
    Pattern.LOOSE_ICEBERG: 30,
    Pattern.REQUOTER: 1_000,
    Pattern.PULLED_LAYERS: 30,
    Pattern.TIMED_LAYERS: 40,
    Pattern.STAYING_WALL: 20,
    Pattern.JUMP: 12,
    Pattern.SAME_SIZE: 30,
    Pattern.SWEEP: 40,
    Pattern.ABSORPTION: 30,
}
LEAD_S = 120
"""What is planted so early is not scored: detectors warm up."""
DEPTH = 100


class PlantedMarket:
    """One seed's messages, and the truth about them."""

    def __init__(
        self,
        symbol: str,
        seed: int,
        minutes: float,
        *,
        depth: int = DEPTH,
        planted: bool = True,
        new_ids: bool = False,
        delay_ns: int = 100_000_000,
        lead_s: float = LEAD_S,
        an_hour: Mapping[Pattern, int] = AN_HOUR,
    ) -> None:
        [self.listing] = listings([symbol])
        self.symbol, self.depth = symbol, depth
        habits = Realism()
        market = SimulatedMarket([self.listing], seed=seed, changing_owners=True).opened(START)
        self.truth: list[PlantedRow] = []
        self.causes: list[TruthRow] = []
        self.refilled: Counter[str] = Counter()
        """Parts shown after the first, by order id."""
        market.told = self.truth.append
        if new_ids:
            market.hide_ids(symbol)
        if planted:
            until = minutes * 60 - min(180, minutes * 15)
            for pattern, count in an_hour.items():
                market.plant(symbol, pattern, int(count * minutes / 60) + 1, until)
        matcher = market.matcher(symbol)
        publisher = MarketDataPublisher(
            self.listing, matcher, market.histories[symbol], START, habits
        )
        level3, trade = Topic("level3", symbol, depth), Topic("trade", symbol)
        publisher.watch(level3)
        publisher.watch(trade)
        feeds: dict[str, list[Message]] = {"level3": [], "trade": []}
        feeds["level3"].append(Message(START, publisher.snapshot(level3, START).encode()))
        self.typical = market._contexts[symbol].sizes.typical
        self.end = START + int(minutes * 60 * NS_PER_S)
        for second in range(START + NS_PER_S, self.end + NS_PER_S, NS_PER_S):
            for _, batch in market.advance(second):
                self.causes += truth_rows(symbol, batch)
                left = ""
                for step in batch.steps:
                    if isinstance(step, LeftLevel) and step.cause is LeaveCause.FILLED:
                        left = step.order_id
                    elif isinstance(step, Rested) and step.order_id == left:
                        self.refilled[left] += 1
                for topic, text in publisher.apply(batch):
                    feeds[topic.channel].append(Message(batch.time, text.encode()))
        random = Random(f"{seed}/delays")
        self.messages = sorted(
            (one for feed in feeds.values() for one in _delayed(feed, delay_ns, random)),
            key=lambda one: one.received,
        )
        self.truth = [row for row in self.truth if row.start > START + lead_s * NS_PER_S]


class Run:
    """What the detectors said of a market."""

    def __init__(
        self,
        market: PlantedMarket,
        *,
        looks: bool = False,
        facts: bool = False,
        lose_at: int = 0,
    ) -> None:
        """Read the messages.

        Args:
            market: Where they are from.
            looks: Whether to look every 20 ms between them.
            facts: Whether to keep the facts and links.
            lose_at: When level 3 is lost and begins anew from the verified book; 0 for never.
        """
        precisions = {market.symbol: market.listing.instrument.precision}
        codec = BookKeeper(precisions=precisions) if lose_at else Codec(precisions)
        self.flows = MarketFlows(numbers=DetectorNumbers(budget=None))
        self.market: MarketFlow = self.flows[market.symbol]
        self.market.use_rules(market.listing.instrument)
        self.news: list[Sighting] = []
        self.facts: list[Fact] = []
        self.links: list[Link] = []
        self.maybe: set[tuple[str, int]] = set()
        before = 0
        for message in market.messages:
            while looks and before and before + 20_000_000 < message.received:
                before += 20_000_000
                self.flows.elapse(before)
                self.news += self.market.detectors.take_news()
            before = message.received
            if isinstance(codec, Codec):
                decoded = codec.decode(message.raw, message.received)
            else:
                decoded = codec.receive(message.raw, message.received)
                if message.received >= lose_at > 0:
                    lose_at = 0
                    self.flows.lose(message.received)
                    self.flows.restart(codec.l3[market.symbol], message.received)
            for event in decoded:
                outcomes = self.flows.apply(event)
                self.news += self.market.detectors.take_news()
                if facts:
                    self.facts += [one for one in outcomes if isinstance(one, Fact)]
                    self.links += [one for one in outcomes if isinstance(one, Link)]
        last: dict[int, Sighting] = {one.number: one for one in self.news}
        self.sightings = list(last.values())

    def of(self, kind: Kind) -> list[Sighting]:
        return [one for one in self.sightings if one.kind is kind]


# --- scores -------------------------------------------------------------------------------


def near(one: Sighting, row: PlantedRow, slack_s: float = 1.0) -> bool:
    """Whether a sighting is of a planted row's side, price and time."""
    slack = int(slack_s * NS_PER_S)
    return (
        one.side is row.side
        and one.price == row.price
        and one.first <= row.end + slack
        and one.last >= row.start - slack
    )


def ids_of(one: Sighting) -> set[str]:
    return {fact.order_id for fact in one.evidence} - {""}


class Score(Counter[str]):
    """Planted, found and other, by name."""

    def add(self, name: str, planted: int, found: int, others: int) -> None:
        self[name, "planted"] += planted  # type: ignore[index]
        self[name, "found"] += found  # type: ignore[index]
        self[name, "others"] += others  # type: ignore[index]

    def line(self, name: str) -> str:
        planted, found, others = (self[name, part] for part in ("planted", "found", "others"))  # type: ignore[index]
        share = f"{100 * found / planted:.1f} %" if planted else "-"
        return f"{name:<34}{planted:>8}{found:>8}{share:>9}{others:>8}"


def score(market: PlantedMarket, run: Run, *, new_ids: bool) -> Score:
    """Compare the sightings with the truth."""
    rows: dict[str, list[PlantedRow]] = defaultdict(list)
    for row in market.truth:
        rows[row.pattern].append(row)
    found = Score()
    _score_hidden(market, run, rows, found, new_ids=new_ids)
    if new_ids:
        return found
    _score_walls(market, run, rows, found)
    _score_takers(market, run, rows, found)
    return found


def _score_hidden(market, run, rows, found: Score, *, new_ids: bool) -> None:
    hidden = run.of(Kind.HIDDEN)
    exact = [one for one in hidden if one.sureness is Sureness.EXACT]
    others = [one for one in hidden if one.sureness is not Sureness.EXACT]
    own = [row for row in rows["own-iceberg"] if row.count >= 3]
    if not new_ids:
        seen = {order_id for one in exact for order_id in ids_of(one)}
        told = {fact.order_id for fact in run.facts if fact.what is What.FILLED}
        refilled = [one for one in market.refilled if one in told]
        wrong = sum(not ids_of(one) & set(refilled) for one in exact)
        found.add("hidden, same id", len(refilled), sum(one in seen for one in refilled), wrong)
        hits = [row for row in own if any(ids_of(one) & {*row.ids} for one in others)]
        found.add("hidden, new id (own-made, >= 3)", len(own), len(hits), 0)
        requoters = {order_id for row in rows["requoter"] for order_id in row.ids}
        flagged = [one for one in others if ids_of(one) & requoters]
        found.add("  requoting makers flagged", len(rows["requoter"]), len(flagged), 0)
        planted = {order_id for row in market.truth for order_id in row.ids}
        wrong = sum(not ids_of(one) & planted for one in others)
        found.add("  others of a new id", 0, 0, wrong)
        return
    native = [row for row in rows["iceberg"] if _parts(market, row) >= 3]
    hits = [row for row in native if any(near(one, row) for one in others)]
    found.add("hidden, native with new ids, >= 3", len(native), len(hits), 0)


def _parts(market: PlantedMarket, row: PlantedRow) -> int:
    """Return how many parts of an iceberg were filled, by the engine's trades."""
    filled = sum(
        cause.qty
        for cause in market.causes
        if cause.what == "filled"
        and (cause.side, cause.price, cause.qty) == (row.side, row.price, row.qty)
        and row.start <= cause.time <= row.end
    )
    return filled // row.qty


def _score_walls(market: PlantedMarket, run: Run, rows, found: Score) -> None:
    pulled = run.of(Kind.PULLED)
    both = pulled + run.of(Kind.PULLED_BACK)
    planted = [row for row in rows["pulled-layers"] if row.outcome == "pulled"]
    # A wall that begins within 3.5 gaps is no wall by any rule: the price has not come to it.
    hits = [row for row in planted if any(ids_of(one) & {*row.ids} for one in both)]
    found.add("pulled walls", len(planted), len(hits), 0)
    for name, outcome in (("timed-layers", "timed out"), ("pulled-layers", "timed out")):
        still = [row for row in rows[name] if row.outcome == outcome]
        flagged = [row for row in still if any(ids_of(one) & {*row.ids} for one in pulled)]
        found.add(f"  {name} {outcome} flagged", len(still), len(flagged), 0)
    stay = {order_id for row in rows["staying-wall"] for order_id in row.ids}
    found.add("  staying walls flagged", len(stay), sum(bool(ids_of(o) & stay) for o in pulled), 0)
    known = {order_id for row in market.truth for order_id in row.ids}
    others = [one for one in pulled if not ids_of(one) & known]
    own = sum(one.qty >= 25 * market.typical for one in others)
    found.add("  the market's own walls", own, own, len(others) - own)


def _score_takers(market: PlantedMarket, run: Run, rows, found: Score) -> None:
    same = run.of(Kind.SAME_SIZE)
    sizes = {(row.side, row.qty) for row in rows["same-size"]}
    hits = by_fifth = 0
    first_told: dict[int, Sighting] = {}
    for one in run.news:
        first_told.setdefault(one.number, one)
    for row in rows["same-size"]:
        told = [o for o in same if (o.side, o.detail["each"]) == (row.side, row.qty)]
        hits += bool(told)
        by_fifth += any(first_told[o.number].last <= row.times[4] for o in told)
    wrong = sum((one.side, one.detail["each"]) not in sizes for one in same)
    found.add("same-size takers", len(rows["same-size"]), hits, wrong)
    found.add("  by the fifth", len(rows["same-size"]), by_fifth, 0)
    sweeps = {(one.first // 1_000, one.side): one for one in run.of(Kind.SWEEP)}
    due = exact = 0
    for row in rows["sweep"]:
        one = sweeps.get((row.start // 1_000, row.side))
        if one is None:
            continue
        due += 1
        told = (one.price, one.last_price, one.count, one.qty)
        exact += told == (row.price, row.last_price, row.count, row.qty)
    wide = [row for row in rows["sweep"] if row.count > 5]
    seen = sum((row.start // 1_000, row.side) in sweeps for row in wide)
    found.add("sweeps of more than 5 levels", len(wide), seen, 0)
    found.add("  sweeps told, exact in all figures", due, exact, 0)
    absorbed = run.of(Kind.ABSORBED)
    hits = [row for row in rows["absorption"] if any(near(one, row) for one in absorbed)]
    wrong = sum(not any(near(one, row) for row in rows["absorption"]) for one in absorbed)
    found.add("absorption", len(rows["absorption"]), len(hits), wrong)


def wrong_facts(market: PlantedMarket, run: Run) -> tuple[int, int]:
    """Return how many ends and fills the ledger told, and how many the engine did not cause."""
    causes: Counter[tuple[str, str]] = Counter()
    fills: dict[int, str] = {}
    for row in market.causes:
        if row.what == "left":
            causes[row.order_id, "amended" if row.cause == "amended" else "cancelled"] += 1
        elif row.what == "filled":
            fills[row.trade_id] = row.order_id
    told = wrong = 0
    for fact in run.facts:
        if fact.what in (What.CANCELLED, What.MOVED_AWAY):
            cause = "cancelled" if fact.what is What.CANCELLED else "amended"
            told += 1
            causes[fact.order_id, cause] -= 1
            wrong += causes[fact.order_id, cause] < 0
    for link in run.links:
        told += 1
        wrong += link.order_id is not None and fills.get(link.trade_id) != link.order_id
    return told, wrong


def costs(market: PlantedMarket) -> tuple[float, float, float]:
    """Return microseconds an event: the verified book, the ledger, the ledger and all measures."""
    precisions = {market.symbol: market.listing.instrument.precision}
    messages = market.messages[: len(market.messages) // 4]
    keeper, codec = BookKeeper(precisions=precisions), Codec(precisions)
    decoded = [codec.decode(message.raw, message.received) for message in messages]
    names = (b'"event"', b'"trade_id"')
    events = sum(message.raw.count(name) for message in messages for name in names)
    spent = []
    for kind in (None, OrderFlow, MarketFlows):
        flows = kind() if kind is not None else None
        gc.collect()
        gc.freeze()  # the messages are the benchmark's, and no part of what is measured
        started = process_time()
        if flows is None:
            for message in messages:
                keeper.receive(message.raw, message.received)
        else:
            for each in decoded:
                for event in each:
                    flows.apply(event)
        spent.append(1e6 * (process_time() - started) / events)
        gc.unfreeze()
    return spent[0], spent[1], spent[2]


NAMES = (
    "hidden, same id",
    "hidden, new id (own-made, >= 3)",
    "  requoting makers flagged",
    "  others of a new id",
    "hidden, native with new ids, >= 3",
    "pulled walls",
    "  timed-layers timed out flagged",
    "  pulled-layers timed out flagged",
    "  staying walls flagged",
    "  the market's own walls",
    "same-size takers",
    "  by the fifth",
    "sweeps of more than 5 levels",
    "  sweeps told, exact in all figures",
    "absorption",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--seeds", type=int, nargs="+", default=[9, 21, 33])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument("--delay-ms", type=int, default=100)
    parser.add_argument("--plain-minutes", type=float, default=0)
    given = parser.parse_args()
    total = Score()
    for seed in given.seeds:
        made = {"depth": given.depth, "delay_ns": given.delay_ms * 1_000_000}
        market = PlantedMarket(given.symbol, seed, given.minutes, **made)
        live = Run(market, looks=True, facts=True)
        replay = Run(market)
        told, wrong = wrong_facts(market, live)
        print(f"\nseed {seed}: {len(market.messages)} messages, {len(live.sightings)} sightings")
        print(f"live and replay equal: {live.news == replay.news} ({len(live.news)} revisions)")
        print(f"ends and fills told: {told}, not the engine's: {wrong}")
        floor, ledger, spent = costs(market)
        print(
            f"cost an event: {spent:.2f} us, of which the ledger {ledger:.2f}; decoding and the "
            f"verified book {floor:.2f}; ratios {spent / floor:.2f} and {ledger / floor:.2f}"
        )
        found = score(market, live, new_ids=False)
        del live, replay, market
        again = PlantedMarket(given.symbol, seed, given.minutes / 2, new_ids=True, **made)
        found.update(score(again, Run(again, facts=True), new_ids=True))
        total.update(found)
        print(f"{'':<34}{'planted':>8}{'found':>8}{'':>9}{'others':>8}")
        for name in NAMES:
            print(found.line(name))
        sys.stdout.flush()
    if len(given.seeds) > 1:
        print("\nall seeds")
        for name in NAMES:
            print(total.line(name))
    if given.plain_minutes:
        plain = PlantedMarket(given.symbol, given.seeds[0], given.plain_minutes, planted=False)
        kinds = Counter((one.kind, one.sureness) for one in Run(plain).sightings)
        print("\nnothing planted:", {f"{kind} {sure}": n for (kind, sure), n in kinds.items()})


if __name__ == "__main__":
    main()
