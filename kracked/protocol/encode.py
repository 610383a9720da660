"""Encodes every message of the exchange's channels, as exact text.

It mirrors the codec, for programs that play the exchange: the simulator and a replayed
recording. Digits are exact and keep their trailing zeros, because the checksum of a
book covers them. The simulator sends thousands of book messages a second, so those are
assembled from pieces (`level`, `order`, `order_event`) that it can store and share;
everything else is made from an event in one go. Text is always quoted: words of a faulty
exchange must not break the line that they are recorded in.

Source: the channel pages below docs.kraken.com/api/docs/websocket-v2/; the order of
fields is that of recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from kracked import units
from kracked.instruments import Asset, Instrument
from kracked.protocol import events
from kracked.protocol.events import OrderChange, Side
from kracked.protocol.maintenance.lists import event_members, incident_members
from kracked.times import NS_PER_S, to_rfc3339

SNAPSHOT, UPDATE = "snapshot", "update"
HEARTBEAT = '{"channel":"heartbeat"}'

_json = msgspec.json.Encoder(decimal_format="number").encode
_SIDES = {Side.BID: "buy", Side.ASK: "sell"}


def message(event: events.Event) -> str:
    """Return the message of an event.

    Raises:
        TypeError: No channel sends such an event.
    """
    encoder = _ENCODERS.get(type(event))
    if encoder is None:
        raise TypeError(f"no channel sends a {type(event).__name__}")
    return encoder(event)


def quoted(text: str) -> str:
    """Return text as a JSON string."""
    return _json(text).decode()


def json_text(value: object) -> str:
    """Return a value as JSON; the digits of a `Decimal` stay as they are."""
    return _json(value).decode()


# --- times --------------------------------------------------------------------------


@lru_cache(maxsize=4096)  # orders are minutes old, and their times are sent again and again
def _second(seconds: int) -> str:
    return to_rfc3339(seconds * NS_PER_S, 0)[:-1]


def micros(ns: int) -> str:
    """Return RFC 3339 text with six decimals: book, trade, ticker, replies."""
    seconds, fraction = divmod(ns, NS_PER_S)
    return f"{_second(seconds)}.{fraction // 1000:06d}Z"


def nanos(ns: int) -> str:
    """Return RFC 3339 text with nine decimals: level3 and candles."""
    seconds, fraction = divmod(ns, NS_PER_S)
    return f"{_second(seconds)}.{fraction:09d}Z"


# --- books --------------------------------------------------------------------------


def level(price: str, qty: str) -> str:
    """Return one entry of a `book` message from the digits to send."""
    return f'{{"price":{price},"qty":{qty}}}'


def book(
    kind: str,
    symbol: str,
    bids: Iterable[str],
    asks: Iterable[str],
    checksum: int,
    timestamp: str | None,
) -> str:
    """Return a `book` message of `level` entries; `kind` is SNAPSHOT or UPDATE."""
    stamp = f',"timestamp":{quoted(timestamp)}' if timestamp else ""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":{quoted(symbol)},'
        f'"bids":[{",".join(bids)}],"asks":[{",".join(asks)}],"checksum":{checksum}{stamp}}}]}}'
    )


def order(order_id: str, price: str, qty: str, timestamp: str) -> str:
    """Return one resting order of a `level3` snapshot."""
    return (
        f'{{"order_id":{quoted(order_id)},"limit_price":{price},"order_qty":{qty},'
        f'"timestamp":{quoted(timestamp)}}}'
    )


def order_event(event: str, order_id: str, price: str, qty: str, timestamp: str) -> str:
    """Return one entry of a `level3` update; `event` is add, modify or delete."""
    return (
        f'{{"event":"{event}","order_id":{quoted(order_id)},"limit_price":{price},'
        f'"order_qty":{qty},"timestamp":{quoted(timestamp)}}}'
    )


def level3(
    kind: str,
    symbol: str,
    bids: Iterable[str],
    asks: Iterable[str],
    checksum: int,
    timestamp: str | None,
) -> str:
    """Return a `level3` message: of `order` entries, or of `order_event` ones in an UPDATE."""
    stamp = f',"timestamp":{quoted(timestamp)}' if timestamp else ""
    return (
        f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":{quoted(symbol)},'
        f'"bids":[{",".join(bids)}],"asks":[{",".join(asks)}],"checksum":{checksum}{stamp}}}]}}'
    )


def _book(event: events.BookSnapshot | events.BookUpdate) -> str:
    digits = event.precision

    def entries(levels: Iterable[tuple[int, int]]) -> Iterable[str]:
        """Return the entries of a side."""
        return (level(digits.price_text(price), digits.qty_text(qty)) for price, qty in levels)

    kind = SNAPSHOT if isinstance(event, events.BookSnapshot) else UPDATE
    bids, asks = entries(event.bids), entries(event.asks)
    return book(kind, event.symbol, bids, asks, event.checksum, event.timestamp)


def _orders(event: events.L3Snapshot | events.L3Update) -> str:
    digits = event.precision
    snapshot = isinstance(event, events.L3Snapshot)

    def entry(change: OrderChange) -> str:
        """Return the entry of an order."""
        price, qty = digits.price_text(change.price), digits.qty_text(change.qty)
        if snapshot:
            return order(change.order_id, price, qty, change.timestamp)
        return order_event(change.action.value, change.order_id, price, qty, change.timestamp)

    kind = SNAPSHOT if snapshot else UPDATE
    bids, asks = map(entry, event.bids), map(entry, event.asks)
    return level3(kind, event.symbol, bids, asks, event.checksum, event.timestamp)


# --- the rest of the market -----------------------------------------------------------


def ticker(event: events.Ticker) -> str:
    """Return a `ticker` message; a price that the market does not have is null."""
    qty = event.precision.qty_text

    def price(value: int | None) -> str:
        """Return a price, or null without one."""
        return "null" if value is None else event.precision.price_text(value)

    change_pct = "null" if event.change_pct is None else f"{event.change_pct:f}"
    trades_of_day = "" if event.trades is None else f',"trades":{event.trades}'
    stamp = "" if event.timestamp is None else f',"timestamp":{quoted(event.timestamp)}'
    return (
        f'{{"channel":"ticker","type":"{SNAPSHOT if event.snapshot else UPDATE}",'
        f'"data":[{{"symbol":{quoted(event.symbol)},'
        f'"bid":{price(event.bid)},"bid_qty":{qty(event.bid_qty)},'
        f'"ask":{price(event.ask)},"ask_qty":{qty(event.ask_qty)},"last":{price(event.last)},'
        f'"volume":{qty(event.volume)},"vwap":{price(event.vwap)},'
        f'"low":{price(event.low)},"high":{price(event.high)},'
        f'"change":{price(event.change)},"change_pct":{change_pct}'
        f"{trades_of_day}{stamp}}}]}}"
    )


def trades(event: events.Trades) -> str:
    """Return a `trade` message: all fills of one taker, or the market's last fifty."""
    price, qty = event.precision.price_text, event.precision.qty_text
    symbol = quoted(event.symbol)
    rows = ",".join(
        f'{{"symbol":{symbol},"side":"{_SIDES[trade.side]}",'
        f'"price":{price(trade.price)},"qty":{qty(trade.qty)},'
        f'"ord_type":{quoted(trade.ord_type)},"trade_id":{trade.trade_id},'
        f'"timestamp":{quoted(trade.timestamp)}}}'
        for trade in event.trades
    )
    kind = SNAPSHOT if event.snapshot else UPDATE
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def candles(event: events.Candles) -> str:
    """Return an `ohlc` message."""
    price, qty, symbol = event.precision.price_text, event.precision.qty_text, quoted(event.symbol)
    # The inner `timestamp` is the end of the interval, whatever its documentation says.
    rows = ",".join(
        f'{{"symbol":{symbol},"open":{price(candle.open)},"high":{price(candle.high)},'
        f'"low":{price(candle.low)},"close":{price(candle.close)},"trades":{candle.trades},'
        f'"volume":{qty(candle.volume)},"vwap":{price(candle.vwap)},'
        f'"interval_begin":"{nanos(candle.begin)}","interval":{candle.interval},'
        f'"timestamp":"{micros(candle.end)}"}}'
        for candle in event.candles
    )
    kind = SNAPSHOT if event.snapshot else UPDATE
    stamp = "" if event.timestamp is None else f',"timestamp":{quoted(event.timestamp)}'
    return f'{{"channel":"ohlc","type":"{kind}"{stamp},"data":[{rows}]}}'


def instruments(event: events.Instruments) -> str:
    """Return an `instrument` message."""
    kind = SNAPSHOT if event.snapshot else UPDATE
    return instrument_lists(kind, map(asset, event.assets), map(pair, event.pairs))


def instrument_lists(kind: str, assets: Iterable[str], pairs: Iterable[str]) -> str:
    """Return an `instrument` message of `asset` and `pair` entries; its `data` is an object."""
    return (
        f'{{"channel":"instrument","type":"{kind}",'
        f'"data":{{"assets":[{",".join(assets)}],"pairs":[{",".join(pairs)}]}}}}'
    )


def asset(
    asset: Asset, collateral_value: Decimal = Decimal("0.00"), margin_rate: Decimal | None = None
) -> str:
    """Return one currency of an `instrument` message; only borrowable ones have a rate."""
    rate = "" if margin_rate is None else f',"margin_rate":{margin_rate:.6f}'
    return (
        f'{{"id":{quoted(asset.id)},"status":{quoted(asset.status)},"precision":{asset.precision},'
        f'"precision_display":{asset.precision_display},"borrowable":{_flag(asset.borrowable)},'
        f'"collateral_value":{collateral_value:.2f}{rate}}}'
    )


def pair(
    pair: Instrument,
    margin_initial: Decimal | None = None,
    position_limits: tuple[int, int] | None = None,
) -> str:
    """Return one pair of an `instrument` message; pairs with margin have limits (long, short)."""
    price, qty = pair.precision.price, pair.precision.qty
    increment = units.to_text(pair.price_increment, price)
    margin = "" if margin_initial is None else f'"margin_initial":{margin_initial:.2f},'
    if position_limits is not None:
        long, short = position_limits
        margin += f'"position_limit_long":{long},"position_limit_short":{short},'
    return (
        f'{{"symbol":{quoted(pair.symbol)},"base":{quoted(pair.base)},"quote":{quoted(pair.quote)},'
        f'"status":{quoted(pair.status)},"qty_precision":{qty},'
        f'"qty_increment":{units.to_text(pair.qty_increment, qty)},"price_precision":{price},'
        f'"cost_precision":{pair.cost_precision},"marginable":{_flag(pair.marginable)},'
        f'"has_index":{_flag(pair.has_index)},"cost_min":{pair.cost_min:f},{margin}'
        f'"tick_size":{increment},"price_increment":{increment},'
        f'"qty_min":{units.to_text(pair.qty_min, qty)}}}'
    )


def _flag(value: bool) -> str:
    return "true" if value else "false"


def status(event: events.Status) -> str:
    """Return a `status` message: the first of a connection, then one for every change."""
    data: dict[str, object] = {
        "version": event.version,
        "system": event.system,
        "api_version": event.api_version,
        "connection_id": event.connection_id,
    }
    if event.lists_stated:
        data["upcoming_maintenance"] = [event_members(one) for one in event.upcoming_maintenance]
        data["emergency"] = [incident_members(one) for one in event.emergency]
    return json_text({"channel": "status", "type": UPDATE, "data": [data]})


def executions(event: events.Executions) -> str:
    """Return an `executions` message."""
    return _account("executions", event.reports, event)


def balances(event: events.Balances) -> str:
    """Return a `balances` message."""
    return _account("balances", event.entries, event)


def _account(
    channel: str,
    rows: tuple[dict[str, object], ...],
    event: events.Executions | events.Balances,
) -> str:
    kind = SNAPSHOT if event.snapshot else UPDATE
    sequence = {} if event.sequence is None else {"sequence": event.sequence}
    return json_text({"channel": channel, "type": kind, "data": rows, **sequence})


_ENCODERS: dict[type, Callable[[Any], str]] = {
    events.BookSnapshot: _book,
    events.BookUpdate: _book,
    events.L3Snapshot: _orders,
    events.L3Update: _orders,
    events.Ticker: ticker,
    events.Trades: trades,
    events.Candles: candles,
    events.Instruments: instruments,
    events.Status: status,
    events.Heartbeat: lambda _event: HEARTBEAT,
    events.Executions: executions,
    events.Balances: balances,
}
