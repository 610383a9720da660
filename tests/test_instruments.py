"""Symbols in other spellings."""

from __future__ import annotations

import pytest

from kracked.instruments import similar_symbol

LISTED = ("BTC/USD", "DOGE/EUR", "TSLAx/USD")


@pytest.mark.parametrize("spelling", ["BTC-USD", "BTCUSD", "btc/usd", "XBT/USD", "XBTUSD"])
def test_other_spellings_of_a_listed_symbol_mean_it(spelling: str) -> None:
    assert similar_symbol(spelling, LISTED) == "BTC/USD"


def test_the_old_name_of_an_asset_and_other_capitals_are_known() -> None:
    assert similar_symbol("xdg-eur", LISTED) == "DOGE/EUR"
    assert similar_symbol("TSLAX/USD", LISTED) == "TSLAx/USD"


@pytest.mark.parametrize("symbol", ["BTC/USD", "NOPE/USD", "BT/CUSD", ""])
def test_what_is_listed_or_like_nothing_listed_means_nothing_else(symbol: str) -> None:
    assert similar_symbol(symbol, LISTED) is None
