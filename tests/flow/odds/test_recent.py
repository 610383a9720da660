"""The last five minutes of a market, by the second."""

from __future__ import annotations

import pytest

from kracked.flow.odds.recent import RecentMarket
from kracked.protocol.events import Side
from tests.flow.scripted_feed import ScriptedFeed, at

BIDS, ASKS = ["B1 100.0 1 10.0", "B2 99.0 2 10.0"], ["A1 101.0 1 10.0", "A2 103.0 1 10.0"]


class Watched(ScriptedFeed):
    """A feed whose recent market is followed."""

    def __init__(self) -> None:
        super().__init__()
        self.recent = RecentMarket()

    def receive(self, message: str, now: int) -> list:
        found = super().receive(message, now)
        self.recent.follow(self.ledger, found)
        return found

    def wait(self, seconds: float = 0.3) -> list:
        found = super().wait(seconds)
        self.recent.follow(self.ledger, found)
        return found


@pytest.fixture
def feed() -> Watched:
    feed = Watched()
    feed.snapshot(BIDS, ASKS, time="20.0")
    return feed


def test_the_mid_is_bid_plus_ask(feed: Watched) -> None:
    assert feed.recent.mid == 1000 + 1010


def test_quantity_is_counted_by_the_side_of_the_taker(feed: Watched) -> None:
    feed.trades("1 sell 100.0 0.5 21.0", "2 sell 100.0 0.25 21.0")
    feed.trades("3 buy 101.0 0.125 22.0")
    feed.wait()
    assert feed.recent.taken(Side.ASK, 60) == 75_000_000
    assert feed.recent.taken(Side.BID, 60) == 12_500_000


def test_a_window_forgets_what_is_older(feed: Watched) -> None:
    feed.trades("1 sell 100.0 0.5 21.0")
    feed.wait()
    feed.update(bids=["add B3 98.0 1 30.9"], time="30.9")
    assert feed.recent.taken(Side.ASK, 10) == 50_000_000
    feed.update(bids=["add B4 98.0 1 31.0"], time="31.0")
    assert feed.recent.taken(Side.ASK, 10) == 0
    assert feed.recent.taken(Side.ASK, 60) == 50_000_000


def test_moves_add_up_and_drift_is_signed(feed: Watched) -> None:
    feed.update(asks=["delete A1 101.0 1 21.0"], time="21.0")  # the mid rises by 1
    feed.update(asks=["add A3 102.0 1 22.0"], time="22.0")  # and falls by 0.5
    assert feed.recent.moved(60) == 20 + 10
    assert feed.recent.drift(60) == 10
    assert feed.recent.drift(10) == 10


def test_time_that_passes_without_a_word_is_told(feed: Watched) -> None:
    feed.trades("1 sell 100.0 0.5 21.0")
    feed.wait()
    feed.recent.pass_time(at("35.0"))
    assert feed.recent.taken(Side.ASK, 10) == 0


def test_nothing_is_known_before_five_minutes(feed: Watched) -> None:
    assert feed.recent.lacks_ns(at("20.0")) == 300 * 10**9
    assert feed.recent.lacks_ns(at("50.0")) == 270 * 10**9
    assert feed.recent.lacks_ns(at("20.0") + 300 * 10**9) == 0


def test_a_hole_in_the_book_begins_the_five_minutes_anew(feed: Watched) -> None:
    feed.snapshot(BIDS, ASKS, time="50.0")
    assert feed.recent.lacks_ns(at("50.0")) == 300 * 10**9


def test_trades_that_are_missing_by_their_numbers_begin_them_anew(feed: Watched) -> None:
    feed.trades("1 sell 100.0 0.5 21.0")
    feed.wait()
    feed.trades("2 sell 100.0 0.5 30.0")
    feed.wait()
    assert feed.recent.lacks_ns(at("31.0")) == 289 * 10**9
    feed.trades("4 sell 100.0 0.5 40.0")
    feed.wait()
    assert feed.recent.lacks_ns(at("41.0")) == 299 * 10**9


def test_trades_that_are_lost_are_known_again_from_the_next_one_on(feed: Watched) -> None:
    feed.trades("1 sell 100.0 0.5 21.0")
    feed.wait()
    feed.recent.lose_trades()
    assert feed.recent.lacks_ns(at("20.0") + 400 * 10**9) == 300 * 10**9
    feed.trades("2 sell 100.0 0.5 40.0")
    feed.wait()
    assert feed.recent.lacks_ns(at("41.0")) == 299 * 10**9


def test_a_taker_at_work_does_not_move_the_mid(feed: Watched) -> None:
    before = feed.recent.mid
    feed.update(bids=["add T 101.5 1 21.0"], time="21.0")  # its remainder, across the spread
    assert feed.recent.mid == before
