"""What a pane shows as a table of exact values, to be pasted into another program.

The rows are made of the facts, not of the screen: nothing is rounded or cut.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kracked.flow.measures.depth_history import LENGTHS_S
from kracked.flow.review import HORIZONS_S, ReviewedFill
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view.chrome import layout
from kracked_tui.view.ladder.selection import orders_at
from kracked_tui.view.words import verb

Cell = object


class Table(NamedTuple):
    """The names of the columns, and the rows."""

    heads: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


def csv_text(table: Table) -> str:
    """Write a table as CSV with a header; None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.heads)
    writer.writerows(["" if cell is None else cell for cell in row] for row in table.rows)
    return out.getvalue()


def table_of(pane: str, frame: FrameState) -> Table | None:
    """Return the table of a pane; None for a pane that has none."""
    make = _TABLES.get(pane)
    return make(frame) if make is not None else None


def _levels(frame: FrameState) -> Table:
    heads, book = ("side", "price", "qty", "sold_here", "bought_here"), frame.book
    if book is None:
        return Table(heads, ())
    price, qty = frame.precision.price_text, frame.precision.qty_text
    rows: list[Sequence[Cell]] = []
    for side, levels in (("bid", book.bids), ("ask", book.asks)):
        for level in levels:
            traded = frame.measures.traded.prices.get(level.price)
            sold, bought = (qty(traded.sold), qty(traded.bought)) if traded else ("0", "0")
            rows.append((side, price(level.price), qty(level.qty), sold, bought))
    return Table(heads, rows)


def _orders_of_level(frame: FrameState) -> Table:
    heads = ("place", "order_id", "price", "qty", "ahead", "entered")
    selection, book = frame.selection, frame.l3_book
    if selection is None or book is None:
        return Table(heads, ())
    price, qty = frame.precision.price_text, frame.precision.qty_text
    rows: list[Sequence[Cell]] = []
    place = ahead = before = 0
    for order in orders_at(book, selection):
        place, ahead = (place + 1, ahead) if order.price == before else (1, 0)
        before = order.price
        entered = order.timestamp
        rows.append(
            (place, order.order_id, price(order.price), qty(order.qty), qty(ahead), entered)
        )
        ahead += order.qty
    return Table(heads, rows)


def _prints(frame: FrameState) -> Table:
    price, qty = frame.precision.price_text, frame.precision.qty_text
    heads = ("time", "side", "price", "last_price", "qty", "fills", "levels", "first_trade_id")
    rows = [
        (
            to_rfc3339(each.time),
            verb(each.side).lower(),
            price(each.price),
            price(each.last_price),
            qty(each.qty),
            each.fills,
            each.levels,
            each.first_id,
        )
        for each in reversed(frame.market.prints)
    ]
    return Table(heads, rows)


def _bars(frame: FrameState) -> Table:
    price, qty = frame.precision.price_text, frame.precision.qty_text
    heads = ("begin", "seconds", "open", "high", "low", "close", "volume")
    rows = [
        (
            to_rfc3339(bar.begin, 0),
            frame.timeframe_s,
            *(price(each) for each in (bar.open, bar.high, bar.low, bar.close)),
            qty(bar.volume),
        )
        for bar in frame.market.bars(frame.timeframe_s)
    ]
    return Table(heads, rows)


def _windows(frame: FrameState) -> Table:
    qty = frame.precision.qty_text
    rows = [
        (each.name, qty(each.bought), qty(each.sold), each.prints, each.full)
        for each in frame.flow.windows
    ]
    return Table(("window", "bought", "sold", "takers", "watched_whole"), rows)


def _watched(frame: FrameState) -> Table:
    heads = ("symbol", "last", "change_percent", "spread", "spread_bp", "leans_percent", "word")
    rows = [
        (
            row.symbol,
            row.price,
            row.change,
            row.spread,
            None if row.spread_bp is None else f"{row.spread_bp:.4f}",
            row.imbalance,
            row.word,
        )
        for row in frame.watch_rows
    ]
    return Table(heads, rows)


def _own_orders(frame: FrameState) -> Table:
    heads = ("symbol", "side", "qty", "price", "place", "ahead", "state", "order_id", "cl_ord_id")
    rows = [
        (
            row.symbol,
            verb(row.side).lower() if row.side else "",
            row.qty,
            row.price,
            row.place,
            row.ahead,
            row.state,
            row.order_id,
            row.cl_ord_id,
        )
        for row in frame.account.order_rows
    ]
    return Table(heads, rows)


def _own_fills(frame: FrameState) -> Table:
    told = ("time", "symbol", "side", "qty", "price", "cost", "liquidity", "fees", "order_id")
    marks = (f"markout_{seconds}s_bp" for seconds in HORIZONS_S)
    heads = (*told, "wait_s", "joined_position", "earned_bp", *marks)
    fills = tuple(reversed(frame.account.fills))
    reviews = frame.account.reviews(fills)
    rows = [
        (
            fill.timestamp,
            fill.symbol,
            verb(fill.side).lower(),
            fill.last_qty,
            fill.last_price,
            fill.cost,
            fill.liquidity_ind,
            " ".join(f"{fee.qty} {fee.asset}" for fee in fill.fees),
            fill.order_id,
            *_review_cells(reviews.get(fill.exec_id)),
        )
        for fill in fills
    ]
    return Table(heads, rows)


def _review_cells(review: ReviewedFill | None) -> list[Cell]:
    """Return the cells of a review; empty where something is pending or not known."""
    if review is None:
        return [None] * (3 + len(HORIZONS_S))
    marks = (review.bp(review.markout(at)) for at in range(len(HORIZONS_S)))
    values = (review.bp(review.earned), *marks)
    passage = review.passage
    return [
        None if review.wait_ns is None else f"{review.wait_ns / NS_PER_S:.3f}",
        None if passage is None else passage.joined_position,
        *(None if each is None else f"{float(each):.4f}" for each in values),
    ]


def _depths(frame: FrameState) -> Table:
    price, qty = frame.precision.price_text, frame.precision.qty_text
    rows = [
        (to_rfc3339(each.begin, 0), "bid" if mean > 0 else "ask", price(at), qty(abs(mean)))
        for each in frame.depths.columns(LENGTHS_S[1])
        for at, mean in zip(each.prices, each.means, strict=True)
    ]
    return Table(("begin", "side", "price", "mean_qty_5s"), rows)


def _seen(frame: FrameState) -> Table:
    price, qty = frame.precision.price_text, frame.precision.qty_text
    heads = ("first", "last", "kind", "side", "price", "last_price", "qty", "count", "sureness",
             "words", "wrong_if")  # fmt: skip
    rows = [
        (
            to_rfc3339(one.first),
            to_rfc3339(one.last),
            one.kind,
            one.side,
            price(one.price),
            price(one.last_price),
            qty(one.qty),
            one.count,
            one.sureness,
            one.words(frame.precision),
            one.would_be_wrong_if(),
        )
        for one in frame.seen.newest_first
    ]
    return Table(heads, rows)


def _balances(frame: FrameState) -> Table:
    rows = [(one.asset, one.total, one.held, one.free) for one in frame.account.balances]
    return Table(("asset", "total", "held", "free"), rows)


def _log(frame: FrameState) -> Table:
    rows = [(to_rfc3339(each.time, 3), each.words) for each in frame.store.log_entries]
    return Table(("time", "text"), rows)


def _alerts(frame: FrameState) -> Table:
    rows = [(row.number, row.pair, row.text, row.state) for row in frame.alerts.rows()]
    told = [("", "", one.text, f"told {to_rfc3339(one.time, 3)}") for one in frame.alerts.told]
    return Table(("number", "pair", "alert", "state"), [*rows, *told])


def _health(frame: FrameState) -> Table:
    store, counters = frame.store, frame.source.counters()
    rows = [
        ("messages", store.messages),
        ("checksums_verified", counters.verified),
        ("checksums_failed", counters.mismatched),
        ("snapshots_asked_for", store.resyncs),
        ("gaps", store.gaps),
        ("events_not_shown", store.dropped),
    ]
    return Table(("counter", "value"), rows)


_TABLES: Mapping[str, Callable[[FrameState], Table]] = {
    layout.LADDER: _levels,
    layout.DEPTH: _levels,
    layout.QUEUE: _orders_of_level,
    layout.LEVEL: _orders_of_level,
    layout.TAPE: _prints,
    layout.CHART: _bars,
    layout.FLOW: _windows,
    layout.WATCH: _watched,
    layout.ORDERS: _own_orders,
    layout.FILLS: _own_fills,
    layout.HEAT: _depths,
    layout.SEEN: _seen,
    layout.BALANCES: _balances,
    layout.LOG_LIST: _log,
    layout.HEALTH: _health,
    layout.ALERTS: _alerts,
}
