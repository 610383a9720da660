"""The trade history of an instrument: its last trades, candles of every interval, the last 24 h.

A `TradeHistory` changes by `apply(batch)` and by nothing else; the publisher of a batch
applies it first. Everything is bounded. Candles begin at multiples of their interval
since the Unix epoch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import msgspec

from kracked.protocol.events import Side
from kracked.sim.engine.orders import EngineBatch, OrderFilled, TakerType
from kracked.times import NS_PER_S

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""The candle lengths that the exchange offers, in minutes."""
MOST_CANDLES = 720
MOST_TRADES = 1000
NS_PER_MINUTE = 60 * NS_PER_S
DAY_NS = 24 * 60 * NS_PER_MINUTE


class PastTrade(NamedTuple):
    """One fill as the public sees it; `side` is the taker's."""

    trade_id: int
    time: int
    side: Side
    price: int
    qty: int
    taker_type: TakerType


class PastCandle(msgspec.Struct, frozen=True, gc=False):
    """The trades of one interval; a quiet interval has volume and trades 0."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    cost: int
    """Sum of price times quantity, scaled by both precisions."""
    trades: int

    @classmethod
    def flat(cls, begin: int, price: int) -> PastCandle:
        """Return the candle of an interval without trades."""
        return cls(begin, price, price, price, price, volume=0, cost=0, trades=0)

    @classmethod
    def of_trade(cls, begin: int, price: int, qty: int) -> PastCandle:
        """Return the candle of an interval with one trade."""
        return cls(begin, price, price, price, price, volume=qty, cost=price * qty, trades=1)

    @property
    def vwap(self) -> int:
        """Volume-weighted mean price, cut to the price precision; 0 when quiet."""
        return self.cost // self.volume if self.volume else 0

    def with_trade(self, price: int, qty: int) -> PastCandle:
        """Return this candle with one more trade."""
        return PastCandle(
            begin=self.begin,
            open=self.open,
            high=max(self.high, price),
            low=min(self.low, price),
            close=price,
            volume=self.volume + qty,
            cost=self.cost + price * qty,
            trades=self.trades + 1,
        )

    def with_later(self, later: PastCandle) -> PastCandle:
        """Return this candle and a later one as one."""
        return PastCandle(
            begin=self.begin,
            open=self.open,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            close=later.close,
            volume=self.volume + later.volume,
            cost=self.cost + later.cost,
            trades=self.trades + later.trades,
        )


class Series:
    """Candles of one interval, oldest first; only intervals with trades are retained.

    The candles before the first trade are made when somebody first looks: most intervals of
    most instruments are never looked at.
    """

    def __init__(self, minutes: int, past: Callable[[], list[PastCandle]] = list) -> None:
        """`past` returns the candles before the first trade."""
        self.length_ns = minutes * NS_PER_MINUTE
        self._candles: deque[PastCandle] = deque(maxlen=MOST_CANDLES)
        self._past: Callable[[], list[PastCandle]] | None = past

    @property
    def traded(self) -> deque[PastCandle]:
        """The last 720 intervals with trades; the newest may still be forming."""
        if self._past is not None:
            recent, past = list(self._candles), self._past()
            older = [candle for candle in past if candle.trades]
            if recent and older and older[-1].begin == recent[0].begin:  # they share an interval
                recent[0] = older.pop().with_later(recent[0])
            self._candles.clear()
            self._candles.extend(older + recent)
            self._past = None
        return self._candles

    def add(self, time: int, price: int, qty: int) -> None:
        """Take in a trade, which is newer than all others."""
        begin = time - time % self.length_ns
        candles = self._candles
        if candles and candles[-1].begin == begin:
            candles[-1] = candles[-1].with_trade(price, qty)
        else:
            candles.append(PastCandle.of_trade(begin, price, qty))

    def until(self, now: int) -> list[PastCandle]:
        """Return the last 720 intervals up to now without a gap: quiet ones are flat."""
        filled: deque[PastCandle] = deque(maxlen=MOST_CANDLES)
        for candle in self.traded:
            if filled:
                filled.extend(self._quiet(filled[-1], candle.begin))
            filled.append(candle)
        if filled:
            filled.extend(self._quiet(filled[-1], now - now % self.length_ns + self.length_ns))
        return list(filled)

    def _quiet(self, last: PastCandle, until: int) -> Iterator[PastCandle]:
        """Iterate flat candles after one with trades."""
        first = max(last.begin + self.length_ns, until - MOST_CANDLES * self.length_ns)
        return (PastCandle.flat(begin, last.close) for begin in range(first, until, self.length_ns))


class Day:
    """Running sums over the last 24 hours, to the minute."""

    def __init__(self) -> None:
        self._minutes: deque[PastCandle] = deque()
        self.volume = self.cost = self.trades = 0
        self.low = self.high = self.open = self.last = 0

    @property
    def vwap(self) -> int:
        """Volume-weighted mean price, cut to the price precision; 0 when quiet."""
        return self.cost // self.volume if self.volume else 0

    @property
    def change(self) -> int:
        """The last price less the price a day ago."""
        return self.last - self.open

    def add(self, minute: PastCandle) -> None:
        """Take in a whole minute, or one more trade of the newest."""
        minutes = self._minutes
        if not minutes:
            self.low, self.high = minute.low, minute.high
        if minutes and minutes[-1].begin == minute.begin:
            minutes[-1] = minutes[-1].with_later(minute)
        else:
            minutes.append(minute)
        self.volume += minute.volume
        self.cost += minute.cost
        self.trades += minute.trades
        self.last = minute.close
        self.low, self.high = min(self.low, minute.low), max(self.high, minute.high)
        self.forget(minute.begin - DAY_NS)

    def forget(self, before: int) -> None:
        """Drop the minutes that began at or before an instant; the newest always stays."""
        minutes, dropped = self._minutes, False
        low, high = self.low, self.high
        while len(minutes) > 1 and minutes[0].begin <= before:
            old = minutes.popleft()
            self.volume -= old.volume
            self.cost -= old.cost
            self.trades -= old.trades
            dropped = dropped or old.low == low or old.high == high
        self.open = minutes[0].open if minutes else 0
        if dropped:
            self.low = min(minute.low for minute in minutes)
            self.high = max(minute.high for minute in minutes)

    def since(self, begin: int) -> PastCandle | None:
        """Return everything from an instant within the day on, as one candle; None if quiet."""
        total: PastCandle | None = None
        for minute in self._minutes:
            if minute.begin >= begin:
                total = minute if total is None else total.with_later(minute)
        return total


class TradeHistory:
    """One instrument's trades, and what is summed up from them."""

    def __init__(self, past: Callable[[int], list[PastCandle]] = lambda _: []) -> None:
        """`past` returns the candles of an interval before the first trade."""
        self.trades: deque[PastTrade] = deque(maxlen=MOST_TRADES)
        """Oldest first."""
        self.series = {minutes: Series(minutes, partial(past, minutes)) for minutes in INTERVALS}
        """By interval in minutes."""
        self.day = Day()

    def apply(self, batch: EngineBatch) -> tuple[PastTrade, ...]:
        """Take in the trades of a batch, and return them."""
        if len(batch.steps) == 1:
            return ()  # a fill never comes alone, and nine batches of ten are one step
        trades = tuple(
            PastTrade(fill.trade_id, batch.time, fill.side, fill.price, fill.qty, fill.taker_type)
            for fill in batch.steps
            if type(fill) is OrderFilled
        )
        for trade in trades:
            self.trades.append(trade)
            for series in self.series.values():
                series.add(trade.time, trade.price, trade.qty)
            begin = trade.time - trade.time % NS_PER_MINUTE
            self.day.add(PastCandle.of_trade(begin, trade.price, trade.qty))
        return trades

    def candles(self, minutes: int, now: int) -> list[PastCandle]:
        """Return the last 720 candles up to now, quiet ones too; the last is still forming."""
        return self.series[minutes].until(now)

    @property
    def last(self) -> PastTrade | None:
        """The newest trade."""
        return self.trades[-1] if self.trades else None
