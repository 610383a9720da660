"""The rows of Ticker, OHLC, Depth, Trades and Spread.

Sources: the endpoint pages below docs.kraken.com/api/docs/rest-api/
"""

from __future__ import annotations

from itertools import islice

import msgspec

from kracked import units
from kracked.protocol.events import Side
from kracked.sim.market_data.book_rows import wide_price
from kracked.sim.market_data.market_data_publisher import MarketDataPublisher, Spread
from kracked.sim.market_data.trade_history import DAY_NS, PastCandle, PastTrade
from kracked.times import NS_PER_S

_SIDES = {Side.BID: "b", Side.ASK: "s"}


def ticker(publisher: MarketDataPublisher, now: int) -> dict[str, object]:
    """Return a pair's ticker. Each pair of figures is [since midnight UTC, last 24 hours]."""

    def price(scaled: int) -> str:
        """Return a price as text."""
        return _price(publisher, scaled)

    day, last = publisher.history.day, publisher.history.last
    day.forget(now - DAY_NS)
    qty = publisher.listing.instrument.precision.qty_text
    today = day.since(now - now % DAY_NS) or PastCandle.flat(0, day.last)
    return {
        "a": _best(publisher, Side.ASK),
        "b": _best(publisher, Side.BID),
        "c": [price(last.price), qty(last.qty)] if last else [price(0), qty(0)],
        "v": [qty(today.volume), qty(day.volume)],
        "p": [price(today.vwap), price(day.vwap)],
        "t": [today.trades, day.trades],
        "l": [price(today.low), price(day.low)],
        "h": [price(today.high), price(day.high)],
        "o": price(today.open),
    }


def _best(publisher: MarketDataPublisher, side: Side) -> list[str]:
    """Return a side's best price, its quantity in whole lots, and its quantity."""
    level = publisher.matcher.level_at(side, 0)
    if level is None:
        return [_price(publisher, 0), "0", "0.000"]
    qty = _thousandths(publisher, level.qty)
    return [_price(publisher, level.price), qty.partition(".")[0], qty]


def candle(candle: PastCandle, publisher: MarketDataPublisher) -> list[object]:
    """Return a row of OHLC; unlike most, its prices have the pair's own decimals."""
    precision = publisher.listing.instrument.precision
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap)
    return [
        candle.begin // NS_PER_S,
        *map(precision.price_text, prices),
        precision.qty_text(candle.volume),
        candle.trades,
    ]


def levels(publisher: MarketDataPublisher, side: Side, count: int) -> list[list[object]]:
    """Return a side of Depth: price, quantity and newest order's time of the best levels."""
    matcher = publisher.matcher
    rows: list[list[object]] = []
    for level in islice(matcher.levels(side), count):
        newest = max(order.entered for order in matcher.queue(side, level.price))
        qty = _thousandths(publisher, level.qty)
        rows.append([_price(publisher, level.price), qty, newest // NS_PER_S])
    return rows


def trade(trade: PastTrade, publisher: MarketDataPublisher) -> list[object]:
    """Return a row of Trades."""
    seconds, fraction = divmod(trade.time, NS_PER_S)
    return [
        _price(publisher, trade.price),
        publisher.listing.instrument.precision.qty_text(trade.qty),
        msgspec.Raw(f"{seconds}.{fraction // 100:07d}".encode()),
        _SIDES[trade.side],
        trade.taker_type.value[0],
        "",
        trade.trade_id,
    ]


def spread(spread: Spread, publisher: MarketDataPublisher) -> list[object]:
    """Return a row of Spread; a side that was empty shows 0."""
    bid, ask = spread.bid or 0, spread.ask or 0
    return [spread.time // NS_PER_S, _price(publisher, bid), _price(publisher, ask)]


def _price(publisher: MarketDataPublisher, price: int) -> str:
    return wide_price(publisher.listing.instrument.precision, price)


def _thousandths(publisher: MarketDataPublisher, qty: int) -> str:
    """Return a quantity cut to three decimals, as Depth and Ticker show it."""
    return units.to_text(qty // 10 ** (publisher.listing.instrument.precision.qty - 3), 3)
