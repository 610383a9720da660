"""The order in words, with its cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked.orders.draft import CloseDraft, Draft, FeeIn
from kracked.orders.preview import NO_DEPTH, preview, unwalked
from kracked.orders.rules import fees
from kracked.orders.rules.fees import Fees
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest.account import FeeLevel, TradeVolume
from kracked.rest.market import PairInfo
from tests.orders.exchange_model import BTC, NOW

DRAFT = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=247_500)
KNOWN = msgspec.structs.replace(NOW, fees=Fees(taker=Decimal("0.40"), maker=Decimal("0.25")))


def words(**changes: Any) -> str:
    return preview(msgspec.structs.replace(DRAFT, **changes), KNOWN)


def test_a_resting_order_in_words() -> None:
    assert words(post_only=True) == (
        "Buy 0.00100000 BTC at limit 24750.0 USD, post-only, good till cancelled. "
        "Cost 24.75000 USD, fee 0.06188 (0.25 % maker), total 24.81188 USD. "
        "1.00 % below the middle."
    )


@pytest.mark.parametrize(
    ("price", "told"),
    [
        (249_750, "0.10 % below the middle."),
        (249_760, "9.6 bp below the middle."),
        (250_010, "0.4 bp above the middle."),
        (250_001, "less than 0.1 bp above the middle."),
        (250_000, "At the middle."),
    ],
)
def test_how_near_the_middle_a_limit_is(price: int, told: str) -> None:
    assert words(price=price).endswith(f" USD. {told}")


def test_an_order_that_may_take_shows_the_most_it_can_cost() -> None:
    assert "fee at most 0.09900 (0.4 % taker), total 24.84900 USD" in words()


def test_a_sell_shows_what_comes_in() -> None:
    assert "net 24.65100 USD" in words(side=Side.ASK)


def test_a_market_order_in_words() -> None:
    said = words(order_type=OrderType.MARKET, price=None)
    assert said.startswith("Buy 0.00100000 BTC at market. Cost about 25.00010 USD")


def test_a_market_order_says_what_it_takes_from_the_book() -> None:
    asks = ((250_001, 100_000), (252_501, 300_000))
    draft = msgspec.structs.replace(
        DRAFT, order_type=OrderType.MARKET, price=None, qty=200_000, post_only=False
    )
    said = preview(draft, msgspec.structs.replace(KNOWN, asks=asks))
    assert "Cost about 50.25020 USD" in said
    assert said.endswith("Average 25125.1, worst 25250.1, 2 levels, slippage 0.50 %.")


def test_a_market_order_without_known_levels_says_that_it_may_cost_more() -> None:
    draft = msgspec.structs.replace(DRAFT, order_type=OrderType.MARKET, price=None)
    assert unwalked(draft, KNOWN) == (NO_DEPTH,)
    assert unwalked(draft, msgspec.structs.replace(KNOWN, asks=())) == ()
    assert unwalked(DRAFT, KNOWN) == ()


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"order_type": OrderType.STOP_LOSS}, "by stop loss at 24750.0 USD, good till"),
        (
            {"order_type": OrderType.STOP_LOSS_LIMIT, "price2": 247_000},
            "by stop loss limit at 24750.0 USD, then limit 24700.0",
        ),
        (
            {"order_type": OrderType.TRAILING_STOP, "price": 1500},
            "by trailing stop, 150.0 USD behind the best price",
        ),
        (
            {"order_type": OrderType.ICEBERG, "display_qty": 50_000},
            "at limit 24750.0 USD, iceberg showing 0.00050000",
        ),
        ({"time_in_force": TimeInForce.IOC}, "immediate or cancel"),
        (
            {"time_in_force": TimeInForce.GTD, "expires": 1_754_000_000 * 10**9},
            "good until 2025-07-31T22:13:20Z",
        ),
    ],
)
def test_every_kind_of_order_says_what_it_is(changes: dict[str, Any], part: str) -> None:
    assert part in words(**changes)


def test_fees_not_known_are_not_made_up() -> None:
    assert "fee not known" in preview(DRAFT, NOW)


def test_a_cost_not_known_is_not_made_up() -> None:
    market = msgspec.structs.replace(DRAFT, order_type=OrderType.MARKET, price=None)
    nobody = msgspec.structs.replace(KNOWN, ask=None)
    assert "not known" in preview(market, nobody)


def test_the_documented_fee_reproduces() -> None:
    cost = BTC.precision.cost_decimal(265_999, 500_000)
    exact = fees.fee(cost, Decimal("0.26"))
    assert (exact, fees.to_decimals(exact, 4)) == (Decimal("0.3457987"), Decimal("0.3458"))


def test_no_digit_of_a_fee_is_lost_however_large_the_numbers() -> None:
    cost = Decimal("123456789012345678901234567890.12345678")
    assert str(fees.fee(cost, Decimal("0.40"))) == "493827156049382715604938271.560493827120"


def test_an_account_pays_what_its_reply_says() -> None:
    volume = TradeVolume(
        fees={"XXBTZUSD": FeeLevel(Decimal("0.24"))},
        fees_maker={"XXBTZUSD": FeeLevel(Decimal("0.14"))},
    )
    assert fees.account_fees(volume, "XXBTZUSD") == Fees(Decimal("0.24"), Decimal("0.14"))
    assert fees.account_fees(volume, "XETHZUSD") is None


TABLE = PairInfo(
    altname="XBTUSD",
    base="XXBT",
    quote="ZUSD",
    pair_decimals=1,
    lot_decimals=8,
    fees=((Decimal(0), Decimal("0.40")), (Decimal(10_000), Decimal("0.35"))),
    fees_maker=((Decimal(0), Decimal("0.25")), (Decimal(10_000), Decimal("0.20"))),
)


@pytest.mark.parametrize(
    ("volume", "taker", "maker"), [("0", "0.40", "0.25"), ("9999.99", "0.40", "0.25"),
                                   ("10000", "0.35", "0.20")],
)  # fmt: skip
def test_a_table_gives_the_tier_the_volume_has_reached(volume: str, taker: str, maker: str) -> None:
    assert fees.pair_fees(TABLE, Decimal(volume)) == Fees(Decimal(taker), Decimal(maker))


def test_an_empty_table_gives_no_fees() -> None:
    assert fees.pair_fees(msgspec.structs.replace(TABLE, fees=()), Decimal(0)) is None


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        (
            {"order_type": OrderType.TRAILING_STOP, "price": 150, "in_percent": True},
            "by trailing stop, 1.50 % behind the best price",
        ),
        (
            {"order_type": OrderType.TRAILING_STOP_LIMIT, "price": 1500, "price2": -10},
            "150.0 USD behind the best price, limit -1.0 from the trigger",
        ),
        (
            {"order_type": OrderType.STOP_LOSS, "trigger": Trigger.INDEX},
            "triggered by the index price",
        ),
        ({"time_in_force": TimeInForce.FOK}, "fill or kill"),
        ({"time_in_force": TimeInForce.GTD, "expires_in_s": 7_200}, "good for 2 h"),
        ({"time_in_force": TimeInForce.GTD, "expires_in_s": 90}, "good for 90 s"),
        ({"fee_in": FeeIn.QUOTE}, "fee in USD"),
        ({"fee_in": FeeIn.BASE}, "fee at most 0.00000400 BTC (0.4 % taker)."),
        ({"self_trade": SelfTrade.CANCEL_OLDEST}, "cancelling the older of two own orders"),
        (
            {"close": CloseDraft(order_type=OrderType.TAKE_PROFIT, price=255_000)},
            "Each fill then sells as much by take profit at 25500.0 USD.",
        ),
    ],
)
def test_every_term_of_an_order_is_said(changes: dict[str, Any], part: str) -> None:
    assert part in words(**changes)
