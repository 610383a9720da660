from __future__ import annotations

from kracked.instruments import Precision
from kracked.protocol.events import Candle, Candles, MarketEvent, Side, Ticker, Trade, Trades
from kracked.protocol.last_values import MAX_CANDLES, MAX_TRADES, LastValues, Remembered
from kracked.times import NS_PER_S

SYMBOL = "BTC/USD"
FINE, COARSE = Precision(1, 8), Precision(0, 8)
TICKER, TRADES, OHLC = ("ticker", SYMBOL, None), ("trade", SYMBOL, None), ("ohlc", SYMBOL, 5)


def ticker(last: int) -> Ticker:
    prices = dict.fromkeys(("bid", "bid_qty", "ask", "ask_qty", "volume"), 1)
    rest = dict.fromkeys(("vwap", "low", "high", "change", "change_pct"))
    return Ticker(last, SYMBOL, FINE, last=last, **prices, **rest)


def trades(*ids: int, snapshot: bool = False, precision: Precision = FINE) -> Trades:
    rows = tuple(Trade(Side.BID, 1, 1, "limit", number, "2026-01-01T00:00:00Z") for number in ids)
    return Trades(0, SYMBOL, precision, rows, snapshot)


def candles(*begins: int, close: int = 7) -> Candles:
    made = (Candle(5, begin * 300 * NS_PER_S, 1, 9, 1, close, 5, 10, 2) for begin in begins)
    return Candles(0, SYMBOL, FINE, tuple(made))


def latest(*told: Remembered) -> LastValues:
    memory = LastValues()
    for event in told:
        memory.remember(event)
    return memory


def ids(event: MarketEvent | None) -> list[int]:
    assert isinstance(event, Trades)
    assert event.snapshot
    return [trade.trade_id for trade in event.trades]


def test_of_what_was_never_told_there_is_nothing() -> None:
    memory = latest()
    assert [memory.snapshot(key) for key in (TICKER, TRADES, OHLC)] == [None] * 3


def test_the_last_ticker_stands() -> None:
    event = latest(ticker(5), ticker(6)).snapshot(TICKER)
    assert isinstance(event, Ticker)
    assert (event.last, event.snapshot) == (6, True)


def test_as_many_trades_stand_as_the_exchange_tells() -> None:
    memory = latest(trades(*range(1, MAX_TRADES + 1), snapshot=True), trades(51), trades(52, 53))
    assert ids(memory.snapshot(TRADES)) == [*range(4, 54)]


def test_a_snapshot_that_repeats_trades_adds_only_the_new_ones() -> None:
    memory = latest(trades(1, 2, 3), trades(2, 3, 4, snapshot=True))
    assert ids(memory.snapshot(TRADES)) == [1, 2, 3, 4]


def test_a_snapshot_of_a_count_begun_anew_replaces_the_trades() -> None:
    memory = latest(trades(8, 9), trades(1, 2, snapshot=True))
    assert ids(memory.snapshot(TRADES)) == [1, 2]


def test_trades_of_another_precision_are_forgotten() -> None:
    memory = latest(trades(1), trades(2, precision=COARSE))
    assert ids(memory.snapshot(TRADES)) == [2]


def test_each_candle_stands_as_it_was_last_told_oldest_first() -> None:
    event = latest(candles(*range(12)), candles(11, close=8)).snapshot(OHLC)
    assert isinstance(event, Candles)
    assert [candle.begin // (300 * NS_PER_S) for candle in event.candles] == [*range(2, 12)]
    assert len(event.candles) == MAX_CANDLES
    assert [candle.close for candle in event.candles[-2:]] == [7, 8]


def test_candles_of_other_intervals_are_kept_apart() -> None:
    assert latest(candles(1)).snapshot(("ohlc", SYMBOL, 1)) is None


def test_after_a_pause_only_trades_are_known_as_they_were() -> None:
    memory = latest(ticker(1), trades(8), candles(1))
    memory.pause()
    assert memory.snapshot(TICKER) is memory.snapshot(OHLC) is None
    assert ids(memory.snapshot(TRADES)) == [8]
