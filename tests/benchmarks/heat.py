"""The cost of the heat strip: `python -m tests.benchmarks.heat`.

A simulated market trades for some minutes, seen 20 times a second as a monitor sees it. Processor
time in milliseconds, median and worst: a frame whose last column alone is new (the common one), and
one whose axis has moved, so that every column is made anew; both from the columns to painted
strips, in the pane itself, without a terminal. Then what a look at the book costs. The goal is 3 ms
a frame of 56x12.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from statistics import median
from time import process_time
from unittest.mock import patch

from textual.geometry import Region, Size

from kracked.book.keeper import BookKeeper
from kracked.flow.measures.depth_history import DepthHistory
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.view.chart.heat import HeatAxis
from kracked_tui.widgets.panes.heat import HeatPane
from tests.benchmarks.detectors import PlantedMarket
from tests.benchmarks.streams import START
from tests.tui.frozen_market import SYMBOL, ScriptedSource, opening

SIZES = ((56, 12), (110, 20))
FRAME_NS = NS_PER_S // 20
FRAMES = 200


def history(minutes: float) -> tuple[DepthHistory, list[float]]:
    """Return what was seen of a market, and the cost of each look at its book."""
    market = PlantedMarket(SYMBOL, 5, minutes, planted=False)
    keeper = BookKeeper(precisions={SYMBOL: market.listing.instrument.precision})
    seen, costs, due = DepthHistory(), list[float](), START
    for message in market.messages:
        while message.received > due:
            book, due = keeper.l3.get(SYMBOL), due + FRAME_NS
            if book is not None and book.verified and book.best_bid and book.best_ask:
                bids = [(queue.price, queue.qty) for queue in book.bids]
                asks = [(queue.price, queue.qty) for queue in book.asks]
                begun = process_time()
                seen.see(due, bids, asks, last=book.best_bid.price)
                costs.append(process_time() - begun)
        keeper.receive(message.raw, message.received)
    return seen, costs


def timed(work: Callable[[], object], times: int = FRAMES) -> str:
    costs = []
    for _ in range(times):
        begun = process_time()
        work()
        costs.append(process_time() - begun)
    return f"{1000 * median(costs):6.2f} {1000 * max(costs):7.2f}"


class Strip:
    """A heat pane over a history, and the frames it is timed with."""

    def __init__(self, monitor: Monitor, seen: DepthHistory) -> None:
        self.monitor, self.seen = monitor, seen
        self.pane: HeatPane = monitor.trade.panes.heat
        self.pane.length_s = 1
        last = seen.columns(1)[-1]
        self.middle = last.last or 0
        levels = list(zip(last.prices, last.means, strict=True))
        self.bids = [(price, qty) for price, qty in levels if qty > 0]
        self.asks = [(price, -qty) for price, qty in levels if qty < 0]
        self.frame = monitor.trade.frame_state()
        self.frame.quote = (self.middle, self.middle + 1)

    def common(self) -> None:
        """Make the last column anew, and paint."""
        self.seen.see(self.seen._at + FRAME_NS, self.bids, self.asks, last=self.middle)
        self.pane.show(self.frame)
        for strip in self.pane.render_lines(Region(0, 0, *self.pane.cells)):
            strip.render(self.monitor.console)

    def moved(self) -> None:
        """Forget the axis: every column is made anew, and every row painted."""
        self.pane._axis = HeatAxis()
        self.pane._painter._made_for = (HeatAxis(), 0)
        self.pane._drawn_for = Size()
        self.common()


async def measured(seen: DepthHistory) -> None:
    for width, height in SIZES:
        monitor = Monitor(ScriptedSource(), Settings(), (SYMBOL,))
        for event in opening():
            monitor.store.apply(event)
        async with monitor.run_test(size=(width + 2, height + 6)) as pilot:
            await pilot.pause()
            monitor.trade.view_keys.go_to("heat")
            await pilot.pause()
            with patch.object(monitor.view_model, "depths", seen):
                strip = Strip(monitor, seen)
                strip.common()
                costs = f"last column {timed(strip.common)}  all {timed(strip.moved)}"
                print(f"frame {width}x{height}  {costs}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4)
    seen, looks = history(parser.parse_args().minutes)
    print(f"{len(seen.columns(1))} columns of a second; median and worst, ms")
    print(f"look at the book  {1000 * median(looks):6.2f} {1000 * max(looks):7.2f}")
    asyncio.run(measured(seen))


if __name__ == "__main__":
    main()
