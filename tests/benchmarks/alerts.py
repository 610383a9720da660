"""What alerts cost an event, beside the measures that they look at.

    python -m tests.benchmarks.alerts

Planted markets of level 2 and trades; the ratio is to `MarketFlows` alone in the same run, which
keeps no book of level 2. The best of five passes counts.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

from kracked.flow import MarketFlows
from tests.flow.alerts.scene import fired, watching
from tests.flow.alerts.test_once import RULES, planted

PASSES = 5


def main() -> None:
    """Print the cost of an event, and its ratio to the measures alone."""
    markets = [planted(seed).events for seed in range(20)]
    count = sum(map(len, markets))

    def measures() -> None:
        for market in markets:
            flows = MarketFlows()
            for event in market:
                flows.apply(event)

    def alerts(*texts: str) -> Callable[[], None]:
        def run() -> None:
            for market in markets:
                fired(watching(*texts), market)

        return run

    base = _seconds(measures)
    print(f"{'measures alone':24} {base / count * 1e6:6.1f} us an event")
    for name, run in (("one price", alerts("price above 99999")), ("ten alerts", alerts(*RULES))):
        took = _seconds(run)
        print(f"{name:24} {took / count * 1e6:6.1f} us an event, {took / base:.1f} x")


def _seconds(run: Callable[[], None]) -> float:
    best = float("inf")
    for _ in range(PASSES):
        start = process_time()
        run()
        best = min(best, process_time() - start)
    return best


if __name__ == "__main__":
    main()
