"""What an instrument's numbers look like: precision, increments, minimums.

`Precision` is digits after the point; an increment is a step. They are different
facts and the exchange sends both. Names: a *symbol* is ``BTC/USD``; an *instrument*
is its rules.

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
    """Decimals of an instrument's prices and quantities: what a scaled integer means."""

    price: int
    qty: int

    def price_text(self, price: int) -> str:
        return units.to_text(price, self.price)

    def qty_text(self, qty: int) -> str:
        return units.to_text(qty, self.qty)

    def price_decimal(self, price: int) -> Decimal:
        return units.to_decimal(price, self.price)

    def qty_decimal(self, qty: int) -> Decimal:
        return units.to_decimal(qty, self.qty)

    def cost_decimal(self, price: int, qty: int) -> Decimal:
        """Price times quantity in the quote currency, exact."""
        return units.to_decimal(price * qty, self.price + self.qty)


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable pair's rules, as the `instrument` channel states them."""

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
    """Least order quantity, scaled by `precision.qty`."""
    cost_precision: int = 0
    cost_min: Decimal = Decimal(0)
    """Least price times quantity, in the quote currency."""
    marginable: bool = False
    has_index: bool = False


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A currency: how its balances are counted and shown."""

    id: str
    status: str = "enabled"
    precision: int = 8
    precision_display: int = 8
    borrowable: bool = False


def similar_symbol(symbol: str, listed: Iterable[str]) -> str | None:
    """The listed symbol that another spelling means: BTC-USD, btcusd or XBT/USD for BTC/USD.

    XBT and XDG are the REST API's names of BTC and DOGE. None where none is spelled alike,
    and for a symbol that is itself listed.
    """
    known, plain = tuple(listed), _plain(symbol)
    if symbol in known:
        return None
    apart = "/" in plain
    for one in known:
        other = _plain(one)
        if plain == (other if apart else other.replace("/", "")):
            return one
    return None


def _plain(symbol: str) -> str:
    capitals = symbol.upper().replace("-", "/")
    return capitals.replace("XBT", "BTC").replace("XDG", "DOGE")
