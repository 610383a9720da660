"""A past for a market that has just opened: candles, trades and a day that never were.

Each interval's newest candles are sums of the finer interval's, so the charts agree
with each other; what is older is walked backwards from there. The last trades lie
inside the last minutes' candles.
"""

from __future__ import annotations

from itertools import islice
from math import exp, sqrt
from random import Random

from kracked.protocol.events import Side
from kracked.sim.catalogue import Listing
from kracked.sim.history import (
    DAY_NS,
    INTERVALS,
    KEPT_TRADES,
    NS_PER_MINUTE,
    Candle,
    Series,
    Tape,
    Trade,
)
from kracked.sim.orders import Taking

MINUTES_A_DAY = 1440
FINER = {5: 1, 15: 5, 30: 15, 60: 30, 240: 60, 1440: 240, 10080: 1440, 21600: 1440}
"""Which interval each longer one is summed from."""
LONG_AGO = {10080: 380, 21600: 180}
"""Candles of the longest intervals: the exchange is not 30 years old."""
TRADES_PER_TAKER = 3.5
"""Trades for each taker who comes by itself: those it draws, and fills at several levels."""


class Past:
    """Makes one instrument's tape up to an instant, always the same for a seed."""

    def __init__(self, listing: Listing, now: int, last_trade_id: int, random: Random) -> None:
        self._now = now
        self._random = random
        self._last_trade_id = last_trade_id
        self._price = listing.opening_price
        self._minute_volatility = listing.nature.daily_volatility / sqrt(MINUTES_A_DAY)
        precision = listing.instrument.precision
        scale: int = 10 ** (precision.price + precision.qty)
        self._typical = max(
            listing.instrument.qty_min,
            listing.nature.typical_value * scale // listing.opening_price // 4,
        )
        self._least = listing.instrument.qty_min
        self._trades_a_minute = 60 * listing.nature.takers_per_s * TRADES_PER_TAKER

    def tape(self) -> Tape:
        """The whole past."""
        tape = Tape()
        minutes = self._walk(1, self._begin(1), self._price, MINUTES_A_DAY)
        for minute in minutes:
            tape.day.add(minute)
        tape.series[1].traded.extend(candle for candle in minutes if candle.trades)
        known = {1: minutes}
        for interval in INTERVALS[1:]:
            known[interval] = self._longer(interval, known[FINER[interval]])
            tape.series[interval].traded.extend(c for c in known[interval] if c.trades)
        tape.trades.extend(self._trades(tape.series[1]))
        return tape

    # --- candles --------------------------------------------------------------------

    def _longer(self, interval: int, finer: list[Candle]) -> list[Candle]:
        """An interval's candles: the newest summed, the older walked."""
        length_ns = interval * NS_PER_MINUTE
        # The oldest finer candle may begin inside an interval, whose sum would be cut.
        first_whole = -(-finer[0].begin // length_ns) * length_ns
        newest: list[Candle] = []
        for candle in finer:
            if candle.begin < first_whole:
                continue
            if newest and candle.begin - newest[-1].begin < length_ns:
                newest[-1] = newest[-1].with_later(candle)
            else:
                newest.append(candle)
        count = LONG_AGO.get(interval, 720) - len(newest)
        older = self._walk(interval, first_whole - length_ns, newest[0].open, count)
        return older + newest

    def _walk(self, interval: int, newest: int, close: int, count: int) -> list[Candle]:
        """`count` candles, oldest first, the newest beginning at `newest` and ending at `close`."""
        gauss, uniform = self._random.gauss, self._random.random
        volatility = self._minute_volatility * sqrt(interval)
        log_heat = 0.0
        walked: list[Candle] = []
        for place in range(count):
            log_heat = 0.9 * log_heat + gauss(0.0, 0.22)
            heat = exp(log_heat)
            opened = max(60, int(close * exp(gauss(0.0, volatility) * heat)))
            wicks = uniform() * volatility * close
            high = max(opened, close) + int(wicks)
            low = max(30, min(opened, close) - int(wicks * uniform()))
            begin = newest - place * interval * NS_PER_MINUTE
            trades = int(self._trades_a_minute * interval * heat * (0.7 + 0.6 * uniform()))
            walked.append(self._candle(begin, (opened, high, low, close), trades))
            close = opened
        walked.reverse()
        return walked

    def _candle(self, begin: int, prices: tuple[int, int, int, int], trades: int) -> Candle:
        opened, high, low, close = prices
        if not trades:
            return Candle(begin, close, close, close, close, 0, 0, 0)
        volume = int(trades * self._typical * (0.5 + self._random.random()))
        return Candle(begin, opened, high, low, close, volume, volume * sum(prices) // 4, trades)

    def _begin(self, interval: int) -> int:
        length_ns = interval * NS_PER_MINUTE
        return self._now - self._now % length_ns

    # --- trades ---------------------------------------------------------------------

    def _trades(self, minutes: Series) -> list[Trade]:
        """The last thousand, each inside its minute's candle."""
        times = sorted(islice(self._times(minutes), KEPT_TRADES))
        first_id = self._last_trade_id - len(times) + 1
        ranges = {candle.begin: candle for candle in minutes.traded}
        return [
            self._trade(first_id + place, time, ranges[time - time % NS_PER_MINUTE])
            for place, time in enumerate(times)
        ]

    def _times(self, minutes: Series) -> list[int]:
        times: list[int] = []
        for candle in reversed(minutes.traded):
            until = min(candle.begin + NS_PER_MINUTE, self._now) - candle.begin
            times.extend(
                candle.begin + int(self._random.random() * until)
                for _ in range(min(candle.trades, KEPT_TRADES))
            )
            if len(times) >= KEPT_TRADES or candle.begin < self._now - DAY_NS:
                break
        return times

    def _trade(self, trade_id: int, time: int, minute: Candle) -> Trade:
        random = self._random
        along = (time - minute.begin) / NS_PER_MINUTE
        price = minute.open + int((minute.close - minute.open) * along)
        price += int(random.gauss(0.0, 0.15) * (minute.high - minute.low))
        qty = max(self._least, int(self._typical * random.lognormvariate(-0.5, 1.0)))
        taking = Taking.MARKET if random.random() < 0.33 else Taking.LIMIT
        side = Side.BID if random.random() < 0.5 else Side.ASK
        return Trade(trade_id, time, side, min(max(price, minute.low), minute.high), qty, taking)
