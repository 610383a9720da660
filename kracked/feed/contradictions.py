"""Contradictions between the channels of one symbol: what one says and another cannot be. Pure.

Channels come in no promised order, so a message only counts against one that is clearly older:
by its arrival, and by the exchange's own time where both have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.instruments import Precision
from kracked.protocol.client.subscription import Key, Subscription, SubscriptionState
from kracked.protocol.events import Candles, Side, Ticker, Trades
from kracked.times import NS_PER_S, try_parse_ns

LEAD_NS = NS_PER_S // 4
"""How much newer a sibling's message must be."""


class Market(NamedTuple):
    """Everything that a feed holds of one symbol at one moment."""

    symbol: str
    states: Mapping[Key, SubscriptionState]
    """Its subscriptions."""
    l2: L2Book | None = None
    l3: L3Book | None = None
    ticker: Ticker | None = None
    trades: Trades | None = None
    candles: Mapping[int, Candles] = {}
    """The last message of each interval, in minutes."""
    online: bool = True
    """Whether the exchange trades the pair; if not, no silence and no contradiction is odd."""


class _Said(NamedTuple):
    """The last word of one channel on the best prices, or on the last one."""

    name: str
    prices: tuple[int | None, ...]
    precision: Precision
    received: int
    timestamp: str | None
    """The exchange's own time; read only when the rest speaks for it."""


_Event = TypeVar("_Event", Ticker, Trades)


def is_sent_by_trades(subscription: Subscription) -> bool:
    """Whether it is a ticker that is sent on every trade."""
    return subscription.channel == "ticker" and subscription.event_trigger in (None, "trades")


def contradiction(market: Market, state: SubscriptionState) -> str:
    """Say which newer message of a sibling has other prices; empty without one."""
    match state.subscription.channel:
        case "book":
            return _book_contradiction(market, market.l2, market.l3)
        case "level3":
            return _book_contradiction(market, market.l3, market.l2)
        case "ticker":
            return _ticker_contradiction(market, state)
        case "trade":
            said = _ticker_last(market) if _updated(market.ticker) else None
            return _differs(said, _last_trade(market.trades))
        case "ohlc":
            candles = market.candles.get(state.subscription.interval or 0)
            return _differs(_last_trade(_updated(market.trades)), _last_close(candles))
    return ""


def _book_contradiction(
    market: Market, book: L2Book | L3Book | None, other: L2Book | L3Book | None
) -> str:
    held = _quote(book)
    if held is None:
        return ""
    for said in (_ticker_quote(_updated(market.ticker)), _quote(other)):
        if found := _differs(said, held):
            return found
    trades = _updated(market.trades)
    if trades is None or not trades.trades:
        return ""
    last = trades.trades[-1]
    best_bid, best_ask = held.prices
    bought = last.side is Side.BID
    best = best_ask if bought else best_bid
    if best is None or (last.price <= best if bought else last.price >= best):
        return ""
    said = _Said("trade", (last.price,), trades.precision, trades.received, last.timestamp)
    return f"{_words(said)} went through the best price" if _is_newer(said, held) else ""


def _ticker_contradiction(market: Market, state: SubscriptionState) -> str:
    if is_sent_by_trades(state.subscription):  # between trades its best prices grow old by right
        return _differs(_last_trade(_updated(market.trades)), _ticker_last(market))
    return _differs(_quote(market.l2), _ticker_quote(market.ticker))


def _differs(said: _Said | None, held: _Said | None) -> str:
    """Say what a newer message says, where that is something else; empty where it is not."""
    if said is None or held is None or said.precision != held.precision:
        return ""
    pairs = zip(said.prices, held.prices, strict=True)
    if all(one is None or one == other for one, other in pairs) or not _is_newer(said, held):
        return ""
    return f"{_words(said)}, and it has {_prices(held)}"


def _is_newer(said: _Said, held: _Said) -> bool:
    """Whether a message is newer by its arrival and, where both have one, by its own time."""
    if said.received - held.received <= LEAD_NS:
        return False
    ours, theirs = try_parse_ns(held.timestamp), try_parse_ns(said.timestamp)
    return ours is None or theirs is None or theirs - ours > LEAD_NS


def _updated(event: _Event | None) -> _Event | None:
    """Return a message unless it is a snapshot, which may tell of a trade long ago."""
    return None if event is None or event.snapshot else event


def _quote(book: L2Book | L3Book | None) -> _Said | None:
    if book is None or not book.verified:
        return None
    prices = tuple(best.price if best else None for best in (book.best_bid, book.best_ask))
    name = "book" if isinstance(book, L2Book) else "level3"
    stamp = book.last.timestamp if book.last else None
    return _Said(name, prices, book.precision, book.received, stamp)


def _ticker_quote(ticker: Ticker | None) -> _Said | None:
    if ticker is None:
        return None
    prices = (ticker.bid or None, ticker.ask or None)
    return _Said("ticker", prices, ticker.precision, ticker.received, ticker.timestamp)


def _ticker_last(market: Market) -> _Said | None:
    """Return the last price of a ticker that every trade brings about; None of another one."""
    ticker, state = market.ticker, market.states.get(("ticker", market.symbol, None))
    if ticker is None or state is None or not ticker.last:
        return None
    if not is_sent_by_trades(state.subscription):
        return None
    return _Said("ticker", (ticker.last,), ticker.precision, ticker.received, ticker.timestamp)


def _last_trade(trades: Trades | None) -> _Said | None:
    if trades is None or not trades.trades:
        return None
    last = max(trades.trades, key=lambda trade: trade.trade_id)
    return _Said("trade", (last.price,), trades.precision, trades.received, last.timestamp)


def _last_close(candles: Candles | None) -> _Said | None:
    if candles is None or not candles.candles:
        return None
    last = max(candles.candles, key=lambda candle: candle.begin)
    # A candle's own time is that of its trade: by arrival alone it is judged.
    return _Said("ohlc", (last.close,), candles.precision, candles.received, None)


def _words(said: _Said) -> str:
    return f"{said.name} says {_prices(said)}"


def _prices(said: _Said) -> str:
    text = said.precision.price_text
    return " / ".join("none" if price is None else text(price) for price in said.prices)
