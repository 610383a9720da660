"""The trade history: trades into candles, candles without gaps, a day that forgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kracked.protocol.events import Side
from kracked.sim.engine.orders import EngineBatch, OrderFilled, Rested, TakerType
from kracked.sim.market_data.trade_history import (
    DAY_NS,
    MOST_TRADES,
    NS_PER_MINUTE,
    Day,
    PastCandle,
    TradeHistory,
)

BEGIN = 1_790_000_040 * 10**9 // NS_PER_MINUTE * NS_PER_MINUTE


def traded(time: int, price: int, qty: int, trade_id: int = 1) -> EngineBatch:
    fill = OrderFilled("t", Side.BID, trade_id, price, qty, "m", TakerType.MARKET, 0, 0)
    return EngineBatch(time, (fill, Rested("x", Side.ASK, 999, 1, time)))


def taped(*trades: tuple[int, int, int]) -> TradeHistory:
    tape = TradeHistory()
    for time, price, qty in trades:
        tape.apply(traded(time, price, qty))
    return tape


def test_a_batch_is_reduced_to_its_trades() -> None:
    (trade,) = TradeHistory().apply(traded(BEGIN, 100, 5, trade_id=77))
    assert trade == (77, BEGIN, Side.BID, 100, 5, TakerType.MARKET)


def test_trades_of_a_minute_make_one_candle() -> None:
    tape = taped((BEGIN, 100, 5), (BEGIN + 1, 120, 1), (BEGIN + 2, 90, 2), (BEGIN + 3, 110, 2))
    assert list(tape.series[1].traded) == [PastCandle(BEGIN, 100, 120, 90, 110, 10, 1020, 4)]
    assert tape.series[1].traded[0].vwap == 102


def test_quiet_minutes_are_flat_in_the_filled_series_and_absent_in_the_traded() -> None:
    tape = taped((BEGIN, 100, 5), (BEGIN + 3 * NS_PER_MINUTE, 120, 1))
    assert len(tape.series[1].traded) == 2
    candles = tape.candles(1, BEGIN + 4 * NS_PER_MINUTE)
    assert [(candle.close, candle.trades) for candle in candles] == [
        (100, 1),
        (100, 0),
        (100, 0),
        (120, 1),
        (120, 0),
    ]


def test_a_tape_keeps_the_last_thousand_trades() -> None:
    tape = taped(*((BEGIN + place, 100, 1) for place in range(MOST_TRADES + 5)))
    assert len(tape.trades) == MOST_TRADES


def test_a_day_ends_after_twenty_four_hours() -> None:
    tape = taped(
        (BEGIN, 500, 5), (BEGIN + DAY_NS - NS_PER_MINUTE, 100, 1), (BEGIN + DAY_NS, 110, 2)
    )
    assert (tape.day.high, tape.day.low, tape.day.volume, tape.day.trades) == (110, 100, 3, 2)
    assert (tape.day.open, tape.day.change) == (100, 10)


def test_what_was_traded_since_an_instant_is_one_candle() -> None:
    tape = taped((BEGIN, 100, 5), (BEGIN + NS_PER_MINUTE, 120, 1))
    since = tape.day.since(BEGIN + NS_PER_MINUTE)
    assert since is not None
    assert (since.open, since.volume) == (120, 1)


@given(st.lists(st.tuples(st.integers(0, 3 * 1440), st.integers(1, 99)), min_size=1, max_size=60))
def test_a_days_running_sums_equal_those_counted_afresh(minutes: list[tuple[int, int]]) -> None:
    day = Day()
    candles = [
        PastCandle(BEGIN + minute * NS_PER_MINUTE, price, price, price, price, 1, price, 1)
        for minute, price in sorted(minutes)
    ]
    for candle in candles:
        day.add(candle)
    recent = [candle for candle in candles if candle.begin > candles[-1].begin - DAY_NS]
    assert (day.high, day.low) == (max(c.high for c in recent), min(c.low for c in recent))
    assert (day.volume, day.cost) == (len(recent), sum(c.cost for c in recent))
