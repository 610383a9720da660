"""The matching engine's rules, one by one, on books small enough to read."""

from __future__ import annotations

import pytest

from kracked.protocol.events import Level, Side
from kracked.protocol.order_terms import SelfTrade, TimeInForce
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import (
    AmendTerms,
    Done,
    EngineBatch,
    EngineReason,
    EngineStep,
    LeaveCause,
    LeftLevel,
    NewOrder,
    OrderEnd,
    OrderFilled,
    RequestRefused,
    Resized,
    Rested,
    TakerType,
)

BID, ASK = Side.BID, Side.ASK


def book(*orders: NewOrder) -> Matcher:
    """Return a matcher that took these orders at times 1, 2, 3..."""
    matcher = Matcher()
    for now, order in enumerate(orders, 1):
        matcher.submit(order, now)
    return matcher


def of(kind: type[EngineStep], batch: EngineBatch) -> list[EngineStep]:
    return [step for step in batch.steps if isinstance(step, kind)]


def filled(batch: EngineBatch) -> list[tuple[str, int, int]]:
    """Return maker, price and quantity of each fill."""
    return [
        (step.maker_order_id, step.price, step.qty)
        for step in batch.steps
        if isinstance(step, OrderFilled)
    ]


def queue(matcher: Matcher, side: Side, price: int) -> list[tuple[str, int]]:
    return [(order.order_id, order.visible_qty) for order in matcher.queue(side, price)]


# --- resting ------------------------------------------------------------------------


def test_a_limit_order_that_meets_nobody_rests() -> None:
    batch = Matcher().submit(NewOrder("a", BID, 5, 100), 7)
    assert batch == EngineBatch(7, (Rested("a", BID, 100, 5, 7),))


def test_levels_are_totals_best_first() -> None:
    matcher = book(
        NewOrder("a", BID, 5, 100),
        NewOrder("b", BID, 2, 101),
        NewOrder("c", BID, 3, 100),
        NewOrder("d", ASK, 1, 104),
        NewOrder("e", ASK, 1, 103),
    )
    assert list(matcher.levels(BID)) == [Level(101, 2), Level(100, 8)]
    assert list(matcher.levels(ASK)) == [Level(103, 1), Level(104, 1)]
    assert (matcher.best_bid, matcher.best_ask) == (Level(101, 2), Level(103, 1))


def test_a_level_is_found_by_its_position_and_its_position_by_its_price() -> None:
    matcher = book(NewOrder("a", ASK, 5, 100), NewOrder("b", ASK, 2, 103))
    assert matcher.level_at(ASK, 1) == Level(103, 2)
    assert matcher.level_at(ASK, 2) is None


# --- taking -------------------------------------------------------------------------


def test_a_taker_meets_the_best_price_first_and_trades_at_it() -> None:
    matcher = book(NewOrder("far", ASK, 5, 102), NewOrder("near", ASK, 5, 101))
    assert filled(matcher.submit(NewOrder("t", BID, 7, 102), 9)) == [
        ("near", 101, 5),
        ("far", 102, 2),
    ]


def test_among_equal_prices_the_earlier_order_is_met_first() -> None:
    matcher = book(NewOrder("early", ASK, 5, 101), NewOrder("late", ASK, 5, 101))
    assert filled(matcher.submit(NewOrder("t", BID, 6, 101), 9)) == [
        ("early", 101, 5),
        ("late", 101, 1),
    ]


def test_a_batch_tells_everything_in_engine_order() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101), NewOrder("b", ASK, 9, 102))
    batch = matcher.submit(NewOrder("t", BID, 7, 102), 9)
    assert batch.steps == (
        OrderFilled("t", BID, 1, 101, 5, "a", TakerType.LIMIT, 0, 2),
        LeftLevel("a", ASK, 101, 0, 1, LeaveCause.FILLED),
        Done("a", ASK, OrderEnd.FILLED, 5),
        OrderFilled("t", BID, 2, 102, 2, "b", TakerType.LIMIT, 7, 0),
        Resized("b", ASK, 102, 7, 2),
        Done("t", BID, OrderEnd.FILLED, 7),
    )


def test_what_a_limit_order_cannot_take_rests_at_its_own_price() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101))
    batch = matcher.submit(NewOrder("t", BID, 8, 103), 9)
    assert batch.steps[-1] == Rested("t", BID, 103, 3, 9)
    assert matcher.best_ask is None


def test_a_market_order_takes_at_any_price_and_never_rests() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101), NewOrder("b", ASK, 5, 900))
    batch = matcher.submit(NewOrder("t", BID, 12, None), 9)
    assert filled(batch) == [("a", 101, 5), ("b", 900, 5)]
    assert batch.steps[-1] == Done("t", BID, OrderEnd.CANCELLED, 10, EngineReason.NO_LIQUIDITY)
    assert len(matcher) == 0


def test_trades_say_that_the_taker_was_a_market_order() -> None:
    matcher = book(NewOrder("a", BID, 5, 101))
    (fill,) = of(OrderFilled, matcher.submit(NewOrder("t", ASK, 1, None), 9))
    assert isinstance(fill, OrderFilled)
    assert (fill.taker_type, fill.side, fill.order_id) == (TakerType.MARKET, ASK, "t")


def test_trade_ids_rise_by_one_from_where_they_were_told_to_start() -> None:
    matcher = Matcher(first_trade_id=500)
    for order_id in "ab":
        matcher.submit(NewOrder(order_id, ASK, 1, 100), 1)
    fills = of(OrderFilled, matcher.submit(NewOrder("t", BID, 2, 100), 3))
    assert [fill.trade_id for fill in fills if isinstance(fill, OrderFilled)] == [500, 501]


# --- order kinds --------------------------------------------------------------------


def test_immediate_or_cancel_fills_what_it_can_and_cancels_the_rest() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101))
    batch = matcher.submit(NewOrder("t", BID, 8, 103, TimeInForce.IOC), 9)
    assert batch.steps[-1] == Done(
        "t", BID, OrderEnd.CANCELLED, 5, EngineReason.IMMEDIATE_OR_CANCEL
    )
    assert matcher.best_bid is None


def test_fill_or_kill_fills_whole_when_it_can() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101), NewOrder("b", ASK, 5, 102))
    batch = matcher.submit(NewOrder("t", BID, 8, 102, TimeInForce.FOK), 9)
    assert batch.steps[-1] == Done("t", BID, OrderEnd.FILLED, 8)


def test_fill_or_kill_touches_nothing_when_it_cannot() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101), NewOrder("b", ASK, 5, 103))
    batch = matcher.submit(NewOrder("t", BID, 8, 102, TimeInForce.FOK), 9)
    assert batch == EngineBatch(9, (RequestRefused("t", EngineReason.FILL_OR_KILL),))
    assert queue(matcher, ASK, 101) == [("a", 5)]


def test_fill_or_kill_counts_what_icebergs_hide() -> None:
    matcher = book(NewOrder("ice", ASK, 50, 101, display_qty=5))
    batch = matcher.submit(NewOrder("t", BID, 48, 101, TimeInForce.FOK), 9)
    assert batch.steps[-1] == Done("t", BID, OrderEnd.FILLED, 48)


def test_post_only_is_refused_when_it_would_take() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101))
    batch = matcher.submit(NewOrder("t", BID, 8, 101, post_only=True), 9)
    assert batch.refusal is EngineReason.POST_ONLY
    assert queue(matcher, ASK, 101) == [("a", 5)]


def test_post_only_rests_when_it_would_not_take() -> None:
    matcher = book(NewOrder("a", ASK, 5, 101))
    assert matcher.submit(NewOrder("t", BID, 8, 100, post_only=True), 9).refusal is None
    assert matcher.best_bid == Level(100, 8)


def test_a_good_till_date_order_expires_at_its_time_and_not_before() -> None:
    matcher = book(NewOrder("a", BID, 5, 100, TimeInForce.GTD, 50))
    assert matcher.next_expiry == 50
    assert matcher.expire(49).steps == ()
    assert matcher.expire(50).steps == (
        LeftLevel("a", BID, 100, 5, 1, LeaveCause.EXPIRED),
        Done("a", BID, OrderEnd.EXPIRED, 0, EngineReason.EXPIRED),
    )


def test_expiry_dates_of_orders_long_gone_are_forgotten() -> None:
    matcher = Matcher()
    for now in range(1, 1000):
        matcher.submit(NewOrder(str(now), BID, 5, 100, TimeInForce.GTD, 10**9 + now), now)
        matcher.cancel(str(now), now)
    assert len(matcher._expiries) < 100


@pytest.mark.parametrize(
    "order", [NewOrder("t", BID, 0, 1), NewOrder("t", BID, 1, 1, display_qty=0)]
)
def test_an_order_for_nothing_is_refused(order: NewOrder) -> None:
    assert Matcher().submit(order, 1).refusal is EngineReason.INVALID_QUANTITY


def test_an_id_that_already_rests_is_refused() -> None:
    matcher = book(NewOrder("a", BID, 5, 100))
    assert matcher.submit(NewOrder("a", BID, 5, 99), 2).refusal is EngineReason.DUPLICATE_ORDER


# --- icebergs -----------------------------------------------------------------------


def test_an_iceberg_shows_a_slice_and_hides_the_rest() -> None:
    matcher = book(NewOrder("ice", ASK, 50, 101, display_qty=5))
    assert matcher.best_ask == Level(101, 5)


def test_the_next_slice_of_an_iceberg_joins_the_back_of_its_level() -> None:
    matcher = book(NewOrder("ice", ASK, 50, 101, display_qty=5), NewOrder("b", ASK, 3, 101))
    batch = matcher.submit(NewOrder("t", BID, 5, 101), 9)
    assert batch.steps[1:3] == (
        LeftLevel("ice", ASK, 101, 0, 1, LeaveCause.FILLED),
        Rested("ice", ASK, 101, 5, 9),
    )
    assert queue(matcher, ASK, 101) == [("b", 3), ("ice", 5)]


def test_the_last_slice_of_an_iceberg_is_only_what_is_left() -> None:
    matcher = book(NewOrder("ice", ASK, 7, 101, display_qty=5))
    matcher.submit(NewOrder("t", BID, 5, 101), 9)
    assert queue(matcher, ASK, 101) == [("ice", 2)]


def test_one_taker_may_go_through_several_slices_and_the_orders_between_them() -> None:
    matcher = book(NewOrder("ice", ASK, 12, 101, display_qty=5), NewOrder("b", ASK, 3, 101))
    batch = matcher.submit(NewOrder("t", BID, 14, 101), 9)
    assert filled(batch) == [("ice", 101, 5), ("b", 101, 3), ("ice", 101, 5), ("ice", 101, 1)]


# --- cancelling ---------------------------------------------------------------------


def test_a_cancelled_order_leaves_with_what_it_showed() -> None:
    matcher = book(NewOrder("a", BID, 5, 100))
    assert matcher.cancel("a", 4, "Cancel all").steps == (
        LeftLevel("a", BID, 100, 5, 1, LeaveCause.CANCELLED),
        Done("a", BID, OrderEnd.CANCELLED, 0, "Cancel all"),
    )
    assert "a" not in matcher


def test_cancelling_what_does_not_rest_is_refused() -> None:
    assert Matcher().cancel("a", 4).steps == (RequestRefused("a", EngineReason.UNKNOWN_ORDER),)


# --- amending -----------------------------------------------------------------------


def test_less_quantity_keeps_the_place() -> None:
    matcher = book(NewOrder("a", BID, 5, 100), NewOrder("b", BID, 5, 100))
    batch = matcher.amend(AmendTerms("a", 3), 9)
    assert batch.steps == (Resized("a", BID, 100, 3, 1),)
    assert queue(matcher, BID, 100) == [("a", 3), ("b", 5)]


def test_more_quantity_goes_to_the_back_of_the_level() -> None:
    matcher = book(NewOrder("a", BID, 5, 100), NewOrder("b", BID, 5, 100))
    batch = matcher.amend(AmendTerms("a", 6), 9)
    assert batch.steps == (
        LeftLevel("a", BID, 100, 5, 1, LeaveCause.AMENDED),
        Rested("a", BID, 100, 6, 9),
    )
    assert queue(matcher, BID, 100) == [("b", 5), ("a", 6)]


def test_another_price_goes_to_the_back_of_that_level() -> None:
    matcher = book(NewOrder("a", BID, 5, 100), NewOrder("b", BID, 5, 99))
    matcher.amend(AmendTerms("a", price=99), 9)
    assert queue(matcher, BID, 99) == [("b", 5), ("a", 5)]


def test_an_amended_quantity_is_the_total_and_counts_what_is_filled() -> None:
    matcher = book(NewOrder("a", BID, 10, 100))
    matcher.submit(NewOrder("t", ASK, 4, 100), 2)
    matcher.amend(AmendTerms("a", 9), 9)
    assert queue(matcher, BID, 100) == [("a", 5)]


def test_a_quantity_already_filled_cancels_the_rest() -> None:
    matcher = book(NewOrder("a", BID, 10, 100))
    matcher.submit(NewOrder("t", ASK, 4, 100), 2)
    batch = matcher.amend(AmendTerms("a", 4), 9)
    assert batch.steps[-1] == Done("a", BID, OrderEnd.CANCELLED, 4, EngineReason.USER_REQUESTED)


def test_an_amend_to_a_price_that_crosses_takes() -> None:
    matcher = book(NewOrder("a", BID, 10, 100), NewOrder("b", ASK, 4, 102))
    batch = matcher.amend(AmendTerms("a", price=102), 9)
    assert filled(batch) == [("b", 102, 4)]
    assert batch.steps[-1] == Rested("a", BID, 102, 6, 9)


def test_a_post_only_amend_that_would_take_leaves_the_order_as_it_was() -> None:
    matcher = book(NewOrder("a", BID, 10, 100), NewOrder("b", ASK, 4, 102))
    batch = matcher.amend(AmendTerms("a", 12, 102, post_only=True), 9)
    assert batch.refusal is EngineReason.POST_ONLY
    assert queue(matcher, BID, 100) == [("a", 10)]


def test_more_display_counts_from_the_next_slice() -> None:
    matcher = book(NewOrder("ice", ASK, 50, 101, display_qty=5))
    assert matcher.amend(AmendTerms("ice", display_qty=8), 4).steps == ()
    matcher.submit(NewOrder("t", BID, 5, 101), 9)
    assert queue(matcher, ASK, 101) == [("ice", 8)]


def test_less_display_counts_at_once_and_keeps_the_place() -> None:
    matcher = book(NewOrder("ice", ASK, 50, 101, display_qty=5), NewOrder("b", ASK, 3, 101))
    matcher.amend(AmendTerms("ice", display_qty=2), 4)
    assert queue(matcher, ASK, 101) == [("ice", 2), ("b", 3)]


def test_amending_what_does_not_rest_is_refused() -> None:
    assert Matcher().amend(AmendTerms("a", 3), 9).refusal is EngineReason.UNKNOWN_ORDER


# --- one owner on both sides --------------------------------------------------------


def own(order_id: str, side: Side, stp: SelfTrade = SelfTrade.CANCEL_NEWEST) -> NewOrder:
    return NewOrder(order_id, side, 5, 100, owner="me", stp=stp)


def test_the_newest_order_of_an_owner_is_cancelled_rather_than_trade_with_itself() -> None:
    matcher = book(own("old", ASK))
    batch = matcher.submit(own("new", BID), 9)
    assert batch.steps == (Done("new", BID, OrderEnd.CANCELLED, 0, EngineReason.SELF_TRADE),)
    assert "old" in matcher


def test_the_oldest_is_cancelled_instead_when_so_asked() -> None:
    matcher = book(own("old", ASK))
    matcher.submit(own("new", BID, SelfTrade.CANCEL_OLDEST), 9)
    assert ("old" in matcher, "new" in matcher) == (False, True)


def test_both_are_cancelled_when_so_asked() -> None:
    matcher = book(own("old", ASK))
    matcher.submit(own("new", BID, SelfTrade.CANCEL_BOTH), 9)
    assert len(matcher) == 0


def test_others_ahead_in_the_queue_are_traded_with_first() -> None:
    matcher = book(NewOrder("other", ASK, 2, 100), own("old", ASK))
    batch = matcher.submit(own("new", BID), 9)
    assert filled(batch) == [("other", 100, 2)]
    assert batch.steps[-1] == Done("new", BID, OrderEnd.CANCELLED, 2, EngineReason.SELF_TRADE)


def test_a_fill_or_kill_does_not_count_on_its_owners_orders() -> None:
    matcher = book(own("old", ASK), NewOrder("other", ASK, 4, 100))
    order = NewOrder("new", BID, 5, 100, TimeInForce.FOK, owner="me", stp=SelfTrade.CANCEL_OLDEST)
    assert matcher.submit(order, 9).refusal is EngineReason.FILL_OR_KILL
    assert "old" in matcher


def test_the_markets_own_agents_may_trade_with_each_other() -> None:
    matcher = book(NewOrder("a", ASK, 5, 100))
    assert filled(matcher.submit(NewOrder("b", BID, 5, 100), 9)) == [("a", 100, 5)]


def test_an_owners_orders_are_listed_oldest_first() -> None:
    matcher = book(own("a", ASK), NewOrder("x", ASK, 5, 100), own("b", ASK))
    assert [order.order_id for order in matcher.orders_of("me")] == ["a", "b"]
    matcher.cancel("a", 9)
    matcher.cancel("b", 9)
    assert matcher.orders_of("me") == []


# --- time ---------------------------------------------------------------------------


def test_two_batches_never_share_a_time() -> None:
    matcher = Matcher()
    times = [matcher.submit(NewOrder(order_id, BID, 5, 100), 7).time for order_id in "abc"]
    assert times == [7, 8, 9]


def test_a_resting_order_tells_its_total_and_what_is_filled() -> None:
    matcher = book(NewOrder("a", BID, 10, 100))
    matcher.submit(NewOrder("t", ASK, 4, 100), 2)
    order = matcher.order("a")
    assert order is not None
    assert (order.qty, order.filled, order.left, order.visible_qty) == (10, 4, 6, 6)
