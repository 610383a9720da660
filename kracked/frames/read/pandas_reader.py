"""Reading with pandas alone, where there is no pyarrow: CSV and SQLite, not Parquet."""

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
    """Pieces to frames, frames to one."""

    def __init__(self, query: TableQuery) -> None:
        self._query = query

    def read(self, file: SelectedFile) -> pd.DataFrame:
        """The wanted rows of a piece. Raises `RecordError` when its file cannot be read."""
        path = file.path
        if path.suffix == ".parquet":
            raise ConfigError("reading Parquet needs pyarrow: pip install pyarrow")
        with open_files.reporting_damage(path):
            if path.name == DATABASE:
                return self._conform(pd.DataFrame(open_files.read_rows(path, self._query)))
            return self._filter(self._conform(self._csv(path)))

    def spans(self, paths: Iterable[Path]) -> Sequence[MessageSpan]:
        """Nothing is known of Parquet files here; they are refused when they are read."""
        del paths
        return ()

    def in_order(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Frames of one recording as one, in order of arrival."""
        whole = self._concat(frames)
        if len(frames) > 1 and "seq" in whole and not whole["seq"].is_monotonic_increasing:
            return whole.sort_values("seq", kind="stable")
        return whole

    def frame(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """All rows in one frame."""
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
        """Every wanted column, typed and in order; what the file lacks is missing."""
        by_name = {one.name: name for name, one in self._query.stored_columns(frame).items()}
        made = {
            one.name: self._parse_columns(frame[by_name[one.name]], one)
            if one.name in by_name
            else self._empty(one).reindex(frame.index)
            for one in self._query.columns
        }
        return pd.DataFrame(made, index=frame.index)

    def _parse_columns(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        try:
            return self._parse(values, column)
        except (ValueError, TypeError, OverflowError):
            return self._parse(blank_invalid(values.astype("str"), column), column)

    def _parse(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        """Raises ValueError where a cell says nothing of the column's kind."""
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

    def _filter(self, frame: pd.DataFrame) -> pd.DataFrame:
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
        """Rows of all, labels still categories."""
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
