"""Decodes the wire's bytes to events: the one place that knows both.

A `Codec` knows what is needed to read a number: each instrument's precision. It learns
them from `instrument` messages, or from the digits of a book's snapshot when there is
none (a bare recording). It must never raise for what the exchange sends: bytes that cannot
be read become `Malformed`, channels that are not known become `Unknown`.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro and the channel pages
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakMethod

import msgspec

from kracked.errors import ProtocolError
from kracked.instruments import Instrument, Precision
from kracked.protocol import events, wire
from kracked.protocol.events import Event
from kracked.protocol.instrument_reader import (
    MAX_MALFORMED,
    MAX_ROWS,
    read_asset,
    read_instrument,
    read_rows,
)
from kracked.protocol.message_events import (
    book_event,
    by_symbol,
    orders_event,
    read_account,
    read_candle,
    read_heartbeat,
    read_status,
    read_trade,
)
from kracked.protocol.number_parser import (
    NumberReader,
    decimal,
    exact,
    is_present,
    max_decimals,
    quantity,
    signed,
)
from kracked.protocol.replies import LONE_SURROGATE, UNREADABLE, decode_other, malformed

# The numbers of the untyped parts (executions, balances) stay exact too.
_channel_message = msgspec.json.Decoder(wire.ChannelMessage, float_hook=exact, strict=False).decode
_outline = msgspec.json.Decoder(wire.Outline).decode
_text_of = msgspec.json.encode

_IN_ROWS = frozenset(("book", "level3", "ticker", "trade", "ohlc"))
"""Channels whose messages may hold several rows, each with a meaning of its own."""


class Codec:
    """Decodes a stream of messages; remembers the precisions that were stated.

    Args:
        precisions: Decimals of symbols that no instrument message will state.
    """

    def __init__(self, precisions: dict[str, Precision] | None = None) -> None:
        # Stated precisions are those of the instrument channel or of the caller. Without one
        # a precision is read off a snapshot's digits (`_inferred`).
        self._readers = {
            symbol: NumberReader(precision) for symbol, precision in (precisions or {}).items()
        }
        self._inferred: dict[str, NumberReader] = {}
        self._listeners: list[WeakMethod[Callable[[str], None]]] = []
        # No lambdas: a codec is pickled with the keeper it belongs to.
        self._read: dict[type, Callable[[Any, int], list[Event]]] = {
            wire.BookMessage: self._book,
            wire.OrdersMessage: self._orders,
            wire.TickerMessage: self._ticker,
            wire.TradeMessage: self._trades,
            wire.OhlcMessage: self._candles,
            wire.InstrumentMessage: self._instruments,
            wire.StatusMessage: read_status,
            wire.HeartbeatMessage: read_heartbeat,
            wire.ExecutionsMessage: read_account,
            wire.BalancesMessage: read_account,
        }

    def decode(self, data: bytes, received: int = 0) -> list[Event]:
        """Decode one message. Raises nothing for what the exchange sends.

        Args:
            data: The message as it came.
            received: When it came, ns since the Unix epoch.

        Returns:
            Its events, usually one.
        """
        try:
            message = _channel_message(data)
        except UNREADABLE as error:
            mended = LONE_SURROGATE.sub(rb"\\ufffd", data)
            if mended != data:
                return self.decode(mended, received)
            return self._readable_rows(data, received) or decode_other(data, received, str(error))
        try:
            return self._read[type(message)](message, received)
        except UNREADABLE as error:
            rows = self._readable_rows(data, received)
            return rows or [malformed(data, received, str(error))]

    def _readable_rows(self, data: bytes, received: int) -> list[Event]:
        """Decode a damaged message of several rows without the rows that cannot be read.

        Returns:
            The events of the others, and a `Malformed` for each row left out; nothing for a
            message of one row, or of another kind.
        """
        try:
            outline = _outline(data)
        except UNREADABLE:
            return []
        if outline.channel not in _IN_ROWS or not 2 <= len(outline.data) <= MAX_ROWS:
            return []

        def around(rows: Iterable[bytes]) -> bytes:
            return b'{"channel":%b,"type":%b,"timestamp":%b,"data":[%b]}' % (
                _text_of(outline.channel),
                _text_of(outline.type),
                bytes(outline.timestamp),
                b",".join(rows),
            )

        good: list[bytes] = []
        problems: list[Event] = []
        for row in map(bytes, outline.data):
            found = [one for one in self.decode(around([row])) if type(one) is events.Malformed]
            if not found:
                good.append(row)
            elif len(problems) < MAX_MALFORMED:
                problem = msgspec.structs.replace(found[0], received=received)
                problems.append(problem)
        whole = self.decode(around(good), received) if good and problems else []
        return whole + problems

    def events(self, message: wire.ChannelMessage, received: int) -> list[Event]:
        """Return the events of a channel message that was decoded elsewhere, with others.

        Raises:
            ProtocolError: The message makes no sense; `decode` would return a `Malformed`.
        """
        return self._read[type(message)](message, received)

    # --- books ------------------------------------------------------------------

    def _book(self, message: wire.BookMessage, received: int) -> list[Event]:
        kind = events.BookSnapshot if message.type == "snapshot" else events.BookUpdate
        found: list[Event] = []
        for data in message.data:
            reader = self._readers.get(data.symbol)
            if reader is None:
                found.append(self._inferred_event(book_event, kind, data, received))
            else:
                found.append(book_event(kind, data, reader, received))
        return found

    def _orders(self, message: wire.OrdersMessage, received: int) -> list[Event]:
        kind = events.L3Snapshot if message.type == "snapshot" else events.L3Update
        found: list[Event] = []
        for data in message.data:
            reader = self._readers.get(data.symbol)
            if reader is None:
                found.append(self._inferred_event(orders_event, kind, data, received))
            else:
                found.append(orders_event(kind, data, reader, received))
        return found

    def _inferred_event(
        self,
        make: Callable[[Any, Any, NumberReader, int], Event],
        kind: type[Event],
        data: wire.BookData | wire.OrdersData,
        received: int,
    ) -> Event:
        """Make an event with the decimals of the last snapshot; wider numbers widen them."""
        known = self._inferred.get(data.symbol)
        if known is not None and kind in (events.BookUpdate, events.L3Update):
            try:
                return make(kind, data, known, received)
            except ProtocolError:  # most likely more decimals than known; else it is raised below
                reader = self._inferred_reader(data, known.precision)
        else:
            reader = self._inferred_reader(data, Precision(0, 0))
        return make(kind, data, reader, received)

    def _inferred_reader(
        self, data: wire.BookData | wire.OrdersData, least: Precision
    ) -> NumberReader:
        """Return a reader with `least` decimals or as many more as these numbers have."""
        rows = (*(data.bids or ()), *(data.asks or ()))
        prices = [row.price if isinstance(row, wire.WireLevel) else row.limit_price for row in rows]
        quantities = [row.qty if isinstance(row, wire.WireLevel) else row.order_qty for row in rows]
        precision = Precision(
            max(least.price, max_decimals(prices)), max(least.qty, max_decimals(quantities))
        )
        known = self._inferred.get(data.symbol)
        if known is None or precision != known.precision:
            known = self._inferred[data.symbol] = NumberReader(precision)
            self._tell(data.symbol)
        return known

    # --- the rest of the market ---------------------------------------------------

    def _precision_of(
        self, symbol: str, prices: Iterable[msgspec.Raw], quantities: Iterable[msgspec.Raw]
    ) -> Precision:
        """Return the stated precision, or one wide enough for these digits.

        Only for channels without a checksum, where nothing depends on the precision.
        """
        reader = self._readers.get(symbol)
        if reader is not None:
            return reader.precision
        return Precision(max_decimals(prices), max_decimals(quantities))

    def _ticker(self, message: wire.TickerMessage, received: int) -> list[Event]:
        return [self._ticker_event(data, received, message.type) for data in message.data]

    def _ticker_event(self, data: wire.TickerData, received: int, kind: str) -> Event:
        prices = (data.bid, data.ask, data.last, data.vwap, data.low, data.high, data.change)
        quantities = (data.bid_qty, data.ask_qty, data.volume)
        precision = self._precision_of(
            data.symbol, filter(is_present, prices), filter(is_present, quantities)
        )
        bid, ask, last, vwap, low, high = (
            quantity(bytes(text), precision.price) if is_present(text) else None
            for text in prices[:-1]
        )
        bid_qty, ask_qty, volume = (
            quantity(bytes(text), precision.qty) if is_present(text) else 0 for text in quantities
        )
        change = signed(bytes(data.change), precision.price) if is_present(data.change) else None
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
            change_pct=decimal(data.change_pct) if is_present(data.change_pct) else None,
            trades=data.trades,
            timestamp=data.timestamp,
            snapshot=kind == "snapshot",
        )

    def _trades(self, message: wire.TradeMessage, received: int) -> list[Event]:
        found: list[Event] = []
        for symbol, rows in by_symbol(message.data).items():
            prices, quantities = (row.price for row in rows), (row.qty for row in rows)
            precision = self._precision_of(symbol, prices, quantities)
            trades = tuple(read_trade(row, precision) for row in rows)
            snapshot = message.type == "snapshot"
            found.append(events.Trades(received, symbol, precision, trades, snapshot))
        return found

    def _candles(self, message: wire.OhlcMessage, received: int) -> list[Event]:
        found: list[Event] = []
        for symbol, rows in by_symbol(message.data).items():
            prices = (
                text for row in rows for text in (row.open, row.high, row.low, row.close, row.vwap)
            )
            precision = self._precision_of(symbol, prices, (row.volume for row in rows))
            candles = tuple(read_candle(row, precision) for row in rows)
            snapshot, timestamp = message.type == "snapshot", message.timestamp
            found.append(events.Candles(received, symbol, precision, candles, snapshot, timestamp))
        return found

    def _instruments(self, message: wire.InstrumentMessage, received: int) -> list[Event]:
        unreadable: list[Event] = []
        pairs = read_rows(message.data.pairs, read_instrument, unreadable, received)
        assets = read_rows(message.data.assets, read_asset, unreadable, received)
        self.learn(pairs)
        snapshot = message.type == "snapshot"
        return [events.Instruments(received, tuple(pairs), tuple(assets), snapshot), *unreadable]

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take the precisions of these instruments as stated from now on."""
        for instrument in instruments:
            self._state(instrument.symbol, instrument.precision)

    def restate(self, symbol: str, precision: Precision) -> None:
        """Change a symbol's precision if it was stated; an inferred one stays inferred."""
        if symbol in self._readers:
            self._state(symbol, precision)

    def _state(self, symbol: str, precision: Precision) -> None:
        known = self._readers.get(symbol)
        # An unchanged precision must stay the same object: books compare it by identity.
        if known is None or known.precision != precision:
            self._readers[symbol] = NumberReader(precision)
            self._tell(symbol)

    def on_change(self, listener: Callable[[str], None]) -> None:
        """Call a method with each symbol whose precision changes, while its owner lives."""
        self._listeners = [known for known in self._listeners if known() is not None]
        self._listeners.append(WeakMethod(listener))

    def _tell(self, symbol: str) -> None:
        for known in self._listeners:
            if (listener := known()) is not None:
                listener(symbol)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the listeners out of a pickle."""
        return {**vars(self), "_listeners": []}

    def precision(self, symbol: str) -> Precision | None:
        """Return a symbol's precision, stated or inferred; None while it is unknown."""
        reader = self._readers.get(symbol) or self._inferred.get(symbol)
        return reader.precision if reader is not None else None
