"""Bytes of the wire to events: the one place that knows both.

A `Codec` holds what must be known to read a number: each instrument's precision. It
learns them from `instrument` messages, or from the digits of a book's snapshot when
there is none (a bare recording). It never raises for what the exchange sends:
bytes it cannot read become `Malformed`, channels it does not know become `Unknown`.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro and the channel pages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from kracked import units
from kracked.errors import ProtocolError
from kracked.instruments import Asset, Instrument, Precision
from kracked.protocol import events, wire
from kracked.protocol.events import Event, OrderChange, Side
from kracked.times import parse_ns
from kracked.units import scale

KEPT_TEXT = 300
"""How much of an unreadable message `Malformed` keeps."""

KNOWN_PRICES = 20_000
"""Prices remembered per instrument, about 2 MB; past that it starts afresh."""

_POINT = 0x2E

MARKET_CHANNELS = ("ticker", "book", "level3", "trade", "ohlc", "instrument")
PRIVATE_CHANNELS = ("executions", "balances")
CHANNELS = frozenset((*MARKET_CHANNELS, *PRIVATE_CHANNELS, "status", "heartbeat"))

_SIDES = {"buy": Side.BID, "sell": Side.ASK}

# Numbers that reach the untyped parts (executions, balances) stay exact too.
_channel_message = msgspec.json.Decoder(wire.ChannelMessage, float_hook=Decimal).decode
_reply = msgspec.json.Decoder(wire.Reply).decode
_subscription = msgspec.json.Decoder(wire.SubscriptionResult).decode
_any_value = msgspec.json.Decoder(float_hook=Decimal).decode

# What a broken message was about can still be read off its text, mostly.
_SYMBOL = re.compile(rb'"symbol"\s*:\s*"([A-Za-z0-9./:]+)"')
_CHANNEL = re.compile(rb'"channel"\s*:\s*"([a-z0-9_]+)"')


class Codec:
    """Decodes a stream of messages; remembers the precisions it has been told."""

    def __init__(self, precisions: dict[str, Precision] | None = None) -> None:
        # Stated, by the exchange's instrument channel or by the caller; else read off a
        # snapshot's digits, for want of better.
        self._readers = {
            symbol: NumberReader(precision) for symbol, precision in (precisions or {}).items()
        }
        self._inferred: dict[str, NumberReader] = {}
        self._read: dict[type, Callable[[Any, int], list[Event]]] = {
            wire.BookMessage: self._book,
            wire.OrdersMessage: self._orders,
            wire.TickerMessage: self._ticker,
            wire.TradeMessage: self._trades,
            wire.OhlcMessage: self._candles,
            wire.InstrumentMessage: self._instruments,
            wire.StatusMessage: _status,
            wire.HeartbeatMessage: _heartbeat,
            wire.ExecutionsMessage: _executions,
            wire.BalancesMessage: _balances,
        }

    def decode(self, data: bytes, received: int = 0) -> list[Event]:
        """What one message says; usually one event. `received` in ns since the epoch."""
        try:
            message = _channel_message(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _not_channel_data(data, received, str(error))
        try:
            return self._read[type(message)](message, received)
        except ProtocolError as error:
            return [_malformed(data, received, str(error))]

    # --- books ------------------------------------------------------------------

    def _book(self, message: wire.BookMessage, received: int) -> list[Event]:
        kind = events.BookSnapshot if message.type == "snapshot" else events.BookUpdate
        found: list[Event] = []
        for data in message.data:
            symbol, bids, asks = data.symbol, data.bids, data.asks
            reader = self._readers.get(symbol) or self._inferred_reader(data, kind)
            found.append(
                kind(
                    received,
                    symbol,
                    reader.precision,
                    reader.levels(bids) if bids else (),
                    reader.levels(asks) if asks else (),
                    data.checksum,
                    data.timestamp,
                )
            )
        return found

    def _orders(self, message: wire.OrdersMessage, received: int) -> list[Event]:
        kind = events.OrdersSnapshot if message.type == "snapshot" else events.OrdersUpdate
        found: list[Event] = []
        for data in message.data:
            symbol, bids, asks = data.symbol, data.bids, data.asks
            reader = self._readers.get(symbol) or self._inferred_reader(data, kind)
            found.append(
                kind(
                    received,
                    symbol,
                    reader.precision,
                    reader.orders(bids) if bids else (),
                    reader.orders(asks) if asks else (),
                    data.checksum,
                    data.timestamp,
                )
            )
        return found

    def _inferred_reader(
        self, data: wire.BookData | wire.OrdersData, kind: type[Event]
    ) -> NumberReader:
        """By the decimals of the last snapshot; an update with more of them widens it."""
        rows = (*data.bids, *data.asks)
        prices = [row.price if isinstance(row, wire.WireLevel) else row.limit_price for row in rows]
        quantities = [row.qty if isinstance(row, wire.WireLevel) else row.order_qty for row in rows]
        known = self._inferred.get(data.symbol)
        if known is None or kind in (events.BookSnapshot, events.OrdersSnapshot):
            precision = Precision(_most_decimals(prices), _most_decimals(quantities))
        elif _fit(prices, known.precision.price) and _fit(quantities, known.precision.qty):
            return known
        else:
            precision = Precision(
                max(known.precision.price, _most_decimals(prices)),
                max(known.precision.qty, _most_decimals(quantities)),
            )
        if known is None or precision != known.precision:
            known = self._inferred[data.symbol] = NumberReader(precision)
        return known

    # --- the rest of the market ---------------------------------------------------

    def _precision_of(
        self, symbol: str, prices: Iterable[msgspec.Raw], quantities: Iterable[msgspec.Raw]
    ) -> Precision:
        """For channels that verify nothing: stated, or wide enough for these digits."""
        reader = self._readers.get(symbol)
        if reader is not None:
            return reader.precision
        return Precision(_most_decimals(prices), _most_decimals(quantities))

    def _ticker(self, message: wire.TickerMessage, received: int) -> list[Event]:
        return [self._ticker_event(data, received, message.type) for data in message.data]

    def _ticker_event(self, data: wire.TickerData, received: int, kind: str) -> Event:
        prices = (data.bid, data.ask, data.last, data.vwap, data.low, data.high, data.change)
        quantities = (data.bid_qty, data.ask_qty, data.volume)
        precision = self._precision_of(
            data.symbol, filter(_stated, prices), filter(_stated, quantities)
        )
        bid, ask, last, vwap, low, high, change = (
            scale(bytes(text), precision.price) if _stated(text) else None for text in prices
        )
        bid_qty, ask_qty, volume = (
            scale(bytes(text), precision.qty) if _stated(text) else 0 for text in quantities
        )
        return events.Ticker(
            received,
            data.symbol,
            precision,
            bid=bid,
            bid_qty=bid_qty,
            ask=ask,
            ask_qty=ask_qty,
            last=last,
            volume=volume,
            vwap=vwap,
            low=low,
            high=high,
            change=change,
            change_pct=_decimal(data.change_pct) if _stated(data.change_pct) else None,
            trades=data.trades,
            timestamp=data.timestamp,
            snapshot=kind == "snapshot",
        )

    def _trades(self, message: wire.TradeMessage, received: int) -> list[Event]:
        return [
            self._trades_event(symbol, rows, received, message.type)
            for symbol, rows in _by_symbol(message.data).items()
        ]

    def _trades_event(
        self, symbol: str, rows: list[wire.TradeData], received: int, kind: str
    ) -> Event:
        precision = self._precision_of(
            symbol, (row.price for row in rows), (row.qty for row in rows)
        )
        trades = tuple(_trade(row, precision) for row in rows)
        return events.Trades(received, symbol, precision, trades, kind == "snapshot")

    def _candles(self, message: wire.OhlcMessage, received: int) -> list[Event]:
        return [
            self._candles_event(symbol, rows, received, message)
            for symbol, rows in _by_symbol(message.data).items()
        ]

    def _candles_event(
        self, symbol: str, rows: list[wire.CandleData], received: int, message: wire.OhlcMessage
    ) -> Event:
        prices = (
            text for row in rows for text in (row.open, row.high, row.low, row.close, row.vwap)
        )
        precision = self._precision_of(symbol, prices, (row.volume for row in rows))
        candles = tuple(_candle(row, precision) for row in rows)
        snapshot = message.type == "snapshot"
        return events.Candles(received, symbol, precision, candles, snapshot, message.timestamp)

    def _instruments(self, message: wire.InstrumentMessage, received: int) -> list[Event]:
        pairs: list[Instrument] = []
        broken: list[Event] = []
        for pair in message.data.pairs:
            try:
                pairs.append(_instrument(pair))
            except ProtocolError as error:  # one odd pair must not cost the other 1,450
                text = repr(pair)[:KEPT_TEXT]
                broken.append(
                    events.Malformed(received, text, str(error), pair.symbol, "instrument")
                )
        assets = tuple(
            Asset(
                id=asset.id,
                status=asset.status,
                precision=asset.precision,
                precision_display=asset.precision_display,
                borrowable=asset.borrowable,
            )
            for asset in message.data.assets
        )
        self.learn(pairs)
        snapshot = message.type == "snapshot"
        return [events.Instruments(received, tuple(pairs), assets, snapshot), *broken]

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Read these instruments' numbers with these precisions from now on."""
        for instrument in instruments:
            known = self._readers.get(instrument.symbol)
            # An unchanged precision stays the same object: books compare it by identity.
            if known is None or known.precision != instrument.precision:
                self._readers[instrument.symbol] = NumberReader(instrument.precision)

    def precision(self, symbol: str) -> Precision | None:
        """What the instrument's numbers mean, stated or inferred; None while unknown."""
        reader = self._readers.get(symbol) or self._inferred.get(symbol)
        return reader.precision if reader is not None else None


# --- parts of messages ----------------------------------------------------------------


def _stated(number: msgspec.Raw) -> bool:
    """Whether there is a number at all: a quiet pair's ticker may leave some out."""
    return bytes(number) not in (b"", b"null")


def _decimal(number: msgspec.Raw) -> Decimal:
    text = bytes(number)
    digits = units.decimals(text)
    return units.to_decimal(scale(text, digits), digits)


def _most_decimals(numbers: Iterable[msgspec.Raw]) -> int:
    return max((units.decimals(bytes(number)) for number in numbers), default=0)


def _fit(numbers: Iterable[msgspec.Raw], precision: int) -> bool:
    """Whether the numbers lose nothing at this precision."""
    try:
        for number in numbers:
            scale(bytes(number), precision)
    except ProtocolError:
        return False
    return True


class NumberReader:
    """Scales one instrument's numbers, as fast as Python can without losing a digit.

    Two thirds of a book's cost is here, so the usual case, exactly the right number of
    decimals, is written out; everything else goes through `kracked.units.scale`. Prices
    come again and again (94 % in a recording of ETH/USD): they are remembered.
    """

    __slots__ = ("_point", "_prices", "_qty", "precision")

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self._prices = _KnownPrices(precision.price)
        self._qty = precision.qty
        self._point = -1 - precision.qty

    def levels(self, rows: list[wire.WireLevel]) -> tuple[tuple[int, int], ...]:
        """(price, qty) of each row."""
        prices, precision, point = self._prices, self._qty, self._point
        try:
            return tuple(
                [
                    (
                        prices[bytes(row.price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.qty))[point] == _POINT
                        else scale(text, precision),
                    )
                    for row in rows
                ]
            )
        except (ValueError, IndexError):  # not plain, or shorter than it should be
            return tuple(
                (prices[bytes(row.price)], scale(bytes(row.qty), precision)) for row in rows
            )

    def orders(self, rows: list[wire.WireOrder]) -> tuple[OrderChange, ...]:
        """Each row's order, its numbers scaled."""
        prices, precision, point = self._prices, self._qty, self._point
        try:
            return tuple(
                [
                    OrderChange(
                        row.event,
                        row.order_id,
                        prices[bytes(row.limit_price)],
                        int(text.replace(b".", b""))
                        if (text := bytes(row.order_qty))[point] == _POINT
                        else scale(text, precision),
                        row.timestamp,
                    )
                    for row in rows
                ]
            )
        except (ValueError, IndexError):
            return tuple(self._order(row) for row in rows)

    def _order(self, row: wire.WireOrder) -> OrderChange:
        return OrderChange(
            row.event,
            row.order_id,
            self._prices[bytes(row.limit_price)],
            scale(bytes(row.order_qty), self._qty),
            row.timestamp,
        )


class _KnownPrices(dict[bytes, int]):
    """Wire text of a price to its scaled integer, worked out once."""

    def __init__(self, precision: int) -> None:
        super().__init__()
        self._precision = precision

    def __missing__(self, text: bytes) -> int:
        if len(self) >= KNOWN_PRICES:
            self.clear()
        price = self[text] = scale(text, self._precision)
        return price


def _trade(row: wire.TradeData, precision: Precision) -> events.Trade:
    side = _SIDES.get(row.side)
    if side is None:
        raise ProtocolError(f"a trade has no side {row.side!r}")
    return events.Trade(
        side,
        scale(bytes(row.price), precision.price),
        scale(bytes(row.qty), precision.qty),
        row.ord_type,
        row.trade_id,
        row.timestamp,
    )


def _candle(row: wire.CandleData, precision: Precision) -> events.Candle:
    # The inner `timestamp` is the end of the interval whatever the page says: not read.
    opened, high, low, close, vwap = (
        scale(bytes(text), precision.price)
        for text in (row.open, row.high, row.low, row.close, row.vwap)
    )
    return events.Candle(
        row.interval,
        parse_ns(row.interval_begin),
        opened,
        high,
        low,
        close,
        vwap,
        scale(bytes(row.volume), precision.qty),
        row.trades,
    )


def _instrument(pair: wire.PairData) -> Instrument:
    increment = bytes(pair.price_increment) or bytes(pair.tick_size)
    return Instrument(
        symbol=pair.symbol,
        base=pair.base,
        quote=pair.quote,
        status=pair.status,
        precision=Precision(pair.price_precision, pair.qty_precision),
        price_increment=scale(increment, pair.price_precision) if increment else 1,
        qty_increment=scale(bytes(pair.qty_increment), pair.qty_precision),
        qty_min=scale(bytes(pair.qty_min), pair.qty_precision),
        cost_precision=pair.cost_precision,
        cost_min=_decimal(pair.cost_min) if _stated(pair.cost_min) else Decimal(0),
        marginable=pair.marginable,
        has_index=pair.has_index,
    )


_Row = TypeVar("_Row", wire.TradeData, wire.CandleData)


def _by_symbol(rows: list[_Row]) -> dict[str, list[_Row]]:
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.symbol, []).append(row)
    return grouped


def _status(message: wire.StatusMessage, received: int) -> list[Event]:
    return [
        events.Status(
            received,
            data.system,
            data.version,
            data.api_version,
            data.connection_id,
            tuple(data.upcoming_maintenance),
            tuple(data.emergency),
        )
        for data in message.data
    ]


def _heartbeat(_message: wire.HeartbeatMessage, received: int) -> list[Event]:
    return [events.Heartbeat(received)]


def _executions(message: wire.ExecutionsMessage, received: int) -> list[Event]:
    snapshot = message.type == "snapshot"
    return [events.Executions(received, tuple(message.data), message.sequence, snapshot)]


def _balances(message: wire.BalancesMessage, received: int) -> list[Event]:
    snapshot = message.type == "snapshot"
    return [events.Balances(received, tuple(message.data), message.sequence, snapshot)]


# --- replies, and what is none of the above ----------------------------------------------


def _not_channel_data(data: bytes, received: int, reason: str) -> list[Event]:
    try:
        reply = _reply(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [_malformed(data, received, reason)]
    if reply.method is not None or reply.error or reply.Error:
        return [_answer(reply, data, received)]
    if reply.channel is None:
        return [_malformed(data, received, "neither a method nor a channel")]
    if reply.channel in CHANNELS:
        return [_malformed(data, received, reason)]
    return [events.Unknown(received, reply.channel)]


def _answer(reply: wire.Reply, data: bytes, received: int) -> Event:
    error = reply.error or reply.Error
    if error is not None or reply.success is False:
        return events.Rejected(
            received, reply.method, error or "", reply.req_id, reply.symbol, reply.channel
        )
    if reply.method == "pong":
        return events.Pong(received, reply.req_id, reply.time_in, reply.time_out)
    try:
        if reply.method in ("subscribe", "unsubscribe"):
            return _subscription_answer(reply, received)
        result = _any_value(reply.result) if bytes(reply.result) else {}
    except msgspec.DecodeError as problem:
        return _malformed(data, received, str(problem))
    if reply.orders_cancelled is not None:
        result = {"count": reply.orders_cancelled}
    return events.Replied(
        received, reply.method or "", result, reply.req_id, reply.time_in, reply.time_out
    )


def _subscription_answer(reply: wire.Reply, received: int) -> Event:
    result = _subscription(reply.result)
    if reply.method == "unsubscribe":
        return events.Unsubscribed(
            received, result.channel, result.symbol, result.depth, result.interval, reply.req_id
        )
    return events.Subscribed(
        received,
        result.channel,
        result.symbol,
        result.depth,
        result.interval,
        result.snapshot,
        reply.req_id,
        tuple(result.warnings or ()),
        result.maxratecount,
    )


def _malformed(data: bytes, received: int, reason: str) -> events.Malformed:
    """Keeps the text, and finds out whose data is lost with it as far as it can be read."""
    text = data[:KEPT_TEXT].decode(errors="replace")
    symbol, channel = _SYMBOL.search(data), _CHANNEL.search(data)
    return events.Malformed(
        received,
        text,
        reason,
        symbol[1].decode() if symbol else None,
        channel[1].decode() if channel else None,
    )
