"""The rows of Assets and AssetPairs.

Sources: docs.kraken.com/api/docs/rest-api/get-asset-info, .../get-tradable-asset-pairs
"""

from __future__ import annotations

from kracked.gateway import refusals
from kracked.gateway.accounts.fees import SCHEDULE
from kracked.gateway.listing import ListedAsset
from kracked.gateway.refusals import Refusal
from kracked.sim.listings import Listing

CURRENCY, TOKENIZED = "currency", "tokenized_asset"
VENUE = "international"
_LEVERAGE = list(range(2, 11))
_PARTS = {
    "leverage": ("leverage_buy", "leverage_sell"),
    "fees": ("fees", "fees_maker", "fee_volume_currency"),
    "margin": ("margin_call", "margin_stop"),
}
"""The members that `info` picks out of a pair; `info` itself is everything."""


def is_currency(aclass: str | None) -> bool:
    """Whether an asset class is that of currencies; no other class has anything listed.

    Raises:
        Refusal: There is no such class.
    """
    if aclass not in (None, CURRENCY, TOKENIZED):
        raise Refusal(refusals.ARGUMENTS)
    return aclass != TOKENIZED


def asset(listed: ListedAsset) -> dict[str, object]:
    """Return an asset's row."""
    row: dict[str, object] = {
        "aclass": CURRENCY,
        "altname": listed.altname,
        "decimals": listed.asset.precision,
        "display_decimals": listed.asset.precision_display,
        "status": listed.asset.status,
    }
    if listed.collateral_value:
        row["collateral_value"] = listed.collateral_value
    if listed.margin_rate is not None:
        row["margin_rate"] = f"{listed.margin_rate:.6f}"
    return row


def pair(listing: Listing, info: str = "info") -> dict[str, object]:
    """Return a pair's row, or the part of it that `info` names.

    Raises:
        Refusal: There is no such part.
    """
    row = _whole_row(listing)
    if info == "info":
        return row
    if info not in _PARTS:
        raise Refusal(refusals.ARGUMENTS)
    return {name: row[name] for name in _PARTS[info]}


def _whole_row(listing: Listing) -> dict[str, object]:
    instrument = listing.instrument
    leverage = _LEVERAGE if instrument.marginable else []
    row: dict[str, object] = {
        "altname": listing.altname,
        "wsname": listing.wsname,
        "aclass_base": CURRENCY,
        "base": listing.base_id,
        "aclass_quote": CURRENCY,
        "quote": listing.quote_id,
        "lot": "unit",
        "cost_decimals": instrument.cost_precision,
        "pair_decimals": instrument.precision.price,
        "lot_decimals": instrument.precision.qty,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": [[step.volume, step.rates.taker / 100] for step in SCHEDULE],
        "fees_maker": [[step.volume, step.rates.maker / 100] for step in SCHEDULE],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{instrument.precision.qty_decimal(instrument.qty_min).normalize():f}",
        "costmin": f"{instrument.cost_min:f}",
        "tick_size": instrument.precision.price_text(instrument.price_increment),
        "status": instrument.status,
        "execution_venue": VENUE,
    }
    if listing.position_limit_long is not None:
        row["long_position_limit"] = listing.position_limit_long
        row["short_position_limit"] = listing.position_limit_short
    return row
