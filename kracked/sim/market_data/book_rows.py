"""Rows of the whole book, as REST's GroupedBook and Level3 show it.

Sources: docs.kraken.com/api/docs/rest-api/get-grouped-order-book, .../get-level-3-order-book
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice

from kracked import units
from kracked.instruments import Precision
from kracked.protocol.events import Level, Side
from kracked.sim.engine.matching import Matcher
from kracked.sim.listings import Listing

GROUPED_DEPTHS = (10, 25, 100, 250, 1000)
GROUPINGS = (1, 5, 10, 25, 50, 100, 250, 500, 1000)
"""In ticks."""
ORDER_DEPTHS = (0, 10, 25, 100, 250, 1000)
"""0 is the whole book."""
_LEAST_DECIMALS = 5

Sides = dict[str, Sequence[Mapping[str, object]]]
"""Rows of `bids` and `asks`, best first."""


def grouped(listing: Listing, matcher: Matcher, depth: int, grouping: int) -> Sides:
    """Return levels merged by `grouping` ticks, asks rounded up and bids down."""
    precision = listing.instrument.precision
    step = grouping * listing.instrument.price_increment
    bids, asks = (
        [
            {"price": precision.price_text(level.price), "qty": precision.qty_text(level.qty)}
            for level in islice(_merged(matcher, side, step), depth)
        ]
        for side in (Side.BID, Side.ASK)
    )
    return {"bids": bids, "asks": asks}


def _merged(matcher: Matcher, side: Side, step: int) -> Iterator[Level]:
    def rounded(level: Level) -> int:
        """Return the price of the group a level belongs to."""
        return level.price // step * step if side is Side.BID else -(-level.price // step) * step

    for price, levels in groupby(matcher.levels(side), rounded):
        yield Level(price, sum(level.qty for level in levels))


def orders(listing: Listing, matcher: Matcher, depth: int) -> Sides:
    """Return every visible order of the best `depth` levels, in queue order."""
    bids, asks = (
        [*_orders(listing.instrument.precision, matcher, side, depth)]
        for side in (Side.BID, Side.ASK)
    )
    return {"bids": bids, "asks": asks}


def _orders(
    precision: Precision, matcher: Matcher, side: Side, depth: int
) -> Iterator[Mapping[str, object]]:
    for level in islice(matcher.levels(side), depth or None):
        for order in matcher.queue(side, level.price):
            yield {
                "price": wide_price(precision, order.price),
                "qty": precision.qty_text(order.visible_qty),
                "order_id": order.order_id,
                "timestamp": order.entered,
            }


def wide_price(precision: Precision, price: int) -> str:
    """Return a price as most endpoints show it: five decimals, or more where the pair has more."""
    decimals = max(_LEAST_DECIMALS, precision.price)
    return units.to_text(price * 10 ** (decimals - precision.price), decimals)
