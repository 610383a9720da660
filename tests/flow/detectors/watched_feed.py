"""A scripted feed with the detectors of its market, whose usual sizes are known."""

from __future__ import annotations

from kracked.flow.detectors.sighting import Sighting
from kracked.flow.market_flow import MarketFlow, MarketFlows
from kracked.times import NS_PER_S
from tests.flow.scripted_feed import BTC, ScriptedFeed, at


class Watched(ScriptedFeed):
    """A scripted feed whose detectors have no warm-up.

    New orders and takers are usually of 0.1, a large one is of 0.5.
    """

    def __init__(self, depth: int = 10) -> None:
        super().__init__(depth)
        self.flows = MarketFlows(self.flow)
        self.flow = self.flows  # type: ignore[assignment]
        self.snapshot(
            bids=["A 999.0 5 01.0", "B 998.0 5 01.0"], asks=["Y 1001.0 5 01.0"], time="02.0"
        )
        context = self.market.detectors.context
        context.ready_at = 0
        for n in range(600):
            time = at("01") + n * NS_PER_S // 600
            context.orders.add(10**7, time)
            context.takers.add(10**7, time)
        context.orders.add(10**7, at("02"))
        context.takers.add(10**7, at("02"))

    @property
    def market(self) -> MarketFlow:
        return self.flows[BTC]

    @property
    def seen(self) -> list[Sighting]:
        """Return the newest revision of each sighting."""
        return list(self.market.detectors.sightings.by_number.values())
