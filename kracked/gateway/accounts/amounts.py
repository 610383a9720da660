"""One instrument's arithmetic of money: what a fill costs, what an order must hold.

The ledger counts every asset in integers of its own scale, fine enough that only two
things are ever rounded: costs and fees, to the pair's `cost_precision`, half up. They
are rounded as running totals of an order, so that the parts always add up to the whole
and an order of a thousand fills costs what one of a single fill does.

Source: docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs (cost_decimals)
"""

from __future__ import annotations

from kracked import units
from kracked.instruments import Instrument
from kracked.protocol.events import Side

RATE_DECIMALS = 4
"""Fee rates are integers of 1/10,000: 0.40 % is 40."""
ONE = 10**RATE_DECIMALS
_SPARE = 2
"""Held beyond the exact need, in last decimals: a running total may be rounded up twice."""


def scales(instruments: list[Instrument], precisions: dict[str, int]) -> dict[str, int]:
    """Return the decimals the ledger counts each asset in: as fine as anything booked in it.

    Args:
        instruments: What is traded.
        precisions: Each asset's own decimals.
    """
    found = dict(precisions)
    for instrument in instruments:
        base, quote = instrument.base, instrument.quote
        found[base] = max(found.get(base, 0), instrument.precision.qty)
        found[quote] = max(found.get(quote, 0), instrument.cost_precision)
    return found


class Amounts:
    """Prices and quantities of one instrument as amounts of its two assets.

    An *amount* is an integer in the ledger's scale of an asset; a *notional* is the sum of
    price times quantity, both scaled.
    """

    __slots__ = (
        "_cost_decimals",
        "_cost_unit",
        "_decimals",
        "_lot",
        "base",
        "base_decimals",
        "instrument",
        "quote",
        "quote_decimals",
    )

    def __init__(self, instrument: Instrument, ledger_scales: dict[str, int]) -> None:
        """`ledger_scales`: the decimals the ledger counts each asset in."""
        self.instrument = instrument
        self.base, self.quote = instrument.base, instrument.quote
        self.base_decimals = ledger_scales[self.base]
        self.quote_decimals = ledger_scales[self.quote]
        self._decimals = instrument.precision.price + instrument.precision.qty
        self._cost_decimals = instrument.cost_precision
        self._cost_unit: int = 10 ** (ledger_scales[self.quote] - instrument.cost_precision)
        self._lot: int = 10 ** (ledger_scales[self.base] - instrument.precision.qty)

    def cost(self, notional: int) -> int:
        """Return a notional as an amount of the quote asset."""
        return _half_up(notional, self._decimals - self._cost_decimals) * self._cost_unit

    def quote_fee(self, weighted: int) -> int:
        """Return a fee in the quote asset, from the sum of price times quantity times rate."""
        shift = self._decimals + RATE_DECIMALS - self._cost_decimals
        return _half_up(weighted, shift) * self._cost_unit

    def base_fee(self, weighted: int) -> int:
        """Return a fee in the base asset, from the sum of quantity times rate."""
        return _half_up(weighted * self._lot, RATE_DECIMALS)

    def lots(self, qty: int) -> int:
        """Return a quantity as an amount of the base asset."""
        return qty * self._lot

    def value(self, base: int, price: int) -> int:
        """Return an amount of the base asset in the quote asset, at this price."""
        return self.cost(base * price // self._lot)

    def required(self, side: Side, notional: int, qty: int, rate: int, *, fee_in_base: bool) -> int:
        """Return what an order must hold of the asset it pays with, its fee included.

        Args:
            side: Whether it buys or sells.
            notional: What it may cost.
            qty: What it may sell.
            rate: The fee rate, in 1/10,000.
            fee_in_base: Whether the fee is taken in the base asset.
        """
        if side is Side.BID:
            weighted = notional * (ONE if fee_in_base else ONE + rate)
            shift = self._decimals + RATE_DECIMALS - self._cost_decimals
            return (_up(weighted, shift) + _SPARE) * self._cost_unit
        if fee_in_base:
            return self.lots(qty) + _up(self.lots(qty) * rate, RATE_DECIMALS) + _SPARE
        return self.lots(qty)

    def pays_with(self, side: Side) -> str:
        """Return the asset that an order of this side pays with."""
        return self.quote if side is Side.BID else self.base

    def cost_text(self, amount: int) -> str:
        """Return an amount of the quote asset as text, with the pair's cost decimals."""
        return units.to_text(amount // self._cost_unit, self._cost_decimals)

    def fee_text(self, amount: int, *, in_base: bool) -> str:
        """Return a fee as text."""
        return units.to_text(amount, self.base_decimals) if in_base else self.cost_text(amount)

    def average_price(self, notional: int, qty: int) -> int:
        """Return the mean price of a quantity, scaled; 0 of no quantity."""
        return (2 * notional + qty) // (2 * qty) if qty else 0


def _half_up(value: int, shift: int) -> int:
    """Return the value without its last `shift` decimals, rounded to the nearest."""
    if shift <= 0:
        return value * int(10**-shift)
    step: int = 10**shift
    return (value + step // 2) // step


def _up(value: int, shift: int) -> int:
    """Return the value without its last `shift` decimals, rounded up."""
    if shift <= 0:
        return value * int(10**-shift)
    step: int = 10**shift
    return -(-value // step)
