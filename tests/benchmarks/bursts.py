"""Bursts scored against those that were planted in the simulator.

    python -m tests.benchmarks.bursts --seeds 9 21 33 --minutes 60

Each seed is one market at depth 100 in which bursts alone are planted. A burst is found where a
sighting of its side has its second. Others are sightings that nothing planted explains: seconds of
the market's own takers, of which the detector takes the largest 1 in 200. Until it
has seen 500 seconds with a trade of a side (over half an hour here) it learns and reports nothing:
bursts planted before then count as planted and are not found.
"""

from __future__ import annotations

import argparse

from kracked.flow.detectors.sighting import Kind
from kracked.sim.agents.planter import Pattern
from kracked.times import NS_PER_S
from tests.benchmarks.detectors import PlantedMarket, Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--symbol", default="BTC/USD")
    parser.add_argument("--seeds", type=int, nargs="+", default=[9, 21, 33])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--an-hour", type=int, default=6)
    given = parser.parse_args()
    print("seed   planted   found   others   live = replay")
    for seed in given.seeds:
        an_hour = {Pattern.BURST: given.an_hour}
        market = PlantedMarket(given.symbol, seed, given.minutes, an_hour=an_hour)
        live, replay = Run(market, looks=True), Run(market)
        planted = {(row.side, row.times[0] // NS_PER_S) for row in market.truth if row.times}
        seen = {(one.side, one.first // NS_PER_S) for one in live.of(Kind.BURST)}
        equal = live.news == replay.news
        print(
            f"{seed:4}{len(planted):10}{len(planted & seen):8}{len(seen - planted):9}   {equal}",
            flush=True,
        )


if __name__ == "__main__":
    main()
