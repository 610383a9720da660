"""Takers' purchases and sales by second, against a plain sum."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kracked.flow.measures.delta import MINUTES, DeltaRing, MinuteDelta, TakerFlow
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

S = NS_PER_S
BUY, SELL = Side.BID, Side.ASK


def test_a_window_is_the_present_second_and_the_whole_ones_before_it() -> None:
    ring = DeltaRing()
    ring.add(BUY, 10, 1, 100 * S, takers=1)
    ring.add(SELL, 10, 2, 101 * S, takers=1)
    ring.add(BUY, 10, 4, 102 * S + 5, takers=1)
    assert ring.window(1, 102 * S + 9) == TakerFlow(4, 0, 1, 40, 400)
    assert ring.window(2, 102 * S + 9) == TakerFlow(4, 2, 2, 60, 600)
    assert ring.window(3, 102 * S + 9).delta == 3


def test_seconds_without_trades_empty_a_window() -> None:
    ring = DeltaRing()
    ring.add(BUY, 10, 1, 100 * S)
    assert ring.window(10, 109 * S).bought == 1
    assert ring.window(10, 110 * S).bought == 0


def test_a_taker_is_counted_once_for_all_its_trades() -> None:
    ring = DeltaRing()
    ring.add(BUY, 10, 1, 100 * S, takers=1)
    ring.add(BUY, 11, 1, 100 * S)
    assert ring.window(60, 100 * S).takers == 1


def test_buckets_end_now() -> None:
    ring = DeltaRing()
    for second in range(100, 130):
        ring.add(BUY if second % 2 else SELL, 10, second - 99, second * S)
    assert ring.deltas(10, 3, 129 * S) == (5, 5, 5)


def test_a_window_that_was_not_watched_whole_is_not_covered() -> None:
    ring = DeltaRing()
    ring.begin(100 * S)
    assert (ring.covers(60, 159 * S), ring.covers(60, 160 * S)) == (False, True)


def test_missing_trades_begin_the_watching_anew() -> None:
    ring = DeltaRing()
    ring.begin(100 * S)
    ring.begin(150 * S)
    assert not ring.covers(60, 170 * S)


def test_an_average_can_begin_in_the_last_quarter_of_an_hour() -> None:
    ring = DeltaRing()
    ring.add(BUY, 10, 1, 100 * S)
    ring.add(BUY, 20, 1, 500 * S)
    ring.add(BUY, 30, 1, 900 * S)
    assert ring.from_second(500 * S) == TakerFlow(2, 0, 0, 50, 1_300)
    assert ring.from_second(99 * S) is None


def test_minutes_hold_the_delta_of_a_day() -> None:
    ring = DeltaRing()
    for minute in range(MINUTES + 5):
        ring.add(SELL, 1, 2, minute * 60 * S)
    assert (len(ring.minutes()), ring.minutes()[0]) == (MINUTES, MinuteDelta(300 * S, -2))


TRADES = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(-3, 40), st.integers(1, 99), st.integers(1, 9)),
    max_size=60,
)


@given(TRADES, st.integers(0, 1_200))
@settings(max_examples=300, deadline=None)
def test_windows_are_sums_of_the_trades_in_any_order(trades: list, later: int) -> None:
    ring, now, told = DeltaRing(), 10_000, []
    ring.begin(0)
    newest = now
    for side, wait, price, qty in trades:
        now += wait
        newest = max(newest, now)
        ring.add(side, price, qty, now * S, takers=1)
        told.append((now, side, price, qty))
    newest += later
    for seconds in (1, 10, 60, 300, 900):
        within = [each for each in told if newest - seconds < each[0] <= newest]
        assert ring.window(seconds, newest * S) == TakerFlow(
            sum(qty for _, side, _, qty in within if side is BUY),
            sum(qty for _, side, _, qty in within if side is SELL),
            len(within),
            sum(price * qty for _, _, price, qty in within),
            sum(price * price * qty for _, _, price, qty in within),
        )
    by_minute: dict[int, int] = {}
    for time, side, _, qty in told:
        begin = time // 60 * 60 * S
        by_minute[begin] = by_minute.get(begin, 0) + (qty if side is BUY else -qty)
    assert ring.minutes() == sorted(by_minute.items())
