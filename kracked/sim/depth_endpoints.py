"""REST's looks into the whole book: `GroupedBook`, and `Level3` with every order.

Sources: docs.kraken.com/api/docs/rest-api/get-grouped-order-book, .../get-level-3-order-book
"""

from __future__ import annotations

from collections.abc import Iterator
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


def grouped(
    listing: Listing, matcher: Matcher, name: str, depth: int, grouping: int
) -> dict[str, object]:
    """Levels merged by so many ticks, asks rounded up and bids down."""
    digits, step = listing.instrument.precision, grouping * listing.instrument.price_increment
    bids, asks = (
        [
            {"price": digits.price_text(level.price), "qty": digits.qty_text(level.qty)}
            for level in islice(_groups(matcher, side, step), depth)
        ]
        for side in (Side.BID, Side.ASK)
    )
    return {"pair": name, "grouping": grouping, "bids": bids, "asks": asks}


def _groups(matcher: Matcher, side: Side, step: int) -> Iterator[Level]:
    def rounded(level: Level) -> int:
        return level.price // step * step if side is Side.BID else -(-level.price // step) * step

    for price, levels in groupby(matcher.levels(side), rounded):
        yield Level(price, sum(level.qty for level in levels))


def orders(listing: Listing, matcher: Matcher, name: str, depth: int) -> dict[str, object]:
    """Every visible order of the best `depth` levels, in queue order."""
    bids, asks = (
        [*_orders(listing.instrument.precision, matcher, side, depth)]
        for side in (Side.BID, Side.ASK)
    )
    return {"pair": name, "bids": bids, "asks": asks}


def _orders(
    digits: Precision, matcher: Matcher, side: Side, depth: int
) -> Iterator[dict[str, object]]:
    for level in islice(matcher.levels(side), depth or None):
        for order in matcher.queue(side, level.price):
            yield {
                "price": wide_price(digits, order.price),
                "qty": digits.qty_text(order.visible_qty),
                "order_id": order.order_id,
                "timestamp": order.entered,
            }


def wide_price(digits: Precision, price: int) -> str:
    """Prices of most endpoints have five decimals, or more where the pair has more."""
    wide = max(_LEAST_DECIMALS, digits.price)
    return units.to_text(price * 10 ** (wide - digits.price), wide)
