"""From trades to orders: any order of arrival, and nothing forced."""

from __future__ import annotations

import pytest

from kracked.flow import State
from tests.flow.scripted_feed import ScriptedFeed, at

ASKS = ["OA 100.0 1.0 11.0", "OB 100.0 1.0 12.0", "OC 100.1 5.0 13.0"]
SWEEP = [
    "delete OA 100.0 0.0 30.000001015",
    "delete OB 100.0 0.0 30.000001030",
    "modify OC 100.1 3.0 13.0",
]
TRADES = [
    "1 buy 100.0 1.0 30.000001",
    "2 buy 100.0 1.0 30.000001",
    "3 buy 100.1 2.0 30.000001",
]


def swept(*, trades_first: bool) -> ScriptedFeed:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    if trades_first:
        feed.trades(*TRADES)
    feed.update(asks=SWEEP, time="30.000001045")
    if not trades_first:
        feed.trades(*TRADES)
    feed.wait()
    return feed


@pytest.mark.parametrize("trades_first", [True, False])
def test_links_do_not_depend_on_which_feed_came_first(trades_first: bool) -> None:
    feed = swept(trades_first=trades_first)
    assert [(trade, order) for trade, order, _ in feed.links] == [(1, "OA"), (2, "OB"), (3, "OC")]


def test_of_several_alike_the_first_in_the_queue_is_taken_first() -> None:
    assert swept(trades_first=True).links[:2] == [(1, "OA", "exact"), (2, "OB", "exact")]


def test_a_fill_is_pending_until_both_feeds_have_passed_it() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.trades(TRADES[0])
    assert not feed.links
    feed.update(asks=["delete OB 100.0 1.0 30.1"], time="30.1")
    feed.trades("4 sell 99.0 1.0 30.2")
    assert feed.links == [(1, "OA", "exact")]


def test_a_quiet_feed_decides_after_the_hold() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.trades(TRADES[0])
    assert not feed.wait(0.2)
    feed.wait(0.1)
    assert feed.links == [(1, "OA", "exact")]


def test_a_trade_without_a_visible_owner_is_never_forced_on_an_order() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=["delete OA 100.0 0.0 30.000001015"], time="30.000001015")
    feed.trades("1 buy 100.0 1.0 30.000001", "2 buy 100.0 0.7 30.000001")
    feed.wait()
    assert feed.links == [(1, "OA", "exact"), (2, None, "unknown")]


def test_one_print_of_several_makers_is_laid_along_them() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:2], time="30.000001030")
    feed.trades("1 buy 100.0 2.0 30.000001")
    feed.wait()
    assert feed.links == [(1, "OA", "likely"), (1, "OB", "likely")]


def test_volume_that_only_a_part_explains_is_a_guess() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.trades("1 buy 100.0 1.5 30.000001")
    feed.wait()
    assert feed.links == [(1, "OA", "guess"), (1, None, "unknown")]


def test_a_modify_of_more_than_was_traded_is_an_amend() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=["modify OA 100.0 0.2 11.0"], time="30.000001015")
    feed.trades("1 buy 100.0 0.5 30.000001")
    feed.wait()
    assert feed.links == [(1, None, "unknown")]
    assert feed.settled == [("OA", 80_000_000)]


def test_a_cancel_in_the_instant_of_a_trade_is_no_fill() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=["delete OA 100.0 1.0 30.000001015"], time="30.000001015")
    feed.trades(TRADES[0])
    feed.wait()
    assert feed.links == [(1, None, "unknown")]
    assert feed.ledger.lives.known["OA"].state is State.CANCELLED


def test_the_same_quantity_at_another_time_is_another_fill() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.trades("1 buy 100.0 1.0 30.002")
    feed.wait()
    assert feed.links == [(1, None, "unknown")]


def test_a_trade_clock_one_microsecond_ahead_still_finds_its_fill() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=["delete OA 100.0 0.0 30.000000990"], time="30.000000990")
    feed.trades(TRADES[0])
    feed.wait()
    assert feed.links == [(1, "OA", "exact")]


def test_two_takers_of_one_microsecond_share_out_its_fills_in_order() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.update(asks=SWEEP[1:2], time="30.000001030")
    feed.trades(TRADES[0])
    feed.trades(TRADES[1])
    feed.wait()
    assert [(trade, order) for trade, order, _ in feed.links] == [(1, "OA"), (2, "OB")]


def test_trades_that_a_snapshot_repeats_count_once() -> None:
    feed = swept(trades_first=True)
    feed.trades(*TRADES, kind="snapshot")
    feed.wait()
    assert len(feed.links) == 3


def test_a_trade_that_comes_long_after_its_fill_is_linked_all_the_same() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=["modify OC 100.1 3.0 13.0"], time="30.000001015")
    feed.wait(5)
    assert feed.settled == [("OC", 200_000_000)]
    feed.trades(TRADES[2], kind="snapshot", now=at("36"))
    feed.wait()
    assert feed.links == [(3, "OC", "exact")]
    life = feed.ledger.lives.known["OC"]
    assert (life.filled, life.resized) == (200_000_000, 0)


def test_a_fill_that_no_trade_tells_is_counted() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.wait(61)
    assert feed.ledger.linker.prints_missing == 1


def test_a_trade_in_a_hole_has_no_known_maker() -> None:
    feed = ScriptedFeed()
    feed.snapshot(asks=ASKS)
    feed.flow["BTC/USD"].lose(feed.now)
    feed.trades(TRADES[0])
    feed.snapshot(asks=ASKS[1:], time="31.0")
    feed.wait()
    assert feed.links == [(1, None, "unknown")]


def test_trades_that_come_before_the_first_book_wait_for_it() -> None:
    feed = ScriptedFeed()
    feed.trades(TRADES[0], now=at("30.1"))
    feed.snapshot(asks=ASKS, time="29.0")
    feed.update(asks=SWEEP[:1], time="30.000001015")
    feed.wait()
    assert feed.links == [(1, "OA", "exact")]
