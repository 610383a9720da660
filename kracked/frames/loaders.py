"""Recorded tables as pandas frames, with the types of `kracked.format.tables`.

Times are UTC at nanosecond resolution, labels categories, counts integers (`Int64` where
some are missing), prices and quantities floats, or exact `Decimal`s on request. Frames
have a plain running index, rows in order of arrival, the columns of the table in its
order, and whatever an older file lacks as missing values; a frame without rows has the
same columns and types. What is recorded as CSV, in SQLite, as Parquet, or as some hours
of each, loads alike, every row once. Files of the original project load too, under the
new names, with both of its header generations.

Prices are in the quote currency, quantities and volumes in the base currency.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from kracked.errors import ConfigError
from kracked.format import tables
from kracked.format.tables import Table
from kracked.frames.read import open_files
from kracked.frames.read.file_selection import select_files
from kracked.frames.read.pandas_reader import PandasReader
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import Source, paths, wide_book_names, wide_book_symbol

Instant = int | str | datetime | pd.Timestamp
"""ns since the Unix epoch, text, or a datetime; without an offset it is UTC."""

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
if HAS_ARROW:
    from kracked.frames.read.arrow_reader import ArrowReader


def load_trades(source: Source, **options: Any) -> pd.DataFrame:
    """Every trade once, in order of time: what a snapshot repeats is dropped.

    Columns: ts_event (of the match), ts_recv, symbol, price, qty, side (the taker's: buy or
    sell), ord_type, trade_id (counts each symbol's trades), seq, flags. Rows with bit 32 of
    `flags` were in a snapshot, so they may be older than the recording. Options as for `load`.
    """
    return _with_keys(
        tables.TRADES, source, _without_repeats, ["ts_event", "symbol", "trade_id"], options
    )


def load_ticker(source: Source, **options: Any) -> pd.DataFrame:
    """Best bid and ask, last trade and 24-hour figures at every change.

    Columns: timestamp, symbol, bid, bid_qty, ask, ask_qty, last, volume, vwap, low, high,
    change (in price), change_pct, ts_event, ts_recv, seq, flags. Options as for `load`.
    """
    return _with_keys(tables.TICKER, source, _fill_received, ["timestamp", "ts_recv"], options)


def load_ohlc(source: Source, *, every_change: bool = False, **options: Any) -> pd.DataFrame:
    """Candles as they stood last, one row each; with `every_change` every row recorded.

    A candle is known by `symbol`, `tstart` (its begin) and `timestamp` (its end); `trades`
    counts its trades, `ttrue` is when it last changed. Options as for `load`.
    """
    keep = (lambda frame: frame) if every_change else _latest_candles
    return _with_keys(tables.CANDLES, source, keep, ["symbol", "tstart", "timestamp"], options)


def load_book(source: Source, **options: Any) -> pd.DataFrame:
    """Every change of level 2: `qty` is the new total at `price`, 0 when the level is gone.

    `side` is b, a, or n for the row that clears the book before a snapshot; `checksum`
    stands on the last row of a message (bit 128 of `flags`). Options as for `load`.
    """
    return load(tables.BOOK, source, **options)


def load_orders(source: Source, **options: Any) -> pd.DataFrame:
    """Every order event: `action` is A add, C cancel or fill, M modify, R clear.

    `size` is what remains of the order, `ts_event` when it was placed or amended, `ts_msg`
    the exchange's time of the message, `checksum` stands on its last row (bit 128 of
    `flags`). Options as for `load`.
    """
    return load(tables.ORDERS, source, **options)


def load_executions(source: Source, **options: Any) -> pd.DataFrame:
    """Reports on own orders as they came; deltas keyed by `order_id`. Options as for `load`.

    `fees` is the exchange's own JSON; a report tells only what changed, the rest is missing.
    """
    return load(tables.EXECUTIONS, source, **options)


def load_balances(source: Source, **options: Any) -> pd.DataFrame:
    """Own balances: `balance` after each change, and the `amount` and `fee` that made it.

    Keyed by `asset` and wallet; those of a snapshot have bit 32 of `flags`. Options as for
    `load`, `symbols` aside.
    """
    return load(tables.BALANCES, source, **options)


def load_connections(source: Source, **options: Any) -> pd.DataFrame:
    """What befell the connections and the recorder: gaps, reconnects, a full disk."""
    return load(tables.CONNECTIONS, source, **options)


def load_book_wide(
    source: Source, *, symbols: Iterable[str] | str | None = None, **options: Any
) -> pd.DataFrame:
    """The best ten levels a side after each change, with `symbol` as first column.

    Columns `ask_px_0`, `ask_sz_0`, `bid_px_0`, `bid_sz_0` to `_9`; one symbol after the
    other. Options as for `load`.
    """
    query, found = _as_set(symbols), dict[str, list[Any]]()
    for path in paths(source):
        folder = path.is_dir()
        names = (
            [*wide_book_names(path), *open_files.database_wide_books(path)]
            if folder
            else [path.name]
        )
        for symbol in sorted({wide_book_symbol(name) for name in names}):
            if symbol in query or not query:
                found.setdefault(symbol, []).append(path)
    frames = [load(tables.wide(symbol), folders, **options) for symbol, folders in found.items()]
    counts = [len(frame) for frame in frames]
    whole = load(tables.wide(""), [], **options) if not frames else pd.concat(frames)
    codes = np.repeat(np.arange(len(frames)), counts)
    whole = whole.reset_index(drop=True)
    labels = pd.Categorical.from_codes(codes, pd.Index(list(found), dtype="str"))
    whole.insert(0, "symbol", pd.Series(labels, whole.index))
    return whole


def load(
    table: Table,
    source: Source,
    *,
    symbols: Iterable[str] | str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    columns: Iterable[str] | str | None = None,
    exact: bool = False,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Rows of any table of a recording, of its folder, or of files.

    Of `symbols` alone, from `start` until before `end` by the table's clock, only
    `columns`; with `exact` prices and quantities are `Decimal`s of the exchange's own
    digits. `tz` is the zone of times that name none, as the original project wrote them.
    Files, and row groups of Parquet, outside symbols and range are not read at all.

    Raises `ConfigError` for a column that the table has not, or Parquet without pyarrow,
    `RecordError` for a damaged file and `FileNotFoundError` for one that is not there.
    """
    names = _column_names(table, columns)
    used = {*names, table.clock, "timestamp", "symbol", "seq"}
    query = TableQuery(
        table,
        tuple(column for column in table.columns if column.name in used),
        frozenset(_as_set(symbols)),
        _to_ns(start),
        _to_ns(end),
        exact=exact,
        tz=tz,
    )
    reader: Any = ArrowReader(query) if HAS_ARROW else PandasReader(query)
    frame: pd.DataFrame = reader.frame(_recordings(reader, source, query))
    return frame[names]


def file_by_file(
    table: Table,
    source: Source,
    *,
    symbols: str,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[pd.DataFrame]:
    """One symbol's rows as of `load`, a file at a time: for what goes message by message."""
    used = {*_column_names(table, columns), table.clock, "symbol", "seq"}
    columns_read = tuple(column for column in table.columns if column.name in used)
    query = TableQuery(table, columns_read, frozenset([symbols]), exact=exact)
    reader: Any = ArrowReader(query) if HAS_ARROW else PandasReader(query)
    for path in paths(source):
        found = select_files(path, query, reader.spans)
        if len({piece.path.suffix == ".parquet" for piece in found}) > 1:
            yield reader.frame([reader.in_order([reader.read(piece) for piece in found])])
        else:
            yield from (reader.frame([reader.read(piece)]) for piece in found)


def _recordings(reader: Any, source: Source, query: TableQuery) -> Iterator[Any]:
    """What each folder or file of the source holds, one after the other."""
    for path in paths(source):
        found = select_files(path, query, reader.spans)
        if found:
            yield reader.in_order([reader.read(piece) for piece in found])


def _with_keys(
    table: Table, source: Source, keep: Any, keys: list[str], options: dict[str, Any]
) -> pd.DataFrame:
    """What `keep` makes of the rows, for which it needs `keys`, wanted or not."""
    names = _column_names(table, options.get("columns"))
    frame = load(table, source, **{**options, "columns": {*names, *keys}})
    kept: pd.DataFrame = keep(frame)
    return kept[names]


def _without_repeats(trades: pd.DataFrame) -> pd.DataFrame:
    """A symbol's trades are numbered: a number that comes again is the same trade."""
    if not _rises_in_each(trades["symbol"], trades["trade_id"]):
        trades = trades.drop_duplicates(["symbol", "trade_id"])
    times = pd.DatetimeIndex(trades["ts_event"]).asi8
    if (times[1:] > times[:-1]).all():
        return trades.reset_index(drop=True)
    return trades.sort_values(["ts_event", "trade_id"], kind="stable", ignore_index=True)


def _fill_received(ticker: pd.DataFrame) -> pd.DataFrame:
    """The original project's `timestamp` is when it came."""
    if not ticker["ts_recv"].isna().any():
        return ticker
    return ticker.assign(ts_recv=ticker["ts_recv"].fillna(ticker["timestamp"]))


def _latest_candles(candles: pd.DataFrame) -> pd.DataFrame:
    keys = ["symbol", "tstart", "timestamp"]
    latest = candles.drop_duplicates(keys, keep="last")
    return latest.sort_values(keys[::-1], key=_by_name, kind="stable", ignore_index=True)


def _by_name(values: pd.Series[Any]) -> pd.Series[Any]:
    """Labels sort by their text: the order of categories is that of the files."""
    return values.astype("str") if values.name == "symbol" else values


def _rises_in_each(labels: pd.Series[Any], numbers: pd.Series[Any]) -> bool:
    """Whether the numbers of each label only ever rise, so that none comes twice."""
    codes = labels.cat.codes.to_numpy()
    order = np.argsort(codes, kind="stable")
    codes, counted = codes[order], numbers.to_numpy("float64", na_value=np.nan)[order]
    return bool(((codes[1:] != codes[:-1]) | (counted[1:] > counted[:-1])).all())


def _column_names(table: Table, columns: Iterable[str] | str | None) -> list[str]:
    """The chosen columns in the table's order; all of them for None."""
    names = [column.name for column in table.columns]
    columns_read = set(names) if columns is None else _as_set(columns)
    if unknown := sorted(columns_read.difference(names)):
        raise ConfigError(f"{table.name} has no column {unknown[0]}; it has {', '.join(names)}")
    return [name for name in names if name in columns_read]


def _as_set(given: Iterable[str] | str | None) -> set[str]:
    return {given} if isinstance(given, str) else set(given or ())


def _to_ns(time: Instant | None) -> int | None:
    if time is None or isinstance(time, int):
        return time
    stamp = pd.Timestamp(time)
    return int((stamp.tz_localize("UTC") if stamp.tz is None else stamp).as_unit("ns").value)
