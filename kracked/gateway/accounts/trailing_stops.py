"""The distance of a trailing stop from the market, and the trigger that follows from it.

The trigger stands a distance behind the best price seen: below the highest for a sell,
above the lowest for a buy. It follows the market one way only. The limit of a
trailing-stop-limit order is known when it triggers, by its own distance from there.

Source: docs.kraken.com/api/docs/rest-api/add-order, .../websocket-v2/add_order
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from kracked.protocol.events import Side

_PERCENT_DECIMALS = 4


class TrailOffset(msgspec.Struct, frozen=True):
    """A distance from some price: a scaled amount, or a percentage of it."""

    by: Decimal
    percent: bool
    tick: int
    """The step that prices at this distance are rounded to."""

    def price_from(self, base: int) -> int:
        """Return the price at this distance from `base`, to the nearest tick."""
        shift = base * self.by / 100 if self.percent else self.by
        return int(((base + shift) / self.tick).to_integral_value(ROUND_HALF_UP)) * self.tick

    def text(self, decimals: int) -> str:
        """Return the distance as REST writes it: `+150.0`, `+1.0000%`.

        Args:
            decimals: Those of the instrument's prices.
        """
        if self.percent:
            return f"{self.by:+.{_PERCENT_DECIMALS}f}%"
        return f"{self.by.scaleb(-decimals):+.{decimals}f}"


class Trail(msgspec.Struct, frozen=True):
    """The distances of a trailing order."""

    distance: TrailOffset
    """How far the trigger keeps from the best price seen; positive."""
    limit: TrailOffset | None = None
    """From the trigger to the limit, of the type that has one."""

    def trigger(self, side: Side, best: int) -> int:
        """Return the trigger price when `best` is the best price seen."""
        offset = self.distance
        if side is Side.ASK:
            offset = TrailOffset(-offset.by, offset.percent, offset.tick)
        return offset.price_from(best)

    def follow(self, side: Side, trigger: int, last: int) -> int:
        """Return the trigger price after a trade at `last`: it never goes back."""
        new = self.trigger(side, last)
        return min(trigger, new) if side is Side.BID else max(trigger, new)
