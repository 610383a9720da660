"""Candles of before the start, by REST: the stream alone begins with an empty chart."""

from __future__ import annotations

from decimal import Decimal

from kracked.instruments import Precision
from kracked.protocol.events import Candle, Candles
from kracked.rest.client import RestClient
from kracked.rest.market import OhlcRow
from kracked.times import NS_PER_S


async def past_candles(
    rest: RestClient, symbol: str, interval: int, precision: Precision, now: int
) -> Candles:
    """Up to 720 candles of `interval` minutes, the last one still forming.

    Raises `KrackedError` when the exchange cannot be asked or says no.
    """
    rows, _ = await rest.ohlc(symbol, interval=interval)
    candles = tuple(_candle(row, interval, precision) for row in rows)
    return Candles(now, symbol, precision, candles, snapshot=True)


def _candle(row: OhlcRow, interval: int, precision: Precision) -> Candle:
    return Candle(
        interval=interval,
        begin=row.begin_s * NS_PER_S,
        open=_scaled(row.open, precision.price),
        high=_scaled(row.high, precision.price),
        low=_scaled(row.low, precision.price),
        close=_scaled(row.close, precision.price),
        vwap=_scaled(row.vwap, precision.price),
        volume=_scaled(row.volume, precision.qty),
        trades=row.trades,
    )


def _scaled(value: Decimal, decimals: int) -> int:
    """REST writes prices with more decimals than the pair has: zeros, except in an average."""
    return int(value.scaleb(decimals).to_integral_value())
