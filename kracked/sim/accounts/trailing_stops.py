"""How far a trailing stop keeps behind the market, and where that puts its trigger.

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
    """What the price it gives is rounded to."""

    def price_from(self, base: int) -> int:
        """The price so far from `base`, to the nearest tick."""
        shift = base * self.by / 100 if self.percent else self.by
        return int(((base + shift) / self.tick).to_integral_value(ROUND_HALF_UP)) * self.tick

    def text(self, decimals: int) -> str:
        """As REST writes it: `+150.0`, `+1.0000%`; `decimals` are those of prices."""
        if self.percent:
            return f"{self.by:+.{_PERCENT_DECIMALS}f}%"
        return f"{self.by.scaleb(-decimals):+.{decimals}f}"


class Trail(msgspec.Struct, frozen=True):
    """The distances of a trailing order."""

    distance: TrailOffset
    """Positive: how far the trigger keeps from the best price seen."""
    limit: TrailOffset | None = None
    """From the trigger to the limit, of the kind that has one."""

    def trigger(self, side: Side, best: int) -> int:
        """The trigger when `best` is the best price seen."""
        offset = self.distance
        back = offset if side is Side.BID else TrailOffset(-offset.by, offset.percent, offset.tick)
        return back.price_from(best)

    def follow(self, side: Side, trigger: int, last: int) -> int:
        """The trigger after a trade at `last`: it never goes back."""
        wanted = self.trigger(side, last)
        return min(trigger, wanted) if side is Side.BID else max(trigger, wanted)
