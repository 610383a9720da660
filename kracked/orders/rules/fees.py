"""Fees of trades. Exact: no digit is lost before the last step, which rounds for a display.

Percentages come from the account (`TradeVolume`) or from the pair's published table
(`AssetPairs`), never from constants: they change.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from kracked.rest.account import TradeVolume
from kracked.rest.market import PairInfo

_EXACT = Context(prec=200)


class Fees(msgspec.Struct, frozen=True):
    """The fees of a pair, in percent of the cost."""

    taker: Decimal
    """Of an order that takes liquidity."""
    maker: Decimal
    """Of an order that rests first."""


def account_fees(volume: TradeVolume, pair: str) -> Fees | None:
    """Return the account's fees on a pair (its id); None when the reply has none."""
    taker = volume.fees.get(pair)
    if taker is None:
        return None
    # A pair without a maker schedule has one fee for both.
    maker = volume.fees_maker.get(pair, taker)
    return Fees(taker.fee, maker.fee)


def pair_fees(pair: PairInfo, volume: Decimal) -> Fees | None:
    """Return the published fees of a pair at a 30-day volume; None when its table is empty."""
    taker = _tier(pair.fees, volume)
    if taker is None:
        return None
    maker = _tier(pair.fees_maker, volume)
    return Fees(taker, taker if maker is None else maker)


def _tier(table: Sequence[tuple[Decimal, Decimal]], volume: Decimal) -> Decimal | None:
    reached = [percent for least, percent in sorted(table) if volume >= least]
    return reached[-1] if reached else None


def fee(cost: Decimal, percent: Decimal) -> Decimal:
    """Return exactly this percentage of a cost, in the cost's currency.

    >>> fee(Decimal("132.9995"), Decimal("0.26"))
    Decimal('0.345798700')
    """
    return _EXACT.multiply(cost, percent).scaleb(-2, _EXACT)


def to_decimals(amount: Decimal, decimals: int) -> Decimal:
    """Round an amount to the nearest last decimal, as the exchange shows it.

    >>> to_decimals(Decimal("0.3457987"), 4)
    Decimal('0.3458')
    """
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
