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
from kracked.frames.read.invalid_cells import emptied
from kracked.frames.read.query import OLD_ACTIONS, TableQuery, as_decimals, as_times, empty

_TOO_MANY = 2**63
_TEXT = {
    ColumnKind.TIME: "str",
    ColumnKind.DECIMAL: "str",
    ColumnKind.LABEL: "category",
    ColumnKind.TEXT: "str",
}


class PlainReader:
    """Pieces to frames, frames to one."""

    def __init__(self, wanted: TableQuery) -> None:
        self._wanted = wanted

    def read(self, piece: SelectedFile) -> pd.DataFrame:
        """The wanted rows of a piece. Raises `RecordError` when its file cannot be read."""
        path = piece.path
        if path.suffix == ".parquet":
            raise ConfigError("reading Parquet needs pyarrow: pip install pyarrow")
        with open_files.reading(path):
            if path.name == DATABASE:
                return self._conformed(pd.DataFrame(open_files.rows(path, self._wanted)))
            return self._chosen(self._conformed(self._csv(path)))

    def spans(self, paths: Iterable[Path]) -> Sequence[MessageSpan]:
        """Nothing is known of Parquet files here; they are refused when they are read."""
        del paths
        return ()

    def in_order(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Frames of one recording as one, in order of arrival."""
        whole = self._together(frames)
        if len(frames) > 1 and "seq" in whole and not whole["seq"].is_monotonic_increasing:
            return whole.sort_values("seq", kind="stable")
        return whole

    def frame(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """All rows in one frame."""
        nothing = pd.DataFrame({one.name: self._empty(one) for one in self._wanted.columns})
        whole = self._together([*frames, nothing]).reset_index(drop=True)
        counts = [one.name for one in self._wanted.columns if one.kind is ColumnKind.COUNT]
        return whole if len(whole) else whole.astype(dict.fromkeys(counts, "int64"))

    def _csv(self, path: Path) -> pd.DataFrame:
        stored = open_files.stored(path, self._wanted)
        if not stored:
            return pd.DataFrame()
        if open_files.torn(path):  # pandas would take half a number for a whole one
            raise ValueError("its last row ends in the middle")
        return pd.read_csv(
            open_files.readable(path),
            usecols=list(stored),
            dtype={name: _TEXT[one.kind] for name, one in stored.items() if one.kind in _TEXT},
            keep_default_na=False,
            na_values=[""],
        )

    def _conformed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Every wanted column, typed and in order; what the file lacks is missing."""
        by_name = {one.name: name for name, one in self._wanted.stored(frame).items()}
        made = {
            one.name: self._typed(frame[by_name[one.name]], one)
            if one.name in by_name
            else self._empty(one).reindex(frame.index)
            for one in self._wanted.columns
        }
        return pd.DataFrame(made, index=frame.index)

    def _typed(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        try:
            return self._made(values, column)
        except (ValueError, TypeError, OverflowError):
            return self._made(emptied(values.astype("str"), column), column)

    def _made(self, values: pd.Series[Any], column: Column) -> pd.Series[Any]:
        """Raises ValueError where a cell says nothing of the column's kind."""
        match column.kind:
            case ColumnKind.TIME:
                return as_times(values, self._wanted.tz)
            case ColumnKind.DECIMAL:
                return as_decimals(values) if self._wanted.exact else values.astype("float64")
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

    def _chosen(self, frame: pd.DataFrame) -> pd.DataFrame:
        wanted = self._wanted
        if wanted.symbols and "symbol" in frame:
            frame = frame[frame["symbol"].isin(wanted.symbols)]
        present = [name for name in frame if not frame[name].isna().all()]
        clock = wanted.timed_by(present)
        if clock is not None and wanted.start is not None:
            frame = frame[frame[clock] >= pd.Timestamp(wanted.start, tz="UTC")]
        if clock is not None and wanted.end is not None:
            frame = frame[frame[clock] < pd.Timestamp(wanted.end, tz="UTC")]
        return frame

    def _together(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Rows of all, labels still categories."""
        full = [frame for frame in frames if len(frame)]
        if len(full) < 2:
            return full[0] if full else frames[-1]
        for column in self._wanted.columns:
            if column.kind is ColumnKind.LABEL:
                labels = [frame[column.name] for frame in full]
                shared = pd.api.types.union_categoricals(labels).categories
                full = [
                    frame.assign(**{column.name: frame[column.name].cat.set_categories(shared)})
                    for frame in full
                ]
        return pd.concat(full, ignore_index=True)

    def _empty(self, column: Column) -> pd.Series[Any]:
        return empty(column, exact=self._wanted.exact)
