"""Odds fitted to some simulated hours and scored on others: calibration, skill, bands, cost.

    python -m tests.benchmarks.odds --train 11 12 13 --test 21 22

Each seed is a market of its own, made in this process, an hour of it within half a minute. Ghosts
are sampled as `kracked odds fit` does; `--recorded` records each market and reads it back first,
which takes longer and samples the same. Nothing of a tested seed is in the fit.

Columns: how often it happened; the skill (the share of the squared error that the odds save over
the base rate of the tested seeds themselves); the calibration error (mean distance between odds
and frequency over ten equal parts) and the worst of the ten; how many of the ten frequencies lay
in the band that was shown, and its width. The goals: calibration 0.03, worst 0.06, skill 0.24,
0.24, 0.15, leaves first 0.27; 80 % of the waits in their band.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np

from kracked.flow import OrderFlow
from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.live import LiveOdds
from kracked.flow.odds.recent import RecentMarket
from kracked.flow.odds.samples import GhostField, Sample
from kracked.flow.odds.table import HORIZONS_S, OUTCOMES, OddsTable
from kracked.frames.order_odds import SampledOrders, sampled
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Side
from kracked.sim.realism import PLAIN, Realism
from kracked.times import NS_PER_S
from tests.benchmarks.queue_truth import Market, record

DEPTH = 100
DELAY_NS = 250_000_000
"""Each message of either feed is up to so late."""


def sample(market: Market) -> SampledOrders:
    """Sample a market without a recording."""
    flow, recent, samples = OrderFlow(DEPTH), RecentMarket(), list[Sample]()
    ghosts = GhostField(recent, market.listing.instrument.precision.qty)
    for event in events_of(market):
        outcomes = flow.apply(event)
        ledger = flow[market.symbol]
        recent.follow(ledger, outcomes)
        samples += ghosts.follow(ledger, outcomes)
    outcomes = ledger.finish()
    recent.follow(ledger, outcomes)
    samples += ghosts.follow(ledger, outcomes)
    return SampledOrders(samples, ghosts.watched_ns, 1)


def events_of(market: Market) -> list[Event]:
    """Return the events of a market's level 3 and trades, as they came."""
    codec = Codec({market.symbol: market.listing.instrument.precision})
    feed = market.feed(DEPTH, DELAY_NS, 0, 1)
    return [event for one in feed for event in codec.decode(one.raw, one.received)]


def sample_recorded(market: Market) -> SampledOrders:
    """Record a market and sample the recording."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session"
        record(path, market, DEPTH, market.feed(DEPTH, DELAY_NS, 0, 1))
        return sampled([path], market.symbol)


def score(table: OddsTable, samples: Sequence[Sample]) -> list[dict[str, float]]:
    """Return what the odds of a table were worth, by outcome."""
    given = [table.odds(one.situation, one.placed) for one in samples]
    waits = [np.inf if one.wait_ns is None else one.wait_ns / NS_PER_S for one in samples]
    happened = [[wait <= horizon for wait in waits] for horizon in HORIZONS_S]
    happened.append([one.left for one in samples])
    rows = []
    for at, name in enumerate(OUTCOMES):
        truth = np.array(happened[at], dtype=float)
        odds = np.array([one.rates[at] for one in given])
        bands = np.array([(*one.filled, one.leaves)[at] for one in given])
        parts = np.array_split(np.argsort(odds, kind="stable"), 10)
        off = [abs(odds[part].mean() - truth[part].mean()) for part in parts]
        base = truth.mean()
        held = [
            bands[part, 0].mean() <= truth[part].mean() <= bands[part, 1].mean() for part in parts
        ]
        rows.append(
            {
                "outcome": name,
                "base": base,
                "skill": 1 - ((odds - truth) ** 2).mean() / (base * (1 - base)),
                "error": float(np.mean(off)),
                "worst": float(max(off)),
                "in_band": sum(held),
                "width": float((bands[:, 1] - bands[:, 0]).mean()),
                "hits": float(((odds >= 0.5) == (truth > 0.5)).mean()),
            }
        )
    filled = [(wait, one.wait_s) for wait, one in zip(waits, given, strict=True) if wait < np.inf]
    covered = np.mean([band.low <= wait <= band.high for wait, band in filled if wait <= 300])
    rows[2]["waits_in_band"] = float(covered)
    return rows


def cost(market: Market, table: OddsTable) -> dict[str, float]:
    """Return microseconds an event and a lookup, and an event of the ledger beside them."""
    decimals = market.listing.instrument.precision.qty
    events = events_of(market)
    alone, beside = [], []
    for _ in range(3):  # in turns, since the machine has other work
        flow = OrderFlow(DEPTH)
        gc.collect()
        started = process_time()
        for event in events:
            flow.apply(event)
        alone.append(process_time() - started)
        flow, live = OrderFlow(DEPTH), LiveOdds(table, decimals)
        flow.apply(events[0])
        ledger = flow[market.symbol]
        gc.collect()
        started = process_time()
        for event in events[1:]:
            live.follow(ledger, flow.apply(event))
        beside.append(process_time() - started)
    now = ledger.linker.level3_time
    asked = 2_000
    price = -ledger.asks.keys[-3] if len(ledger.asks.keys) > 2 else -ledger.asks.keys[-1]
    started = process_time()
    for _ in range(asked):
        live.of_new(ledger, Side.ASK, price, 1, now)
    spent = process_time() - started
    return {
        "ledger_us": min(alone) / len(events) * 1e6,
        "odds_us": (min(beside) - min(alone)) / len(events) * 1e6,
        "lookup_us": spent / asked * 1e6,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--test", type=int, nargs="+", default=[21, 22])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--minutes", type=float, default=120, help="of each seed")
    parser.add_argument("--recorded", action="store_true", help="through recordings on disk")
    parser.add_argument("--plain", action="store_true", help="none of the live habits")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    take = sample_recorded if given.recorded else sample
    habits = PLAIN if given.plain else Realism()

    def sample_of(seed: int) -> SampledOrders:
        return take(Market(given.symbol, seed, given.minutes, [DEPTH], habits))

    trained = [sample_of(seed) for seed in given.train]
    samples = [one for each in trained for one in each.samples]
    started = process_time()
    table = fit_table(
        given.symbol,
        samples,
        fitted=0,
        watched_ns=sum(each.watched_ns for each in trained),
        recordings=len(trained),
    )
    fit_s = process_time() - started
    tested = [one for seed in given.test for one in sample_of(seed).samples]
    parts = {
        "all places": tested,
        "back of the level": [one for one in tested if one.back],
        "within the queue": [one for one in tested if not one.back],
    }
    costs = cost(Market(given.symbol, given.test[0], 12, [DEPTH], habits), table)
    costs |= {"fit_s_an_hour": fit_s * 3600 / max(1.0, table.watched_s)}
    scores = {name: score(table, part) for name, part in parts.items()}
    if given.json:
        print(json.dumps({"samples": len(samples), "cost": costs, "scores": scores}))
        return 0
    print(f"{given.symbol}: {len(samples)} samples of seeds {given.train}, {len(tested)} tested")
    print("                                   base  skill  error  worst  in band  width   hits")
    for name, rows in scores.items():
        for row in rows:
            print(
                f"{name:18} {row['outcome']:19} {row['base']:6.3f} {row['skill']:6.3f} "
                f"{row['error']:6.3f} {row['worst']:6.3f}   {row['in_band']:2}/10 "
                f"{row['width']:7.3f} {row['hits']:6.3f}"
            )
    print(f"waits in their 80 % band: {scores['all places'][2]['waits_in_band']:.1%}")
    print(
        f"fit of an hour {costs['fit_s_an_hour']:.1f} s; an event {costs['odds_us']:.1f} us beside "
        f"{costs['ledger_us']:.1f} of the ledger; a lookup {costs['lookup_us']:.0f} us"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
