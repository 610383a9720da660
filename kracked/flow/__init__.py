"""The lives of all orders of a market: the ledger of level 3 events and trades.

The same code runs on a live feed, in a replay and over a recording. It opens nothing and reads
no clock: events come in with their times, facts come out. ::

    flow = OrderFlow()
    async for event in feed:
        for fact in flow.apply(event):
            ...
        place = flow["BTC/USD"].place(order_id)

`MarketFlows` has the same ledgers and feeds the measures of each market: pulling and stacking,
profile, average prices, delta.
"""

from kracked.flow.facts import (
    Birth,
    Certainty,
    Fact,
    Link,
    Moves,
    Outcome,
    Place,
    PlaceKnown,
    Settled,
    Standing,
    State,
    Taker,
    What,
)
from kracked.flow.ghost import FillReason, Ghost, GhostFill, GhostState
from kracked.flow.ledger import Ledger
from kracked.flow.life import Life
from kracked.flow.market_flow import MarketFlow, MarketFlows
from kracked.flow.order_flow import OrderFlow

__all__ = [
    "Birth",
    "Certainty",
    "Fact",
    "FillReason",
    "Ghost",
    "GhostFill",
    "GhostState",
    "Ledger",
    "Life",
    "Link",
    "MarketFlow",
    "MarketFlows",
    "Moves",
    "OrderFlow",
    "Outcome",
    "Place",
    "PlaceKnown",
    "Settled",
    "Standing",
    "State",
    "Taker",
    "What",
]
