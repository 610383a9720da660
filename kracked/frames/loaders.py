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
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kracked.errors import ConfigError
from kracked.format import layout, tables
from kracked.format.tables import Table
from kracked.frames import trade_rows
from kracked.frames.read import absences
from kracked.frames.read.database_rows import database_wide_books, is_database
from kracked.frames.read.file_forms import reporting_damage
from kracked.frames.read.file_selection import select_files
from kracked.frames.read.pandas_reader import PandasReader
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_files import Source, databases, paths
from kracked.frames.trade_coverage import RECORDINGS

log = logging.getLogger(__name__)

Instant = int | str | datetime | pd.Timestamp
"""ns since the Unix epoch, text, or a datetime; without an offset it is UTC."""

_FIRST_NS = 10**17
"""1973 in ns: an older time is one of another unit."""
_YEAR_MONTH_DAY = len("20241112")

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
        with bit 32 of `flags` were in a snapshot, so they may be older than the recording. Before
        a row with bit 4 trades are missing, by their numbers. Rows without a `trade_id`, or that
        share theirs with another trade, are all kept, and logged. `attrs["recordings"]` has the
        paths, by which `bars` knows for which time there are trades.

    Raises:
        ConfigError, RecordError, FileNotFoundError: As for `load`.
    """
    sources = paths(source)
    trades, names = _load_with(tables.TRADES, sources, trade_rows.NEEDED, options)
    where = ", ".join(map(str, sources))
    found = trade_rows.put_right(trades, where, alone=len(sources) == 1)[names]
    # Text, because a Parquet file of the frame has the attributes as JSON.
    found.attrs[RECORDINGS] = [str(path.absolute()) for path in sources]
    return found


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
        # Of a candle that does not say which one it is, no row replaces another.
        unknown = candles[["symbol", "tstart"]].isna().any(axis=1)
        if unknown.any():
            words = "%s: %s candles without a symbol or a begin are all kept"
            log.warning(words, ", ".join(map(str, paths(source))), int(unknown.sum()))
        # Symbols sort by their text: the order of their categories is that of the files.
        candles = candles[unknown | ~candles.duplicated(keys, keep="last")].sort_values(
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
    books = {path: sorted(_wide_books(path)) for path in paths(source)}
    known = [symbol for found in books.values() for symbol in found]
    if missing := asked.difference(known, absences.recorded_symbols(books)):
        absences.check_symbols(missing, known, ", ".join(map(str, books)))
    for path, found in books.items():
        if not found:
            absences.explain_nothing(path, tables.wide("*"))
        for symbol in found:
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
        _to_ns(start, "start"),
        _to_ns(end, "end"),
        exact=exact,
        tz=tz,
    )
    if query.start is not None and query.end is not None and query.start >= query.end:
        raise ConfigError(f"start={start} is not before end={end}: there is nothing between")
    if symbols and all(column.name != "symbol" for column in table.columns):
        absences.refuse_symbols(table)
    folders = paths(source)
    frame = _read(query, folders)
    if query.symbols:
        _check_symbols(query, folders, frame)
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


def _wide_books(path: Path) -> set[str]:
    """Return the symbols of the wide books in a folder, or of the one that a file is."""
    if path.is_dir() and path.suffix != ".parquet":
        found = layout.wide_books(path)
        for database in databases(path):
            with reporting_damage(database):
                found |= database_wide_books(database)
        return found
    if path.is_file() and is_database(path):
        with reporting_damage(path):
            return database_wide_books(path)
    return {tables.wide_symbol(path.name) or path.stem}


def _read(query: TableQuery, folders: Iterable[Path]) -> pd.DataFrame:
    """Return the rows that a query asks for, of all folders and files."""
    reader: Any = ArrowReader(query) if HAS_ARROW else PandasReader(query)
    parts = []
    for path in folders:
        if files := select_files(path, query, reader.spans):
            parts.append(reader.in_order(list(map(reader.read, files))))
            empty = query.reads_all and not len(parts[-1])
            absences.warn_of_rows_missing(path, query.table, empty=empty)
        else:
            anywhere = query._replace(symbols=frozenset(), start=None, end=None)
            if not select_files(path, anywhere, reader.spans):
                absences.explain_nothing(path, query.table)
    frame: pd.DataFrame = reader.frame(parts)
    return frame


def _check_symbols(query: TableQuery, folders: Sequence[Path], frame: pd.DataFrame) -> None:
    """Raise `RecordError` for a symbol asked for that was not recorded."""
    missing = query.symbols.difference(frame["symbol"].unique())
    missing = missing.difference(absences.recorded_symbols(folders)) if missing else missing
    if missing:
        wanted = [
            column for column in query.columns if column.name in ("symbol", query.table.clock)
        ]
        every = TableQuery(query.table, tuple(wanted), tz=query.tz)
        held = _read(every, folders)["symbol"].dropna().unique()
        known = [*absences.recorded_symbols(folders), *map(str, held)]
        absences.check_symbols(missing, known, ", ".join(map(str, folders)))


def _load_with(
    table: Table, source: Source, keys: Sequence[str], options: dict[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with the columns asked for and `keys`, and the names of those asked for."""
    names = _column_names(table, options.get("columns"))
    return load(table, source, **{**options, "columns": {*names, *keys}}), names


def _column_names(table: Table, columns: Iterable[str] | str | None) -> list[str]:
    """Return the columns asked for in the table's order; all of them for None."""
    names = [column.name for column in table.columns]
    asked = set(names) if columns is None else _as_set(columns)
    if unknown := sorted(asked.difference(names)):
        raise ConfigError(f"{table.name} has no column {unknown[0]}; it has {', '.join(names)}")
    return [name for name in names if name in asked]


def _as_set(given: Iterable[str] | str | None) -> set[str]:
    return {given} if isinstance(given, str) else set(given or ())


def _to_ns(time: Instant | None, name: str) -> int | None:
    """Return an instant as ns. Raises `ConfigError` for a number of another unit."""
    if time is None:
        return None
    if isinstance(time, int | np.integer) and not isinstance(time, bool):
        if time and abs(time) < _FIRST_NS:
            raise ConfigError(
                f"{name}={time} is too small for ns since the Unix epoch: "
                "give ns, an RFC 3339 text or a datetime"
            )
        return int(time)
    if not isinstance(time, str | date | np.datetime64):
        raise ConfigError(
            f"{name}={time!r} has no unit: give an int of ns since the Unix epoch, "
            "an RFC 3339 text or a datetime"
        )
    try:
        if (
            isinstance(time, str)
            and time.strip().isdecimal()
            and len(time.strip()) > _YEAR_MONTH_DAY
        ):
            raise ConfigError(f"{name}={time!r} has no unit: give an int of ns, or RFC 3339 text")
        stamp = pd.Timestamp(time)
        zoned = stamp.tz_localize("UTC") if stamp.tz is None else stamp
        return int(zoned.as_unit("ns").value)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{name}={time!r} is no time: {error}") from error
