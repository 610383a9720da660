"""Free funds under the feed's names."""

from __future__ import annotations

from decimal import Decimal

from kracked.orders.rules.funds import available
from kracked.rest.account import ExtendedBalance
from kracked.rest.market import AssetInfo

ASSETS = {
    "XXBT": AssetInfo("XBT"),
    "XXDG": AssetInfo("XDG"),
    "ZUSD": AssetInfo("USD"),
    "SOL": AssetInfo("SOL"),
}


def test_assets_go_by_the_names_of_the_feed() -> None:
    balances = {old: ExtendedBalance(Decimal(1)) for old in (*ASSETS, "NEW")}
    assert list(available(balances, ASSETS)) == ["BTC", "DOGE", "USD", "SOL", "NEW"]


def test_holds_are_left_out() -> None:
    held = {"ZUSD": ExtendedBalance(Decimal(10), hold_trade=Decimal("2.5"))}
    assert available(held, ASSETS) == {"USD": Decimal("7.5")}


def test_earning_variants_are_not_counted_twice() -> None:
    balances = {"XXBT": ExtendedBalance(Decimal(1)), "XBT.F": ExtendedBalance(Decimal(-5))}
    assert available(balances, ASSETS) == {"BTC": Decimal(1)}
