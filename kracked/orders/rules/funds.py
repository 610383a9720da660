"""Free funds by the feed's asset codes, from the balances by the old ones. Pure.

`XXBT` and `BTC` are one asset: the exchange's own table of names (`Assets`) says so, not
the letters. Its names still predate v2 in two cases, which are the ones mapped here.

Source: docs.kraken.com/api/docs/rest-api/get-extended-balance
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from kracked.rest.account import ExtendedBalance
from kracked.rest.market import AssetInfo

_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}


def feed_code(old: str, assets: Mapping[str, AssetInfo]) -> str:
    """The feed's code of an asset that REST calls `old`.

    >>> feed_code("XXBT", {"XXBT": AssetInfo(altname="XBT")})
    'BTC'
    """
    name = assets[old].altname if old in assets else old
    return _RENAMED.get(name, name)


def available(
    balances: Mapping[str, ExtendedBalance], assets: Mapping[str, AssetInfo]
) -> dict[str, Decimal]:
    """What orders may use, per asset. Earning and staked variants (``XBT.F``) are not counted."""
    return {
        feed_code(old, assets): balance.available
        for old, balance in balances.items()
        if "." not in old
    }
