"""Recorded tables as pandas frames, with the types of `kracked.tables`.

Times are UTC at nanosecond resolution, labels categories, prices and quantities floats,
or exact `Decimal`s on request. Frames have a plain running index, the columns of the
table in its order, and whatever an older file lacks as missing values. Files of the
original project load too, under the new names, with both of its header generations.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pandas as pd

from kracked import tables
from kracked.frames.files import Source, csv_files, parquet_files, paths
from kracked.tables import Column, Kind, Table

Instant = int | str | datetime | pd.Timestamp
"""ns since the Unix epoch, text, or a datetime; without an offset it is UTC."""

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
if HAS_ARROW:
    from kracked.frames.arrow import read_fields, read_parquet, read_typed

_OLD_ACTIONS = {"add": "A", "delete": "C", "modify": "M"}
_WIDE = re.compile(r"L2_(.+)_orderbook")


def load_trades(source: Source, **options: Any) -> pd.DataFrame:
    """Every trade once, in order of time: what a snapshot repeats is dropped.

    Rows with bit 32 of `flags` were in a snapshot, so they may be older than the
    recording. Options as for `load`.
    """
    frame = load(tables.TRADES, source, **options)
    if {"symbol", "trade_id"} <= set(frame):
        frame = frame.drop_duplicates(["symbol", "trade_id"], ignore_index=True)
    keys = [key for key in ("ts_event", "trade_id") if key in frame]
    return frame.sort_values(keys, kind="stable", ignore_index=True) if keys else frame


def load_ticker(source: Source, **options: Any) -> pd.DataFrame:
    """Best bid and ask, last trade and 24-hour figures at every change. Options as for `load`."""
    frame = load(tables.TICKER, source, **options)
    if {"timestamp", "ts_recv"} <= set(frame):
        frame["ts_recv"] = frame["ts_recv"].fillna(frame["timestamp"])
    return frame


def load_ohlc(source: Source, *, every_change: bool = False, **options: Any) -> pd.DataFrame:
    """Candles as they stood last, one row each; with `every_change` every row recorded.

    A candle is known by `symbol`, `tstart` (its begin) and `timestamp` (its end).
    Options as for `load`.
    """
    frame = load(tables.CANDLES, source, **options)
    keys = [key for key in ("symbol", "tstart", "timestamp") if key in frame]
    if every_change or not keys:
        return frame
    latest = frame.drop_duplicates(keys, keep="last")
    return latest.sort_values(keys[::-1], kind="stable", ignore_index=True)


def load_book(source: Source, **options: Any) -> pd.DataFrame:
    """Every change of level 2: new total per price, `n` rows clearing. Options as for `load`."""
    return load(tables.BOOK, source, **options)


def load_orders(source: Source, **options: Any) -> pd.DataFrame:
    """Every order event: A add, C cancel or fill, M modify, R clear. Options as for `load`."""
    return load(tables.ORDERS, source, **options)


def load_executions(source: Source, **options: Any) -> pd.DataFrame:
    """Reports on own orders as they came; deltas keyed by `order_id`. Options as for `load`."""
    return load(tables.EXECUTIONS, source, **options)


def load_connections(source: Source, **options: Any) -> pd.DataFrame:
    """What befell the connections and the recorder: gaps, reconnects, a full disk."""
    return load(tables.CONNECTIONS, source, **options)


def load_book_wide(
    source: Source, *, symbols: Iterable[str] | str | None = None, **options: Any
) -> pd.DataFrame:
    """The best ten levels a side after each change, with `symbol` as first column."""
    frames = []
    for name, files in {**_wide_parts(source), **_wide_files(source)}.items():
        if symbols is None or name in _names(symbols):
            frame = load(tables.wide(name), files, **options)
            frame.insert(0, "symbol", pd.Series(name, frame.index, dtype="category"))
            frames.append(frame)
    return _concat(frames, tables.wide(""))


def load(
    table: Table,
    source: Source,
    *,
    symbols: Iterable[str] | str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    columns: Sequence[str] | None = None,
    exact: bool = False,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Rows of any table of a recording, of its folder, or of files.

    Of `symbols` alone, from `start` until before `end` by the table's clock, only
    `columns`; with `exact` prices and quantities are `Decimal`s of the exchange's own
    digits. `tz` is the zone of times that name none, as the original project wrote them.
    """
    low, high = _ns(start), _ns(end)
    wanted = [column for column in table.columns if columns is None or column.name in columns]
    needed = {column.name for column in wanted} | {table.clock, "symbol"}
    pick = _Pick(table, needed, _names(symbols), low, high, exact=exact, tz=tz)
    files = csv_files(source, table, start=low, end=high)
    read: Callable[[Path], pd.DataFrame] = pick.csv
    if not files and HAS_ARROW:
        files, read = parquet_files(source, table), pick.parquet
    frame = _concat([read(path) for path in files], table)
    return frame[[column.name for column in wanted]]


class _Pick:
    """What is wanted of each file."""

    def __init__(
        self,
        table: Table,
        needed: set[str],
        symbols: set[str],
        start: int | None,
        end: int | None,
        *,
        exact: bool,
        tz: str,
    ) -> None:
        self._table, self._needed = table, needed
        self._symbols, self._start, self._end = symbols, start, end
        self._exact, self._tz = exact, tz

    def csv(self, path: Path) -> pd.DataFrame:
        old_names = dict(self._table.renamed)
        present = pd.read_csv(path, nrows=0).columns
        known = {column.name: column for column in self._table.columns}
        used = {
            name: known[old_names.get(name, name)]
            for name in present
            if old_names.get(name, name) in self._needed & known.keys()
        }
        kinds = {name: self._text_or(column.kind) for name, column in used.items()}
        frame = read_typed(path, kinds) if HAS_ARROW else None
        if frame is None:
            frame = _read_plain(path, kinds)
        frame = frame.rename(columns=old_names)
        for name in frame:
            frame[name] = self._typed(frame[name], known[str(name)])
        return self._filtered(frame)

    def parquet(self, path: Path) -> pd.DataFrame:
        filters: list[tuple[str, str, object]] = []
        if self._symbols:
            filters.append(("symbol", "in", self._symbols))
        for bound, sign in ((self._start, ">="), (self._end, "<")):
            if bound is not None:
                filters.append((self._table.clock, sign, pd.Timestamp(bound, tz="UTC")))
        present = read_fields(path)
        wanted = self._needed & present.keys()
        kinds = {col.name: col.kind for col in self._table.columns if col.name in wanted}
        frame = read_parquet(path, kinds, filters)
        for column in self._table.columns:
            if column.name not in frame:
                continue
            values = frame[column.name]
            if self._exact and column.kind is Kind.DECIMAL and values.dtype == "float64":
                # The digits it was written with: a double holds these, and no others, exactly.
                values = values.map(f"{{:.{present[column.name]}f}}".format, na_action="ignore")
            frame[column.name] = self._typed(values, column)
        return frame

    def _text_or(self, kind: Kind) -> Kind:
        """What the reader makes of a column: exact numbers are text to it."""
        return Kind.TEXT if self._exact and kind is Kind.DECIMAL else kind

    def _typed(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        match column.kind:
            case Kind.TIME:
                return self._as_times(values)
            case Kind.DECIMAL if self._exact:
                return values.map(_decimal, na_action="ignore").astype(object)
            case Kind.DECIMAL:
                return values.astype("float64")
            case Kind.COUNT:
                numbers = pd.to_numeric(values)
                return numbers.astype("Int64" if numbers.isna().any() else "int64")
            case Kind.LABEL:
                labels = values.astype("category")
                if column.name == "action":
                    labels = labels.cat.rename_categories(_OLD_ACTIONS)
                return labels
            case Kind.TEXT:
                return values.astype("str")

    def _as_times(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """UTC at ns; rows of one file may have a fraction or none."""
        if not isinstance(values.dtype, pd.DatetimeTZDtype):
            sample = values.dropna()
            naive = not sample.empty and not str(sample.iloc[0]).endswith("Z")
            values = pd.to_datetime(values, format="ISO8601", utc=not naive)
            if naive:
                values = values.dt.tz_localize(self._tz).dt.tz_convert("UTC")
        return cast("pd.Series[Any]", values.dt.as_unit("ns"))

    def _filtered(self, frame: pd.DataFrame) -> pd.DataFrame:
        keep = pd.Series(data=True, index=frame.index)
        if self._symbols and "symbol" in frame:
            keep &= frame["symbol"].isin(self._symbols)
        clock = frame.get(self._table.clock, frame.get("timestamp"))
        if clock is not None and self._start is not None:
            keep &= clock >= pd.Timestamp(self._start, tz="UTC")
        if clock is not None and self._end is not None:
            keep &= clock < pd.Timestamp(self._end, tz="UTC")
        return frame if keep.all() else frame[keep]


def _read_plain(path: Path, kinds: dict[str, Kind]) -> pd.DataFrame:
    """The columns by pandas alone; times and counts are left to be parsed."""
    types = {Kind.LABEL: "category", Kind.DECIMAL: "float64", Kind.TEXT: "str", Kind.TIME: "str"}
    return pd.read_csv(
        path,
        usecols=list(kinds),
        dtype={name: types[kind] for name, kind in kinds.items() if kind in types},
        keep_default_na=False,
        na_values=[""],
    )


def _concat(frames: Sequence[pd.DataFrame], table: Table) -> pd.DataFrame:
    """All rows under all columns of the table, in its order; labels stay categories."""
    full = [frame for frame in frames if len(frame)]
    names = [column.name for column in table.columns]
    if not full:
        return pd.DataFrame({column.name: _empty(column) for column in table.columns})
    for column in table.columns:
        if column.kind is Kind.LABEL and all(column.name in frame for frame in full):
            shared = pd.api.types.union_categoricals([frame[column.name] for frame in full])
            for frame in full:
                frame[column.name] = frame[column.name].cat.set_categories(shared.categories)
    whole = pd.concat(full, ignore_index=True) if len(full) > 1 else full[0].reset_index(drop=True)
    extra = [name for name in whole if name not in names]
    for column in table.columns:
        if column.name not in whole:
            whole[column.name] = _empty(column).reindex(whole.index)
    return whole[[*extra, *names]]


def _empty(column: Column) -> pd.Series[Any]:
    match column.kind:
        case Kind.TIME:
            return pd.Series(dtype="datetime64[ns, UTC]")
        case Kind.DECIMAL:
            return pd.Series(dtype="float64")
        case Kind.COUNT:
            return pd.Series(dtype="Int64")
        case Kind.LABEL:
            return pd.Series(dtype="category")
        case Kind.TEXT:
            return pd.Series(dtype="str")


def _wide_files(source: Source) -> dict[str, list[Path]]:
    """Files of wide books by symbol."""
    found: dict[str, list[Path]] = {}
    for path in paths(source):
        files = sorted(path.glob("L2_*_orderbook*.csv*")) if path.is_dir() else [path]
        for file in files:
            match = _WIDE.match(file.name)
            name = match[1].replace("_", "/") if match else file.stem
            found.setdefault(name, []).append(file)
    return {name: _open_hour_last(files) for name, files in found.items()}


def _wide_parts(source: Source) -> dict[str, list[Path]]:
    """Parquet files of wide books by symbol, which the folder's name tells."""
    found: dict[str, list[Path]] = {}
    for file in parquet_files(source, tables.wide("")):
        name = file.parent.name.removeprefix("pair=").replace("-", "/")
        found.setdefault(name, []).append(file)
    return found


def _open_hour_last(files: list[Path]) -> list[Path]:
    return sorted(files, key=lambda file: (file.name.endswith("_orderbook.csv"), file.name))


def _decimal(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _names(symbols: Iterable[str] | str | None) -> set[str]:
    return {symbols} if isinstance(symbols, str) else set(symbols or ())


def _ns(time: Instant | None) -> int | None:
    if time is None or isinstance(time, int):
        return time
    stamp = pd.Timestamp(time)
    return int((stamp.tz_localize("UTC") if stamp.tz is None else stamp).as_unit("ns").value)
