"""Recorded tables as pandas frames, with the types of `kracked.format.tables`.

Times are UTC at nanosecond resolution, labels are categories, counts are integers (`Int64`
where some are missing), prices and quantities are floats, or exact `Decimal`s on request.
Frames have a plain running index, rows in order of arrival, and the columns of the table in
its order; columns that an older file lacks are missing values. A frame without rows has the
same columns and types. CSV, SQLite and Parquet, or some hours of each, load alike, every row
once. Files of the original project load too, under the new names, with both of its header
generations.

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
from kracked.format import layout, tables
from kracked.format.tables import Table
from kracked.frames.read import open_files
from kracked.frames.read.file_selection import select_files
from kracked.frames.read.pandas_reader import PandasReader
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import Source, paths

Instant = int | str | datetime | pd.Timestamp
"""ns since the Unix epoch, text, or a datetime; without an offset it is UTC."""

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
if HAS_ARROW:
    from kracked.frames.read.arrow_reader import ArrowReader


def load_trades(source: Source, **options: Any) -> pd.DataFrame:
    """Return every trade once, in order of time.

    Args:
        source: A recording, its folder, files, or several of these.
        options: `symbols`, `start`, `end`, `columns`, `exact` and `tz`, as for `load`.

    Returns:
        A frame with the columns ts_event (of the match), ts_recv, symbol, price, qty, side (buy
        or sell, of the taker), ord_type, trade_id (counts each symbol's trades), seq, flags. Rows
        with bit 32 of `flags` were in a snapshot, so they may be older than the recording.

    Raises:
        ConfigError, RecordError, FileNotFoundError: As for `load`.
    """
    trades, names = _load_with(tables.TRADES, source, ["ts_event", "symbol", "trade_id"], options)
    # A symbol's trades are numbered: a number that comes again is the same trade.
    if not _rises_in_each(trades["symbol"], trades["trade_id"]):
        trades = trades.drop_duplicates(["symbol", "trade_id"])
    times = pd.DatetimeIndex(trades["ts_event"]).asi8
    if (times[1:] > times[:-1]).all():
        return trades.reset_index(drop=True)[names]
    keys = ["ts_event", "trade_id"]
    return trades.sort_values(keys, kind="stable", ignore_index=True)[names]


def load_ticker(source: Source, **options: Any) -> pd.DataFrame:
    """Return best bid and ask, last trade and 24-hour figures at every change.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`.

    Returns:
        Columns timestamp, symbol, bid, bid_qty, ask, ask_qty, last, volume, vwap, low, high,
        change (in price), change_pct, ts_event, ts_recv, seq, flags.
    """
    ticker, names = _load_with(tables.TICKER, source, ["timestamp", "ts_recv"], options)
    if ticker["ts_recv"].isna().any():
        # In the original project's files `timestamp` is the time of arrival.
        ticker = ticker.assign(ts_recv=ticker["ts_recv"].fillna(ticker["timestamp"]))
    return ticker[names]


def load_ohlc(source: Source, *, every_change: bool = False, **options: Any) -> pd.DataFrame:
    """Return candles, one row each, with their last values.

    Args:
        source: A recording, its folder, files, or several of these.
        every_change: Return every recorded row instead.
        options: As for `load`.

    Returns:
        The columns of `OHLC`. `symbol`, `tstart` (its begin) and `timestamp` (its end) identify
        a candle; `trades` counts its trades, `ttrue` is when it last changed.
    """
    keys = ["symbol", "tstart", "timestamp"]
    candles, names = _load_with(tables.CANDLES, source, keys, options)
    if not every_change:
        # Symbols sort by their text: the order of their categories is that of the files.
        candles = candles.drop_duplicates(keys, keep="last").sort_values(
            keys[::-1],
            key=lambda values: values.astype("str") if values.name == "symbol" else values,
            kind="stable",
            ignore_index=True,
        )
    return candles[names]


def load_book(source: Source, **options: Any) -> pd.DataFrame:
    """Return every change of level 2 books.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`.

    Returns:
        The columns of `L2_updates`. `qty` is the new total at `price`, 0 when the level is
        gone. `side` is b, a, or n for the row that clears the book before a snapshot.
        `checksum` is on the last row of a message (bit 128 of `flags`).
    """
    return load(tables.BOOK, source, **options)


def load_orders(source: Source, **options: Any) -> pd.DataFrame:
    """Return every change of level 3 books.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`.

    Returns:
        The columns of `L3_ticks`. `action` is A add, C cancel or fill, M modify, R clear;
        `size` is what remains of the order, `ts_event` when it was placed or amended, `ts_msg`
        the exchange's time of the message. `checksum` is on the last row of a message (bit 128
        of `flags`).
    """
    return load(tables.ORDERS, source, **options)


def load_executions(source: Source, **options: Any) -> pd.DataFrame:
    """Return the reports on own orders as they came.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`.

    Returns:
        The columns of `executions`. A report has only what changed of its `order_id`; the rest
        is missing. `fees` is the exchange's own JSON.
    """
    return load(tables.EXECUTIONS, source, **options)


def load_balances(source: Source, **options: Any) -> pd.DataFrame:
    """Return the own balances after each change.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`, except `symbols`.

    Returns:
        The columns of `balances`: `balance` of an `asset` and wallet, and the `amount` and
        `fee` that changed it. Rows of a snapshot have bit 32 of `flags`.
    """
    return load(tables.BALANCES, source, **options)


def load_connections(source: Source, **options: Any) -> pd.DataFrame:
    """Return what happened to the connections and the recorder: gaps, reconnects, a full disk.

    Args:
        source: A recording, its folder, files, or several of these.
        options: As for `load`.
    """
    return load(tables.CONNECTIONS, source, **options)


def load_book_wide(
    source: Source, *, symbols: Iterable[str] | str | None = None, **options: Any
) -> pd.DataFrame:
    """Return the best ten levels a side after each change.

    Args:
        source: A recording, its folder, files, or several of these.
        symbols: The symbols to load; all by default.
        options: As for `load`.

    Returns:
        Column symbol, then `ask_px_0`, `ask_sz_0`, `bid_px_0`, `bid_sz_0` to `_9`; one symbol
        after the other.
    """
    asked, folders = _as_set(symbols), dict[str, list[Any]]()
    for path in paths(source):
        if path.is_dir():
            found = layout.wide_books(path) | open_files.database_wide_books(path)
        else:
            found = {tables.wide_symbol(path.name) or path.stem}
        for symbol in sorted(found):
            if symbol in asked or not asked:
                folders.setdefault(symbol, []).append(path)
    frames = [load(tables.wide(symbol), where, **options) for symbol, where in folders.items()]
    counts = [len(frame) for frame in frames]
    whole = load(tables.wide(""), [], **options) if not frames else pd.concat(frames)
    codes = np.repeat(np.arange(len(frames)), counts)
    whole = whole.reset_index(drop=True)
    labels = pd.Categorical.from_codes(codes, pd.Index(list(folders), dtype="str"))
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
    """Return rows of any table. Files and row groups without any of them are not read.

    Args:
        table: The table.
        source: A recording, its folder, files, or several of these.
        symbols: Symbols whose rows to load; all by default.
        start: First instant, by the table's clock.
        end: The instant before which rows end, by the table's clock.
        columns: Columns to load; all by default.
        exact: Return prices and quantities as `Decimal`s of the exchange's own digits.
        tz: Zone of times that name none, as the original project wrote them.

    Raises:
        ConfigError: The table has no such column, or a file is Parquet and pyarrow is missing.
        RecordError: A file is damaged, or of another table.
        FileNotFoundError: A file does not exist.
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
    chosen = (select_files(path, query, reader.spans) for path in paths(source))
    parts = (reader.in_order(list(map(reader.read, files))) for files in chosen if files)
    frame: pd.DataFrame = reader.frame(parts)
    return frame[names]


def file_by_file(
    table: Table,
    source: Source,
    *,
    symbol: str,
    columns: Sequence[str] | None = None,
    exact: bool = False,
) -> Iterator[pd.DataFrame]:
    """Yield one symbol's rows, a file at a time, for callers that go message by message.

    Where a recording is part Parquet and part not, its files come as one frame. The arguments
    are those of `load`.
    """
    used = {*_column_names(table, columns), table.clock, "symbol", "seq"}
    columns_read = tuple(column for column in table.columns if column.name in used)
    query = TableQuery(table, columns_read, frozenset([symbol]), exact=exact)
    reader: Any = ArrowReader(query) if HAS_ARROW else PandasReader(query)
    for path in paths(source):
        files = select_files(path, query, reader.spans)
        if len({file.path.suffix == ".parquet" for file in files}) > 1:
            yield reader.frame([reader.in_order(list(map(reader.read, files)))])
        else:
            yield from (reader.frame([reader.read(file)]) for file in files)


def _load_with(
    table: Table, source: Source, keys: list[str], options: dict[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with the columns asked for and `keys`, and the names of those asked for."""
    names = _column_names(table, options.get("columns"))
    return load(table, source, **{**options, "columns": {*names, *keys}}), names


def _rises_in_each(labels: pd.Series[Any], numbers: pd.Series[Any]) -> bool:
    """Whether the numbers of each label only ever rise, so that none comes twice."""
    codes = labels.cat.codes.to_numpy()
    order = np.argsort(codes, kind="stable")
    codes, sorted_numbers = codes[order], numbers.to_numpy("float64", na_value=np.nan)[order]
    rises = sorted_numbers[1:] > sorted_numbers[:-1]
    return bool(((codes[1:] != codes[:-1]) | rises).all())


def _column_names(table: Table, columns: Iterable[str] | str | None) -> list[str]:
    """Return the columns asked for in the table's order; all of them for None."""
    names = [column.name for column in table.columns]
    asked = set(names) if columns is None else _as_set(columns)
    if unknown := sorted(asked.difference(names)):
        raise ConfigError(f"{table.name} has no column {unknown[0]}; it has {', '.join(names)}")
    return [name for name in names if name in asked]


def _as_set(given: Iterable[str] | str | None) -> set[str]:
    return {given} if isinstance(given, str) else set(given or ())


def _to_ns(time: Instant | None) -> int | None:
    if time is None or isinstance(time, int):
        return time
    stamp = pd.Timestamp(time)
    return int((stamp.tz_localize("UTC") if stamp.tz is None else stamp).as_unit("ns").value)
