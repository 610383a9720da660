"""What an order book says about the next trade: features over a recording.

Order-flow imbalance is that of Cont, Kukanov and Stoikov, "The Price Impact of Order
Book Events" (2014): what arrives at the best bid or leaves the best ask counts up, the
opposite down. The micro-price is the mid weighted by the opposite sides' quantities.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.book.l3 import L3Book
from kracked.frames.files import Source
from kracked.frames.rebuild import Book, Channel, Rebuild, books
from kracked.protocol.events import Side

Floats = NDArray[np.float64]
Row = tuple[Any, ...]

_TOUCH = ["bid", "bid_qty", "ask", "ask_qty"]
_MISSING = (float("nan"), float("nan"))


def best_bid_offer(source: Source, symbol: str, *, channel: Channel | None = None) -> pd.DataFrame:
    """Best bid and ask with their quantities, one row per change, indexed by `ts_recv`.

    Columns: bid, bid_qty, ask, ask_qty, in quote and base currency. Of `channel`, `level3`
    or `book`, else of whichever was recorded. Only of verified books; a side without levels
    is missing. Raises `RecordError` for a symbol that was not recorded.
    """
    rows: list[Row] = []
    last: Row = ()
    for book in books(source, symbol, channel=channel):
        touch = (book.best_bid, book.best_ask)
        if touch != last:
            last = touch
            rows.append((book.received, *_levels(book, 1)))
    return _frame(rows, _TOUCH)


def sampled_books(
    source: Source,
    symbol: str,
    *,
    every: str = "1s",
    levels: int = 10,
    channel: Channel | None = None,
) -> pd.DataFrame:
    """The best `levels` a side as they stood at each whole interval, indexed by that instant.

    Columns `bid_px_0`, `bid_sz_0`, `ask_px_0`, `ask_sz_0`, ... While the book is not
    verified nothing is sampled. `channel` and errors as for `best_bid_offer`.
    """
    step = int(pd.Timedelta(every).value)
    rebuild = Rebuild(source, symbol, channel)
    rows: list[Row] = []
    due = 0
    for event in rebuild.events():
        due = due or -(-event.received // step) * step
        while due < event.received:
            if rebuild.book is not None:
                rows.append((due, *_levels(rebuild.book, levels)))
            due += step
        rebuild.apply(event)
    return _frame(
        rows,
        [
            f"{side}_{what}_{rank}"
            for rank in range(levels)
            for side in ("bid", "ask")
            for what in ("px", "sz")
        ],
    )


def queue_position(source: Source, symbol: str, order_id: str) -> pd.DataFrame:
    """An order's place in its level while it rests, one row per change, indexed by `ts_recv`.

    Columns: price, qty (its own), qty_ahead, level_qty, position (1 is next to fill),
    orders (in the level). Empty for an order that was never seen; raises `RecordError` for
    a symbol that was not recorded.
    """
    rows: list[Row] = []
    for book in books(source, symbol, channel="level3"):
        assert isinstance(book, L3Book)
        order, place = book.order(order_id), book.place(order_id)
        if order is None or place is None:
            continue
        row = (
            float(book.precision.price_decimal(order.price)),
            *(float(book.precision.qty_decimal(qty)) for qty in (order.qty, place.qty_ahead)),
            float(book.precision.qty_decimal(place.level_qty)),
            place.position,
            place.of,
        )
        if not rows or rows[-1][1:] != row:
            rows.append((book.received, *row))
    names = ["price", "qty", "qty_ahead", "level_qty", "position", "orders"]
    return _frame(rows, names)


def microprice(touch: pd.DataFrame) -> pd.Series[float]:
    """Where the next trade is likelier: nearer the ask when more is bid. Of `best_bid_offer`."""
    bid, bid_qty, ask, ask_qty = _columns(touch)
    price = (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)
    return pd.Series(price, touch.index, name="microprice")


def imbalance(touch: pd.DataFrame, *, levels: int = 1) -> pd.Series[float]:
    """(bid - ask) / (bid + ask) of the quantities at the best `levels`: from -1 to 1.

    Of `best_bid_offer`, or of frames with `bid_sz_0`, `ask_sz_0`, ... columns.
    """
    bid, ask = (
        touch[f"{side}_qty"].to_numpy("float64")
        if f"{side}_qty" in touch
        else np.nansum(
            touch[[f"{side}_sz_{rank}" for rank in range(levels)]].to_numpy("float64"), axis=1
        )
        for side in ("bid", "ask")
    )
    return pd.Series((bid - ask) / (bid + ask), touch.index, name="imbalance")


def ofi(touch: pd.DataFrame, every: str | None = None) -> pd.Series[float]:
    """Order-flow imbalance in base currency, of each change of `best_bid_offer`.

    With `every` summed over intervals of that length, those without a change left out.
    """
    bid, bid_qty, ask, ask_qty = _columns(touch)
    flow = np.zeros(len(touch))
    flow[1:] = (
        np.where(bid[1:] >= bid[:-1], bid_qty[1:], 0.0)
        - np.where(bid[1:] <= bid[:-1], bid_qty[:-1], 0.0)
        - np.where(ask[1:] <= ask[:-1], ask_qty[1:], 0.0)
        + np.where(ask[1:] >= ask[:-1], ask_qty[:-1], 0.0)
    )
    series = pd.Series(flow, touch.index, name="ofi")
    if every is None or series.empty:
        return series
    index = pd.DatetimeIndex(touch.index).floor(every)
    starts = np.flatnonzero(np.append(True, index[1:] != index[:-1]))
    return pd.Series(np.add.reduceat(flow, starts), index[starts], name="ofi")


def _levels(book: Book, count: int) -> list[float]:
    """Price and quantity of the best levels, bid and ask in turn; missing where there is none."""
    price, qty = book.precision.price_decimal, book.precision.qty_decimal
    cells: list[float] = []
    for rank in range(count):
        for side in (Side.BID, Side.ASK):
            levels = book.bids if side is Side.BID else book.asks
            level = levels[rank] if rank < len(levels) else None
            cells += (float(price(level.price)), float(qty(level.qty))) if level else _MISSING
    return cells


def _columns(touch: pd.DataFrame) -> Iterable[Floats]:
    return (touch[name].to_numpy("float64") for name in _TOUCH)


def _frame(rows: list[Row], names: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["ts_recv", *names])
    frame["ts_recv"] = pd.to_datetime(frame["ts_recv"], unit="ns", utc=True)
    return frame.set_index("ts_recv")
