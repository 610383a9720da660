"""Reading with pyarrow: several times faster than pandas alone, and already typed.

Every file becomes an Arrow table of the same columns, rows are chosen there, and all tables
become one frame at the very end: nothing is converted or copied twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from kracked.format.tables import ColumnKind
from kracked.frames.read.cell_values import ACTIONS, times_of, to_decimals
from kracked.frames.read.database_rows import read_database
from kracked.frames.read.file_forms import FileForm, form_of, reporting_damage
from kracked.frames.read.file_selection import MessageSpan, SelectedFile
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_detection import stored_columns
from kracked.frames.read.table_text import TableText
from kracked.frames.read.text_reader import choose_rows, frame_of_cells, read_text

_TYPES = {
    ColumnKind.TIME: pa.timestamp("ns", tz="UTC"),
    ColumnKind.DECIMAL: pa.float64(),
    ColumnKind.LABEL: pa.dictionary(pa.int32(), pa.string()),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.COUNT: pa.int64(),
}


class ArrowReader:
    """Reads files into Arrow tables, and makes one frame of the tables."""

    def __init__(self, query: TableQuery) -> None:
        self._query = query
        # Exact numbers are text until they are in a frame.
        exact = {ColumnKind.DECIMAL: pa.string()} if query.exact else {}
        self._types = {one.name: (_TYPES | exact)[one.kind] for one in query.columns}

    def read(self, file: SelectedFile) -> Any:
        """Return a file's rows that the query asks for. Raises `RecordError` for a damaged file."""
        path, losses = file.path, Losses(file.path)
        readers = {FileForm.PARQUET: self._parquet, FileForm.DATABASE: self._database}
        with reporting_damage(path, pa.ArrowException):
            table = readers.get(form_of(path), self._csv)(path, losses)
        losses.tell()
        return _drop_spans(self._conform(table), file.read_elsewhere)

    def spans(self, paths: Iterable[Path]) -> Sequence[MessageSpan]:
        """Return the messages in each Parquet file, by its footer alone."""
        return [span for path in paths for span in _span(path)]

    def in_order(self, tables: Sequence[Any]) -> Any:
        """Return the tables of one recording as one, in order of arrival."""
        clock = self._query.table.clock
        if len(tables) > 1 and clock in self._types and all(map(_is_unnumbered, tables)):
            tables = sorted(tables, key=lambda one: _first_ns(one[clock]))
        whole = pa.concat_tables(tables)
        if len(tables) > 1 and "seq" in whole.column_names:
            seq = _numbers(whole["seq"])
            if (seq[1:] < seq[:-1]).any():
                order = pa.array(np.argsort(seq, kind="stable"))
                columns = whole.unify_dictionaries().columns
                with ThreadPoolExecutor(pa.cpu_count()) as pool:
                    taken = [*pool.map(lambda column: column.take(order), columns)]
                return pa.table(taken, whole.column_names)
        return whole

    def frame(self, tables: Iterable[Any]) -> pd.DataFrame:
        """Return the rows of all tables as one frame."""
        whole = pa.concat_tables([*tables, self._schema().empty_table()])
        # Counts with missing values would become floats.
        nullable = {
            name: whole[name].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
            for name, kind in self._types.items()
            if kind == pa.int64() and whole[name].null_count
        }
        whole = whole.drop_columns(list(nullable))
        frame: pd.DataFrame = whole.to_pandas(split_blocks=True, self_destruct=True)
        for at, column in enumerate(self._query.columns):
            if column.name in nullable:
                frame.insert(at, column.name, nullable[column.name])
            if self._query.exact and column.kind is ColumnKind.DECIMAL:
                frame[column.name] = to_decimals(frame[column.name])
        return frame

    def _schema(self) -> Any:
        return pa.schema(list(self._types.items()))

    # --- one form each ------------------------------------------------------------------

    def _csv(self, path: Path, losses: Losses) -> Any:
        table = self._sound_csv(path, losses)
        if table is not None:
            return table
        losses.clear()
        return self._from_frame(read_text(path, self._query, losses))

    def _sound_csv(self, path: Path, losses: Losses) -> Any:
        """Return a file that pyarrow finds sound; None for one to be read line by line."""
        with TableText(path) as text:
            stored = stored_columns(path, text.first.cells, self._query, losses)
        if stored.foreign is not None or not stored.places:
            return None
        places = {f"{at}": column for at, column in stored.places.items()}
        types = {at: self._types[column.name] for at, column in places.items()}
        times = [at for at, kind in types.items() if pa.types.is_timestamp(kind)]
        # Typed; or with times as text, which may lack a zone.
        for texts in ((), times):
            with TableText(path) as text, suppress(pa.ArrowInvalid):
                typed = types | dict.fromkeys(texts, pa.string())
                table = _read_csv(text, typed, len(stored.names))
                text.damage(losses)
                if text.quoted or not _is_sound(table):
                    return None  # a quote may have joined lines
                named = table.rename_columns([places[at].name for at in table.column_names])
                return self._choose_rows(self._parse_columns(named, losses))
        return None

    def _database(self, path: Path, losses: Losses) -> Any:
        return self._from_frame(read_database(path, self._query, losses))

    def _parquet(self, path: Path, losses: Losses) -> Any:
        query, present = self._query, pyarrow.parquet.read_schema(path)
        stored = stored_columns(path, present.names, query, losses)
        ours = {stored.names[at]: column for at, column in stored.places.items()}
        typed = all(_is_typed(present.field(name).type, one.kind) for name, one in ours.items())
        if not typed or any(name != one.name for name, one in ours.items()):
            # Others wrote it, with types of theirs.
            table = pyarrow.parquet.read_table(path, columns=list(ours), partitioning=None)
            cells = {ours[name].name: _cells(table[name]) for name in table.column_names}
            frame = frame_of_cells(cells, query, losses)
            return self._from_frame(choose_rows(frame, query))
        labels = [column.name for column in query.columns if column.kind is ColumnKind.LABEL]
        # Whole row groups outside of these are not read.
        filters: list[tuple[str, str, object]] = []
        if query.symbols and "symbol" in ours:
            filters.append(("symbol", "in", sorted(query.symbols)))
        clock = query.time_column(ours)
        for bound, sign in ((query.start, ">="), (query.end, "<")):
            if bound is not None and clock is not None:
                filters.append((clock, sign, pd.Timestamp(bound, tz="UTC")))
        table = pyarrow.parquet.read_table(
            path,
            columns=list(ours),
            filters=filters or None,
            partitioning=None,
            read_dictionary=labels,
        )
        return _numbers_as_text(table, present) if query.exact else table

    # --- columns and rows ---------------------------------------------------------------

    def _from_frame(self, frame: pd.DataFrame) -> Any:
        """Return a frame of the other reader as a table."""
        columns = {}
        for name, kind in self._types.items():
            if name in frame:
                label = pa.types.is_dictionary(kind)
                values = frame[name].astype("str") if label else frame[name]
                array = pa.array(values, pa.string() if label else kind, from_pandas=True)
                columns[name] = array.cast(kind) if not label else array.dictionary_encode()
        return pa.table(columns)

    def _parse_columns(self, table: Any, losses: Losses) -> Any:
        """Return the table with the right types: times that are still text, and old actions."""
        columns = {column.name: column for column in self._query.columns}
        for at, name in enumerate(table.column_names):
            values, kind = table.column(at), self._types[name]
            if pa.types.is_timestamp(kind) and values.type == pa.string():
                times = times_of(values.to_pylist(), columns[name], losses, tz=self._query.tz)
                table = table.set_column(at, name, pa.array(times, kind, from_pandas=True))
            elif name == "action":
                words = values.cast(pa.string())
                if not ACTIONS.keys().isdisjoint(pc.unique(words).to_pylist()):
                    letters = pa.array(words.to_pandas().replace(ACTIONS), pa.string())
                    table = table.set_column(at, name, letters.dictionary_encode())
        return table

    def _choose_rows(self, table: Any) -> Any:
        """Return the rows that the query asks for, of a file that was read whole."""
        query, names = self._query, table.column_names
        if query.symbols and "symbol" in names:
            table = table.filter(pc.is_in(table["symbol"], pa.array(sorted(query.symbols))))
        clock = query.time_column(names)
        for bound, compare in ((query.start, pc.greater_equal), (query.end, pc.less)):
            if clock is not None and bound is not None:
                table = table.filter(
                    compare(table[clock], pa.scalar(bound, _TYPES[ColumnKind.TIME]))
                )
        return table

    def _conform(self, table: Any) -> Any:
        """Return the table with every column asked for, in order; missing ones are empty."""
        columns = []
        for name, kind in self._types.items():
            if name not in table.column_names:
                columns.append(pa.nulls(len(table), kind))
                continue
            values = table[name]
            if pa.types.is_decimal(values.type):
                # Arrow takes a decimal to a double near its number, not always to the nearest.
                values = values.cast(pa.string())
            columns.append(values.cast(kind))
        return pa.table(columns, schema=self._schema())


def _numbers_as_text(table: Any, schema: Any) -> Any:
    """Return a Parquet table with the text of each number; a double gives it back exactly."""
    for at, name in enumerate(table.column_names):
        values = table.column(at)
        if pa.types.is_floating(values.type):
            decimals = int((schema.field(name).metadata or {}).get(b"decimals", 0))
            texts = values.to_pandas().map(f"{{:.{decimals}f}}".format, na_action="ignore")
            table = table.set_column(at, name, pa.array(texts, pa.string(), from_pandas=True))
        elif pa.types.is_decimal(values.type):
            table = table.set_column(at, name, values.cast(pa.string()))
    return table


def _span(path: Path) -> Iterator[MessageSpan]:
    """Yield the messages in a Parquet file, by its footer; none if it does not number them."""
    with pyarrow.parquet.ParquetFile(path) as file:
        names, footer = file.schema_arrow.names, file.metadata

        def bounds(name: str) -> list[Any]:
            """Return the least and the greatest value of a column in each row group."""
            at = names.index(name)
            groups = (footer.row_group(group) for group in range(footer.num_row_groups))
            counted = [group.column(at).statistics for group in groups]
            return [bound for one in counted for bound in (one.min, one.max)]

        if "seq" in names and footer.num_rows:
            symbol = bounds("symbol")[0] if "symbol" in names else ""
            numbers = bounds("seq")
            if symbol is None:
                return  # rows that a faulty exchange sent without a symbol belong to no span
            yield MessageSpan(symbol, min(numbers), max(numbers), footer.num_rows)


def _read_csv(text: TableText, types: dict[str, Any], width: int) -> Any:
    """Return the columns `types` of lines, by their places. Raises `pa.ArrowInvalid`."""
    convert = pyarrow.csv.ConvertOptions(
        column_types=types,
        include_columns=list(types),
        null_values=[""],
        strings_can_be_null=True,
    )
    names = pyarrow.csv.ReadOptions(column_names=[f"{at}" for at in range(width)])
    return pyarrow.csv.read_csv(text, read_options=names, convert_options=convert)


def _is_sound(table: Any) -> bool:
    """Whether every number is finite, and every text is without what no cell has."""
    for column in table.columns:
        if pa.types.is_floating(column.type):
            if not pc.all(pc.is_finite(column), min_count=0).as_py():
                return False
        elif pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
                data = texts.buffers()[2]
                if data is not None and len(data) and not np.frombuffer(data, np.uint8).all():
                    return False
    return True


def _is_typed(kind: Any, wanted: ColumnKind) -> bool:
    """Whether a Parquet column is as our own files have it."""
    match wanted:
        case ColumnKind.TIME:
            return bool(pa.types.is_timestamp(kind) and kind.tz is not None)
        case ColumnKind.DECIMAL:
            return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))
        case ColumnKind.COUNT:
            return bool(pa.types.is_integer(kind) and kind != pa.uint64())
        case _:
            return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _cells(values: Any) -> list[Any]:
    """Return a column of any type as cells: texts, or numbers."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_temporal(values.type) or pa.types.is_decimal(values.type):
        values = values.cast(pa.string())
    return list(values.to_pylist())


def _drop_spans(table: Any, spans: Sequence[MessageSpan]) -> Any:
    """Return the rows of messages that are not in `spans`."""
    if not spans:
        return table
    seq, there = _numbers(table["seq"]), np.zeros(len(table), dtype=bool)
    symbols = table["symbol"].cast(pa.string()) if "symbol" in table.column_names else None
    for symbol in sorted({span.symbol for span in spans}):
        mine = sorted((span.first, span.last) for span in spans if span.symbol == symbol)
        firsts, lasts = np.array(mine).T
        place = np.searchsorted(firsts, seq, side="right") - 1
        inside = (place >= 0) & (seq <= lasts[place])
        if symbols is not None and symbol:
            named = pc.fill_null(pc.equal(symbols, symbol), fill_value=False)
            inside &= named.to_numpy(zero_copy_only=False)
        there |= inside
    return table.filter(pa.array(~there))


def _is_unnumbered(table: Any) -> bool:
    """Whether no row has the number of a message, as in the original project's files."""
    return "seq" not in table.column_names or table["seq"].null_count == len(table)


def _first_ns(times: Any) -> int:
    first = pc.min(times).cast(pa.int64()).as_py()
    return 0 if first is None else int(first)


def _numbers(column: Any) -> Any:
    return pc.fill_null(column, -1).to_numpy()
