"""Trailing stops, expiries, scheduled orders, conditional closes, fees in the base, self-trade."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.flow import OrderFlow
from kracked.paper import PaperAccount, PaperEngine, PaperState
from kracked.protocol.events import Side, Ticker
from kracked.protocol.order_terms import (
    CloseTerms,
    OrderType,
    SelfTrade,
    TimeInForce,
    Trail,
    TrailOffset,
)
from tests.flow.scripted_feed import at
from tests.paper.paper_market import BTC, INSTRUMENT, SYMBOL, PaperMarket
from tests.paper.state import state

S = 1_000_000_000


def by(distance: float, limit: float | None = None) -> Trail:
    """Return distances in the quote currency."""
    offsets = [TrailOffset(Decimal(str(d)) * 10, False, 1) for d in (distance, limit or 0)]
    return Trail(offsets[0], None if limit is None else offsets[1])


def traded(paper: PaperMarket, trade_id: int, price: float, time: str) -> None:
    """Let a real taker trade with nobody who is shown, and wait until it is decided."""
    paper.trades(f"{trade_id} buy {price} 0.1 {time}")
    paper.wait()


def trailing(paper: PaperMarket, side: str = "sell", limit: float | None = None) -> str:
    """Send a stop that trails by 2."""
    kind = "trailing-stop" if limit is None else "trailing-stop-limit"
    return paper.order(side, 1, kind=kind, trail=by(2, limit))


def resume(paper: PaperMarket, now: int) -> PaperEngine:
    """Begin again from the log, as after a crash."""
    account = PaperAccount.replay(paper.log)
    assert state(account) == state(paper.account)
    return PaperEngine(account, OrderFlow(10), now=now, verified=lambda _: True)


# --- trailing stops ---------------------------------------------------------------------------


def test_a_trailing_stop_begins_a_distance_behind_the_last_trade() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    order = trailing(paper)
    assert paper.account.open[order].request.trigger_price == 990
    assert paper.account.open[order].state is PaperState.WAITING


def test_a_trailing_stop_follows_the_market_one_way_only() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    order = trailing(paper)
    traded(paper, 2, 103.0, "32.000001")
    assert paper.account.open[order].request.trigger_price == 1010
    traded(paper, 3, 102.0, "33.000001")
    assert paper.account.open[order].request.trigger_price == 1010
    assert paper.own.open[order].trigger_price == Decimal("101.0")


def test_a_trailing_stop_that_is_reached_meets_the_market() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    trailing(paper)
    traded(paper, 2, 99.0, "32.000001")
    assert paper.fills == [(100.0, 1.0, "t")]


def test_a_trailing_stop_limit_knows_its_limit_when_it_triggers() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    order = trailing(paper, limit=6)
    traded(paper, 2, 99.0, "32.000001")
    assert paper.account.open[order].request.price == 1050
    assert paper.account.open[order].state is PaperState.RESTING


def test_a_trailing_stop_limit_without_a_price_above_zero_ends_and_holds_nothing() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    trailing(paper, "buy", limit=-500)
    traded(paper, 2, 105.0, "32.000001")
    assert not paper.account.open
    assert paper.reason() == "Invalid price"
    assert paper.account.money.held("USD") == 0


def test_a_trailing_buy_triggers_above_the_lowest_price() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    trailing(paper, "buy")
    traded(paper, 2, 98.0, "32.000001")
    traded(paper, 3, 100.0, "33.000001")
    assert paper.fills == [(101.0, 1.0, "t")]


def test_a_trailing_stop_before_any_known_trade_is_refused() -> None:
    paper = PaperMarket()
    trailing(paper)
    assert paper.errors == ["EOrder:Invalid price:paper has seen no trade to keep a distance from"]


def test_a_ticker_tells_the_last_price_before_the_first_trade() -> None:
    paper = PaperMarket()
    prices = {"last": 1010, "bid": 1000, "ask": 1010, "volume": BTC}
    known = dict.fromkeys(Ticker.__struct_fields__) | prices
    ticker = Ticker(
        **known
        | {
            "symbol": SYMBOL,
            "received": paper.now,
            "snapshot": True,
            "precision": INSTRUMENT.precision,
        }
    )
    paper.take(paper.engine.apply(ticker))
    order = trailing(paper)
    assert paper.account.open[order].request.trigger_price == 990


def test_prices_of_a_trailing_stop_cannot_be_amended_while_it_waits() -> None:
    paper = PaperMarket()
    traded(paper, 1, 101.0, "31.000001")
    order = trailing(paper, limit=0)
    assert paper.amend(order, price=99.0).error == "EOrder:Invalid order"
    assert paper.amend(order, trigger_price=985).error == "EOrder:Invalid order"
    assert paper.amend(order, qty=0.5).error is None


# --- expiries ---------------------------------------------------------------------------------


def lasting(paper: PaperMarket, seconds: float, price: float = 100.0, **terms: object) -> str:
    """Send a bid that expires."""
    terms |= {"time_in_force": TimeInForce.GTD, "expire_at": paper.now + int(seconds * S)}
    return paper.order("buy", 1, price, **terms)


def test_an_order_expires_at_its_time() -> None:
    paper = PaperMarket()
    order = lasting(paper, 6)
    paper.wait(5.9)
    assert order in paper.account.open
    paper.wait(1)
    assert paper.account.closed[order].state is PaperState.EXPIRED
    assert paper.own.closed[order].order_status == "expired"
    assert paper.account.money.held("USD") == 0


def test_a_taker_of_before_its_expiry_that_is_told_after_it_fills_an_order() -> None:
    paper = PaperMarket()
    order = lasting(paper, 6)
    expiry = paper.account.open[order].request.expire_at or 0
    paper.wait(6.1)
    before, after = (paper_clock(expiry + delta) for delta in (-S // 10, S // 50))
    paper.trades(f"1 sell 99.9 0.3 {before}")
    paper.trades(f"2 sell 99.9 0.3 {after}")
    paper.wait(1)
    assert paper.fills == [(100.0, 0.3, "m")]
    assert paper.account.closed[order].state is PaperState.EXPIRED


def paper_clock(time: int) -> str:
    """Return a time as the second of the minute."""
    ns = time - at("00")
    return f"{ns // S:02d}.{ns % S // 1000:06d}"


def test_a_stop_that_waits_expires_too() -> None:
    paper = PaperMarket()
    terms = {"time_in_force": TimeInForce.GTD, "expire_at": paper.now + 6 * S}
    order = paper.order("sell", 1, kind="stop-loss", trigger=90.0, **terms)
    paper.wait(6.1)
    assert paper.account.closed[order].state is PaperState.EXPIRED


def test_an_expiry_after_the_fill_changes_nothing() -> None:
    paper = PaperMarket()
    order = lasting(paper, 6, price=101.0)
    paper.wait(7)
    assert paper.account.closed[order].state is PaperState.FILLED


def test_a_time_that_is_over_and_one_without_gtd_are_refused() -> None:
    paper = PaperMarket()
    lasting(paper, -1)
    paper.order("buy", 1, 100.0, expire_at=paper.now + 9 * S)
    assert paper.errors == ["EOrder:Invalid order"] * 2


def test_an_order_whose_outcome_is_unknown_expires_and_says_so() -> None:
    paper = PaperMarket()
    order = lasting(paper, 6)
    paper.lose()
    paper.wait(6.1)
    ended = paper.account.closed[order]
    assert ended.state is PaperState.EXPIRED
    assert ended.reason.startswith("Order expired; fills before it are unknown")


# --- scheduled orders -------------------------------------------------------------------------


def test_a_scheduled_order_holds_nothing_until_its_time() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 1, 100.0, start_at=paper.now + 5 * S)
    assert paper.account.open[order].state is PaperState.PENDING
    assert paper.account.money.held("USD") == 0
    assert paper.own.open[order].order_status == "pending_new"
    paper.wait(5)
    assert paper.account.open[order].state is PaperState.RESTING
    assert paper.account.money.held("USD") == Decimal("100.25")
    assert paper.own.open[order].order_status == "new"


def test_a_scheduled_order_that_cannot_be_paid_for_at_its_time_ends() -> None:
    paper = PaperMarket(usd="150")
    later = paper.order("buy", 1, 100.0, start_at=paper.now + 5 * S)
    paper.order("buy", 1, 100.0)
    paper.wait(5)
    assert paper.account.closed[later].reason == "Insufficient funds"


def test_a_scheduled_order_can_be_amended_and_cancelled_before_its_time() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 1, 100.0, start_at=paper.now + 5 * S)
    paper.amend(order, qty=2, price=99.0)
    assert paper.account.open[order].state is PaperState.PENDING
    paper.engine.cancel(order, paper.now)
    paper.wait(6)
    assert paper.account.closed[order].state is PaperState.CANCELLED
    assert paper.fills == []


def test_a_scheduled_order_waits_for_its_time_after_a_crash() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 1, 100.0, start_at=paper.now + 5 * S)
    engine = resume(paper, paper.now + S)
    assert engine.account.open[order].state is PaperState.PENDING


def test_a_scheduled_order_whose_time_came_while_nothing_ran_is_unknown() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 1, 100.0, start_at=paper.now + 5 * S)
    engine = resume(paper, paper.now + 6 * S)
    assert engine.account.open[order].state is PaperState.UNKNOWN
    assert engine.account.money.held("USD") == 0


# --- conditional closes -----------------------------------------------------------------------


def closing(kind: str = "limit", price: float | None = 110.0, trigger: float | None = None):
    """Return a conditional close."""
    return CloseTerms(
        order_type=OrderType(kind),
        price=None if price is None else round(price * 10),
        trigger_price=None if trigger is None else round(trigger * 10),
    )


def test_each_fill_places_the_order_that_closes_it() -> None:
    paper = PaperMarket()
    parent = paper.order("buy", 2, close=closing())
    closes = [paper.account.open[one] for one in paper.account.open]
    assert [(one.ref_id, one.request.qty / BTC) for one in closes] == [(parent, 1), (parent, 1)]
    assert {one.request.side for one in closes} == {Side.ASK}
    assert all(one.state is PaperState.RESTING for one in closes)
    assert paper.own.open[closes[0].order_id].ord_ref_id == parent


def test_a_close_that_waits_is_triggered_as_any_stop() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, close=closing("stop-loss", None, 95.0))
    [close] = paper.account.open.values()
    assert close.state is PaperState.WAITING
    traded(paper, 1, 95.0, "32.000001")
    assert paper.fills[-1] == (100.0, 1.0, "t")


def test_a_close_that_crosses_takes_at_once() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, close=closing(price=99.5))
    assert paper.fills == [(101.0, 1.0, "t"), (100.0, 1.0, "t")]


def test_a_fill_in_the_queue_places_its_close() -> None:
    paper = PaperMarket()
    parent = paper.order("buy", 1, 100.5, close=closing())
    paper.sold(1, 0.4, "32.000001", price=100.5)
    [close] = [one for one in paper.account.open.values() if one.ref_id == parent]
    assert close.request.qty == 0.4 * BTC


def test_a_close_that_cannot_be_paid_for_ends_and_says_so() -> None:
    paper = PaperMarket(usd="102", btc="10")
    paper.order("sell", 1, close=closing("limit", 500.0))
    [close] = [one for one in paper.account.closed.values() if one.ref_id]
    assert close.reason == "Insufficient funds"


def test_an_order_with_a_close_has_no_client_id_and_cannot_be_amended() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0, cl_ord_id="mine", close=closing())
    order = paper.order("buy", 1, 100.0, close=closing())
    assert paper.amend(order, qty=0.5).error == "EGeneral:Invalid arguments"
    assert paper.errors == ["EGeneral:Invalid arguments"] * 2


def test_a_fill_and_its_close_are_never_torn_apart_by_a_crash() -> None:
    paper = PaperMarket()
    paper.order("buy", 2, close=closing())
    assert paper.account.fills == 2
    for kept in range(1, len(paper.log) + 1):
        account = PaperAccount.replay(paper.log[:kept])
        closes = [one for one in account.open.values() if one.ref_id]
        assert len(closes) == account.fills


# --- fees in the base asset -------------------------------------------------------------------


def test_a_buyer_may_pay_the_fee_in_what_it_buys() -> None:
    paper = PaperMarket(usd="101")
    paper.order("buy", 1, fee_in_base=True)
    assert paper.account.money.balance("USD") == 0
    assert paper.account.money.balance("BTC") == Decimal("10.996")
    [row] = paper.rows("trade")
    assert row["fees"] == [{"asset": "BTC", "qty": Decimal("0.004")}]


def test_a_seller_may_pay_the_fee_in_what_it_sells() -> None:
    paper = PaperMarket(usd="0", btc="1.004")
    paper.order("sell", 1, fee_in_base=True)
    assert paper.account.money.balance("BTC") == 0
    assert paper.account.money.balance("USD") == 100


def test_a_resting_order_holds_the_fee_in_the_asset_it_is_paid_in() -> None:
    paper = PaperMarket()
    paper.order("sell", 1, 105.0, fee_in_base=True)
    paper.order("buy", 1, 100.0, fee_in_base=True)
    assert paper.account.money.held("BTC") == Decimal("1.0025")
    assert paper.account.money.held("USD") == 100


# --- self-trade -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "bought", "older", "newer"),
    [
        (SelfTrade.CANCEL_NEWEST, [101.0], PaperState.RESTING, PaperState.CANCELLED),
        (SelfTrade.CANCEL_OLDEST, [101.0, 102.0], PaperState.CANCELLED, PaperState.FILLED),
        (SelfTrade.CANCEL_BOTH, [101.0], PaperState.CANCELLED, PaperState.CANCELLED),
    ],
)
def test_the_rule_of_the_taker_says_which_of_two_own_orders_ends(
    rule: SelfTrade, bought: list[float], older: PaperState, newer: PaperState
) -> None:
    paper = PaperMarket()
    old = paper.order("sell", 1, 101.5)
    new = paper.order("buy", 2, 103.0, stp=rule)
    paper.wait(1)
    assert [price for price, _, _ in paper.fills] == bought
    known = paper.account.open | paper.account.closed
    assert (known[old].state, known[new].state) == (older, newer)


def test_a_market_order_must_be_able_to_pay_beyond_the_own_orders_it_cancels() -> None:
    paper = PaperMarket(usd="150", asks=("OZ 101.0 1.0 10.0", "OY 500.0 2.0 10.5"))
    paper.order("sell", 1, 102.0)
    paper.order("buy", 2.5, stp=SelfTrade.CANCEL_OLDEST)
    assert paper.errors == ["EOrder:Insufficient funds"]
    assert paper.fills == []


def test_a_fok_order_counts_what_it_gets_once_own_orders_are_gone() -> None:
    paper = PaperMarket()
    paper.order("sell", 1, 101.5)
    terms = {"time_in_force": TimeInForce.FOK}
    paper.order("buy", 2, 103.0, **terms)
    assert paper.fills == []
    paper.order("buy", 2, 103.0, stp=SelfTrade.CANCEL_OLDEST, **terms)
    assert sum(qty for _, qty, _ in paper.fills) == 2


# --- icebergs ---------------------------------------------------------------------------------


def test_an_iceberg_that_shows_less_keeps_its_place() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 3, 100.0, kind="iceberg", display=2)
    assert paper.amend(order, display_qty=BTC).error is None
    ghost = paper.engine._markets[SYMBOL].resting[order]
    assert ghost.shown == BTC
    paper.update(bids=["delete OA 100.0 0.0 32.000001015"], time="32.000001015")
    paper.trades("1 sell 100.0 1.0 32.000001", "2 sell 100.0 1.0 32.000001")
    paper.wait()
    assert paper.fills == [(100.0, 1.0, "m")]


def test_an_iceberg_that_shows_more_does_so_from_its_next_part_on() -> None:
    paper = PaperMarket()
    order = paper.order("buy", 4, 100.5, kind="iceberg", display=1)
    paper.amend(order, display_qty=2 * BTC)
    ghost = paper.engine._markets[SYMBOL].resting[order]
    assert ghost.shown == BTC
    paper.sold(1, 1.0, "32.000001", price=100.5)
    assert ghost.shown == 2 * BTC


def test_a_display_quantity_of_another_order_or_out_of_bounds_is_refused() -> None:
    paper = PaperMarket()
    plain = paper.order("buy", 1, 100.0)
    iceberg = paper.order("buy", 3, 100.0, kind="iceberg", display=1)
    assert paper.amend(plain, display_qty=BTC).error == "EOrder:Invalid order"
    assert paper.amend(iceberg, display_qty=BTC // 10).error == "EOrder:Invalid order"


def test_an_iceberg_may_take_at_once() -> None:
    paper = PaperMarket()
    paper.order("buy", 2, 101.0, kind="iceberg", display=1, time_in_force=TimeInForce.IOC)
    assert paper.fills == [(101.0, 1.0, "t")]
    assert not paper.account.open
