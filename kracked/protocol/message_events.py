"""Makes the events of single messages and rows; the codec has chosen how their numbers are read.

Source: the channel pages below docs.kraken.com/api/docs/websocket-v2/
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kracked.errors import ProtocolError
from kracked.instruments import Precision
from kracked.protocol import events, wire
from kracked.protocol.events import Event, Side
from kracked.protocol.maintenance.lists import read_events, read_incidents
from kracked.protocol.number_parser import NumberReader, price, quantity
from kracked.protocol.replies import malformed
from kracked.times import parse_ns

_SIDES = {"buy": Side.BID, "sell": Side.ASK}


def book_event(
    kind: type[events.BookSnapshot | events.BookUpdate],
    data: wire.BookData,
    reader: NumberReader,
    received: int,
) -> Event:
    """Return the event of one book of a `book` message."""
    bids, asks = data.bids, data.asks
    return kind(
        received,
        data.symbol,
        reader.precision,
        reader.levels(bids) if bids else (),
        reader.levels(asks) if asks else (),
        checksum=data.checksum,
        timestamp=data.timestamp,
    )


def orders_event(
    kind: type[events.L3Snapshot | events.L3Update],
    data: wire.OrdersData,
    reader: NumberReader,
    received: int,
) -> Event:
    """Return the event of one book of a `level3` message."""
    bids, asks = data.bids, data.asks
    return kind(
        received,
        data.symbol,
        reader.precision,
        reader.orders(bids) if bids else (),
        reader.orders(asks) if asks else (),
        checksum=data.checksum,
        timestamp=data.timestamp,
    )


def read_trade(row: wire.TradeData, precision: Precision) -> events.Trade:
    """Return one trade; raises `ProtocolError`."""
    side = _SIDES.get(row.side)
    if side is None:
        raise ProtocolError(f"a trade has no side {row.side!r}")
    parse_ns(row.timestamp)  # raises for text that is no time
    return events.Trade(
        side,
        price(bytes(row.price), precision.price),
        price(bytes(row.qty), precision.qty),  # a trade of nothing is none
        row.ord_type or "",
        row.trade_id,
        row.timestamp,
    )


def read_candle(row: wire.CandleData, precision: Precision) -> events.Candle:
    """Return one candle; raises `ProtocolError`."""
    # The inner `timestamp` is the end of the interval, whatever the page says: not read.
    opened, high, low, close, vwap = (
        quantity(bytes(text), precision.price)
        for text in (row.open, row.high, row.low, row.close, row.vwap)
    )
    return events.Candle(
        interval=row.interval,
        begin=parse_ns(row.interval_begin),
        open=opened,
        high=high,
        low=low,
        close=close,
        vwap=vwap,
        volume=quantity(bytes(row.volume), precision.qty),
        trades=row.trades or 0,
    )


_Row = TypeVar("_Row", wire.TradeData, wire.CandleData)


def by_symbol(rows: list[_Row]) -> dict[str, list[_Row]]:
    """Return the rows by symbol, in order."""
    grouped: dict[str, list[_Row]] = {}
    for row in rows:
        grouped.setdefault(row.symbol, []).append(row)
    return grouped


def read_status(message: wire.StatusMessage, received: int) -> list[Event]:
    """Return the events of a `status` message, with one for each part that cannot be read."""
    found, unreadable = list[Event](), list[Event]()
    for data in message.data:
        planned, emergency = bytes(data.upcoming_maintenance), bytes(data.emergency)
        upcoming, incidents = read_events(planned), read_incidents(emergency)
        status = events.Status(
            received,
            system=data.system,
            version=data.version or "",
            api_version=data.api_version or "",
            connection_id=data.connection_id or 0,
            upcoming_maintenance=upcoming.found,
            emergency=incidents.found,
            lists_stated=_is_list(planned) or _is_list(emergency),
        )
        found.append(status)
        for entry, reason in (*upcoming.problems, *incidents.problems):
            problem = malformed(entry, received, reason)
            unreadable.append(msgspec.structs.replace(problem, channel="status"))
    return found + unreadable


def _is_list(data: bytes) -> bool:
    return data.startswith(b"[")


def read_heartbeat(_message: wire.HeartbeatMessage, received: int) -> list[Event]:
    """Return the event of a heartbeat."""
    return [events.Heartbeat(received)]


def read_account(
    message: wire.ExecutionsMessage | wire.BalancesMessage, received: int
) -> list[Event]:
    """Return the event of an `executions` or `balances` message."""
    orders = isinstance(message, wire.ExecutionsMessage)
    kind = events.Executions if orders else events.Balances
    return [kind(received, tuple(message.data), message.sequence, message.type == "snapshot")]
