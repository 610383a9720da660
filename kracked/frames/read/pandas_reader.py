"""Reading with pandas alone, where pyarrow is not installed: CSV and SQLite, not Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kracked.errors import ConfigError
from kracked.format.tables import Column, ColumnKind
from kracked.frames.read.cell_values import to_decimals
from kracked.frames.read.database_rows import read_database
from kracked.frames.read.file_forms import FileForm, form_of, reporting_damage
from kracked.frames.read.file_selection import MessageSpan, SelectedFile
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery, empty_column
from kracked.frames.read.text_reader import join_frames, read_text


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
        path, losses = file.path, Losses(file.path)
        with reporting_damage(path):
            form = form_of(path)
            if form is FileForm.PARQUET:
                raise ConfigError(f"reading {path} needs pyarrow: pip install pyarrow")
            read = read_database if form is FileForm.DATABASE else read_text
            frame = self._conform(read(path, self._query, losses))
        losses.tell()
        return frame

    def spans(self, paths: Iterable[Path]) -> Sequence[MessageSpan]:
        """Return nothing: Parquet files are refused when they are read."""
        del paths
        return ()

    def in_order(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Return the frames of one recording as one, in order of arrival."""
        clock = self._query.table.clock
        if len(frames) > 1 and clock in frames[0] and all(_is_unnumbered(one) for one in frames):
            frames = sorted(frames, key=lambda one: one[clock].min().value if len(one) else 0)
        whole = join_frames(frames, self._query)
        if len(frames) > 1 and "seq" in whole and not whole["seq"].is_monotonic_increasing:
            return whole.sort_values("seq", kind="stable")
        return whole

    def frame(self, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """Return the rows of all frames as one."""
        nothing = pd.DataFrame({one.name: self._empty(one) for one in self._query.columns})
        whole = join_frames([*frames, nothing], self._query).reset_index(drop=True)
        for column in self._query.columns:
            if column.kind is ColumnKind.DECIMAL and self._query.exact:
                whole[column.name] = to_decimals(whole[column.name])
        counts = [one.name for one in self._query.columns if one.kind is ColumnKind.COUNT]
        return whole if len(whole) else whole.astype(dict.fromkeys(counts, "int64"))

    def _conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return every column asked for, in order; missing ones are empty."""
        columns = {
            one.name: frame[one.name]
            if one.name in frame
            else self._empty(one).reindex(frame.index)
            for one in self._query.columns
        }
        return pd.DataFrame(columns, index=frame.index)

    def _empty(self, column: Column) -> pd.Series[Any]:
        return empty_column(column, exact=self._query.exact)


def _is_unnumbered(frame: pd.DataFrame) -> bool:
    """Whether no row has the number of a message, as in the original project's files."""
    return "seq" not in frame or bool(frame["seq"].isna().all())
