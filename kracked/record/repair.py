"""Repair of files a crash has torn: cut back to the last whole row or frame, nothing deleted.

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
from kracked.format.frame import Damage, mapped
from kracked.record.durable_files import SymbolicLink, sync, write_all

_BLOCK = 1 << 20


class Torn(NamedTuple):
    """A file that does not end with a whole row or frame."""

    path: Path
    whole: int
    """Bytes that are good."""
    torn: int
    """Bytes after them."""

    @property
    def damage(self) -> Damage:
        """The torn end as damage."""
        return Damage(self.whole, self.torn, "no whole row or frame")


def find_torn(folder: Path) -> list[Torn]:
    """Return every file of a recording that does not end with a whole row or frame."""
    found = [torn_log(path) for path in layout.logs(folder)]
    found += [torn_table(path) for path in layout.table_files(folder) if path.suffix == ".csv"]
    return [torn for torn in found if torn is not None]


def torn_log(path: Path) -> Torn | None:
    """Return the torn end of a raw log; damage with whole frames after it is none.

    An empty log is torn too: recorders make none without a frame to put there. None for a
    file without a frame's mark, or a part of one, or zeros, which are all that a crash leaves
    of a first frame: no recorder has written it.
    """
    with mapped(path) as data:
        last = next(iter(deque(frame.scan(data), maxlen=1)), None)
        begin = data[: len(frame.MARK)]
        if data.find(frame.MARK) < 0 and not frame.MARK.startswith(begin) and any(begin):
            return None
    if last is None:
        return Torn(path, 0, 0)
    if not isinstance(last, Damage):
        return None
    if last.offset <= len(frame.OPENING):  # not one whole frame: all of it is torn
        return Torn(path, 0, last.offset + last.size)
    return Torn(path, last.offset, last.size)


def torn_table(path: Path) -> Torn | None:
    """Return the torn end of a table: a row cut short, one with too few cells, or zeros.

    A row has as many cells as the header, which an older recorder may have written, or as the
    table has columns: a damaged header makes no row a torn one.
    """
    table = layout.table_of(path)
    with mapped(path) as data:
        widths = {len(_cells(data[: data.find(b"\n") + 1]))}
        widths |= {len(table.columns)} if table else set()
        whole = len(data)
        while whole and not _is_row(data, whole, widths):
            # Each step goes back one line: zeros may fill megabytes.
            whole = data.rfind(b"\n", 0, whole - 1) + 1
        return Torn(path, whole, len(data) - whole) if whole < len(data) else None


def cut(torn: Torn) -> Path:
    """Move a torn end into a file of its own and return that. Raises `SymbolicLink`."""
    keep = layout.torn_end(torn.path)
    with open(torn.path, "r+b", opener=_open_no_link) as file:
        file.seek(torn.whole)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(keep, flags, os.fstat(file.fileno()).st_mode & 0o777)
        try:
            while block := file.read(_BLOCK):
                write_all(handle, block)
            os.fsync(handle)
        finally:
            os.close(handle)
        sync(keep.parent)  # the copy must survive a power cut before the bytes go here
        file.truncate(torn.whole)
        os.fsync(file.fileno())
    if not torn.whole and layout.is_log(torn.path):
        torn.path.unlink()
        sync(keep.parent)
    return keep


def _open_no_link(name: str, flags: int) -> int:
    """Open a file itself; raises `SymbolicLink` for a link that was planted in its place."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SymbolicLink(Path(name)) from error
        raise


def _is_row(data: frame.Buffer, end: int, widths: Container[int]) -> bool:
    """Whether the bytes before `end` are the end of a row with one of these counts of cells."""
    if data[end - 1 : end] != b"\n":
        return False
    row = data[data.rfind(b"\n", 0, end - 1) + 1 : end]
    return b"\0" not in row and len(_cells(row)) in widths


def _cells(row: bytes) -> list[str]:
    """Return the cells of a row, none of bytes that are no row."""
    try:
        return cells.split_row(row.decode(errors="replace"))
    except csv.Error:
        return []
