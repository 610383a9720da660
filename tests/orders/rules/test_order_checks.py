"""Every check before sending: what passes, what fails, and the sentences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from kracked.orders.draft import Draft, rounded, to_order
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, OutboxEntry
from kracked.orders.rules.fees import Fees
from kracked.orders.rules.market_context import (
    Check,
    Limits,
    MarketContext,
    amount_text,
    notional,
)
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Side
from kracked.protocol.order_terms import OrderType, TimeInForce
from kracked.times import NS_PER_S
from tests.orders.exchange_model import BTC, NOW

GOOD = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000)
SELL = msgspec.structs.replace(GOOD, side=Side.ASK, price=251_000)


def against(draft: Draft = GOOD, limits: Limits | None = None, **situation: Any) -> list[Check]:
    now = msgspec.structs.replace(NOW, **situation)
    return [refusal.check for refusal in refusals(draft, now, limits or Limits())]


def but(draft: Draft = GOOD, **changes: Any) -> Draft:
    return msgspec.structs.replace(draft, **changes)


def pending(state: OrderState) -> tuple[OutboxEntry, ...]:
    request = {"ordertype": "limit", "type": "buy", "volume": "0.00100000", "price": "24900.0"}
    return (
        OutboxEntry(
            id="k",
            kind=ActionKind.ADD,
            symbol="BTC/USD",
            prepared=0,
            deadline=0,
            request=request,
            state=state,
            since=0,
        ),
    )


def test_a_good_order_may_go() -> None:
    assert against() == []


def test_an_order_at_the_minimum_may_go() -> None:
    assert against(but(qty=5000)) == []


ORDER_FAULTS = {
    Check.PRICE: but(price=0),
    Check.MINIMUM: but(qty=4000),
    Check.COST: (but(qty=5000, price=250_000), {"cost_min": Decimal("1.26")}),
    Check.CROSSING: but(price=250_001, post_only=True),
    Check.DISTANCE: but(price=200_000),
    Check.FORM: but(order_type=OrderType.MARKET, price=None, post_only=True),
}


@pytest.mark.parametrize("check", ORDER_FAULTS)
def test_an_order_with_one_fault_is_stopped_for_it(check: Check) -> None:
    fault = ORDER_FAULTS[check]
    draft, rules = fault if isinstance(fault, tuple) else (fault, {})
    assert check in against(draft, instrument=msgspec.structs.replace(BTC, **rules))


def test_a_price_between_ticks_is_stopped() -> None:
    coarse = msgspec.structs.replace(BTC, price_increment=5)
    assert against(but(price=249_001), instrument=coarse) == [Check.PRICE]


def test_a_quantity_between_lots_is_stopped() -> None:
    coarse = msgspec.structs.replace(BTC, qty_increment=1000)
    assert against(but(qty=100_001), instrument=coarse) == [Check.QUANTITY]


def test_a_sell_crosses_at_the_best_bid() -> None:
    assert against(but(SELL, price=249_999, post_only=True)) == [Check.CROSSING]


def test_post_only_cannot_be_immediate() -> None:
    assert against(but(post_only=True, time_in_force=TimeInForce.IOC)) == [Check.FORM]


def test_an_unverified_book_stops_everything() -> None:
    assert against(book_verified=False) == [Check.BOOK]
    assert against(book_stale="ticker says 1 / 2") == [Check.BOOK]


def test_a_stale_book_stops_everything() -> None:
    assert against(book_age_ns=6 * NS_PER_S) == [Check.BOOK]


@pytest.mark.parametrize(
    ("status", "draft", "found"),
    [
        ("post_only", but(post_only=True), []),
        ("post_only", GOOD, [Check.MARKET]),
        ("limit_only", GOOD, []),
        ("cancel_only", GOOD, [Check.MARKET]),
        ("maintenance", GOOD, [Check.MARKET]),
    ],
)
def test_the_market_takes_what_its_status_says(
    status: str, draft: Draft, found: list[Check]
) -> None:
    assert against(draft, instrument=msgspec.structs.replace(BTC, status=status)) == found


MARKET_BUY = but(order_type=OrderType.MARKET, price=None, qty=300_000)
MARKET_SELL = but(MARKET_BUY, side=Side.ASK)
ASKS = ((250_001, 100_000), (251_000, 100_000), (260_000, 200_000))
BIDS = ((249_999, 100_000), (249_000, 100_000), (240_000, 200_000))


@pytest.mark.parametrize(
    ("draft", "cost"), [(MARKET_BUY, Decimal("76.1001")), (MARKET_SELL, Decimal("73.8999"))]
)
def test_a_market_order_is_worth_what_it_takes_from_each_level(draft: Draft, cost: Decimal) -> None:
    assert notional(draft, msgspec.structs.replace(NOW, bids=BIDS, asks=ASKS)) == cost


@pytest.mark.parametrize("draft", [MARKET_BUY, MARKET_SELL])
def test_the_limits_apply_to_every_level_of_a_market_order(draft: Draft) -> None:
    far = {"bids": BIDS, "asks": ASKS}
    assert against(draft, **far) == [Check.DISTANCE]  # the third level is 4 % away
    assert against(but(draft, qty=200_000), **far) == []
    bounded = Limits(max_notional=Decimal("73.80"), max_distance_percent=None)
    assert against(draft, bounded, **far) == [Check.NOTIONAL]


@pytest.mark.parametrize("draft", [MARKET_BUY, MARKET_SELL])
def test_a_market_order_that_the_known_levels_do_not_hold_is_refused(draft: Draft) -> None:
    thin = {"bids": BIDS[:2], "asks": ASKS[:2]}
    assert against(draft, **thin) == [Check.DEPTH]
    assert against(but(draft, qty=200_000), **thin) == []
    assert against(draft, bids=(), asks=()) == [Check.DEPTH]


def test_a_limit_order_is_not_judged_by_the_levels() -> None:
    assert against(asks=ASKS[:1]) == []


def test_a_market_order_needs_funds_for_what_it_takes() -> None:
    short = {"asks": ASKS, "available": {"USD": Decimal("76.10")}}
    loose = Limits(max_distance_percent=None)
    assert against(MARKET_BUY, loose, **short) == [Check.FUNDS]
    assert against(MARKET_BUY, loose, asks=ASKS, available={"USD": Decimal("76.1001")}) == []


def test_an_outcome_not_known_blocks_every_order() -> None:
    assert against(SELL, pending=pending(OrderState.UNKNOWN)) == [Check.UNKNOWN]


@pytest.mark.parametrize("state", [OrderState.SENT, OrderState.ACKNOWLEDGED, OrderState.LIVE])
def test_the_same_order_twice_is_stopped(state: OrderState) -> None:
    assert against(pending=pending(state)) == [Check.DUPLICATE]


def test_the_same_order_twice_goes_when_it_is_meant() -> None:
    meant = Limits(allow_duplicate=True)
    assert against(limits=meant, pending=pending(OrderState.LIVE)) == []


def test_another_price_is_another_order() -> None:
    assert against(but(price=249_001), pending=pending(OrderState.LIVE)) == []


def test_own_limits_on_quantity_and_notional_hold() -> None:
    tight = Limits(max_qty=Decimal("0.0009"), max_notional=Decimal("24.89"))
    assert against(limits=tight) == [Check.LIMIT, Check.NOTIONAL]


def test_an_amount_is_told_with_the_digits_of_the_pair() -> None:
    now = msgspec.structs.replace(NOW, available={"USD": Decimal("1.23456789")})
    limits = Limits(max_notional=Decimal("24.89"), max_distance_percent=None)
    sentences = [refusal.sentence for refusal in refusals(GOOD, now, limits)]
    digits = NOW.instrument.cost_precision
    money = [word for text in sentences for word in text.replace(",", "").split() if "." in word]
    assert [word for word in money if len(word.rstrip(".").partition(".")[2]) > digits] == []
    assert any("is above your limit of 24.89" in text for text in sentences)


def test_an_amount_above_a_limit_does_not_read_as_the_limit() -> None:
    assert amount_text(Decimal("100.0000001"), "USD", NOW.instrument) > "100.00000"
    assert float(amount_text(Decimal("100.0000001"), "USD", NOW.instrument)) > 100


def test_a_market_order_is_measured_by_the_other_side() -> None:
    market = but(order_type=OrderType.MARKET, price=None)
    assert against(market, Limits(max_notional=Decimal(25))) == [Check.NOTIONAL]
    assert against(market, Limits(max_notional=Decimal("25.01"))) == []


def test_without_another_side_a_market_order_cannot_be_measured() -> None:
    market = but(order_type=OrderType.MARKET, price=None)
    assert against(market, Limits(max_notional=Decimal(25)), ask=None) == [Check.NOTIONAL]


def test_a_price_cannot_be_far_from_a_middle_that_is_not_there() -> None:
    assert against(bid=None) == [Check.DISTANCE]


def test_the_distance_is_measured_from_the_middle_exactly() -> None:
    edge = but(SELL, price=257_500)  # the middle is 250,000: 3 % away
    assert against(edge) == []
    assert against(but(edge, price=257_501)) == [Check.DISTANCE]


def test_funds_cover_the_fee_too() -> None:
    fees = Fees(taker=Decimal("0.40"), maker=Decimal("0.25"))
    costs = Decimal("24.9996")  # 24.90 and 0.40 %
    assert against(available={"USD": costs}, fees=fees) == []
    assert against(available={"USD": costs - Decimal("0.0001")}, fees=fees) == [Check.FUNDS]


def test_a_sell_needs_what_it_sells() -> None:
    assert against(SELL, available={"USD": Decimal(10**6)}) == [Check.FUNDS]
    assert against(SELL, available={"BTC": Decimal("0.001")}) == []


def test_triggered_orders_hold_no_funds_yet() -> None:
    stop = but(order_type=OrderType.STOP_LOSS, price=251_000)
    assert against(stop, available={}) == []


def test_the_last_of_the_rate_counter_is_kept_for_cancels() -> None:
    assert against(rate_room=Decimal("0.9")) == [Check.RATE]


@pytest.mark.parametrize(
    "fault",
    [
        {"book_verified": False},
        {"available": {}},
        {"rate_room": Decimal(0)},
        {"pending": pending(OrderState.UNKNOWN)},
    ],
)
def test_every_refusal_is_a_sentence(fault: dict[str, Any]) -> None:
    now = msgspec.structs.replace(NOW, **fault)
    assert all(refusal.sentence.endswith(".") for refusal in refusals(GOOD, now, Limits()))


def test_rounding_never_makes_a_price_worse() -> None:
    coarse = msgspec.structs.replace(BTC, price_increment=5, qty_increment=1000)
    buy = rounded(but(price=249_003, qty=100_999), coarse)
    sell = rounded(but(SELL, price=251_003), coarse)
    assert (buy.price, buy.qty, sell.price) == (249_000, 100_000, 251_005)


def test_a_draft_becomes_the_request_with_all_its_decimals() -> None:
    order = to_order(but(post_only=True), BTC, "k")
    assert order.members() == {
        "ordertype": "limit",
        "type": "buy",
        "volume": "0.00100000",
        "price": "24900.0",
        "oflags": "post",
        "cl_ord_id": "k",
    }


def test_a_trailing_draft_gives_distances() -> None:
    trailing = but(order_type=OrderType.TRAILING_STOP_LIMIT, price=1500, price2=-10)
    members = to_order(trailing, BTC, None).members()
    assert (members["price"], members["price2"]) == ("+150.0", "-1.0")


def test_a_situation_without_a_side_has_no_middle() -> None:
    empty = MarketContext(instrument=BTC, bid=None, ask=1, book_verified=True, book_age_ns=0)
    assert empty.middle_twice is None


@pytest.mark.parametrize(("most", "failed"), [("49.8", []), ("49.7", [Check.OPEN_NOTIONAL])])
def test_all_open_orders_together_stay_below_their_own_limit(
    most: str, failed: list[Check]
) -> None:
    """The order costs 24.90 and the one that is open as much."""
    waiting = msgspec.structs.replace(pending(OrderState.LIVE)[0], id="other")
    limits = Limits(max_open_notional=Decimal(most), allow_duplicate=True)
    assert against(limits=limits, pending=(waiting,)) == failed


def test_an_open_order_counts_with_what_is_not_filled_of_it() -> None:
    half = msgspec.structs.replace(pending(OrderState.LIVE)[0], filled=Decimal("0.0005"))
    limits = Limits(max_open_notional=Decimal("37.35"), allow_duplicate=True)
    assert against(limits=limits, pending=(half,)) == []


def test_an_open_order_without_a_number_as_price_counts_at_the_market() -> None:
    entry = pending(OrderState.LIVE)[0]
    trailing = msgspec.structs.replace(entry, request={**entry.request, "price": "+1.5%"})
    limits = Limits(max_open_notional=Decimal("49.8"), allow_duplicate=True)
    assert against(limits=limits, pending=(trailing,)) == [Check.OPEN_NOTIONAL]


def test_an_amended_order_does_not_count_beside_itself() -> None:
    entry = msgspec.structs.replace(pending(OrderState.LIVE)[0], txid="OLD")
    limits = Limits(max_open_notional=Decimal("24.9"), allow_duplicate=True)
    assert against(limits=limits, pending=(entry,), amends="OLD") == []
