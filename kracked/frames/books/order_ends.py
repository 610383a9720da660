"""The end of an order: filled, cancelled, out of view, or unknown.

A removal counts as a fill when a trade at its price, against its side, came at its time: an
inference, which takes a cancel beside a trade of that size for a fill. The quantity of the removal
says it exactly (0 is a fill); `load_lifetimes` goes by that. An order also leaves without a word,
when its level is cut at the depth of the subscription.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from kracked.format import tables
from kracked.format.tables import Flag
from kracked.frames.loaders import load
from kracked.frames.read.table_files import Source

RESTING = "resting"
FILLED = "filled"
CANCELLED = "cancelled"
OUT_OF_VIEW = "out of view"
UNKNOWN = "unknown"
_NEAR = pd.Timedelta("1ms")
"""The engine's times of a trade and of the removal it causes may differ by their last digits."""
_ENOUGH = 1 - 1e-9
_NS = pd.Timedelta(1, "ns")


def with_status(found: pd.DataFrame, source: Source, symbol: str, order_id: str) -> pd.DataFrame:
    """Return the places of an order with a column `status`; it has no place once it is gone.

    Args:
        found: Rows of the places; a negative position where it has none.
        source: The recording.
        symbol: Its symbol.
        order_id: Its id.
    """
    gone = (found["position"] < 0).to_numpy()
    again = np.concatenate(([False], gone[1:] & gone[:-1])) if len(gone) else gone
    # Where it was gone already, a gap ends nothing.
    found, gone = found[~again], gone[~again]
    status = np.full(len(found), RESTING, dtype=object)
    for at in np.flatnonzero(gone).tolist():
        if found["suspect"].iloc[at]:
            status[at] = UNKNOWN
        else:
            status[at] = _how_it_ended(source, symbol, order_id, found.index[at])
    kinds = [RESTING, FILLED, CANCELLED, OUT_OF_VIEW, UNKNOWN]
    whole = found.assign(
        position=found["position"].clip(lower=0),
        orders=found["orders"].clip(lower=0),
        status=pd.Categorical(status, categories=kinds),
    )
    return whole[
        [*(name for name in whole if name not in ("suspect", "status")), "status", "suspect"]
    ]


def _how_it_ended(source: Source, symbol: str, order_id: str, at: Any) -> str:
    """Return how an order ended that was removed by a message of this time."""
    columns = ["order_id", "action", "price", "size", "side", "ts_msg", "ts_recv", "flags"]
    rows = load(tables.ORDERS, source, symbols=symbol, start=at, end=at + _NS, columns=columns)
    mine = rows[(rows["order_id"] == order_id) & (rows["action"] == "C")]
    if mine.empty:
        return OUT_OF_VIEW
    last = mine.iloc[-1]
    if not pd.isna(last["flags"]) and int(last["flags"]) & Flag.CUT:
        return OUT_OF_VIEW
    moment = last["ts_recv"] if pd.isna(last["ts_msg"]) else last["ts_msg"]
    return _by_trades(source, symbol, last, moment)


def _by_trades(source: Source, symbol: str, removed: Any, moment: Any) -> str:
    columns = ["ts_event", "price", "qty", "side"]
    trades = load(tables.TRADES, source, symbols=symbol, columns=columns)
    if trades.empty or not trades["ts_event"].min() <= moment <= trades["ts_event"].max():
        # Without trades before and after nobody can say that there was none.
        near = trades["ts_event"].sub(moment).abs() <= _NEAR
        if not near.any():
            return UNKNOWN
    near = trades["ts_event"].sub(moment).abs() <= _NEAR
    taker = "sell" if removed["side"] == "b" else "buy"
    matched = trades[near & (trades["price"] == removed["price"]) & (trades["side"] == taker)]
    return (
        FILLED if matched["qty"].sum() >= removed["size"] * _ENOUGH and len(matched) else CANCELLED
    )
