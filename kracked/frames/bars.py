"""Bars of trades: by time, by number of trades, by volume, by value.

Bars are segments of sorted arrays, reduced in one pass each: equal to pandas' groupby, and
several times faster. Time is `ts_event`, the exchange's. An interval without trades has no bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from kracked.durations import parse_duration_ns
from kracked.errors import ConfigError
from kracked.frames.bar_coverage import LeftOut, uncovered
from kracked.frames.loaders import load_trades
from kracked.frames.read.table_files import HasPath, Source
from kracked.frames.trade_arrays import Ints, TradeArrays, trades_by_symbol
from kracked.frames.trade_coverage import RECORDINGS, trade_coverage

COLUMNS = [
    "symbol", "open", "high", "low", "close", "volume", "vwap", "trades", "value", "buy_volume",
    "end", "suspect",
]  # fmt: skip
_ENDS = ["first", "last", "first_number", "last_number", "before", "after"]
"""Times of a bar's first and last trade, ns, and their numbers: they put the pieces of one bar in
order, and show what is missing between two files. Then whether the bar reaches before or beyond
what its file covers."""
NEEDED = ["ts_event", "symbol", "price", "qty", "side", "trade_id", "flags"]
"""Columns of trades from which bars are made."""
_ESSENTIAL = NEEDED[:5]
_DIGITS = 8
"""No quantity has more decimals; a value needs these where it is quoted in bitcoin."""


def bars(
    trades: pd.DataFrame | Source | Iterable[Source],
    every: str | None = None,
    *,
    ticks: int | None = None,
    volume: float | None = None,
    dollars: float | None = None,
    carry: bool = True,
    history: bool = False,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Return bars of trades, one row each, symbol by symbol.

    Exactly one of `every`, `ticks`, `volume` and `dollars` says when a bar ends. A trade
    without a time, a price or a quantity, because its cell could not be read, is in no bar.

    Args:
        trades: A frame of `load_trades`, of pandas, polars or Arrow, or any number of recordings
            or files. These are read one by one, and bars of time that two of them share are
            joined. A trade must not be in two of them.
        every: Length of a bar: `"1min"`, `"5s"`, `"1h30m"`.
        ticks: Trades of a bar.
        volume: Quantity of a bar in the base currency. The trade that reaches it ends the bar.
        dollars: Value of a bar in the quote currency. The trade that reaches it ends the bar.
        carry: Count what exceeds `volume` or `dollars` towards the next bar; else that begins
            at zero.
        history: Include the last trades before a recording began, with which it opens. The
            bars of the first of them lack the trades before. Trades that a snapshot after a
            lost connection tells of are included either way.
        executor: Reads the files in other processes (a process pool, a Dask cluster's).

    Returns:
        A frame indexed by a bar's beginning, with columns symbol, open, high, low, close,
        volume, vwap, trades, value (sum of price times quantity), buy_volume (quantity that
        takers bought), end (of the interval, or the last trade), suspect (its sums may be too
        small: trades are missing next to one of its own, or a part of it was not recorded and
        no numbers prove that nothing was traded then). So the first and the last bar of time
        of a recording are suspect unless it covers them whole. Frames know it that still have
        the `attrs` of `load_trades`; other files tell of holes in the numbers alone. Sums are
        those of doubles, good to twelve digits and more.

    Raises:
        ConfigError: A frame lacks a column; there is no rule, or two, or one without a size;
            or there are several files and no `every`.
        UnreadableInfo: The `session.json` of a recording is damaged.
    """
    step = _checked_step(every, ticks=ticks, volume=volume, dollars=dollars)
    rule = _Rule(step, ticks, volume, dollars, carry, history)
    frame = _frame_like(trades)
    if frame is not None:
        trades = frame
    if isinstance(trades, pd.DataFrame):
        return _with_edges(_bars_of_frame(rule, trades))[COLUMNS]
    if isinstance(trades, str | Path | HasPath):
        return _with_edges(_bars_of_source(rule, trades))[COLUMNS]
    if every is None:
        raise ConfigError("several files can be joined into bars of time only: give every=")
    run = map if executor is None else executor.map
    return _join(list(run(partial(_bars_of_source, rule._replace(joined=True)), trades)))


class _Rule(NamedTuple):
    """The end of a bar by one of the first four, and the options of `bars`."""

    step: int
    """ns; 0 for none."""
    ticks: int | None
    volume: float | None
    dollars: float | None
    carry: bool
    history: bool
    joined: bool = False
    """Whether bars of several files will be joined."""


def _checked_step(every: str | None, **sizes: float | None) -> int:
    """Return the length of bars of time, ns; 0 for others. Raises for no rule, or a wrong one."""
    given = {name: size for name, size in sizes.items() if size is not None}
    if len(given) + (every is not None) != 1:
        raise ConfigError("give one of every=, ticks=, volume=, dollars=")
    for name, size in given.items():
        if not 0 < size < math.inf:
            raise ConfigError(f"{name}={size} makes no bars: it must be more than 0")
    return 0 if every is None else parse_duration_ns(str(every))


def _frame_like(given: Any) -> pd.DataFrame | None:
    """Return a polars frame or an Arrow table as a pandas frame; None for anything else."""
    library = type(given).__module__.partition(".")[0]
    if library == "polars":
        whole = given.collect() if hasattr(given, "collect") else given
        frame = pd.DataFrame({name: whole.get_column(name).to_numpy() for name in whole.columns})
    elif library == "pyarrow" and hasattr(given, "to_pandas"):
        frame = given.to_pandas()
    else:
        return None
    if "ts_event" in frame:
        # polars has no zone in its arrays: all our times are UTC.
        frame["ts_event"] = pd.to_datetime(frame["ts_event"], utc=True)
    for name in ("trade_id", "flags"):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    return frame


def _bars_of_source(rule: _Rule, source: Source) -> pd.DataFrame:
    return _bars_of_frame(rule, load_trades(source, columns=NEEDED))


def _bars_of_frame(rule: _Rule, trades: pd.DataFrame) -> pd.DataFrame:
    """Return bars with their columns and the times of their first and last trades."""
    if missing := [name for name in _ESSENTIAL if name not in trades]:
        raise ConfigError(f"trades without {', '.join(missing)} make no bars: use load_trades")
    symbols: list[str] = []
    parts: list[dict[str, Any]] = []
    coverage = trade_coverage(map(Path, trades.attrs.get(RECORDINGS, ())))
    left_out = LeftOut(trades) if coverage and not rule.history else None
    numbered = rule.joined or bool(coverage)
    for symbol, arrays in trades_by_symbol(trades, history=rule.history, numbered=numbered):
        if rule.step:
            starts = arrays.by_time(rule.step)
        elif rule.ticks is not None:
            starts = arrays.by_count(rule.ticks)
        elif rule.volume is not None:
            starts = arrays.by_sum(arrays.qty, rule.volume, _DIGITS, carry=rule.carry)
        else:
            assert rule.dollars is not None
            values = arrays.price * arrays.qty
            starts = arrays.by_sum(values, rule.dollars, _DIGITS, carry=rule.carry)
        symbols.append(symbol)
        part = _aggregate(arrays, starts, rule.step)
        before = None
        if left_out is not None and arrays.numbers is not None and len(starts):
            before = left_out.time_of(symbol, int(arrays.numbers[0]) - 1)
        lacking = uncovered(
            arrays,
            part["start"],
            part["end"],
            coverage.get(symbol),
            left_out=before,
            by_time=rule.step > 0,
        )
        part["suspect"] |= lacking.between
        parts.append(part | {"before": lacking.before, "after": lacking.after})
    if not parts:
        return _no_bars()
    whole: dict[str, Any] = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    codes = np.repeat(np.arange(len(parts)), [len(part["start"]) for part in parts])
    whole["symbol"] = pd.Categorical.from_codes(codes, pd.Index(symbols))
    whole["end"] = pd.DatetimeIndex(whole["end"].view("datetime64[ns]"), tz="UTC")
    begins = pd.DatetimeIndex(whole["start"].view("datetime64[ns]"), tz="UTC", name="start")
    return pd.DataFrame({name: whole[name] for name in (*COLUMNS, *_ENDS)}, index=begins)


def _aggregate(arrays: TradeArrays, starts: Ints, step: int) -> dict[str, Any]:
    """Return the columns of the bars that begin at the trades `starts`."""
    times, price, qty = arrays.times, arrays.price, arrays.qty
    ends = np.append(starts[1:], len(times))
    value, volume = np.add.reduceat(price * qty, starts), np.add.reduceat(qty, starts)
    begins = times[starts] // step * step if step else times[starts]
    unnumbered = np.full(len(starts), -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        vwap = value / volume
    return {
        "start": begins,
        "open": price[starts],
        "high": np.maximum.reduceat(price, starts),
        "low": np.minimum.reduceat(price, starts),
        "close": price[ends - 1],
        "volume": volume,
        "vwap": vwap,
        "trades": ends - starts,
        "value": value,
        "buy_volume": np.add.reduceat(qty * arrays.bought, starts),
        "end": begins + step if step else times[ends - 1],
        "suspect": _suspect(arrays, starts),
        "first": times[starts],
        "last": times[ends - 1],
        "first_number": unnumbered if arrays.numbers is None else arrays.numbers[starts],
        "last_number": unnumbered if arrays.numbers is None else arrays.numbers[ends - 1],
    }


def _suspect(arrays: TradeArrays, starts: Ints) -> Any:
    """Return which bars lack trades: of a hole both the bar before and the one after may."""
    found = np.zeros(len(starts), dtype=bool)
    if arrays.suspect is not None and len(starts):
        after = np.flatnonzero(arrays.suspect)
        touching = np.concatenate((after, np.maximum(after - 1, 0)))
        found[np.searchsorted(starts, touching, side="right") - 1] = True
    return found


def _join(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the bars of several files; pieces of the same bar are merged."""
    full = [part.reset_index().assign(file=at) for at, part in enumerate(parts) if len(part)]
    if not full:
        return _no_bars()[COLUMNS]
    symbols = union_categoricals([part["symbol"] for part in full], sort_categories=True)
    whole = pd.concat([part.drop(columns="symbol") for part in full], ignore_index=True)
    whole["symbol"] = symbols
    whole = _suspect_between_files(whole)
    shared = whole.duplicated(["symbol", "start"], keep=False)
    if shared.any():
        whole = pd.concat([whole[~shared], _merge_pieces(whole[shared])], ignore_index=True)
    whole = whole.sort_values(["symbol", "start"], kind="stable").set_index("start")
    return whole[COLUMNS]


def _with_edges(bars_of: pd.DataFrame) -> pd.DataFrame:
    """Return bars with those suspect that reach beyond what is covered."""
    suspect = bars_of["suspect"] | bars_of["before"] | bars_of["after"]
    return bars_of.assign(suspect=suspect)


def _suspect_between_files(whole: pd.DataFrame) -> pd.DataFrame:
    """Return pieces of bars with those suspect between which, in two files, trades are missing.

    Where the numbers go on from one file to the other, nothing is missing of the time between.
    Trades without numbers show nothing.
    """
    whole = whole.sort_values(["symbol", "first"], kind="stable", ignore_index=True)
    before, after = whole.iloc[:-1], whole.iloc[1:]
    last, first = before["last_number"].to_numpy(), after["first_number"].to_numpy()
    same = before["symbol"].cat.codes.to_numpy() == after["symbol"].cat.codes.to_numpy()
    other_file = before["file"].to_numpy() != after["file"].to_numpy()
    hole = same & other_file & (last >= 0) & (first > last + 1)
    beside = np.concatenate((hole, [False])) | np.concatenate(([False], hole))
    goes_on = same & other_file & (last >= 0) & (first == last + 1)
    proven = whole.assign(
        suspect=whole["suspect"] | beside,
        before=whole["before"] & ~np.concatenate(([False], goes_on)),
        after=whole["after"] & ~np.concatenate((goes_on, [False])),
    )
    return _with_edges(proven)


def _merge_pieces(shared: pd.DataFrame) -> pd.DataFrame:
    """Return whole bars, made of pieces from files in any order."""
    joined: pd.DataFrame = _by_bar(shared.sort_values("first", kind="stable")).agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        volume=("volume", "sum"),
        trades=("trades", "sum"),
        value=("value", "sum"),
        buy_volume=("buy_volume", "sum"),
        end=("end", "last"),
        suspect=("suspect", "any"),
    )
    joined["close"] = _by_bar(shared.sort_values("last", kind="stable"))["close"].last()
    return joined.assign(vwap=joined["value"] / joined["volume"]).reset_index()


def _by_bar(pieces: pd.DataFrame) -> Any:
    return pieces.groupby(["symbol", "start"], observed=True)


def _no_bars() -> pd.DataFrame:
    columns = {name: np.empty(0) for name in COLUMNS}
    times = pd.DatetimeIndex([], tz="UTC", name="start").as_unit("ns")
    frame = pd.DataFrame(columns, index=times)
    kinds = {"symbol": "category", "trades": "int64", "end": times.dtype, "suspect": "bool"}
    return frame.astype(kinds).assign(before=False, after=False)
