"""Each rule of the paper engine, from literal messages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kracked.book.queue import QueuePosition
from kracked.instruments import Precision
from kracked.paper import Latency, PaperAccount, PaperState
from kracked.protocol.codec import Codec
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from tests.flow.scripted_feed import at
from tests.paper.paper_market import SYMBOL, PaperMarket

MS = 1_000_000
NO_BOOK = "EService:Market in cancel_only mode:paper has no verified book"


# --- takers -----------------------------------------------------------------------------------


def test_a_market_order_takes_the_visible_book_price_by_price() -> None:
    paper = PaperMarket()
    paper.order("buy", 2)
    assert paper.fills == [(101.0, 1.0, "t"), (102.0, 1.0, "t")]
    # 203 and 0.4 % of it
    assert paper.account.money.balance("USD") == Decimal("100000") - Decimal("203.812")
    assert paper.account.money.balance("BTC") == 12


def test_two_market_orders_do_not_buy_the_same_ask_twice() -> None:
    paper = PaperMarket()
    paper.order("buy", 1)
    paper.order("buy", 1)
    assert paper.fills == [(101.0, 1.0, "t"), (102.0, 1.0, "t")]


def test_an_order_that_was_used_up_stays_so_when_it_moves() -> None:
    paper = PaperMarket()
    paper.order("buy", 1)
    paper.update(asks=["delete OZ 101.0 1.0 10.0", "add OZ 101.5 1.5 26.0"], time="26.0")
    paper.order("buy", 1)
    assert paper.fills[1:] == [(101.5, 0.5, "t"), (102.0, 0.5, "t")]


def test_a_market_order_ends_where_the_visible_book_ends() -> None:
    paper = PaperMarket()
    paper.order("buy", 4)
    assert sum(qty for _, qty, _ in paper.fills) == 3
    assert paper.reason() == "the visible book holds no more"


def test_a_market_order_that_cannot_be_paid_for_is_refused() -> None:
    paper = PaperMarket(usd="101.403")
    paper.order("buy", 1)
    assert paper.errors == ["EOrder:Insufficient funds"]
    assert paper.fills == []


def test_a_market_order_may_spend_everything() -> None:
    paper = PaperMarket(usd="101.404")
    paper.order("buy", 1)
    assert paper.account.money.balance("USD") == 0


def test_an_ioc_order_takes_up_to_its_limit_and_ends() -> None:
    paper = PaperMarket()
    paper.order("buy", 2, 101.0, time_in_force=TimeInForce.IOC)
    assert paper.fills == [(101.0, 1.0, "t")]
    assert len(paper.account.open) == 0
    assert paper.account.money.held("USD") == 0


def test_a_fok_order_is_filled_whole_or_not_at_all() -> None:
    paper = PaperMarket()
    paper.order("buy", 2, 101.0, time_in_force=TimeInForce.FOK)
    assert paper.fills == []
    paper.order("buy", 2, 102.0, time_in_force=TimeInForce.FOK)
    assert paper.fills == [(101.0, 1.0, "t"), (102.0, 1.0, "t")]


def test_a_limit_order_takes_what_it_reaches_and_the_rest_rests() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 2, 101.0)
    assert paper.fills == [(101.0, 1.0, "t")]
    assert paper.account.open[order_id].state is PaperState.RESTING
    # one more at 101 and the maker's fee on it
    assert paper.account.money.held("USD") == Decimal("101.2525")


def test_an_order_that_would_meet_an_own_one_is_cancelled_there() -> None:
    paper = PaperMarket()
    paper.order("sell", 1, 101.5)
    paper.order("buy", 2, 103.0)
    assert paper.fills == [(101.0, 1.0, "t")]
    assert paper.reason() == "Self trade prevention"


# --- post only --------------------------------------------------------------------------------


def test_a_post_only_order_that_would_trade_is_refused() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 101.0, post_only=True)
    assert paper.errors == ["EOrder:Post only order"]
    assert len(paper.account.open) == 0


def test_a_post_only_order_below_the_ask_rests() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.9, post_only=True)
    assert paper.own.open[order_id].post_only


def test_an_amend_of_a_post_only_order_across_the_spread_is_refused() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0, post_only=True)
    assert paper.amend(order_id, price=101.0).error == "EOrder:Post only order"
    assert paper.account.open[order_id].request.price == 1000


# --- the queue --------------------------------------------------------------------------------


def test_volume_of_an_order_ahead_fills_nothing() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0)
    paper.update(bids=["delete OA 100.0 0.0 30.000001015"], time="30.000001015")
    paper.sold(1, 1.0, "30.000001")
    assert paper.fills == []


def test_a_resting_order_tells_its_place_among_the_real_orders() -> None:
    paper = PaperMarket()
    real = list(paper.flow[SYMBOL].queue(Side.BID, 1000))
    order_id = paper.order("buy", 1, 100.0)
    price, place = paper.engine.place(order_id) or (0, None)
    assert price == 1000
    assert place == QueuePosition(
        len(real) + 1,
        len(real) + 1,
        sum(life.qty for life in real),
        len(real),
        sum(life.qty for life in real) + 10**8,
    )
    assert paper.engine.place("unknown") is None


def test_volume_that_no_order_ahead_explains_fills_it_at_the_maker_s_fee() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.sold(1, 0.5, "30.000001")
    assert paper.fills == [(100.0, 0.5, "m")]
    assert paper.account.money.balance("USD") == Decimal("100000") - Decimal("50.125")
    assert paper.account.money.held("USD") == Decimal("50.125")
    assert paper.own.open[order_id].order_status == "partially_filled"


def test_two_own_orders_share_what_a_taker_leaves() -> None:
    paper = PaperMarket()
    first, second = paper.order("buy", 1, 100.0), paper.order("buy", 1, 100.0)
    paper.sold(1, 1.5, "30.000001")
    assert first not in paper.account.open
    assert paper.account.open[second].left == 50_000_000


def test_the_own_order_at_the_better_price_is_filled_first() -> None:
    paper = PaperMarket()
    worse, better = paper.order("buy", 1, 100.0), paper.order("buy", 1, 100.5)
    paper.sold(1, 1.0, "30.000001")
    assert better not in paper.account.open
    assert paper.account.open[worse].filled == 0


def test_two_own_orders_share_an_order_that_rests_across_them() -> None:
    paper = PaperMarket()
    first, second = paper.order("buy", 1, 100.5), paper.order("buy", 1, 100.5)
    paper.update(asks=["add OX 100.5 1.5 29.0"], time="29.0")
    paper.wait()
    assert first not in paper.account.open
    assert paper.account.open[second].left == 50_000_000


def test_what_filled_a_resting_order_cannot_be_taken_again() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.5)
    paper.update(asks=["add OX 100.5 1.0 29.0"], time="29.0")
    paper.order("buy", 1)
    assert paper.fills == [(101.0, 1.0, "t")]
    paper.wait()
    assert paper.fills == [(101.0, 1.0, "t"), (100.5, 1.0, "m")]


def test_a_taker_of_before_the_order_fills_nothing() -> None:
    paper = PaperMarket()
    paper.update(bids=["modify OL 99.0 4.0 11.5"], time="26.000000500")
    paper.order("buy", 1, 100.0)
    paper.sold(1, 1.0, "26.000000")
    assert paper.fills == []


def test_an_iceberg_shows_its_next_part_at_the_back() -> None:
    paper = PaperMarket()
    paper.order("buy", 2, 100.0, kind="iceberg", display=1)
    paper.update(bids=["add OB 100.0 1.0 22.0"], time="22.0")
    paper.sold(1, 1.0, "30.000001")
    paper.update(bids=["delete OA 100.0 0.0 31.000001015"], time="31.000001015")
    paper.sold(2, 1.0, "31.000001")
    paper.update(bids=["delete OB 100.0 0.0 32.000001015"], time="32.000001015")
    paper.sold(3, 1.0, "32.000001")
    assert paper.fills == [(100.0, 1.0, "m")]


# --- amends and cancels -----------------------------------------------------------------------


def behind(paper: PaperMarket) -> str:
    """Place an order, then OB behind it; OA is gone."""
    order_id = paper.order("buy", 1, 100.0)
    paper.update(bids=["add OB 100.0 1.0 22.0"], time="22.0")
    paper.update(bids=["delete OA 100.0 1.0 23.0"], time="23.0")
    return order_id


def sell_to_ob(paper: PaperMarket) -> None:
    paper.update(bids=["delete OB 100.0 0.0 30.000001015"], time="30.000001015")
    paper.sold(1, 1.0, "30.000001")


def test_less_at_the_same_price_keeps_the_place() -> None:
    paper = PaperMarket()
    order_id = behind(paper)
    assert paper.amend(order_id, qty=0.5).error is None
    sell_to_ob(paper)
    assert paper.fills == [(100.0, 0.5, "m")]


def test_more_at_the_same_price_loses_the_place() -> None:
    paper = PaperMarket()
    order_id = behind(paper)
    paper.amend(order_id, qty=1.5)
    sell_to_ob(paper)
    assert paper.fills == []
    assert paper.own.open[order_id].order_qty == Decimal("1.5")
    assert paper.account.money.held("USD") == Decimal("150.375")


def test_another_price_and_back_loses_the_place() -> None:
    paper = PaperMarket()
    order_id = behind(paper)
    paper.amend(order_id, price=99.5)
    paper.amend(order_id, price=100.0)
    sell_to_ob(paper)
    assert paper.fills == []


def test_an_amend_that_cannot_be_paid_for_changes_nothing() -> None:
    paper = PaperMarket(usd="150")
    order_id = paper.order("buy", 1, 100.0)
    assert paper.amend(order_id, qty=1.5).error == "EOrder:Insufficient funds"
    assert paper.account.money.held("USD") == Decimal("100.25")


def test_an_amend_across_the_spread_takes() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.amend(order_id, price=101.0)
    assert paper.fills == [(101.0, 1.0, "t")]


def test_a_cancel_ends_an_order_and_frees_its_funds() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    ticket = paper.engine.cancel(order_id, paper.now)
    paper.wait(1)
    assert paper.answer(ticket).count == 1
    assert paper.own.closed[order_id].order_status == "canceled"
    assert paper.account.money.held("USD") == 0


def test_a_fill_of_before_the_cancel_comes_before_its_report() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.update(bids=["modify OL 99.0 4.0 11.5", "add ON 99.5 1.0 30.0"], time="30.0")
    ticket = paper.engine.cancel(order_id, paper.now)
    paper.trades("1 sell 100.0 1.0 29.999999", now=paper.now + MS)
    paper.wait(1)
    assert paper.fills == [(100.0, 1.0, "m")]
    assert paper.answer(ticket).error == "EOrder:Unknown order"


def test_a_taker_of_after_the_cancel_fills_nothing() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.engine.cancel(order_id, paper.now)
    paper.sold(1, 1.0, "30.000001")
    assert paper.fills == []
    assert order_id in paper.account.closed


def test_a_cancel_of_an_unknown_order_is_refused() -> None:
    paper = PaperMarket()
    paper.engine.cancel("OPAPER-00000-000009", paper.now)
    paper.wait()
    assert paper.errors == ["EOrder:Unknown order"]


def test_cancel_all_ends_every_order_and_counts_them() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0)
    paper.order("sell", 1, 110.0, kind="take-profit-limit", trigger=110.0)
    ticket = paper.engine.cancel_all(paper.now)
    paper.wait(1)
    assert paper.answer(ticket).count == 2
    assert len(paper.account.open) == 0


def test_the_dead_man_s_switch_ends_every_order() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0)
    paper.engine.cancel_all_after(10_000 * MS, paper.now)
    paper.wait(9)
    assert len(paper.account.open) == 1
    paper.wait(1.5)
    paper.wait(0.5)
    assert len(paper.account.open) == 0
    assert paper.reason() == "Cancel all orders after"
    assert paper.account.deadline is None


def test_a_disarmed_switch_ends_nothing() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0)
    paper.engine.cancel_all_after(10_000 * MS, paper.now)
    paper.wait(5)
    paper.engine.cancel_all_after(None, paper.now)
    paper.wait(20)
    assert len(paper.account.open) == 1


# --- stops and take-profits -------------------------------------------------------------------


def bought(paper: PaperMarket, trade_id: int, price: float, time: str) -> None:
    paper.trades(f"{trade_id} buy {price} 0.1 {time}")
    paper.wait()


def test_a_stop_buys_when_the_last_trade_rises_to_its_trigger() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, kind="stop-loss", trigger=101.0)
    assert paper.account.money.held("USD") == 0
    bought(paper, 1, 100.9, "26.0")
    assert paper.account.open[order_id].state is PaperState.WAITING
    bought(paper, 2, 101.0, "27.0")
    assert paper.fills == [(101.0, 1.0, "t")]


def test_a_take_profit_sells_when_the_last_trade_rises_to_its_trigger() -> None:
    paper = PaperMarket()
    paper.order("sell", 1, kind="take-profit", trigger=101.0)
    bought(paper, 1, 101.0, "26.0")
    assert paper.fills == [(100.0, 1.0, "t")]


def test_a_stop_limit_rests_at_its_limit_once_triggered() -> None:
    paper = PaperMarket()
    order_id = paper.order("sell", 1, 103.0, kind="stop-loss-limit", trigger=99.0)
    paper.sold(1, 0.1, "26.0", price=98.0)
    assert paper.account.open[order_id].state is PaperState.RESTING
    assert paper.account.money.held("BTC") == 1
    assert paper.own.open[order_id].triggers.status == "triggered"


def test_a_stop_that_is_met_already_triggers_at_once() -> None:
    paper = PaperMarket()
    bought(paper, 1, 101.0, "26.0")
    paper.order("buy", 1, kind="stop-loss", trigger=100.5)
    assert paper.fills == [(101.0, 1.0, "t")]


def test_a_trade_of_before_a_stop_does_not_trigger_it() -> None:
    paper = PaperMarket()
    paper.update(bids=["modify OL 99.0 4.0 11.5", "add ON 99.5 1.0 30.0"], time="30.0")
    order_id = paper.order("buy", 1, kind="stop-loss", trigger=101.0)
    bought(paper, 1, 101.0, "29.999")
    assert paper.account.open[order_id].state is PaperState.WAITING


def test_a_triggered_stop_without_funds_is_cancelled() -> None:
    paper = PaperMarket(usd="50")
    paper.order("buy", 1, kind="stop-loss", trigger=101.0)
    bought(paper, 1, 101.0, "26.0")
    assert paper.fills == []
    assert paper.reason() == "Insufficient funds"


# --- latency ----------------------------------------------------------------------------------


def test_an_order_meets_the_book_of_its_arrival() -> None:
    paper = PaperMarket(Latency(submit=60 * MS))
    paper.now = at("24.0")
    paper.order("buy", 1)
    paper.update(asks=["delete OZ 101.0 1.0 10.0"], time="24.050")
    assert paper.fills == []
    paper.update(asks=["delete OY 102.0 2.0 10.5", "add OQ 105.0 1.0 24.1"], time="24.100")
    assert paper.fills == [(102.0, 1.0, "t")]


def test_a_cancel_on_its_way_does_not_save_an_order() -> None:
    paper = PaperMarket(Latency(cancel=60 * MS))
    order_id = paper.order("buy", 1, 100.0)
    paper.now = at("29.990")
    paper.engine.cancel(order_id, paper.now)
    paper.trades("1 sell 100.0 1.0 30.000001")
    paper.wait(1)
    assert paper.fills == [(100.0, 1.0, "m")]


def test_an_amend_takes_its_time_too() -> None:
    paper = PaperMarket(Latency(amend=60 * MS))
    order_id = paper.order("buy", 1, 100.0)
    paper.amend(order_id, qty=0.5)
    assert paper.account.open[order_id].left == 100_000_000
    paper.wait(0.06)
    assert paper.account.open[order_id].left == 50_000_000


# --- what is not known ------------------------------------------------------------------------


def test_a_hole_in_level_3_makes_a_resting_order_unknown_and_fills_it_never() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.lose()
    paper.trades("1 sell 100.0 5.0 30.000001")
    paper.snapshot(bids=["OL 99.0 5.0 11.5"], asks=["OZ 99.5 1.0 30.5"], time="31.0")
    paper.sold(2, 5.0, "32.0", price=90.0)
    assert paper.fills == []
    assert paper.account.open[order_id].state is PaperState.UNKNOWN
    assert paper.own.open[order_id].reason == "unknown: level 3 was lost while it rested"
    assert paper.account.money.held("USD") == Decimal("100.25")


def test_an_unknown_order_can_be_cancelled_and_not_amended() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.lose()
    error = paper.amend(order_id, qty=0.5).error
    assert error == "EOrder:Invalid order:its outcome is unknown, it can only be cancelled"
    paper.engine.cancel(order_id, paper.now)
    paper.wait()
    assert paper.account.money.held("USD") == 0


def test_an_order_in_a_hole_is_refused() -> None:
    paper = PaperMarket()
    paper.lose()
    paper.order("buy", 1)
    assert paper.errors == [NO_BOOK]


def test_an_order_on_a_book_that_is_not_verified_is_refused() -> None:
    paper = PaperMarket()
    paper.verified = False
    paper.order("buy", 1)
    assert paper.errors == [NO_BOOK]


def test_a_stop_that_triggers_in_a_hole_is_unknown() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, kind="stop-loss", trigger=101.0)
    paper.lose()
    bought(paper, 1, 101.0, "30.0")
    assert paper.account.open[order_id].state is PaperState.UNKNOWN
    assert paper.fills == []


def test_a_cancel_that_a_hole_overtakes_ends_the_order_and_says_so() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    ticket = paper.engine.cancel(order_id, paper.now)
    paper.take(paper.engine.elapse(paper.now))
    paper.lose()
    assert paper.answer(ticket).count == 1
    assert "fills just before it are unknown" in paper.reason()


def test_trades_that_are_missing_make_orders_unknown() -> None:
    paper = PaperMarket()
    stop = paper.order("buy", 1, kind="stop-loss", trigger=105.0)
    resting = paper.order("buy", 1, 100.0)
    paper.trades("1 buy 101.0 0.1 26.0")
    paper.trades("3 buy 101.0 0.1 27.0")
    states = [paper.account.open[one].state for one in (stop, resting)]
    assert states == [PaperState.UNKNOWN, PaperState.UNKNOWN]


def test_a_pair_whose_numbers_have_another_scale_is_refused_and_what_rests_is_unknown() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.codec = Codec({SYMBOL: Precision(2, 8)})
    paper.snapshot(bids=["OA 100.00 1.0 11.0"], asks=["OZ 101.00 1.0 10.0"], time="26.0")
    paper.order("buy", 1)
    assert paper.errors == [NO_BOOK]
    assert paper.account.open[order_id].state is PaperState.UNKNOWN


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("buy", 0.00001, 100.0), "EGeneral:Invalid arguments:volume minimum not met"),
        (("buy", 1, -1.0), "EOrder:Invalid price"),
        (("buy", 2000, 100.0), "EOrder:Insufficient funds"),
        (("sell", 11, 110.0), "EOrder:Insufficient funds"),
        (("buy", 1, 100.0, "market"), "EOrder:Invalid order"),
        (("buy", 1, None, "stop-loss"), "EOrder:Invalid order"),
        (("buy", 1, None, "trailing-stop"), "EOrder:Invalid order"),
        (
            ("buy", 1, None, "settle-position"),
            "EGeneral:Invalid arguments:not modelled on paper",
        ),
    ],
)
def test_an_order_that_cannot_be_is_refused_in_the_exchange_s_words(order, error) -> None:
    paper = PaperMarket()
    paper.order(*order)
    assert paper.errors == [error]
    assert len(paper.log) == 1


def test_a_client_id_in_use_is_refused() -> None:
    paper = PaperMarket()
    paper.order("buy", 1, 100.0, cl_ord_id="mine")
    paper.order("buy", 1, 100.0, cl_ord_id="mine")
    assert paper.errors == ["EGeneral:Invalid arguments:cl_ord_id not unique"]


# --- after a restart --------------------------------------------------------------------------


def test_what_was_open_when_the_engine_stopped_is_unknown_when_it_starts() -> None:
    from kracked.flow import OrderFlow
    from kracked.paper import PaperEngine

    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    account = PaperAccount.replay(paper.log)
    engine = PaperEngine(account, OrderFlow(), now=paper.now, verified=lambda _: True)
    assert account.open[order_id].state is PaperState.UNKNOWN
    [report] = engine.elapse(paper.now)
    assert report.row["reason"] == "unknown: the paper engine did not run while it was open"
    assert account.money.held("USD") == Decimal("100.25")
    assert account.open[order_id].request.symbol == SYMBOL


# --- fills that are decided late --------------------------------------------------------------


def test_a_fill_of_before_an_amend_is_at_the_old_price() -> None:
    paper = PaperMarket()
    order_id = paper.order("buy", 1, 100.0)
    paper.update(bids=["add ON 99.5 1.0 30.0"], time="30.0")
    paper.amend(order_id, price=99.0)
    paper.trades("1 sell 100.0 0.4 29.999999", now=paper.now + MS)
    paper.wait()
    assert paper.fills == [(100.0, 0.4, "m")]
    paper.sold(2, 5.0, "31.0", price=98.0)
    assert paper.fills == [(100.0, 0.4, "m"), (99.0, 0.6, "m")]


def test_a_fill_of_before_an_amend_whose_funds_are_in_use_again_is_left_out() -> None:
    paper = PaperMarket(usd="100.25")
    order_id = paper.order("buy", 1, 100.0)
    paper.update(bids=["add ON 99.5 1.0 30.0"], time="30.0")
    paper.amend(order_id, price=50.0)
    paper.order("buy", 1, 50.0)
    paper.trades("1 sell 100.0 1.0 29.999999", now=paper.now + MS)
    paper.wait()
    assert paper.fills == []
    assert paper.account.money.held("USD") == paper.account.money.balance("USD")
