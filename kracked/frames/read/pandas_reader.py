"""Reading with pandas alone, where pyarrow is not installed: CSV and SQLite, not Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kracked.errors import ConfigError
from kracked.format.layout import DATABASE
from kracked.format.tables import Column, ColumnKind
from kracked.frames.read import open_files
from kracked.frames.read.file_selection import MessageSpan, SelectedFile
from kracked.frames.read.invalid_cells import blank_invalid
from kracked.frames.read.query import (
    OLD_ACTIONS,
    TableQuery,
    empty_column,
    parse_decimals,
    parse_times,
)

_TOO_MANY = 2**63
_TEXT = {
    ColumnKind.TIME: "str",
    ColumnKind.DECIMAL: "str",
    ColumnKind.LABEL: "category",
    ColumnKind.TEXT: "str",
}


class PandasReader:
    """Reads files into frames, and makes one frame of them."""

    def __init__(self, query: TableQuery) -> None:
        self._query = query

    def read(self, file: SelectedFile) -> pd.DataFrame:
        """Return a file's rows that the query asks for.

        Raises:
            RecordError: The file is damaged.
            ConfigError: It is Parquet.
        """
        path = file.path
        if path.suffix == ".parquet":
            raise ConfigError("reading Parquet needs pyarrow: pip install pyarrow")
        with open_files.reporting_damage(path):
            if path.name == DATABASE:
                return self._conform(pd.DataFrame(open_files.read_rows(path, self._query)))
            return self._choose_rows(self._conform(self._csv(path)))

    def spans(self, paths: Iterable[Path]) -> Sequence[MessageSpan]:
        """Return nothing: Parquet files are refused when they are read."""
        del paths
        return ()

    def in_order(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return the frames of one recording as one, in order of arrival."""
        whole = self._concat(frames)
        if len(frames) > 1 and "seq" in whole and not whole["seq"].is_monotonic_increasing:
            return whole.sort_values("seq", kind="stable")
        return whole

    def frame(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """Return the rows of all frames as one."""
        nothing = pd.DataFrame({one.name: self._empty(one) for one in self._query.columns})
        whole = self._concat([*frames, nothing]).reset_index(drop=True)
        counts = [one.name for one in self._query.columns if one.kind is ColumnKind.COUNT]
        return whole if len(whole) else whole.astype(dict.fromkeys(counts, "int64"))

    def _csv(self, path: Path) -> pd.DataFrame:
        stored = open_files.stored_columns(path, self._query)
        if not stored:
            return pd.DataFrame()
        if open_files.ends_torn(path):  # pandas would take half a number for a whole one
            raise ValueError("its last row ends in the middle")
        return pd.read_csv(
            open_files.finished_rows(path),
            usecols=list(stored),
            dtype={name: _TEXT[one.kind] for name, one in stored.items() if one.kind in _TEXT},
            keep_default_na=False,
            na_values=[""],
        )

    def _conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return every column asked for, typed and in order; missing ones are empty."""
        by_name = {one.name: name for name, one in self._query.stored_columns(frame).items()}
        columns: dict[str, pd.Series[Any]] = {}
        for column in self._query.columns:
            if column.name not in by_name:
                columns[column.name] = self._empty(column).reindex(frame.index)
                continue
            values = frame[by_name[column.name]]
            try:
                columns[column.name] = self._parse(values, column)
            except (ValueError, TypeError, OverflowError):
                texts = blank_invalid(values.astype("str"), column)
                columns[column.name] = self._parse(texts, column)
        return pd.DataFrame(columns, index=frame.index)

    def _parse(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        """Return a column with the right type. Raises ValueError for a cell that has another."""
        match column.kind:
            case ColumnKind.TIME:
                return parse_times(values, self._query.tz)
            case ColumnKind.DECIMAL:
                return parse_decimals(values) if self._query.exact else values.astype("float64")
            case ColumnKind.COUNT:
                numbers = pd.to_numeric(values)
                if len(numbers) and numbers.max() >= _TOO_MANY:
                    raise OverflowError
                return numbers.astype("Int64" if numbers.isna().any() else "int64")
            case ColumnKind.LABEL:
                labels = values.astype("category")
                return (
                    labels.cat.rename_categories(OLD_ACTIONS) if column.name == "action" else labels
                )
            case ColumnKind.TEXT:
                return values.astype("str")

    def _choose_rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that the query asks for."""
        query = self._query
        if query.symbols and "symbol" in frame:
            frame = frame[frame["symbol"].isin(query.symbols)]
        present = [name for name in frame if not frame[name].isna().all()]
        clock = query.time_column(present)
        if clock is not None and query.start is not None:
            frame = frame[frame[clock] >= pd.Timestamp(query.start, tz="UTC")]
        if clock is not None and query.end is not None:
            frame = frame[frame[clock] < pd.Timestamp(query.end, tz="UTC")]
        return frame

    def _concat(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return the rows of all frames; labels stay categories."""
        full = [frame for frame in frames if len(frame)]
        if len(full) < 2:
            return full[0] if full else frames[-1]
        for column in self._query.columns:
            if column.kind is ColumnKind.LABEL:
                labels = [frame[column.name] for frame in full]
                shared = pd.api.types.union_categoricals(labels).categories
                full = [
                    frame.assign(**{column.name: frame[column.name].cat.set_categories(shared)})
                    for frame in full
                ]
        return pd.concat(full, ignore_index=True)

    def _empty(self, column: Column) -> pd.Series[Any]:
        return empty_column(column, exact=self._query.exact)
