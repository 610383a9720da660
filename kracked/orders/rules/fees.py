"""What a trade costs. Exact: no digit is lost before the last step, which rounds for a person.

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
    """Percent of the cost: `taker` takes liquidity, `maker` rests first."""

    taker: Decimal
    maker: Decimal


def account_fees(volume: TradeVolume, pair: str) -> Fees | None:
    """What the account pays on `pair` (its id); None when the reply does not say."""
    taker = volume.fees.get(pair)
    if taker is None:
        return None
    # Pairs without a maker schedule have the one fee for both.
    maker = volume.fees_maker.get(pair, taker)
    return Fees(taker.fee, maker.fee)


def pair_fees(pair: PairInfo, volume: Decimal) -> Fees | None:
    """What the pair's tables say at this 30-day volume; None when they are empty."""
    taker = _tier(pair.fees, volume)
    if taker is None:
        return None
    maker = _tier(pair.fees_maker, volume)
    return Fees(taker, taker if maker is None else maker)


def _tier(table: Sequence[tuple[Decimal, Decimal]], volume: Decimal) -> Decimal | None:
    reached = [percent for least, percent in sorted(table) if volume >= least]
    return reached[-1] if reached else None


def fee(cost: Decimal, percent: Decimal) -> Decimal:
    """Exactly `percent` of the cost, in the cost's currency.

    >>> fee(Decimal("132.9995"), Decimal("0.26"))
    Decimal('0.345798700')
    """
    return _EXACT.multiply(cost, percent).scaleb(-2, _EXACT)


def to_decimals(amount: Decimal, decimals: int) -> Decimal:
    """The amount to the nearest last decimal, as the exchange shows it.

    >>> to_decimals(Decimal("0.3457987"), 4)
    Decimal('0.3458')
    """
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, _EXACT)
