"""What was told last, for subscribers who come late: ticker, trades, candles."""

from __future__ import annotations

from msgspec.structs import replace

from kracked.protocol import encode
from kracked.protocol.events import Candle, Candles, Ticker, Trades

TRADES_KEPT = 50
"""As many as the exchange's own snapshot has."""
CANDLES_KEPT = 10
"""Likewise."""


class Memory:
    """The latest of each market's channels, worded as snapshots."""

    def __init__(self) -> None:
        self._tickers: dict[str, Ticker] = {}
        self._trades: dict[str, Trades] = {}
        self._candles: dict[tuple[str, int], dict[int, Candle]] = {}
        self._latest: dict[str, Candles] = {}

    def remember(self, event: Ticker | Trades | Candles) -> None:
        match event:
            case Ticker():
                self._tickers[event.symbol] = replace(event, snapshot=True)
            case Trades():
                before = self._trades.get(event.symbol)
                told = (*before.trades, *event.trades) if before else event.trades
                latest = event.trades if event.snapshot else told[-TRADES_KEPT:]
                self._trades[event.symbol] = replace(event, trades=latest, snapshot=True)
            case Candles():
                self._latest[event.symbol] = event
                for candle in event.candles:
                    known = self._candles.setdefault((event.symbol, candle.interval), {})
                    known[candle.begin] = candle
                    if len(known) > CANDLES_KEPT:
                        del known[next(iter(known))]

    def ticker(self, symbol: str) -> str:
        """The last one as a snapshot; empty, like the others, when there was none."""
        event = self._tickers.get(symbol)
        return encode.ticker(event) if event else ""

    def trades(self, symbol: str) -> str:
        event = self._trades.get(symbol)
        return encode.trades(event) if event else ""

    def candles(self, symbol: str, interval: int) -> str:
        """`interval` in minutes."""
        known = self._candles.get((symbol, interval))
        if not known:
            return ""
        latest = replace(self._latest[symbol], candles=tuple(known.values()), snapshot=True)
        return encode.candles(latest)
