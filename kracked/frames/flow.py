"""What an order book says about the next trade: features over a recording.

Order-flow imbalance is that of Cont, Kukanov and Stoikov, "The Price Impact of Order
Book Events" (2014): what arrives at the best bid or leaves the best ask counts up, the
opposite down. The micro-price is the mid weighted by the opposite sides' quantities.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.durations import parse_duration_ns
from kracked.frames.books.numba_engine import Engine
from kracked.frames.books.observables import BestBidOffer, BookSamples, QueuePositions
from kracked.frames.books.sampling import sample
from kracked.frames.read.precision_periods import Channel
from kracked.frames.read.table_files import Source

Floats = NDArray[np.float64]

_TOUCH = ["bid", "bid_qty", "ask", "ask_qty"]


def best_bid_offer(
    source: Source,
    symbol: str,
    *,
    channel: Channel | None = None,
    verify: bool = False,
    engine: Engine = "auto",
) -> pd.DataFrame:
    """Best bid and ask with their quantities, one row per change, indexed by `ts_recv`.

    Columns: bid, bid_qty, ask, ask_qty, in quote and base currency. Of `channel`, `level3`
    or `book`, else of whichever was recorded. Only of verified books; a side without levels
    is missing.

    Level 3 is replayed quickly: on the recorder's word, who verified each message as it
    came, with a checksum now and then (`kracked.frames.books.order_replay` says when, and what
    that cannot see). With `verify` every checksum is computed again; the result is the same
    but for rows damaged since. `engine` is `plain` Python, `numba` (an extra: `fast`), or
    `auto`: numba where it is installed and the table is long.

    Raises `RecordError` for a symbol that was not recorded, `ConfigError` for an engine
    that is not there.
    """
    return sample(source, symbol, BestBidOffer, channel=channel, verify=verify, engine=engine)


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
    """The best `levels` a side as they stood at each whole interval, indexed by that instant.

    Columns `bid_px_0`, `bid_sz_0`, `ask_px_0`, `ask_sz_0`, ... While the book is not
    verified nothing is sampled. The rest as for `best_bid_offer`.
    """
    observable = partial(BookSamples, parse_duration_ns(str(every)), levels)
    return sample(source, symbol, observable, channel=channel, verify=verify, engine=engine)


def queue_position(
    source: Source,
    symbol: str,
    order_id: str,
    *,
    verify: bool = False,
    engine: Engine = "auto",
) -> pd.DataFrame:
    """An order's place in its level while it rests, one row per change, indexed by `ts_recv`.

    Columns: price, qty (its own), qty_ahead, level_qty, position (1 is next to fill),
    orders (in the level). Empty for an order that was never seen. The rest as for
    `best_bid_offer`.
    """
    observable = partial(QueuePositions, order_id)
    return sample(source, symbol, observable, channel="level3", verify=verify, engine=engine)


def microprice(touch: pd.DataFrame) -> pd.Series[float]:
    """Where the next trade is likelier: nearer the ask when more is bid. Of `best_bid_offer`."""
    bid, bid_qty, ask, ask_qty = _columns(touch)
    price = (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)
    return pd.Series(price, touch.index, name="microprice")


def imbalance(touch: pd.DataFrame, *, levels: int = 1) -> pd.Series[float]:
    """(bid - ask) / (bid + ask) of the quantities at the best `levels`: from -1 to 1.

    Of `best_bid_offer`, or of frames with `bid_sz_0`, `ask_sz_0`, ... columns. A side
    without levels has nothing; without either there is no imbalance.
    """
    ranks = [f"sz_{rank}" for rank in range(levels)] if "bid_sz_0" in touch else ["qty"]
    bid, ask = (
        np.nansum(touch[[f"{side}_{rank}" for rank in ranks]].to_numpy("float64"), axis=1)
        for side in ("bid", "ask")
    )
    with np.errstate(invalid="ignore"):
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
    index = pd.DatetimeIndex(touch.index).floor(pd.Timedelta(parse_duration_ns(str(every)), "ns"))
    starts = np.flatnonzero(np.append(True, index[1:] != index[:-1]))
    return pd.Series(np.add.reduceat(flow, starts), index[starts], name="ofi")


def _columns(touch: pd.DataFrame) -> Iterable[Floats]:
    return (touch[name].to_numpy("float64") for name in _TOUCH)
