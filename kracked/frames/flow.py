"""Features of order books over a recording: touch, samples, queue position, order flow.

Order-flow imbalance is that of Cont, Kukanov and Stoikov, "The Price Impact of Order Book
Events" (2014): quantity that arrives at the best bid or leaves the best ask counts up, the
opposite down. The micro-price here is the weighted mid: the mid weighted by the opposite sides'
quantities. Stoikov's micro-price, which needs a table estimated on recordings, is another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.durations import parse_duration_ns
from kracked.errors import ConfigError
from kracked.frames.books import order_ends
from kracked.frames.books.numba_engine import Engine
from kracked.frames.books.observables import BestBidOffer, BookSamples, QueuePositions
from kracked.frames.books.sampling import sample
from kracked.frames.precision_periods import Channel
from kracked.frames.read.table_files import Source

Floats = NDArray[np.float64]

_TOUCH = ["bid", "bid_qty", "ask", "ask_qty"]
_WIDE_TOUCH = ["bid_px_0", "bid_sz_0", "ask_px_0", "ask_sz_0"]


def best_bid_offer(
    source: Source,
    symbol: str,
    *,
    channel: Channel | None = None,
    verify: bool = False,
    engine: Engine = "auto",
) -> pd.DataFrame:
    """Return the best bid and ask with their quantities at every change.

    Only verified books count. Level 3 is replayed quickly: the recorder verified each message
    as it came, so a checksum is computed now and then (`kracked.frames.books.order_replay`
    says when, and what that cannot see).

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.
        channel: `level3` or `book`; by default whichever was recorded, level3 first.
        verify: Compute every checksum; the result differs only for rows damaged since.
        engine: `plain` Python, `numba` (of the extra `fast`), or `auto`: numba where it is
            installed and the table is long.

    Returns:
        One row per change, indexed by `ts_recv`, with columns bid, bid_qty, ask, ask_qty in
        quote and base currency; a side without levels is missing. At each gap a row of missing
        values, with `suspect` True, ends the quote: nobody knows it until the next row.

    Raises:
        RecordError: The symbol was not recorded.
        ConfigError: There is no such engine or channel, or numba is not installed.
    """
    return sample(source, symbol, BestBidOffer, channel=channel, verify=verify, engine=engine).frame


def sampled_books(
    source: Source,
    symbol: str,
    *,
    every: str = "1s",
    levels: int = 10,
    channel: Channel | None = None,
    verify: bool = False,
    engine: Engine = "auto",
) -> pd.DataFrame:
    """Return the best levels at whole intervals, while the book is verified.

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.
        every: Length of an interval: `"1s"`, `"5m"`.
        levels: Levels a side.
        channel: As for `best_bid_offer`.
        verify: As for `best_bid_offer`.
        engine: As for `best_bid_offer`.

    Returns:
        One row per interval, indexed by its instant, with columns `bid_px_0`, `bid_sz_0`,
        `ask_px_0`, `ask_sz_0`, ... At the first interval within a gap the values are missing
        and `suspect` is True; the rest of the gap has no rows.

    Raises:
        ConfigError: `levels` is less than 1.
    """
    observable = partial(BookSamples, parse_duration_ns(str(every)), levels)
    return sample(source, symbol, observable, channel=channel, verify=verify, engine=engine).frame


def queue_position(
    source: Source,
    symbol: str,
    order_id: str,
    *,
    verify: bool = False,
    engine: Engine = "auto",
) -> pd.DataFrame:
    """Return an order's place in its level at every change while it rests, and how it ended.

    Args:
        source: A recording, its folder, files, or several of these.
        symbol: The symbol.
        order_id: The exchange's id of the order.
        verify: As for `best_bid_offer`.
        engine: As for `best_bid_offer`.

    Returns:
        One row per change, indexed by `ts_recv`, with columns price, qty (its own), qty_ahead,
        level_qty, position (1 is next to fill), orders (in the level), status, suspect. The
        row after the last place has none (missing values, position 0) and says in `status`
        what became of the order: filled, cancelled, moved (amended to a price that is not in
        view), out of view (cut at the depth; it may come back), or unknown: a gap began, which
        is also `suspect`. Empty for an order that was never recorded.
    """
    observable = partial(QueuePositions, order_id)
    found = sample(source, symbol, observable, channel="level3", verify=verify, engine=engine)
    return order_ends.with_status(found.frame, source, symbol, order_id)


def microprice(touch: pd.DataFrame) -> pd.Series[float]:
    """Return the weighted mid: nearer the ask when more is bid.

    Args:
        touch: A frame of `best_bid_offer`, `sampled_books`, `load_book_wide` or `load_ticker`.
    """
    bid, bid_qty, ask, ask_qty = _columns(touch)
    price = (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)
    return pd.Series(price, touch.index, name="microprice")


def imbalance(touch: pd.DataFrame, *, levels: int = 1) -> pd.Series[float]:
    """Return (bid - ask) / (bid + ask) of the quantities at the best levels: from -1 to 1.

    Args:
        touch: A frame of `best_bid_offer`, or one with columns `bid_sz_0`, `ask_sz_0`, ...
        levels: Levels a side. One that is missing counts as 0; without any on both sides the
            imbalance is missing.
    """
    if levels < 1:
        raise ConfigError(f"levels={levels}: it must be 1 or more")
    ranks = [f"sz_{rank}" for rank in range(levels)] if "bid_sz_0" in touch else ["qty"]
    bid, ask = (
        np.nansum(touch[[f"{side}_{rank}" for rank in ranks]].to_numpy("float64"), axis=1)
        for side in ("bid", "ask")
    )
    with np.errstate(invalid="ignore"):
        return pd.Series((bid - ask) / (bid + ask), touch.index, name="imbalance")


def ofi(touch: pd.DataFrame, every: str | None = None) -> pd.Series[float]:
    """Return the order-flow imbalance of `best_bid_offer`, in base currency.

    It starts anew after each gap, and where another symbol begins: a first row has no flow.

    Args:
        touch: A frame of `best_bid_offer`, or any that `microprice` takes.
        every: Sum over intervals of this length; those without a change are left out. By
            default there is one value per change.
    """
    bid, bid_qty, ask, ask_qty = _columns(touch)
    flow = np.zeros(len(touch))
    flow[1:] = (
        np.where(bid[1:] >= bid[:-1], bid_qty[1:], 0.0)
        - np.where(bid[1:] <= bid[:-1], bid_qty[:-1], 0.0)
        - np.where(ask[1:] <= ask[:-1], ask_qty[1:], 0.0)
        + np.where(ask[1:] >= ask[:-1], ask_qty[:-1], 0.0)
    )
    known: NDArray[np.bool_] = ~(np.isnan(bid) & np.isnan(ask))
    starts_anew: NDArray[np.bool_] = ~(known[1:] & known[:-1])
    if "symbol" in touch:
        symbols = touch["symbol"].astype("category").cat.codes.to_numpy()
        starts_anew |= symbols[1:] != symbols[:-1]
    flow[1:][starts_anew] = 0.0
    series = pd.Series(flow, touch.index, name="ofi")
    if every is None or series.empty:
        return series
    index = pd.DatetimeIndex(touch.index).floor(pd.Timedelta(parse_duration_ns(str(every)), "ns"))
    starts = np.flatnonzero(np.append(True, index[1:] != index[:-1]))
    return pd.Series(np.add.reduceat(flow, starts), index[starts], name="ofi")


def _columns(touch: pd.DataFrame) -> Iterable[Floats]:
    """Return best bid and ask with their quantities. Raises `ConfigError` without them."""
    names = next((names for names in (_TOUCH, _WIDE_TOUCH) if {*names} <= {*touch}), None)
    if names is None:
        raise ConfigError(
            f"a frame of quotes has {', '.join(_TOUCH)}; this has {', '.join(map(str, touch))}"
        )
    return (touch[name].to_numpy("float64") for name in names)
