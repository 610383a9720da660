"""Tables of text read piece by piece, line by line where a line is odd.

It is the whole reader where pyarrow is not installed, and the one for files that pyarrow does
not find sound: so both readers load the same rows, and tell the same ones.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kracked.format.tables import ColumnKind
from kracked.frames.read.cell_values import UNREADABLE, labels_of, values_of
from kracked.frames.read.losses import Losses
from kracked.frames.read.query import TableQuery
from kracked.frames.read.table_detection import StoredColumns, stored_columns
from kracked.frames.read.table_text import TableText

_PIECE = 2 << 20
_NEWLINE, _COMMA = b"\n,"
_BROKEN = re.compile("[\udc80-\udcff\0]+")


def read_text(path: Path, query: TableQuery, losses: Losses) -> pd.DataFrame:
    """Return the queried rows of a CSV file, with the columns that it has.

    Raises `RecordError` for a file that is damaged, or of another table.
    """
    with TableText(path) as text:
        stored = stored_columns(path, text.first.cells, query, losses)
        frames = [
            choose_rows(typed, query)
            for piece in _whole_lines(text, stored, losses)
            if piece and len(typed := _typed(piece, stored, query, losses))
        ]
        text.damage(losses, is_row=not stored.header)
    return join_frames(frames, query) if frames else pd.DataFrame()


def frame_of_cells(
    cells: Mapping[str, Sequence[Any]], query: TableQuery, losses: Losses
) -> pd.DataFrame:
    """Return cells as typed columns.

    Args:
        cells: The cells by our name of their column; None for a missing one.
        query: The rows and columns asked for.
        losses: Counts the cells that cannot be read.
    """
    by_name = {column.name: column for column in query.columns}
    return pd.DataFrame(
        {
            name: values_of(values, by_name[name], losses, tz=query.tz, exact=query.exact)
            for name, values in cells.items()
        }
    )


def choose_rows(frame: pd.DataFrame, query: TableQuery) -> pd.DataFrame:
    """Return the rows that the query asks for."""
    if query.symbols and "symbol" in frame:
        frame = frame[frame["symbol"].isin(query.symbols)]
    clock = query.time_column(name for name in frame if not frame[name].isna().all())
    if clock is not None and query.start is not None:
        frame = frame[frame[clock] >= pd.Timestamp(query.start, tz="UTC")]
    if clock is not None and query.end is not None:
        frame = frame[frame[clock] < pd.Timestamp(query.end, tz="UTC")]
    return frame


def join_frames(frames: Sequence[pd.DataFrame], query: TableQuery) -> pd.DataFrame:
    """Return the rows of all frames; labels stay categories."""
    full = [frame for frame in frames if len(frame)]
    if len(full) < 2:
        return full[0] if full else frames[-1]
    for column in query.columns:
        if column.kind is ColumnKind.LABEL and column.name in full[0]:
            labels = [frame[column.name] for frame in full]
            shared = pd.api.types.union_categoricals(labels).categories
            full = [
                frame.assign(**{column.name: frame[column.name].cat.set_categories(shared)})
                for frame in full
            ]
    return pd.concat(full, ignore_index=True)


def complete_foreign(frame: pd.DataFrame, stored: StoredColumns, query: TableQuery) -> pd.DataFrame:
    """Return the frame with what a file's name says of all its rows."""
    asked = {column.name for column in query.columns}
    if stored.symbol and "symbol" in asked:
        frame = frame.assign(symbol=pd.Categorical([stored.symbol] * len(frame)))
    if stored.interval and "timestamp" in asked and "tstart" in frame:
        frame = frame.assign(timestamp=frame["tstart"] + pd.Timedelta(stored.interval, "ns"))
    return frame


def _typed(piece: bytes, stored: StoredColumns, query: TableQuery, losses: Losses) -> pd.DataFrame:
    """Return lines as typed columns."""
    places, label = dict(sorted(stored.places.items())), ColumnKind.LABEL
    cells = pd.read_csv(
        io.BytesIO(piece),
        header=None,
        names=list(range(len(stored.names))),
        usecols=list(places),
        index_col=False,
        dtype={at: "category" if one.kind is label else "object" for at, one in places.items()},
        keep_default_na=False,
        na_values=[""],
        low_memory=False,
    )
    columns: dict[str, pd.Series[Any]] = {}
    for at, column in places.items():
        values = cells[at]
        if column.kind is label:
            columns[column.name] = labels_of(values, column, losses)
        else:
            texts = values.where(values.notna(), None) if values.hasnans else values
            columns[column.name] = values_of(
                texts.tolist(), column, losses, tz=query.tz, exact=query.exact
            )
    return complete_foreign(pd.DataFrame(columns), stored, query)


def _whole_lines(text: TableText, stored: StoredColumns, losses: Losses) -> Iterator[bytes]:
    """Yield the lines of rows in pieces; lines that are no rows are counted."""
    first = ",".join(text.first.cells)
    header, width = first if stored.header else "", len(stored.names)
    if not stored.header and text.first.ends:
        yield f"{first}\n".encode()
    while piece := b"".join(_up_to(text, _PIECE)):
        if _is_sound(piece, width, header.encode()):
            yield piece
            continue
        lines = piece.decode(errors="surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
        yield "".join(_rows(lines, header, width, losses)).encode()


def _up_to(text: TableText, size: int) -> Iterator[bytes]:
    while size > 0 and (piece := text.read_lines(size)):
        size -= len(piece)
        yield piece


def _is_sound(piece: bytes, width: int, header: bytes) -> bool:
    """Whether each line has as many cells as the header, and none is odd in any other way."""
    if b'"' in piece or b"\0" in piece or b"\r" in piece or (header and header in piece):
        return False
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    found = np.frombuffer(piece, dtype=np.uint8)
    ends = np.flatnonzero(found == _NEWLINE)
    commas = np.searchsorted(np.flatnonzero(found == _COMMA), ends)
    return bool((np.diff(commas, prepend=0) == width - 1).all())


def _rows(lines: str, header: str, width: int, losses: Losses) -> Iterator[str]:
    """Yield the lines that are rows; bytes that are no text are marked."""
    for line in lines.split("\n"):
        if not line.strip():
            continue
        if header and line.strip() == header:
            losses.rows["the header again"] += 1
            continue
        cells = line.count(",") + 1 if '"' not in line else _quoted_cells(line)
        if cells != width:
            losses.rows["with another number of cells" if cells else "with a quote open"] += 1
            continue
        yield f"{_BROKEN.sub(UNREADABLE, line)}\n"


def _quoted_cells(line: str) -> int:
    """Return how many cells a line with quotes has; 0 if a quote is not closed.

    A quote within a cell that begins without one is a letter like any other.
    """
    try:
        return len(next(csv.reader([line.replace("\0", "")], strict=True)))
    except csv.Error:
        return 0
