"""The end of an order: filled, cancelled, moved, out of view, or unknown.

Level 3 says it: a removal without a quantity is a fill, one with a quantity carries what was left
when it was cancelled, and one with the order's own old time is an amend that took it to another
price. `kracked.flow` goes by the same rule. An order also leaves without a word, when its level is
cut at the depth of the subscription.

Source: docs.kraken.com/api/docs/websocket-v2/level3
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
MOVED = "moved"
OUT_OF_VIEW = "out of view"
UNKNOWN = "unknown"
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
            status[at] = _how_it_ended(source, symbol, order_id, found.index[: at + 1])
    kinds = [RESTING, FILLED, CANCELLED, MOVED, OUT_OF_VIEW, UNKNOWN]
    whole = found.assign(
        position=found["position"].clip(lower=0),
        orders=found["orders"].clip(lower=0),
        status=pd.Categorical(status, categories=kinds),
    )
    return whole[
        [*(name for name in whole if name not in ("suspect", "status")), "status", "suspect"]
    ]


def _how_it_ended(source: Source, symbol: str, order_id: str, places: Any) -> str:
    """Return how an order ended that was removed by a message of the last of these times."""
    columns = ["order_id", "action", "size", "ts_event", "ts_recv", "flags"]
    first, at = places[0], places[-1]
    rows = load(tables.ORDERS, source, symbols=symbol, start=first, end=at + _NS, columns=columns)
    mine = rows[rows["order_id"] == order_id]
    removals = mine[(mine["action"] == "C") & (mine["ts_recv"] == at)]
    if removals.empty:
        return OUT_OF_VIEW
    last = removals.iloc[-1]
    if not pd.isna(last["flags"]) and int(last["flags"]) & Flag.CUT:
        return OUT_OF_VIEW
    if pd.isna(last["size"]):
        return UNKNOWN
    if last["size"] == 0:
        return FILLED
    entered = mine.loc[mine["action"].isin(["A", "M"]), "ts_event"]
    return MOVED if len(entered) and entered.iloc[-1] == last["ts_event"] else CANCELLED
