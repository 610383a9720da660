"""The text of a CSV table: opened whatever packs it, without blank first lines and torn ends.

A line that nothing ends is the torn end of a file, and never a row: half a number looks like a
whole one.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NamedTuple, Self

from kracked.errors import RecordError, says
from kracked.format.cells import split_row
from kracked.format.unpacking import Unpacked
from kracked.frames.read.losses import Losses

_PIECE = 1 << 20
_LONGEST_LINE = 16 << 20
_MARK = b"\xef\xbb\xbf"


@says("it has a line of more than {megabytes} MB, so it is no table")
class LineTooLong(RecordError):
    """A line that no table has."""

    megabytes: int


class FirstLine(NamedTuple):
    """The line that names the columns of a table."""

    cells: list[str]
    ends: bool
    """Whether a line end follows it."""


class TableText(io.RawIOBase):
    """The bytes of a table up to the end of its last whole line, as a file to read.

    Attributes:
        first: The first line that is not blank; it is read already.
        torn: Bytes after the last whole line, known once all is read.
        quoted: Whether there are quotes in it, known once all is read.
    """

    def __init__(self, path: Path) -> None:
        """Open a table, packed or not. Raises `RecordError`, and `OSError` for a missing file."""
        super().__init__()
        self._file = path.open("rb")
        self._ready = b""
        try:
            self._unpacked = Unpacked(self._file)
            self.packed = self._unpacked.packed
            self._tail, self._ended = b"", False
            self.torn, self.quoted = 0, False
            self.first = self._read_first()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return about `size` bytes, not always whole lines; none at the end.

        A piece is passed on as it is once a line is known to end after it: to copy each would
        cost a quarter of reading the table.
        """
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        if self._ready:
            ready, self._ready = self._ready, b""
            return ready
        while not self._ended:
            piece = self._unpacked.read(max(size, 1))
            self.quoted = self.quoted or b'"' in piece
            if not piece:
                self._ended = True
                held, at = self._tail, _after_last_line(self._tail)
                self.torn = len(held[at:].strip())
                return held[:at]
            if _after_last_line(piece):
                held, self._tail = self._tail, piece
                if held:
                    return held
            else:
                self._hold(piece)
        return b""

    def read_lines(self, size: int) -> bytes:
        """Return whole lines, about `size` bytes; none at the end. Not to be mixed with `read`."""
        ready, self._ready = self._ready, b""
        return ready or self._next(size)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; what does not fit is kept."""
        data = self.read(len(buffer))
        fits = data[: len(buffer)]
        buffer[: len(fits)] = fits
        self._ready = data[len(buffer) :]
        return len(fits)

    def damage(self, losses: Losses, *, is_row: bool = False) -> None:
        """Note how the file ends, once all is read; `is_row` says whether the first line is one.

        Raises `RecordError` for a packed file that is not cut but broken: what came before
        cannot be trusted either.
        """
        if self._unpacked.damage:
            raise RecordError(self._unpacked.damage)
        if self._unpacked.cut:
            losses.notes.append("the packed file is cut off: the rows after this are lost")
        if self.torn and not self.first.ends and not is_row:
            losses.notes.append("it ends within its first line")
        elif self.torn:
            losses.rows["torn at the end of the file"] += 1

    def _next(self, size: int) -> bytes:
        """Return the next whole lines."""
        while not self._ended:
            piece = self._unpacked.read(max(size, 1))
            if not piece:
                self._ended = True
                self.torn = len(self._tail.strip())
                return b""
            at = _after_last_line(piece)
            self.quoted = self.quoted or b'"' in piece
            if at:
                whole, self._tail = self._tail + piece[:at], piece[at:]
                return whole
            self._hold(piece)
        return b""

    def _hold(self, piece: bytes) -> None:
        """Keep a part of a line that does not end in it."""
        self._tail += piece
        if len(piece) + len(self._tail) - _after_last_line(self._tail) > _LONGEST_LINE:
            raise LineTooLong(_LONGEST_LINE >> 20)

    def _read_first(self) -> FirstLine:
        """Read up to the first line that is not blank, and keep what follows it."""
        self._ready = b""
        while piece := self._next(_PIECE):
            at = 0
            for line in piece.splitlines(keepends=True):
                at += len(line)
                if line.strip():
                    self._ready = piece[at:]
                    return FirstLine(_cells(line), ends=True)
        if self.packed:
            how = self._unpacked.damage or "it is cut off"
            raise RecordError(f"nothing of it can be unpacked: {how}")
        return FirstLine(_cells(self._tail), ends=False)


def _after_last_line(piece: bytes) -> int:
    """Return the place after the last line that ends in a piece; 0 for none."""
    return max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1


def _cells(line: bytes) -> list[str]:
    text = line.removeprefix(_MARK).decode(errors="replace")
    return split_row(text.strip("\r\n"))
