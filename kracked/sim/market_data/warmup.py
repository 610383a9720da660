"""An invented past for a market that has just opened: candles, trades and a day.

Each interval's newest candles are sums of the finer interval's, so the charts agree
with each other; older ones are a random walk backwards from there. The last trades lie
inside the last minutes' candles.
"""

from __future__ import annotations

from math import exp, sqrt
from random import Random

from kracked.protocol.events import Side
from kracked.sim.engine.orders import TakerType
from kracked.sim.listings import Listing
from kracked.sim.market_data.trade_history import (
    MOST_CANDLES,
    MOST_TRADES,
    NS_PER_MINUTE,
    PastCandle,
    PastTrade,
    TradeHistory,
)

MINUTES_A_DAY = 1440
FINER = {5: 1, 15: 5, 30: 15, 60: 30, 240: 60, 1440: 240, 10080: 1440, 21600: 1440}
"""The interval that each longer one is summed from."""
FEWER_CANDLES = {10080: 380, 21600: 180}
"""How many candles the longest intervals have: the exchange is not 30 years old."""
TRADES_PER_TAKER = 3.5
"""Trades per taker who comes by itself: with those it draws, and fills at several levels."""

_SWING = 0.02
"""Standard deviation of a trade's own swing, as a part of its minute's range."""
_SWING_CARRY = 0.95
"""The part of the previous trade's swing that a trade carries on."""


class MarketWarmup:
    """Makes one instrument's past up to an instant, always the same for a seed."""

    def __init__(self, listing: Listing, now: int, last_trade_id: int, seed: str) -> None:
        """Prepare a past; nothing is made before it is asked for.

        Args:
            listing: The instrument; its past ends at its opening price.
            now: When it ends, ns since the Unix epoch.
            last_trade_id: The id of its last trade.
            seed: The same seed makes the same past.
        """
        self._now = now
        self._seed = seed
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
        self._made: dict[int, list[PastCandle]] = {}

    def history(self) -> TradeHistory:
        """Return the whole past; most candles are made when they are first looked at."""
        history = TradeHistory(self.candles)
        minutes = self.candles(1)
        for minute in minutes:
            if minute.trades:
                history.day.add(minute)
        history.trades.extend(self._trades([minute for minute in minutes if minute.trades]))
        return history

    def candles(self, interval: int) -> list[PastCandle]:
        """Return an interval's candles, quiet ones too, oldest first; made at the first call."""
        if interval not in self._made:
            self._made[interval] = self._make(interval)
        return self._made[interval]

    # --- candles --------------------------------------------------------------------

    def _make(self, interval: int) -> list[PastCandle]:
        """Make an interval's candles: the newest from the finer interval's, the rest at random."""
        random = Random(f"{self._seed}/{interval}")
        length_ns = interval * NS_PER_MINUTE
        if interval == 1:
            begin = self._now - self._now % length_ns
            return self._walk(random, 1, begin, self._price, MINUTES_A_DAY)
        finer = self.candles(FINER[interval])
        # The oldest finer candle may begin inside an interval, whose sum would be incomplete.
        first_whole = -(-finer[0].begin // length_ns) * length_ns
        newest: list[PastCandle] = []
        for candle in finer:
            if candle.begin < first_whole:
                continue
            if newest and candle.begin - newest[-1].begin < length_ns:
                newest[-1] = newest[-1].with_later(candle)
            else:
                newest.append(candle)
        count = FEWER_CANDLES.get(interval, MOST_CANDLES) - len(newest)
        return self._walk(random, interval, first_whole - length_ns, newest[0].open, count) + newest

    def _walk(
        self, random: Random, interval: int, newest: int, close: int, count: int
    ) -> list[PastCandle]:
        """Return a random walk of candles, oldest first.

        Args:
            random: Where chance comes from.
            interval: Their length in minutes.
            newest: When the newest begins, ns since the Unix epoch.
            close: The newest's last price.
            count: How many.
        """
        gauss, uniform = random.gauss, random.random
        volatility = self._minute_volatility * sqrt(interval)
        log_heat = 0.0
        walked: list[PastCandle] = []
        for place in range(count):
            log_heat = 0.9 * log_heat + gauss(0.0, 0.22)
            heat = exp(log_heat)
            opened = max(60, int(close * exp(gauss(0.0, volatility) * heat)))
            wicks = uniform() * volatility * close
            low, high = (opened, close) if opened < close else (close, opened)
            high += int(wicks)
            low -= min(low // 2, int(wicks * uniform()))
            begin = newest - place * interval * NS_PER_MINUTE
            trades = int(self._trades_a_minute * interval * heat * (0.7 + 0.6 * uniform()))
            volume = int(trades * self._typical * (0.5 + uniform()))
            walked.append(_candle(begin, (opened, high, low, close), volume, trades))
            close = opened
        walked.reverse()
        return walked

    # --- trades ---------------------------------------------------------------------

    def _trades(self, minutes: list[PastCandle]) -> list[PastTrade]:
        """Return the last thousand trades, each inside its minute's candle."""
        random = Random(f"{self._seed}/trades")
        times: list[tuple[int, PastCandle]] = []
        for minute in reversed(minutes):
            until = min(minute.begin + NS_PER_MINUTE, self._now) - minute.begin
            times.extend(
                (minute.begin + int(random.random() * until), minute)
                for _ in range(min(minute.trades, MOST_TRADES))
            )
            if len(times) >= MOST_TRADES:
                break
        times = sorted(times, key=lambda entry: entry[0])[-MOST_TRADES:]
        first_id = self._last_trade_id - len(times) + 1
        swing, trades = 0.0, []
        for number, (time, minute) in enumerate(times):
            swing = _SWING_CARRY * swing + random.gauss(0.0, _SWING)
            trades.append(self._trade(random, first_id + number, time, minute, swing))
        return trades

    def _trade(
        self, random: Random, trade_id: int, time: int, minute: PastCandle, swing: float
    ) -> PastTrade:
        """Return a trade on the line through its minute, `swing` of the minute's range beside it.

        The swing fades with the last minute, so that the trades end where the market opens.
        """
        lasts = max(1, min(NS_PER_MINUTE, self._now - minute.begin))
        along = (time - minute.begin) / lasts
        beside = swing * min(1.0, (self._now - time) / NS_PER_MINUTE)
        price = minute.open + int((minute.close - minute.open) * along)
        price += int(beside * (minute.high - minute.low))
        qty = max(self._least, int(self._typical * random.lognormvariate(-0.5, 1.0)))
        taker_type = TakerType.MARKET if random.random() < 0.33 else TakerType.LIMIT
        side = Side.BID if random.random() < 0.5 else Side.ASK
        return PastTrade(
            trade_id, time, side, min(max(price, minute.low), minute.high), qty, taker_type
        )


def _candle(begin: int, prices: tuple[int, int, int, int], volume: int, trades: int) -> PastCandle:
    opened, high, low, close = prices
    if not trades:
        return PastCandle.flat(begin, close)
    return PastCandle(
        begin,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
        cost=volume * sum(prices) // 4,
        trades=trades,
    )
