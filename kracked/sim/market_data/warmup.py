"""A past for a market that has just opened: candles, trades and a day that never were.

Each interval's newest candles are sums of the finer interval's, so the charts agree
with each other; what is older is walked backwards from there. The last trades lie
inside the last minutes' candles.
"""

from __future__ import annotations

from math import exp, sqrt
from random import Random

from kracked.protocol.events import Side
from kracked.sim.engine.orders import TakerType
from kracked.sim.listings import Listing
from kracked.sim.market_data.trade_history import (
    KEPT_CANDLES,
    KEPT_TRADES,
    NS_PER_MINUTE,
    PastCandle,
    PastTrade,
    TradeHistory,
)

MINUTES_A_DAY = 1440
FINER = {5: 1, 15: 5, 30: 15, 60: 30, 240: 60, 1440: 240, 10080: 1440, 21600: 1440}
"""Which interval each longer one is summed from."""
LONG_AGO = {10080: 380, 21600: 180}
"""Candles of the longest intervals: the exchange is not 30 years old."""
TRADES_PER_TAKER = 3.5
"""Trades for each taker who comes by itself: those it draws, and fills at several levels."""

_SWING = 0.02
_SWING_KEPT = 0.95
"""How far, as a part of the minute's range, a trade is beside its way through the minute: what
it swings by itself, and what it keeps of the swing of the trade before it."""


class MarketWarmup:
    """Makes one instrument's tape up to an instant, always the same for a seed."""

    def __init__(self, listing: Listing, now: int, last_trade_id: int, seed: str) -> None:
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
        self._known: dict[int, list[PastCandle]] = {}

    def history(self) -> TradeHistory:
        """The whole past; candles are made when they are first looked at."""
        history = TradeHistory(self.candles)
        minutes = self.candles(1)
        for minute in minutes:
            if minute.trades:
                history.day.add(minute)
        history.trades.extend(self._trades([minute for minute in minutes if minute.trades]))
        return history

    def candles(self, interval: int) -> list[PastCandle]:
        """An interval's candles, quiet ones too, oldest first. Whoever asks first pays."""
        if interval not in self._known:
            self._known[interval] = self._make(interval)
        return self._known[interval]

    # --- candles --------------------------------------------------------------------

    def _make(self, interval: int) -> list[PastCandle]:
        """The newest candles summed from the finer interval's, the older walked."""
        random = Random(f"{self._seed}/{interval}")
        length_ns = interval * NS_PER_MINUTE
        if interval == 1:
            begin = self._now - self._now % length_ns
            return self._walk(random, 1, begin, self._price, MINUTES_A_DAY)
        finer = self.candles(FINER[interval])
        # The oldest finer candle may begin inside an interval, whose sum would be cut.
        first_whole = -(-finer[0].begin // length_ns) * length_ns
        newest: list[PastCandle] = []
        for candle in finer:
            if candle.begin < first_whole:
                continue
            if newest and candle.begin - newest[-1].begin < length_ns:
                newest[-1] = newest[-1].with_later(candle)
            else:
                newest.append(candle)
        count = LONG_AGO.get(interval, KEPT_CANDLES) - len(newest)
        return self._walk(random, interval, first_whole - length_ns, newest[0].open, count) + newest

    def _walk(
        self, random: Random, interval: int, newest: int, close: int, count: int
    ) -> list[PastCandle]:
        """`count` candles, oldest first, the newest beginning at `newest` and ending at `close`."""
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
        """The last thousand, each inside its minute's candle."""
        random = Random(f"{self._seed}/trades")
        places: list[tuple[int, PastCandle]] = []
        for minute in reversed(minutes):
            until = min(minute.begin + NS_PER_MINUTE, self._now) - minute.begin
            places.extend(
                (minute.begin + int(random.random() * until), minute)
                for _ in range(min(minute.trades, KEPT_TRADES))
            )
            if len(places) >= KEPT_TRADES:
                break
        places = sorted(places, key=lambda place: place[0])[-KEPT_TRADES:]
        first_id = self._last_trade_id - len(places) + 1
        swing, trades = 0.0, []
        for number, (time, minute) in enumerate(places):
            swing = _SWING_KEPT * swing + random.gauss(0.0, _SWING)
            trades.append(self._trade(random, first_id + number, time, minute, swing))
        return trades

    def _trade(
        self, random: Random, trade_id: int, time: int, minute: PastCandle, swing: float
    ) -> PastTrade:
        """One on the way through its minute, beside it by `swing` of the minute's range.

        The last ones lead to where the market opens now.
        """
        lasts = max(1, min(NS_PER_MINUTE, self._now - minute.begin))
        along = (time - minute.begin) / lasts
        beside = swing * min(1.0, (self._now - time) / NS_PER_MINUTE)
        price = minute.open + int((minute.close - minute.open) * along)
        price += int(beside * (minute.high - minute.low))
        qty = max(self._least, int(self._typical * random.lognormvariate(-0.5, 1.0)))
        taking = TakerType.MARKET if random.random() < 0.33 else TakerType.LIMIT
        side = Side.BID if random.random() < 0.5 else Side.ASK
        return PastTrade(
            trade_id, time, side, min(max(price, minute.low), minute.high), qty, taking
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
