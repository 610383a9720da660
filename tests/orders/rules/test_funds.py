"""Held and free funds by the feed's names, and what an order needs."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.orders import Draft, Fees, OrderType
from kracked.orders.rules.funds import (
    NO_PRICE,
    NOT_BEFORE_TRIGGER,
    NOT_CHECKED,
    available,
    free,
    free_funds,
    held,
    needs,
    unchecked,
)
from kracked.protocol.events import Side
from kracked.protocol.own_orders import OwnOrder, Triggers
from kracked.rest.account import ExtendedBalance
from kracked.rest.market import AssetInfo
from tests.orders.exchange_model import NOW

ASSETS = {
    "XXBT": AssetInfo("XBT"),
    "XXDG": AssetInfo("XDG"),
    "ZUSD": AssetInfo("USD"),
    "SOL": AssetInfo("SOL"),
}
DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000)
BUYING = OwnOrder(
    order_id="O1",
    order_status="new",
    symbol="BTC/USD",
    side=Side.BID,
    order_type="limit",
    order_qty=Decimal("0.15"),
    limit_price=Decimal("64000.0"),
)
SELLING = msgspec.structs.replace(
    BUYING, side=Side.ASK, order_qty=Decimal("0.1"), limit_price=Decimal("64212.0")
)
STOP = msgspec.structs.replace(BUYING, order_type="stop-loss-limit")


def test_assets_go_by_the_names_of_the_feed() -> None:
    balances = {old: ExtendedBalance(Decimal(1)) for old in (*ASSETS, "NEW")}
    assert list(available(balances, ASSETS)) == ["BTC", "DOGE", "USD", "SOL", "NEW"]


def test_holds_are_left_out() -> None:
    held = {"ZUSD": ExtendedBalance(Decimal(10), hold_trade=Decimal("2.5"))}
    assert available(held, ASSETS) == {"USD": Decimal("7.5")}


def test_earning_variants_are_not_counted_twice() -> None:
    balances = {"XXBT": ExtendedBalance(Decimal(1)), "XBT.F": ExtendedBalance(Decimal(-5))}
    assert available(balances, ASSETS) == {"BTC": Decimal(1)}


def test_resting_orders_hold_what_they_pay_with_and_triggered_ones_nothing() -> None:
    found = held([BUYING, SELLING, STOP], Decimal("0.25"))
    assert found == {"USD": Decimal("9624.00"), "BTC": Decimal("0.1")}


def test_what_is_filled_is_held_no_more() -> None:
    half = msgspec.structs.replace(SELLING, cum_qty=Decimal("0.04"))
    assert held([half]) == {"BTC": Decimal("0.06")}


def test_a_stop_that_was_set_off_holds_like_any_order() -> None:
    set_off = msgspec.structs.replace(STOP, triggers=Triggers(status="triggered"))
    assert held([set_off]) == held([BUYING])


def test_an_order_the_stream_has_not_described_holds_nothing() -> None:
    assert held([OwnOrder(order_id="O2", order_status="new")]) == {}


def test_free_is_never_below_zero() -> None:
    assert free(Decimal(5), Decimal(7)) == 0


def test_free_is_what_orders_leave_with_the_dearest_fee_that_is_known() -> None:
    fees = [Fees(Decimal("0.25"), Decimal("0.10")), Fees(Decimal("0.20"), Decimal("0.16"))]
    totals = {"USD": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(2)}
    assert free_funds(totals, [BUYING, SELLING], fees) == {
        "USD": Decimal("376.00"),
        "BTC": Decimal("0.9"),
        "ETH": Decimal(2),
    }


def test_a_purchase_needs_its_cost_and_fee() -> None:
    now = msgspec.structs.replace(NOW, fees=Fees(taker=Decimal("0.40"), maker=Decimal("0.25")))
    assert needs(DRAFT, now) == ("USD", Decimal("24.9996"))


def test_only_funds_that_are_not_known_are_remarked_on() -> None:
    assert unchecked(DRAFT, NOW) == (NOT_CHECKED,)
    assert unchecked(DRAFT, msgspec.structs.replace(NOW, available={})) == ()


def test_an_order_that_waits_for_its_trigger_needs_no_funds_yet() -> None:
    stop = msgspec.structs.replace(DRAFT, order_type=OrderType.STOP_LOSS)
    assert unchecked(stop, NOW) == (NOT_BEFORE_TRIGGER,)


def test_a_market_order_without_another_side_is_remarked_on() -> None:
    market = msgspec.structs.replace(DRAFT, order_type=OrderType.MARKET, price=None)
    nobody = msgspec.structs.replace(NOW, ask=None, available={})
    assert unchecked(market, nobody) == (NO_PRICE,)
