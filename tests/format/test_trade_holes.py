"""Trades are numbered: the numbers prove what is missing, and that nothing is."""

from __future__ import annotations

import random

import msgspec
import pytest

from kracked.format.coverage import Coverage
from kracked.format.trade_holes import MOST_HOLES, TradeHole, TradeHoles, TradesKnown
from kracked.times import NS_PER_S, parse_ns, to_rfc3339

SYMBOL = "BTC/USD"


def stamp(number: int) -> str:
    return to_rfc3339(number * NS_PER_S)


def come(holes: TradeHoles, *numbers: int, at: int = 0, snapshot: bool = False) -> None:
    trades = [(number, stamp(number)) for number in numbers]
    holes.follow(SYMBOL, trades, at or max(numbers), snapshot=snapshot)


def missing(holes: TradeHoles) -> list[tuple[int, int]]:
    return [(hole.first, hole.last) for hole in holes.open()]


def test_a_number_left_out_is_a_hole_that_says_where_to_look() -> None:
    holes = TradeHoles()
    come(holes, 10, 11, at=100)
    come(holes, 15, at=200)
    assert holes.open() == [
        TradeHole(symbol=SYMBOL, first=12, last=14, since=parse_ns(stamp(11)), start=100, end=200)
    ]
    assert holes.missing == 3


def test_the_first_trade_of_all_leaves_no_hole_before_it() -> None:
    holes = TradeHoles()
    come(holes, 1_000_000)
    assert missing(holes) == []


def test_a_message_without_trades_says_nothing() -> None:
    holes = TradeHoles()
    holes.follow(SYMBOL, [], 1)
    assert holes.known == {}


@pytest.mark.parametrize(
    ("late", "left"),
    [(12, [(13, 14)]), (13, [(12, 12), (14, 14)]), (14, [(12, 13)])],
)
def test_a_trade_that_comes_late_is_missing_no_more(late: int, left: list[object]) -> None:
    holes = TradeHoles()
    come(holes, 11)
    come(holes, 15)
    come(holes, late)
    assert missing(holes) == left
    assert holes.healed == 0


def test_fetched_trades_are_counted_once() -> None:
    holes = TradeHoles()
    come(holes, 11)
    come(holes, 15)
    holes.heal(SYMBOL, [10, 11, 12, 13, 13])
    assert missing(holes) == [(14, 14)]
    assert holes.healed == 2
    holes.heal("ETH/USD", [1])
    assert holes.healed == 2


def test_holes_inside_one_message_are_seen_in_whatever_order_it_is() -> None:
    holes = TradeHoles()
    come(holes, 9, 4, 5, 4)
    assert missing(holes) == [(6, 8)]


def begin_anew(holes: TradeHoles, *numbers: int, at: int) -> None:
    """Let a snapshot come whose trades are made at second `at`, whatever their numbers."""
    trades = [(number, stamp(at + index)) for index, number in enumerate(numbers)]
    holes.follow(SYMBOL, trades, at, snapshot=True)


def test_a_snapshot_that_counts_from_below_begins_anew_and_forgets_no_hole() -> None:
    holes = TradeHoles()
    come(holes, 100)
    come(holes, 103)
    begin_anew(holes, 7, 8, at=200)
    come(holes, 9)
    come(holes, 11)
    assert missing(holes) == [(101, 102), (10, 10)]
    assert [hole.earlier_count for hole in holes.open()] == [True, False]
    assert holes.fetchable() == holes.fetchable(SYMBOL) == [holes.open()[1]]
    assert str(holes.open()[0]).endswith("101 to 102: the exchange counts anew")
    assert not holes.proves(SYMBOL, 103, 201)


def test_trades_of_a_new_count_fill_no_hole_of_the_earlier_one() -> None:
    holes = TradeHoles()
    come(holes, 1)
    come(holes, 4)
    begin_anew(holes, 1, 2, 3, at=200)
    holes.heal(SYMBOL, [2, 3])
    holes.explain(holes.open()[0], "no answer")
    assert missing(holes) == [(2, 3)]
    assert holes.healed == 0
    assert holes.open()[0].reason == "the exchange counts anew"


def test_a_snapshot_that_ends_before_the_newest_trade_is_of_the_same_count() -> None:
    holes = TradeHoles()
    come(holes, *range(1, 51), snapshot=True)
    for number in (100, 101, 102):
        come(holes, number)
    come(holes, *range(52, 102), snapshot=True)
    come(holes, 103)
    assert missing(holes) == [(51, 51)]
    assert holes.known[SYMBOL].begun == 50


def test_an_old_snapshot_is_of_the_same_count_after_a_restart_too() -> None:
    holes = TradeHoles()
    for number in (1, 5, 8):
        come(holes, number)
    later = TradeHoles(holes.known)
    come(later, 4, 5, snapshot=True)
    assert missing(later) == [(2, 3), (6, 7)]


def test_a_number_given_to_another_trade_begins_anew() -> None:
    holes = TradeHoles()
    for number in (1, 2, 5):
        come(holes, number)
    begin_anew(holes, 4, 5, 6, at=100)
    assert [hole.earlier_count for hole in holes.open()] == [True]
    assert holes.known[SYMBOL].begun == 100


def test_a_lost_beginning_of_a_new_count_is_seen_by_the_next_snapshot() -> None:
    holes = TradeHoles()
    come(holes, 100)
    holes.commit()
    begin_anew(holes, 1, 2, at=200)
    holes.roll_back(202)
    begin_anew(holes, 2, 3, at=203)
    assert holes.known[SYMBOL].newest == 3


def test_holes_of_two_counts_are_never_joined() -> None:
    holes = TradeHoles()
    for number in range(10_001, 10_006, 2):
        come(holes, number)
    begin_anew(holes, 1, at=20_000)
    for number in range(3, 2 * MOST_HOLES, 2):
        come(holes, number)
    assert len(holes.open()) == MOST_HOLES
    assert all(hole.count > 0 for hole in holes.open())
    assert holes.missing >= MOST_HOLES + 1


def test_a_snapshot_with_nothing_but_what_was_missing_fills_it() -> None:
    holes = TradeHoles()
    come(holes, 100)
    come(holes, 103)
    come(holes, 101, 102, snapshot=True)
    come(holes, 105)
    assert missing(holes) == [(104, 104)]


def test_random_losses_are_found_exactly() -> None:
    chance = random.Random(7)
    for _ in range(50):
        numbers = list(range(1, 200))
        lost = set(chance.sample(numbers[1:-1], 40))
        healed = set(chance.sample(sorted(lost), 10))
        holes = TradeHoles()
        for number in numbers:
            if number not in lost:
                come(holes, number)
        holes.heal(SYMBOL, healed)
        found = {n for first, last in missing(holes) for n in range(first, last + 1)}
        assert found == lost - healed
        assert holes.healed == len(healed)


def test_more_holes_than_are_kept_lose_no_missing_trade() -> None:
    holes = TradeHoles()
    for number in range(1, 2 * MOST_HOLES + 10, 2):
        come(holes, number)
    assert len(holes.open()) == MOST_HOLES
    assert missing(holes)[0] == (2, 10)
    assert missing(holes)[-1] == (2 * MOST_HOLES + 8, 2 * MOST_HOLES + 8)


# --- what numbers prove -------------------------------------------------------------------


def test_numbers_that_go_on_across_a_time_prove_that_nothing_is_missing_of_it() -> None:
    holes = TradeHoles()
    come(holes, 1, at=10)
    come(holes, 2, at=20)
    come(holes, 5, at=30)
    come(holes, 6, at=40)
    assert holes.proves(SYMBOL, 10, 20)
    assert holes.proves(SYMBOL, 30, 40)
    assert not holes.proves(SYMBOL, 19, 21)
    assert not holes.proves(SYMBOL, 25, 35)
    assert not holes.proves(SYMBOL, 9, 20)
    assert not holes.proves(SYMBOL, 30, 41)
    assert not holes.proves("ETH/USD", 10, 20)
    holes.heal(SYMBOL, [3, 4])
    assert holes.proves(SYMBOL, 10, 40)


def test_a_snapshot_that_repeats_the_newest_trade_proves_up_to_its_own_time() -> None:
    holes = TradeHoles()
    come(holes, 1, at=10)
    come(holes, 2, at=20)
    come(holes, 1, at=30)
    assert not holes.proves(SYMBOL, 10, 30)
    come(holes, 1, 2, at=40, snapshot=True)
    assert holes.proves(SYMBOL, 10, 40)


def test_a_gap_that_cost_no_trade_takes_nothing_from_the_coverage_of_trades() -> None:
    coverage = Coverage()
    for channel in ("trade", "book"):
        coverage.open(channel, SYMBOL, 0)
    come(coverage.trades, 1, at=1)
    coverage.add_gap("", (), 200, 300)
    assert coverage.percents(1_000) == {SYMBOL: {"trade": 90.0, "book": 90.0}}
    come(coverage.trades, 2, at=400)
    assert coverage.percents(1_000, kept=0.5) == {SYMBOL: {"trade": 100.0, "book": 50.0}}


def test_trades_that_are_missing_cost_the_time_around_them_until_they_are_healed() -> None:
    coverage = Coverage()
    coverage.open("trade", SYMBOL, 0)
    come(coverage.trades, 1, at=100)
    come(coverage.trades, 4, at=300)
    coverage.add_gap("trade", (SYMBOL,), 100, 300)
    coverage.add_gap("trade", (SYMBOL,), 150, 250)
    assert coverage.percents(1_000) == {SYMBOL: {"trade": 80.0}}
    assert coverage.closed_gaps == 0
    coverage.trades.heal(SYMBOL, [2, 3])
    assert coverage.percents(1_000) == {SYMBOL: {"trade": 100.0}}
    assert coverage.closed_gaps == 2


def test_a_gap_of_every_symbol_is_closed_when_each_goes_on() -> None:
    coverage = Coverage()
    for symbol in ("A/B", "C/D"):
        coverage.open("trade", symbol, 0)
        coverage.trades.follow(symbol, [(1, stamp(1))], 1)
    coverage.trades.follow("A/B", [(2, stamp(2))], 9)
    assert not coverage.is_closed("trade", (), 2, 5)
    coverage.trades.follow("C/D", [(2, stamp(2))], 9)
    assert coverage.is_closed("trade", (), 2, 5)
    assert not coverage.is_closed("book", (), 2, 5)


# --- what came may be lost again ------------------------------------------------------------


def test_what_is_lost_on_the_way_to_the_disk_is_a_hole() -> None:
    holes = TradeHoles()
    come(holes, 1, at=10)
    holes.commit()
    come(holes, 2, at=20)
    come(holes, 3, at=30)
    holes.roll_back(35)
    come(holes, 4, at=40)
    [hole] = holes.open()
    assert (hole.first, hole.last, hole.start, hole.end) == (2, 3, 10, 35)
    assert hole.since == parse_ns(stamp(1))


def test_a_healing_that_is_lost_is_missing_again() -> None:
    holes = TradeHoles()
    come(holes, 1)
    come(holes, 5)
    holes.commit()
    holes.heal(SYMBOL, [2, 3])
    holes.roll_back(9)
    assert missing(holes) == [(2, 4)]


def test_a_symbol_whose_first_trades_are_lost_begins_with_those_that_follow() -> None:
    holes = TradeHoles()
    come(holes, 1)
    holes.roll_back(5)
    come(holes, 9)
    assert missing(holes) == []


def test_what_is_committed_stays() -> None:
    holes = TradeHoles()
    come(holes, 1)
    come(holes, 2)
    holes.commit()
    holes.roll_back(9)
    come(holes, 3)
    assert missing(holes) == []


# --- going on, and words --------------------------------------------------------------------


def test_a_later_recording_goes_on_from_what_was_known() -> None:
    holes = TradeHoles()
    come(holes, 1)
    come(holes, 4)
    text = msgspec.json.encode(holes.known)
    later = TradeHoles(msgspec.json.decode(text, type=dict[str, TradesKnown]))
    come(later, 6)
    assert missing(later) == [(2, 3), (5, 5)]
    assert later.proves(SYMBOL, 4, 4)


def test_the_reason_is_told_of_what_is_still_missing() -> None:
    holes = TradeHoles()
    come(holes, 1)
    come(holes, 6)
    come(holes, 8)
    [hole, _] = holes.open()
    holes.heal(SYMBOL, [3])
    holes.explain(hole, "no answer")
    assert [str(each) for each in holes.open()] == [
        "1 trade of BTC/USD, 2: no answer",
        "2 trades of BTC/USD, 4 to 5: no answer",
        "1 trade of BTC/USD, 7",
    ]
