"""The last values of each market: the snapshots that a new subscriber would get now.

A subscription begins with a snapshot. A program that joins a shared feed late, or a
recording that is being played, gets the same snapshots from here. Call `pause` while no
messages of the market arrive: its values are then unknown until they arrive again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from kracked.protocol.client.subscription import Key
from kracked.protocol.events import Candle, Candles, Ticker, Trade, Trades

MAX_TRADES = 50
"""Trades in a snapshot of the exchange."""
MAX_CANDLES = 10
"""Candles in a snapshot of the exchange."""

Remembered = Ticker | Trades | Candles
REMEMBERED_TYPES = frozenset((Ticker, Trades, Candles))
"""The types of events that `remember` takes."""

_T = TypeVar("_T", Trade, Candle)


class LastValues:
    """Ticker, trades and candles of every market; changes by `remember` and `pause` alone."""

    def __init__(self) -> None:
        self.tickers: dict[str, Ticker] = {}
        """The last ticker of each symbol."""
        self._trades: dict[str, tuple[Trades, deque[Trade]]] = {}
        self._candles: dict[tuple[str, int], tuple[Candles, dict[int, Candle]]] = {}
        """The last event and the candles by begin, for each symbol and interval."""

    def remember(self, event: Remembered) -> None:
        """Take the values of one event."""
        match event:
            case Ticker():
                self.tickers[event.symbol] = event
            case Trades(symbol=symbol):
                before, trades = self._trades.get(symbol) or (event, deque(maxlen=MAX_TRADES))
                recounted = False  # whether the exchange counts trade ids anew
                if event.snapshot:
                    newest = max((trade.trade_id for trade in trades), default=0)
                    recounted = all(trade.trade_id < newest for trade in event.trades)
                if event.precision != before.precision or recounted:
                    trades.clear()
                trades.extend(event.trades)
                self._trades[symbol] = event, trades
            case Candles(symbol=symbol):
                for candle in event.candles:
                    key = symbol, candle.interval
                    earlier, candles = self._candles.get(key) or (event, {})
                    if event.precision != earlier.precision:
                        candles.clear()
                    candles[candle.begin] = candle
                    if len(candles) > MAX_CANDLES:
                        del candles[min(candles)]
                    self._candles[key] = event, candles

    def trades(self, symbol: str) -> Trades | None:
        """Return the last message of trades of a symbol."""
        return self._trades[symbol][0] if symbol in self._trades else None

    def candles(self, symbol: str, interval: int) -> Candles | None:
        """Return the last message of candles of a symbol; `interval` in minutes."""
        known = self._candles.get((symbol, interval))
        return known[0] if known else None

    def pause(self) -> None:
        """Forget tickers and candles: they change while no messages arrive. Trades stay."""
        self.tickers.clear()
        self._candles.clear()

    def snapshot(self, key: Key) -> Remembered | None:
        """Return the snapshot that a subscription would begin with; None while there is none.

        It has the time of the last message. Trades are in order of their ids, candles oldest
        first.
        """
        channel, symbol, interval = key
        match channel, symbol, interval:
            case "ticker", str(), None if symbol in self.tickers:
                return replace(self.tickers[symbol], snapshot=True)
            case "trade", str(), None if symbol in self._trades:
                trades, known = self._trades[symbol]
                by_number = {trade.trade_id: trade for trade in known}
                return replace(trades, trades=_ordered(by_number), snapshot=True)
            case "ohlc", str(), int() if (symbol, interval) in self._candles:
                candles, by_begin = self._candles[symbol, interval]
                return replace(candles, candles=_ordered(by_begin), snapshot=True)
        return None


def _ordered(known: Mapping[int, _T]) -> tuple[_T, ...]:
    return tuple(known[at] for at in sorted(known))
