"""Every order type and flag: its request, and the terms that do not go together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.orders.draft import CloseDraft, Draft, FeeIn, rounded, to_order
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import Check, Limits
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, SelfTrade, TimeInForce, Trigger
from kracked.rest.orders import add_members
from kracked.times import NS_PER_S
from tests.orders.exchange_model import BTC, NOW, START

BUY = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000)
SELL = msgspec.structs.replace(BUY, side=Side.ASK, price=251_000)
AT = msgspec.structs.replace(NOW, at=START)
NEAR = Limits(max_distance_percent=None)
STOP, PROFIT = OrderType.STOP_LOSS, OrderType.TAKE_PROFIT
TRAIL, TRAIL_LIMIT = OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT


def but(draft: Draft, **changes: Any) -> Draft:
    return msgspec.structs.replace(draft, **changes)


def wire(draft: Draft) -> dict[str, object]:
    """Return the members that differ between types, without side, volume and pair."""
    members = add_members(to_order(draft, BTC, None), "XBTUSD", None, validate=False)
    return {name: members[name] for name in members if name not in ("type", "volume", "pair")}


def against(draft: Draft, limits: Limits = NEAR, **situation: Any) -> list[Check]:
    now = msgspec.structs.replace(AT, **situation)
    return [refusal.check for refusal in refusals(draft, now, limits)]


REQUESTS = {
    "market": (
        but(BUY, order_type=OrderType.MARKET, price=None),
        {"ordertype": "market"},
    ),
    "limit": (BUY, {"ordertype": "limit", "price": "24900.0"}),
    "iceberg": (
        but(BUY, order_type=OrderType.ICEBERG, display_qty=10_000),
        {"ordertype": "iceberg", "price": "24900.0", "displayvol": "0.00010000"},
    ),
    "stop-loss": (
        but(SELL, order_type=STOP, price=249_000),
        {"ordertype": "stop-loss", "price": "24900.0"},
    ),
    "stop-loss-limit": (
        but(SELL, order_type=OrderType.STOP_LOSS_LIMIT, price=249_000, price2=248_000),
        {"ordertype": "stop-loss-limit", "price": "24900.0", "price2": "24800.0"},
    ),
    "take-profit": (
        but(SELL, order_type=PROFIT),
        {"ordertype": "take-profit", "price": "25100.0"},
    ),
    "take-profit-limit": (
        but(SELL, order_type=OrderType.TAKE_PROFIT_LIMIT, price2=250_900),
        {"ordertype": "take-profit-limit", "price": "25100.0", "price2": "25090.0"},
    ),
    "trailing-stop": (
        but(SELL, order_type=TRAIL, price=1_500),
        {"ordertype": "trailing-stop", "price": "+150.0"},
    ),
    "trailing-stop in percent": (
        but(SELL, order_type=TRAIL, price=150, in_percent=True),
        {"ordertype": "trailing-stop", "price": "+1.50%"},
    ),
    "trailing-stop-limit": (
        but(SELL, order_type=TRAIL_LIMIT, price=1_500, price2=0),
        {"ordertype": "trailing-stop-limit", "price": "+150.0", "price2": "+0.0"},
    ),
    "trailing-stop-limit below": (
        but(SELL, order_type=TRAIL_LIMIT, price=100, price2=-50, in_percent=True),
        {"ordertype": "trailing-stop-limit", "price": "+1.00%", "price2": "-5.0"},
    ),
    "fill or kill": (
        but(BUY, time_in_force=TimeInForce.FOK),
        {"ordertype": "limit", "price": "24900.0", "timeinforce": "FOK"},
    ),
    "good till date": (
        but(BUY, time_in_force=TimeInForce.GTD, expires=START + 60 * NS_PER_S),
        {"ordertype": "limit", "price": "24900.0", "timeinforce": "GTD", "expiretm": "1754000060"},
    ),
    "good for a while": (
        but(BUY, time_in_force=TimeInForce.GTD, expires_in_s=60),
        {"ordertype": "limit", "price": "24900.0", "timeinforce": "GTD", "expiretm": "+60"},
    ),
    "every flag": (
        but(BUY, post_only=True, fee_in=FeeIn.BASE, self_trade=SelfTrade.CANCEL_BOTH),
        {
            "ordertype": "limit",
            "price": "24900.0",
            "oflags": "post,fcib",
            "stptype": "cancel-both",
        },
    ),
    "by index": (
        but(SELL, order_type=STOP, price=249_000, trigger=Trigger.INDEX),
        {"ordertype": "stop-loss", "price": "24900.0", "trigger": "index"},
    ),
    "with a close": (
        but(BUY, close=CloseDraft(order_type=PROFIT, price=255_000)),
        {
            "ordertype": "limit",
            "price": "24900.0",
            "close[ordertype]": "take-profit",
            "close[price]": "25500.0",
        },
    ),
    "with a trailing close": (
        but(BUY, close=CloseDraft(order_type=TRAIL, price=200, in_percent=True)),
        {
            "ordertype": "limit",
            "price": "24900.0",
            "close[ordertype]": "trailing-stop",
            "close[price]": "+2.00%",
        },
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_draft_becomes_the_request_its_type_wants(name: str) -> None:
    draft, members = REQUESTS[name]
    assert wire(draft) == members


@pytest.mark.parametrize("name", REQUESTS)
def test_each_of_them_may_go(name: str) -> None:
    indexed = msgspec.structs.replace(BTC, has_index=True)
    assert against(REQUESTS[name][0], instrument=indexed) == []


FAULTS = {
    "iceberg without a visible part": (but(BUY, order_type=OrderType.ICEBERG), Check.FORM),
    "limit with a visible part": (but(BUY, display_qty=10_000), Check.FORM),
    "iceberg fill or kill": (
        but(
            BUY,
            order_type=OrderType.ICEBERG,
            display_qty=10_000,
            time_in_force=TimeInForce.FOK,
        ),
        Check.FORM,
    ),
    "iceberg showing too little": (
        but(BUY, order_type=OrderType.ICEBERG, display_qty=6_666),
        Check.DISPLAY,
    ),
    "iceberg showing more than it is": (
        but(BUY, order_type=OrderType.ICEBERG, display_qty=100_001),
        Check.DISPLAY,
    ),
    "market that waits": (
        but(BUY, order_type=OrderType.MARKET, price=None, time_in_force=TimeInForce.FOK),
        Check.FORM,
    ),
    "expiry without a date": (but(BUY, time_in_force=TimeInForce.GTD), Check.FORM),
    "date without expiry": (but(BUY, expires_in_s=60), Check.FORM),
    "two expiries": (
        but(BUY, time_in_force=TimeInForce.GTD, expires_in_s=60, expires=START),
        Check.FORM,
    ),
    "expiry too soon": (
        but(BUY, time_in_force=TimeInForce.GTD, expires_in_s=4),
        Check.EXPIRY,
    ),
    "expiry at an instant too soon": (
        but(BUY, time_in_force=TimeInForce.GTD, expires=START + 5 * NS_PER_S - 1),
        Check.EXPIRY,
    ),
    "expiry in two months": (
        but(BUY, time_in_force=TimeInForce.GTD, expires_in_s=60 * 86_400),
        Check.EXPIRY,
    ),
    "distance in percent of a limit": (but(BUY, in_percent=True), Check.FORM),
    "trailing without a distance": (but(SELL, order_type=TRAIL, price=0), Check.PRICE),
    "trailing by all of it": (
        but(SELL, order_type=TRAIL, price=10_000, in_percent=True),
        Check.PRICE,
    ),
    "trailing wider than the price": (but(SELL, order_type=TRAIL, price=250_000), Check.PRICE),
    "trailing limit without its limit": (but(SELL, order_type=TRAIL_LIMIT, price=10), Check.FORM),
    "index without one": (
        but(SELL, order_type=STOP, price=249_000, trigger=Trigger.INDEX),
        Check.FORM,
    ),
    "close at the market": (
        but(BUY, close=CloseDraft(order_type=OrderType.MARKET)),
        Check.FORM,
    ),
    "close without a price": (but(BUY, close=CloseDraft(order_type=PROFIT)), Check.FORM),
    "close below zero": (
        but(BUY, close=CloseDraft(order_type=PROFIT, price=-1)),
        Check.PRICE,
    ),
    "a margin position": (
        but(BUY, order_type=OrderType.SETTLE_POSITION, price=None),
        Check.FORM,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_terms_that_do_not_go_together_are_stopped(name: str) -> None:
    draft, check = FAULTS[name]
    assert check in against(draft)


ICEBERG = but(BUY, order_type=OrderType.ICEBERG)
DATED = but(BUY, time_in_force=TimeInForce.GTD)
WITHIN = {
    "iceberg showing a fifteenth": but(ICEBERG, display_qty=6_667),
    "iceberg showing all of itself": but(ICEBERG, display_qty=100_000),
    "expiry in five seconds": but(DATED, expires_in_s=5),
    "expiry at an instant in five seconds": but(DATED, expires=START + 5 * NS_PER_S),
    "expiry in thirty days": but(DATED, expires_in_s=30 * 86_400),
    "trailing by nearly all of it": but(SELL, order_type=TRAIL, price=9_999, in_percent=True),
    "trailing by the least distance": but(SELL, order_type=TRAIL, price=1),
    "trailing nearly as wide as the price": but(SELL, order_type=TRAIL, price=249_999),
    "the least quantity": but(BUY, qty=BTC.qty_min),
    "post-only that may wait": but(BUY, post_only=True),
    "a limit at once": but(BUY, time_in_force=TimeInForce.IOC),
}


@pytest.mark.parametrize("name", WITHIN)
def test_what_is_just_within_a_bound_may_go(name: str) -> None:
    assert against(WITHIN[name], Limits(max_distance_percent=None, max_notional=None)) == []


@pytest.mark.parametrize(
    ("draft", "check"),
    [
        (but(DATED, expires_in_s=30 * 86_400 + 1), Check.EXPIRY),
        (but(BUY, qty=BTC.qty_min - 1), Check.MINIMUM),
        (but(BUY, price=0), Check.PRICE),
        (but(BUY, post_only=True, time_in_force=TimeInForce.IOC), Check.FORM),
    ],
)
def test_what_is_just_beyond_a_bound_is_stopped(draft: Draft, check: Check) -> None:
    assert check in against(draft)


@pytest.mark.parametrize("deadline_s", [2, 5, 60])
def test_a_deadline_the_exchange_takes_may_go(deadline_s: int) -> None:
    limits = Limits(max_distance_percent=None, deadline_ns=deadline_s * NS_PER_S)
    assert against(BUY, limits) == []


@pytest.mark.parametrize(
    ("changes", "check"),
    [({"qty": 100_500}, Check.QUANTITY), ({"price": 249_003}, Check.PRICE)],
    ids=["between lots", "between ticks"],
)
def test_numbers_between_the_steps_of_a_pair_are_stopped(
    changes: dict[str, int], check: Check
) -> None:
    coarse = msgspec.structs.replace(BTC, price_increment=5, qty_increment=1_000)
    assert against(but(BUY, **changes), instrument=coarse) == [check]
    assert against(but(BUY, qty=101_000, price=249_005), instrument=coarse) == []


def test_the_visible_part_of_an_iceberg_is_in_whole_lots_and_rounded_up() -> None:
    coarse = msgspec.structs.replace(BTC, qty_increment=1_000)
    shown = {7_000: [], 6_000: [Check.DISPLAY], 7_500: [Check.DISPLAY]}
    for qty, expected in shown.items():
        assert against(but(ICEBERG, display_qty=qty), instrument=coarse) == expected


@pytest.mark.parametrize(
    ("draft", "at_once", "waits"),
    [
        (but(SELL, order_type=STOP), 250_001, 250_000),
        (but(BUY, order_type=STOP), 249_999, 250_000),
        (but(SELL, order_type=PROFIT), 249_999, 250_000),
        (but(BUY, order_type=PROFIT), 250_001, 250_000),
    ],
)
def test_a_trigger_on_the_wrong_side_of_the_market_is_stopped(
    draft: Draft, at_once: int, waits: int
) -> None:
    assert against(but(draft, price=at_once)) == [Check.TRIGGER]
    assert against(but(draft, price=waits)) == []


@pytest.mark.parametrize("deadline_s", [1, 61])
def test_a_deadline_the_exchange_does_not_take_is_stopped(deadline_s: int) -> None:
    assert against(BUY, Limits(deadline_ns=deadline_s * NS_PER_S)) == [Check.FORM]


def test_a_pair_with_no_room_for_an_order_is_not_asked() -> None:
    assert against(BUY, open_room=0) == [Check.OPEN_ORDERS]


def test_a_close_is_rounded_as_the_opposite_order_it_will_be() -> None:
    coarse = msgspec.structs.replace(BTC, price_increment=5, qty_increment=1000)
    close = CloseDraft(order_type=PROFIT, price=255_003)
    final = rounded(but(BUY, close=close, display_qty=10_999), coarse)
    assert final.close == CloseDraft(order_type=PROFIT, price=255_005)
    assert final.display_qty == 10_000


def test_a_distance_in_percent_is_not_rounded_to_ticks() -> None:
    coarse = msgspec.structs.replace(BTC, price_increment=5)
    trailing = but(SELL, order_type=TRAIL, price=151, in_percent=True)
    assert rounded(trailing, coarse) == trailing


def test_a_fee_in_the_base_currency_is_needed_on_top_of_what_is_sold() -> None:
    known = {"fees": Fees(Decimal("0.40"), Decimal("0.25")), "available": {"BTC": Decimal("0.001")}}
    assert against(SELL, **known) == []
    assert against(but(SELL, fee_in=FeeIn.BASE), **known) == [Check.FUNDS]


MANY = st.integers(min_value=0, max_value=10**13)


@given(
    kind=st.sampled_from(OrderType),
    side=st.sampled_from(Side),
    price=st.none() | MANY,
    price2=st.none() | st.integers(min_value=-(10**13), max_value=10**13),
    qty=MANY,
    shown=st.none() | MANY,
    force=st.sampled_from(TimeInForce),
    in_percent=st.booleans(),
)
def test_whatever_passes_every_check_has_a_request_of_plain_digits(
    kind: OrderType,
    side: Side,
    price: int | None,
    price2: int | None,
    qty: int,
    shown: int | None,
    force: TimeInForce,
    in_percent: bool,
) -> None:
    draft = Draft(
        symbol="BTC/USD",
        side=side,
        order_type=kind,
        price=price,
        price2=price2,
        qty=qty,
        display_qty=shown,
        time_in_force=force,
        expires_in_s=60 if force is TimeInForce.GTD else None,
        in_percent=in_percent,
    )
    if not against(draft):
        numbers = [str(wire(draft).get(name, "")) for name in ("price", "price2", "displayvol")]
        assert all(set(number) <= set("0123456789.+-%") for number in numbers)
