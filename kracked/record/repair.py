"""Files a crash has torn: found, cut back to the last whole row or frame, nothing deleted.

The bytes cut off go to a file of the same name with `.torn` added; a raw log without one
whole frame goes there altogether.
"""

from __future__ import annotations

import csv
import errno
import os
from collections import deque
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from kracked.format import cells, frame, layout
from kracked.format.frame import mapped
from kracked.record.durable_files import SymbolicLink, sync, write_all

_BLOCK = 1 << 20


class Torn(NamedTuple):
    """A file whose end is no whole row or frame."""

    path: Path
    whole: int
    """Bytes that are good."""
    torn: int
    """Bytes after them."""


def find_torn(folder: Path) -> list[Torn]:
    """Every file of a recording that does not end where a row or frame ends."""
    found = [torn_log(path) for path in layout.logs(folder)]
    found += [torn_table(path) for path in layout.table_files(folder) if path.suffix == ".csv"]
    return [torn for torn in found if torn is not None]


def torn_log(path: Path) -> Torn | None:
    """The tail of a raw log that is no frame; damage with whole frames after it stays.

    An empty log is torn too: recorders make none without a frame to put there. None for a
    file that no recorder has written: it is not ours to cut.
    """
    with mapped(path) as data:
        last = next(iter(deque(frame.scan(data), maxlen=1)), None)
        if not _is_ours(data):
            return None
    if last is None:
        return Torn(path, 0, 0)
    return Torn(path, last.offset, last.size) if isinstance(last, frame.Damage) else None


def torn_table(path: Path) -> Torn | None:
    """The tail of a table that is no whole row: cut inside, too few columns, or zeros.

    Rows have as many cells as the header, which an older recorder may have written, or as
    the table has columns: a header that was damaged makes no row a torn one.
    """
    table = layout.table_of(path)
    with mapped(path) as data:
        widths = {len(_cells(data[: data.find(b"\n") + 1]))}
        widths |= {len(table.columns)} if table else set()
        whole = len(data)
        while whole and not _is_row(data, whole, widths):
            # Zeros may fill megabytes; each step goes back one line.
            whole = data.rfind(b"\n", 0, whole - 1) + 1
        return Torn(path, whole, len(data) - whole) if whole < len(data) else None


def cut(torn: Torn) -> Path:
    """Move the torn end into a file of its own; where it went. Raises `SymbolicLink` for a link."""
    keep = layout.torn_end(torn.path)
    with open(torn.path, "r+b", opener=_unlinked) as file:
        file.seek(torn.whole)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(keep, flags, 0o640)
        try:
            while block := file.read(_BLOCK):
                write_all(handle, block)
            os.fsync(handle)
        finally:
            os.close(handle)
        sync(keep.parent)  # before the bytes go here, the file that has them is there for good
        file.truncate(torn.whole)
        os.fsync(file.fileno())
    if not torn.whole and layout.is_log(torn.path):
        torn.path.unlink()
        sync(keep.parent)
    return keep


def _unlinked(name: str, flags: int) -> int:
    """Opens a file of the folder itself, not what a planted link leads to."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SymbolicLink(Path(name)) from error
        raise


def _is_ours(data: frame.Buffer) -> bool:
    """Whether a log has a frame's mark, or is what a crash leaves of its first: a part, zeros."""
    begin = data[: len(frame.MARK)]
    return data.find(frame.MARK) >= 0 or frame.MARK.startswith(begin) or not any(begin)


def _is_row(data: frame.Buffer, end: int, widths: Container[int]) -> bool:
    """Whether the bytes before `end` close a row of one of these widths."""
    if data[end - 1 : end] != b"\n":
        return False
    row = data[data.rfind(b"\n", 0, end - 1) + 1 : end]
    return b"\0" not in row and len(_cells(row)) in widths


def _cells(row: bytes) -> list[str]:
    """None of what is no row."""
    try:
        return cells.split_row(row.decode(errors="replace"))
    except csv.Error:
        return []
