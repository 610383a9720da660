"""The rules of instruments and assets: precision, increments, minimums.

A precision counts digits after the point; an increment is a step. They are different
facts, and the exchange sends both. A *symbol* is ``BTC/USD``; an *instrument* is its rules.

Source: docs.kraken.com/api/docs/websocket-v2/instrument
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from kracked import units

__all__ = [
    "Asset",
    "Instrument",
    "Precision",
    "similar_symbol",
]


class Precision(msgspec.Struct, frozen=True, gc=False):
    """Decimals of an instrument's prices and quantities: the meaning of its scaled integers."""

    price: int
    qty: int

    def price_text(self, price: int) -> str:
        """Return a scaled price as the exchange writes it."""
        return units.to_text(price, self.price)

    def qty_text(self, qty: int) -> str:
        """Return a scaled quantity as the exchange writes it."""
        return units.to_text(qty, self.qty)

    def price_decimal(self, price: int) -> Decimal:
        """Return a scaled price in the quote currency."""
        return units.to_decimal(price, self.price)

    def qty_decimal(self, qty: int) -> Decimal:
        """Return a scaled quantity in the base currency."""
        return units.to_decimal(qty, self.qty)

    def cost_decimal(self, price: int, qty: int) -> Decimal:
        """Return price times quantity in the quote currency, exact."""
        return units.to_decimal(price * qty, self.price + self.qty)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one tradable pair, as the `instrument` channel states them."""

    symbol: str
    base: str
    quote: str
    status: str = "online"
    """`online`, `cancel_only`, `post_only`, `limit_only`, `maintenance`, ...: an open set."""
    precision: Precision
    price_increment: int
    """Tick size, scaled by `precision.price`."""
    qty_increment: int
    """Lot step, scaled by `precision.qty`."""
    qty_min: int
    """Smallest order quantity, scaled by `precision.qty`."""
    cost_precision: int = 0
    """Decimals of price times quantity."""
    cost_min: Decimal = Decimal(0)
    """Smallest price times quantity of an order, in the quote currency."""
    marginable: bool = False
    has_index: bool = False
    """Whether there is an index price that can trigger orders."""


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one currency, as the `instrument` channel states them."""

    id: str
    """The feed's code: `BTC`, `USD`."""
    status: str = "enabled"
    precision: int = 8
    """Decimals of its balances."""
    precision_display: int = 8
    """Decimals that the exchange shows."""
    borrowable: bool = False


def similar_symbol(symbol: str, listed: Iterable[str]) -> str | None:
    """Return the listed symbol that another spelling means: BTC/USD for BTC-USD or XBT/USD.

    Capitals, dashes and a missing slash do not matter; XBT and XDG are the REST API's names of
    BTC and DOGE. None for a symbol that is itself listed, and where no spelling is alike.
    """
    known, spelling = tuple(listed), _normalized(symbol)
    if symbol in known:
        return None
    for one in known:
        other = _normalized(one)
        if spelling == (other if "/" in spelling else other.replace("/", "")):
            return one
    return None


def _normalized(symbol: str) -> str:
    capitals = symbol.upper().replace("-", "/")
    return capitals.replace("XBT", "BTC").replace("XDG", "DOGE")
