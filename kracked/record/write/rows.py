"""Events to lines of CSV: the rows of every table are made here and nowhere else.

Runs in the event loop, so it is plain string work: one f-string a row, with cached text of
numbers. Digits are the exchange's own, times have nine decimals, and text that could hold a
comma is quoted. The columns are those of `kracked.format.tables`, in that order. In every
function `seq` is the number of the event's message and `flags` are bits of `Flag`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple, TypeVar

from kracked.format.cells import (
    TIME_LENGTH,
    csv_line,
    exchange_time_cell,
    price_cells,
    text_cell,
    time_cell,
)
from kracked.format.lazy_text import LazyText, Text, joined
from kracked.format.line import FeedEvent
from kracked.format.tables import BALANCES, EXECUTIONS, Flag
from kracked.instruments import Asset, Instrument
from kracked.protocol import events
from kracked.protocol.events import Event, OrderAction, Side
from kracked.units import to_text

_TAKERS = {Side.BID: "buy", Side.ASK: "sell"}
# Bound once and compared by identity: an enum's own hash and lookup cost more than a row.
_ADD, _DELETE = OrderAction.ADD, OrderAction.DELETE
_LAST, _SNAPSHOT, _CUT = int(Flag.LAST), int(Flag.SNAPSHOT), int(Flag.CUT)
_HEALED = int(Flag.HEALED)
_ROW_SIZE = 160
Told = FeedEvent | events.Subscribed | events.Rejected
"""An event that is a row of `connections`."""
_Listed = TypeVar("_Listed", Instrument, Asset)
_ORDER_ID = len("OAAAAA-BBBBB-CCCCCC")


class CutOrder(NamedTuple):
    """An order that left the view with its level."""

    side: str
    """`b` or `a`."""
    order: events.OrderChange


def orders(event: events.L3Update, seq: int, flags: int = 0, cut: Sequence[CutOrder] = ()) -> str:
    """Return an update's rows of `L3_ticks`: bids, then asks, in the message's order.

    The orders that the depth has `cut` are removed after them.
    """
    received, stamp = time_cell(event.received), event.timestamp
    if stamp is None or len(stamp) != TIME_LENGTH:
        stamp = exchange_time_cell(stamp)
    price, decimals = price_cells(event.precision.price), event.precision.qty
    common, text = f",{event.symbol},{seq},{stamp},", ""
    # One loop, one text: four of five messages are a single row.
    for side, changes in (("b", event.bids), ("a", event.asks)):
        for order in changes:
            if text:  # end the row before, which was not the last
                text += f"{flags},\n"
            action, since, order_id = order.action, order.timestamp, order.order_id
            if len(since) != TIME_LENGTH:
                since = exchange_time_cell(since)
            if len(order_id) != _ORDER_ID:
                order_id = text_cell(order_id)
            letter = "A" if action is _ADD else "C" if action is _DELETE else "M"
            text += (
                f"{side},{since},{received},{price[order.price]},{to_text(order.qty, decimals)},"
                f"{letter},{order_id}{common}"
            )
    for side, order in cut:
        since, order_id = order.timestamp, order.order_id
        if len(since) != TIME_LENGTH:
            since = exchange_time_cell(since)
        if len(order_id) != _ORDER_ID:
            order_id = text_cell(order_id)
        text += (
            f"{flags},\n{side},{since},{received},{price[order.price]},"
            f"{to_text(order.qty, decimals)},C,{order_id}{common}"
        )
        flags |= _CUT
    return f"{text}{flags | _LAST},{event.checksum}\n" if text else ""


def orders_snapshot(event: events.L3Snapshot, seq: int, flags: int = 0) -> LazyText:
    """Return a snapshot's rows of `L3_ticks`: one that clears the book, then every order."""
    received, stamp = time_cell(event.received), exchange_time_cell(event.timestamp)
    price, qty = price_cells(event.precision.price), event.precision.qty_text

    def heads() -> Iterator[str]:
        """Yield the first cells of each row."""
        yield f"n,{stamp},{received},,,R,"
        for side, orders in (("b", event.bids), ("a", event.asks)):
            for order in orders:
                since, order_id = exchange_time_cell(order.timestamp), text_cell(order.order_id)
                # In a rebuilt book an order's last change may be a MODIFY: a snapshot adds it.
                yield (
                    f"{side},{since},{received},{price[order.price]},{qty(order.qty)},A,{order_id}"
                )

    return _snapshot(event, heads, f",{event.symbol},{seq},{stamp},", flags)


def book_snapshot(event: events.BookSnapshot, seq: int, flags: int = 0) -> LazyText:
    """Return a snapshot's rows of `L2_updates`: one that clears the book, then every level."""
    price, qty = price_cells(event.precision.price), event.precision.qty_text
    start = f"{event.symbol},{exchange_time_cell(event.timestamp)},{time_cell(event.received)}"

    def heads() -> Iterator[str]:
        """Yield the first cells of each row."""
        yield f"{start},n,,"
        for side, levels in (("b", event.bids), ("a", event.asks)):
            for at, total in levels:
                yield f"{start},{side},{price[at]},{qty(total)}"

    return _snapshot(event, heads, f",{seq},", flags)


def _snapshot(
    event: events.BookSnapshot | events.L3Snapshot,
    heads: Callable[[], Iterator[str]],
    common: str,
    flags: int,
) -> LazyText:
    """Return the rows of a snapshot, which may be thousands: `heads` and the `common` cells."""
    flags |= _SNAPSHOT
    end, last = f"{common}{flags},\n", f"{common}{flags | _LAST},{event.checksum}\n"

    def pieces() -> Iterator[str]:
        """Yield the rows."""
        yield from joined(heads(), end)
        yield last

    rows = 1 + len(event.bids) + len(event.asks)
    return LazyText(pieces, rows, rows * _ROW_SIZE)


def book(
    event: events.BookUpdate, seq: int, flags: int = 0, cut: Sequence[tuple[str, int]] = ()
) -> str:
    """Return an update's rows of `L2_updates`: bids, then asks, in the message's order.

    The levels that the depth has `cut`, by side and price, are removed after them.
    """
    price, decimals = price_cells(event.precision.price), event.precision.qty
    start = f"{event.symbol},{exchange_time_cell(event.timestamp)},{time_cell(event.received)}"
    common, text = f",{seq},", ""
    for side, levels in (("b", event.bids), ("a", event.asks)):
        for at, total in levels:
            if text:
                text += f"{flags},\n"
            text += f"{start},{side},{price[at]},{to_text(total, decimals)}{common}"
    for side, at in cut:
        text += f"{flags},\n{start},{side},{price[at]},{to_text(0, decimals)}{common}"
        flags |= _CUT
    return f"{text}{flags | _LAST},{event.checksum}\n" if text else ""


def ticker(event: events.Ticker, seq: int, flags: int = 0) -> str:
    """Return the row of `L1`; a number the exchange did not give is empty."""
    received = time_cell(event.received)
    price, decimals = price_cells(event.precision.price), event.precision.qty
    percent = "" if event.change_pct is None else f"{event.change_pct:f}"
    flags |= _flags(snapshot=event.snapshot)
    return (
        f"{received},{event.symbol},{price[event.bid]},{to_text(event.bid_qty, decimals)},"
        f"{price[event.ask]},{to_text(event.ask_qty, decimals)},"
        f"{price[event.last]},{to_text(event.volume, decimals)},{price[event.vwap]},"
        f"{price[event.low]},{price[event.high]},{price[event.change]},"
        f"{percent},{exchange_time_cell(event.timestamp)},{received},{seq},{flags}\n"
    )


def trades(event: events.Trades, seq: int, flags: int = 0) -> str:
    """Return the rows of `trades`, the last one marked as the message's last."""
    return _trade_rows(event, seq, flags | (_SNAPSHOT if event.snapshot else 0))


def healed_trades(event: events.HealedTrades, seq: int, flags: int = 0) -> str:
    """Return the rows of `trades` that REST gave later, the last one marked as the last."""
    return _trade_rows(event, seq, flags | _HEALED)


def _trade_rows(event: events.Trades | events.HealedTrades, seq: int, flags: int) -> str:
    if not event.trades:
        return ""
    received, precision = time_cell(event.received), event.precision
    heads = [
        f"{exchange_time_cell(trade.timestamp)},{received},{event.symbol},"
        f"{precision.price_text(trade.price)},{precision.qty_text(trade.qty)},"
        f"{_TAKERS[trade.side]},{text_cell(trade.ord_type)},{trade.trade_id}"
        for trade in event.trades
    ]
    return f",{seq},{flags}\n".join(heads) + f",{seq},{flags | _LAST}\n"


def candles(event: events.Candles, seq: int, flags: int = 0) -> str:
    """Return the rows of `OHLC`. `timestamp` is the interval's end, as the exchange sends it."""
    received, engine = time_cell(event.received), exchange_time_cell(event.timestamp)
    price, qty = event.precision.price_text, event.precision.qty_text
    flags |= _flags(snapshot=event.snapshot)
    return "".join(
        f"{time_cell(candle.end)},{event.symbol},{price(candle.open)},{price(candle.high)},"
        f"{price(candle.low)},{price(candle.close)},{qty(candle.volume)},{price(candle.vwap)},"
        f"{candle.trades},{time_cell(candle.begin)},{engine},{received},{seq},{flags}\n"
        for candle in event.candles
    )


# The members of the exchange's reports have the names of our columns.
_EXECUTION = [column.name for column in EXECUTIONS.columns[2:-3]]
_BALANCE = [column.name for column in BALANCES.columns[2:-3]]


def executions(event: events.Executions, seq: int, flags: int = 0) -> Text:
    """Return the rows of `executions`, one per report."""
    return _reports(event, event.reports, _EXECUTION, seq, flags)


def balances(event: events.Balances, seq: int, flags: int = 0) -> Text:
    """Return the rows of `balances`, one per entry."""
    return _reports(event, event.entries, _BALANCE, seq, flags)


def _reports(
    event: events.Executions | events.Balances,
    reports: Sequence[Mapping[str, object]],
    members: Iterable[str],
    seq: int,
    flags: int,
) -> Text:
    """Return one row per report: its time, ours, the members by name, the numbers.

    Absent members are empty. A snapshot may hold a thousand fills, so it is lazy.
    """
    received = time_cell(event.received)
    flags |= _flags(snapshot=event.snapshot)

    def lines() -> Iterator[str]:
        """Yield a row for each report."""
        for report in reports:
            time, values = report.get("timestamp", ""), map(report.get, members)
            cells = (exchange_time_cell(str(time)), received, *values, event.sequence, seq, flags)
            yield csv_line(cells)

    if not event.snapshot:
        return "".join(lines())
    return LazyText(lambda: joined(lines(), ""), len(reports), len(reports) * _ROW_SIZE)


def connection(
    *,
    event: str,
    at: int,
    feed: str = "",
    message: str = "",
    status: int | None = None,
    seq_last: int | None = None,
    lost: int | None = None,
) -> str:
    """Return a row of `connections`: what happened to a connection or to the recorder.

    Args:
        event: `disconnect`, `gap`, `clock`, `disk_full`, ...: an open set.
        at: When it happened, ns since the Unix epoch.
        feed: Name of the connection or channel.
        message: Details in words.
        status: Close code of the WebSocket.
        seq_last: Number of the last message before it.
        lost: Messages lost.
    """
    return csv_line([feed, event, time_cell(at), status, message, feed, seq_last, lost])


def told(event: Told, feed: str, seq: int) -> str:
    """Return the row of `connections` for an event of a connection or channel `feed`."""
    name, message = _TOLD[type(event)]
    if isinstance(event, events.Resync) and event.reason == "checksum":
        name = "checksum_mismatch"
    at, said = event.received, message(event)
    return connection(event=name, at=at, feed=feed, message=said, seq_last=seq)


def _healed(event: events.HealedTrades) -> str:
    numbers = sorted(trade.trade_id for trade in event.trades)
    return f"{event.symbol} {len(numbers)} trades from REST: {numbers[0]} to {numbers[-1]}"


def refusal(event: events.Rejected) -> str:
    """Return what the exchange has refused and why."""
    return f"{event.channel or 'a channel'} of {event.symbol or 'the account'}: {event.error}"


_TOLD: Mapping[type[Event], tuple[str, Callable[[Any], str]]] = {
    events.Connected: ("initial_start", lambda event: event.url),
    events.Reconnecting: ("disconnect", lambda event: event.reason),
    events.Reconnected: ("reconnect", lambda event: event.url),
    events.Subscribed: ("subscribe", lambda event: event.symbol or ""),
    events.Rejected: ("refused", refusal),
    events.Verified: ("snapshot", lambda event: event.symbol),
    events.Resync: ("resync", lambda event: f"{event.symbol} {event.reason}"),
    events.Gap: ("gap", lambda event: f"{' '.join(event.symbols)} {event.reason}"),
    events.Stale: ("stale", lambda event: f"{event.symbol} {event.reason}".strip()),
    events.HealedTrades: ("healed", _healed),
}
"""The name of each event's rows, and the function that makes their details."""


def clock(at: int, message: str, feed: str = "") -> str:
    """Return the row of `connections` for what is known of a clock."""
    return connection(event="clock", at=at, feed=feed, message=message)


def gap(at: int, why: str, seq_last: int, lost: int) -> str:
    """Return the row of `connections` for lost messages.

    Args:
        at: When they were found lost, ns since the Unix epoch.
        why: The reason in words.
        seq_last: Number of the last of them.
        lost: How many they are.
    """
    return connection(event="gap", at=at, message=why, seq_last=seq_last, lost=lost)


def pairs(event: events.Instruments) -> LazyText:
    """Return the rows of `kraken_pairs`: a thousand, too many for one step of the loop."""
    return _listing(_pair, event.pairs, event.received)


def assets(event: events.Instruments) -> LazyText:
    """Return the rows of `kraken_assets`, which are lazy too."""
    return _listing(_asset, event.assets, event.received)


def _listing(
    row: Callable[[_Listed, int], str], entries: Sequence[_Listed], received: int
) -> LazyText:
    lines = partial(map, row, entries, repeat(received))
    return LazyText(lambda: joined(lines(), ""), len(entries), len(entries) * _ROW_SIZE)


def _pair(instrument: Instrument, received: int) -> str:
    rules, precision = instrument, instrument.precision
    return csv_line([
        rules.symbol, rules.base, rules.quote, rules.status,
        precision.price, precision.price_text(rules.price_increment),
        precision.qty, precision.qty_text(rules.qty_increment), precision.qty_text(rules.qty_min),
        rules.cost_precision, rules.cost_min, rules.marginable, rules.has_index,
        time_cell(received),
    ])  # fmt: skip


def _asset(entry: Asset, received: int) -> str:
    return csv_line([
        entry.id, entry.status, entry.precision, entry.precision_display, entry.borrowable,
        time_cell(received),
    ])  # fmt: skip


def _flags(*, snapshot: bool) -> int:
    """Return the flags of a row that is a message by itself."""
    return _LAST | _SNAPSHOT if snapshot else _LAST
