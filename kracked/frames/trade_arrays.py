"""Trades as plain arrays in order of time, and where bars begin in them.

Every step here touches each trade once. Sorting costs more than all the rest together, so it
is done only when the trades are out of order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kracked.format.tables import Flag

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FEW = 8
"""Symbols up to which a search for each is quicker than sorting by symbol."""
_EXACT = 2**62
_NO_TIME = np.iinfo(np.int64).min


class TradeArrays(NamedTuple):
    """One symbol's trades, oldest first."""

    times: Ints
    """`ts_event`, ns since the Unix epoch."""
    price: Floats
    qty: Floats
    bought: NDArray[np.bool_]
    """Whether the taker bought."""
    suspect: NDArray[np.bool_] | None = None
    """Whether trades before each are missing; None if none are."""
    numbers: Ints | None = None
    """The exchange's number of each, -1 without one; None if they were not asked for."""

    def by_time(self, step: int) -> Ints:
        """Return the first trade of every interval of `step` ns that has one."""
        if not len(self.times):
            return np.empty(0, dtype=np.int64)
        first, last = int(self.times[0]) // step, int(self.times[-1]) // step
        if last - first > len(self.times):
            return run_starts(self.times // step)
        edges = np.arange(first, last + 2) * step
        places = np.searchsorted(self.times, edges)
        return places[:-1][np.diff(places) > 0].astype(np.int64)

    def by_count(self, ticks: int) -> Ints:
        """Return every `ticks`th trade."""
        return np.arange(0, len(self.times), ticks, dtype=np.int64)

    def by_sum(self, amounts: Floats, size: float, digits: int, *, carry: bool) -> Ints:
        """Return the first trade of each bar that closes once its amounts reach a size.

        Args:
            amounts: Each trade's amount.
            size: The sum that closes a bar.
            digits: Decimals of the integers that are added up, because sums of doubles would
                drift over a long recording; fewer where they would not fit into 64 bits.
            carry: Count what exceeds the size towards the next bar.
        """
        lots = 10**digits
        while lots > 1 and float(np.sum(amounts)) * lots > _EXACT:
            lots //= 10
        whole = np.rint(amounts * lots).astype(np.int64)
        total, full = np.cumsum(whole), max(1, round(size * lots))
        if carry:
            return run_starts((total - whole) // full)
        starts, at, reached = [], 0, 0
        while at < len(total):
            starts.append(at)
            at = int(np.searchsorted(total, reached + full, side="left")) + 1
            reached = int(total[at - 1]) if at <= len(total) else 0
        return np.array(starts, dtype=np.int64)


def trades_by_symbol(
    trades: pd.DataFrame, *, history: bool, numbered: bool = False
) -> Iterator[tuple[str, TradeArrays]]:
    """Yield each symbol and its trades, by name.

    Args:
        trades: Rows of `load_trades`.
        history: Include what snapshots tell of the time before a symbol's first live trade.
        numbered: With their numbers.
    """
    if not history and "flags" in trades:
        trades = _without_history(trades)
    times = _times(trades)
    keys = [name for name in ("ts_event", "trade_id") if name in trades]
    in_order = bool((times[1:] >= times[:-1]).all())
    if in_order and "trade_id" in trades:
        ids, tied = trades["trade_id"], np.flatnonzero(times[1:] == times[:-1])
        in_order = not (ids.iloc[tied + 1].array < ids.iloc[tied].array).any()
    if not in_order:
        trades = trades.sort_values(keys, kind="stable")
        times = _times(trades)
    price, qty = trades["price"].to_numpy("float64"), trades["qty"].to_numpy("float64")
    # A missing number makes the sum one, which costs far less to find than by each cell.
    if np.isnan(price.sum() + qty.sum()) or times.min(initial=0) == _NO_TIME:
        whole = trades.dropna(subset=["ts_event", "price", "qty"])
        yield from trades_by_symbol(whole, history=history, numbered=numbered)
        return
    numbers: Ints | None = None
    if numbered and "trade_id" in trades:
        numbers = trades["trade_id"].to_numpy("int64", na_value=-1)
    bought, suspect = (trades["side"] == "buy").to_numpy(), _suspect(trades)
    for symbol, mine in _rows_by_symbol(trades["symbol"]):
        holes = None if suspect is None else suspect[mine]
        ours = None if numbers is None else numbers[mine]
        yield symbol, TradeArrays(times[mine], price[mine], qty[mine], bought[mine], holes, ours)


def _suspect(trades: pd.DataFrame) -> NDArray[np.bool_] | None:
    """Return before which trades others are missing; None if that is nowhere."""
    if "flags" not in trades:
        return None
    flags = trades["flags"].to_numpy("int64", na_value=0)
    found: NDArray[np.bool_] = flags & Flag.SUSPECT > 0
    return found if found.any() else None


def run_starts(ids: Ints) -> Ints:
    """Return where each run of equal values begins."""
    if not len(ids):
        return np.empty(0, dtype=np.int64)
    return np.concatenate(([0], np.flatnonzero(ids[1:] != ids[:-1]) + 1)).astype(np.int64)


def _rows_by_symbol(symbols: pd.Series[Any]) -> Iterator[tuple[str, Ints | slice]]:
    """Yield each symbol and its rows, in their order."""
    labels = symbols.astype("category").cat
    names, codes = labels.categories, labels.codes.to_numpy()
    if len(codes) and (codes == codes[0]).all():
        yield str(names[codes[0]]), slice(None)
        return
    if len(names) <= _FEW:
        rows: Sequence[Ints] = [np.flatnonzero(codes == code) for code in range(len(names))]
    else:
        ordered = np.argsort(codes, kind="stable")
        rows = np.split(ordered, np.searchsorted(codes[ordered], np.arange(1, len(names))))
    for code in np.argsort(names):
        if len(codes[rows[code]]):
            yield str(names[code]), rows[code]


def _without_history(trades: pd.DataFrame) -> pd.DataFrame:
    """Return the trades without those that snapshots tell of before a symbol's first live one."""
    flags = trades["flags"]
    # Healed ones have filled holes of the history perhaps.
    from_snapshot = flags.fillna(0).to_numpy("int64") & (Flag.SNAPSHOT | Flag.HEALED) > 0
    if not from_snapshot.any():
        return trades
    live = trades[~from_snapshot].groupby("symbol", observed=True)["trade_id"].min()
    began = trades["symbol"].map(live.to_dict()).astype("float64")
    return trades[~from_snapshot | (trades["trade_id"] > began)]


def _times(trades: pd.DataFrame) -> Ints:
    # Through an index: the values of a zoned column would each become a Python object.
    return pd.DatetimeIndex(trades["ts_event"]).as_unit("ns").asi8
