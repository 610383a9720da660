"""Trades put right: repeats dropped, order of time, holes in their numbers flagged.

The exchange numbers each symbol's trades, so a number that comes again with the same trade is
a repeat, and a number left out is a trade that is missing. Rows without a number, or with a
number that stands for several trades, have no such proof: all of them stay, and that is told.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.format.tables import Flag

log = logging.getLogger(__name__)

_KEY = ["symbol", "trade_id"]
_TRADE = [*_KEY, "ts_event", "price", "qty", "side"]
"""Columns that two rows of one trade have alike."""
NEEDED = (*_TRADE, "flags")
"""Columns that are needed to put trades right."""


def put_right(trades: pd.DataFrame, source: str, *, alone: bool) -> pd.DataFrame:
    """Return every trade once, in order of time; the one after a hole bears `Flag.SUSPECT`.

    Args:
        trades: Rows with at least the columns `NEEDED`.
        source: Where they are from, for what is told.
        alone: Whether it is one recording or file: there a repeat outside of a snapshot is odd.
    """
    unnumbered = int(trades["trade_id"].isna().sum())
    if unnumbered:
        log.warning(
            "%s: %s rows have no trade_id: all are kept, for what repeats cannot be known",
            source,
            unnumbered,
            extra={"file": source, "rows": unnumbered},
        )
    steps = _id_steps(trades)
    if not (steps > 0).all():
        trades = _without_repeats(trades, source, alone=alone)
        steps = _id_steps(trades)
    if (steps > 1).any():
        trades = _flag_holes(trades)
    times = pd.DatetimeIndex(trades["ts_event"]).asi8
    if not (times[1:] > times[:-1]).all():
        trades = trades.sort_values(["ts_event", "trade_id"], kind="stable")
    return trades.reset_index(drop=True)


def _without_repeats(trades: pd.DataFrame, source: str, *, alone: bool) -> pd.DataFrame:
    numbered = trades[trades["trade_id"].notna()]
    healed = _bits(numbered, Flag.HEALED)
    if healed.any():  # what the stream has too is its own
        again = numbered.sort_values("flags", key=lambda flags: flags.fillna(0) & Flag.HEALED)
        doubled = again.index[again.duplicated(_KEY) & _bits(again, Flag.HEALED)]
        trades, numbered = trades.drop(doubled), numbered.drop(doubled)
    several = numbered[numbered.duplicated(_KEY, keep=False)]
    distinct = several.drop_duplicates(_TRADE)
    shared = distinct[distinct.duplicated(_KEY, keep=False)]
    if len(shared):
        # The number is no key: what looks like a repeat may be another trade.
        numbers = pd.MultiIndex.from_frame(shared[_KEY].astype({"symbol": "str"}))
        mine = pd.MultiIndex.from_frame(several[_KEY].astype({"symbol": "str"}))
        kept = several[mine.isin(numbers)]
        log.warning(
            "%s: %s rows share their trade_id with other trades: all are kept",
            source,
            len(kept),
            extra={"file": source, "rows": len(kept)},
        )
        several = several.drop(kept.index)
    repeats = several[several.duplicated(_KEY)]
    odd = repeats[~_bits(repeats, Flag.SNAPSHOT)]
    if len(odd) and alone:
        log.warning(
            "%s: %s rows left out that repeat a trade",
            source,
            len(odd),
            extra={"file": source, "rows_left_out": len(odd)},
        )
    return trades.drop(repeats.index)


def _bits(trades: pd.DataFrame, flag: Flag) -> NDArray[np.bool_]:
    """Return which rows bear a flag."""
    found: NDArray[np.bool_] = trades["flags"].fillna(0).to_numpy("int64") & flag > 0
    return found


def _id_steps(trades: pd.DataFrame) -> NDArray[np.int64]:
    """Return each row's trade number less the one before of its symbol; 1 for the first.

    Rows without a number have 1.
    """
    codes, numbers = trades["symbol"].cat.codes.to_numpy(), trades["trade_id"]
    known = numbers.notna().to_numpy()
    steps = np.ones(len(trades), dtype=np.int64)
    where = np.flatnonzero(known)
    if len(where) > 1:
        order = where[np.argsort(codes[where], kind="stable")]
        sorted_codes = codes[order]
        ids = numbers.to_numpy("int64", na_value=0)[order]
        same = sorted_codes[1:] == sorted_codes[:-1]
        steps[order[1:][same]] = np.diff(ids)[same]
    return steps


def _flag_holes(trades: pd.DataFrame) -> pd.DataFrame:
    """Flag the trades before which others are missing, by their numbers in order of time."""
    in_time = trades.sort_values(["ts_event", "trade_id"], kind="stable")
    holes = in_time.index[_id_steps(in_time) > 1]
    # Times of REST and of the stream may differ by a microsecond, so the trade before may follow.
    codes, numbers = trades["symbol"].cat.codes, trades["trade_id"]
    before = pd.MultiIndex.from_arrays([codes.loc[holes], numbers.loc[holes] - 1])
    holes = holes[~before.isin(pd.MultiIndex.from_arrays([codes, numbers]))]
    if not len(holes):
        return trades
    flags: pd.Series[Any] = trades["flags"].copy()
    flags.loc[holes] = flags.loc[holes].fillna(0) | int(Flag.SUSPECT)
    return trades.assign(flags=flags)
