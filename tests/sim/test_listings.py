"""The listings: the exchange's own rules for the six, and as many more as are requested."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from kracked.sim import listings as listed
from kracked.sim.listings import LISTED, Listing, NotListed, listings
from tests.shared import CAPTURES

SNAPSHOT = CAPTURES / "krakendatarecorder_instrument_snapshot.json"


def test_the_six_pairs_include_one_of_nine_price_and_five_quantity_decimals() -> None:
    precisions = {
        listing.symbol: (listing.instrument.precision.price, listing.instrument.precision.qty)
        for listing in LISTED
    }
    assert precisions == {
        "BTC/USD": (1, 8),
        "ETH/USD": (2, 8),
        "SOL/USD": (2, 8),
        "XRP/USD": (5, 8),
        "DOGE/USD": (7, 8),
        "BONK/USD": (9, 5),
    }


@pytest.mark.parametrize("listing", LISTED, ids=lambda listing: listing.symbol)
def test_rules_are_those_of_the_recorded_exchange(listing: Listing) -> None:
    if not SNAPSHOT.exists():
        pytest.skip("the recorded instrument snapshot is not beside the repository")
    recorded = json.loads(SNAPSHOT.read_text(), parse_float=Decimal)["data"]["pairs"]
    rules = next(pair for pair in recorded if pair["symbol"] == listing.symbol)
    ours = listing.instrument
    assert (ours.precision.price, ours.precision.qty, ours.cost_precision) == (
        rules["price_precision"],
        rules["qty_precision"],
        rules["cost_precision"],
    )
    assert ours.precision.price_decimal(ours.price_increment) == rules["price_increment"]
    assert ours.precision.qty_decimal(ours.qty_increment) == rules["qty_increment"]
    assert (ours.cost_min, ours.marginable) == (rules["cost_min"], rules["marginable"])


def test_bitcoin_has_its_three_old_names() -> None:
    (bitcoin,) = listings(["BTC/USD"])
    assert (bitcoin.rest_id, bitcoin.altname, bitcoin.wsname) == ("XXBTZUSD", "XBTUSD", "XBT/USD")
    assert (bitcoin.base_id, bitcoin.quote_id) == ("XXBT", "ZUSD")


def test_dogecoin_is_called_xdg_by_rest() -> None:
    (doge,) = listings(["DOGE/USD"])
    assert (doge.rest_id, doge.altname, doge.wsname) == ("XDGUSD", "XDGUSD", "XDG/USD")


def test_a_pair_that_is_not_listed_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotListed, match="did you mean BTC/USD"):
        listings(["BTCUSD"])


def test_three_hundred_pairs_have_three_hundred_names() -> None:
    chosen = listings(count=300)
    assert len({listing.symbol for listing in chosen}) == 300
    assert len({listing.rest_id for listing in chosen}) == 300
    assert chosen[:6] == LISTED


def test_made_up_pairs_are_the_same_every_time() -> None:
    listed._first.cache_clear()
    before = listings(count=40)
    listed._first.cache_clear()
    assert listings(count=40) == before


def test_every_listing_has_room_for_prices_below_its_opening() -> None:
    for listing in listings(count=300):
        assert listing.opening_price >= 200
        assert listing.instrument.qty_min > 0


def test_every_traded_currency_is_an_asset_once() -> None:
    ids = [listed.asset.id for listed in listed.assets(listings(count=50))]
    assert len(ids) == len(set(ids)) == 51
