"""Files unpacked as they are read: by their first bytes, in bounded pieces, up to a cut.

A file that a crash, a full disk or a download has cut keeps what came before the cut, and its
reader learns that it ends early. What it unpacks to is bounded: a small file that grows
beyond all measure is no table and no log.

Source of the zstd frames: RFC 8878 section 3.1; of gzip members: RFC 1952 section 2.2
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import zstandard

from kracked.errors import RecordError, says

_PIECE = 1 << 20
_GROWTH = 200
"""Times the size of a file that it may unpack to: tables and logs pack to a tenth or less."""
_FREE = 64 << 20
"""Bytes that any file may unpack to."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = tuple(bytes([0x50 + low, 0x2A, 0x4D, 0x18]) for low in range(16))
_UNREADABLE = (zlib.error, OSError, EOFError, lzma.LZMAError, zstandard.ZstdError, ValueError)

_REFUSED = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x04\x22\x4d\x18", "packed by lz4: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (b"\x1f\x9d", "packed by compress: unpack it first"),
    (b"\xff\x06\x00\x00sNaPpY", "packed by snappy: unpack it first"),
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
    (b"ARROW1", "an Arrow file: save it as Parquet"),
    (b"\x89HDF", "an HDF5 file: save it as CSV or Parquet"),
)


@says("it is {what}")
class WrongForm(RecordError):
    """The bytes of a file are of a form that is not read."""

    what: str


@says("it unpacks to more than {times} times its size, so it is no table and no log")
class GrowsTooMuch(RecordError):
    """A file unpacks to more than any recorded data would."""

    times: int


def refuse_form(head: bytes) -> None:
    """Raise `WrongForm` for a file that begins with bytes of a form that is not read here."""
    for mark, what in _REFUSED:
        if head.startswith(mark):
            raise WrongForm(what)


class Unpacked(io.RawIOBase):
    """The content of a file that may be packed by gzip, zstd, bzip2 or xz.

    Attributes:
        cut: Whether the packed file ends in the middle, known once all is read.
        damage: Why no more could be unpacked, if that is no cut; empty for a sound file.
        taken: Bytes read of the file itself.
    """

    def __init__(self, source: BinaryIO, head: bytes | None = None) -> None:
        """Read from `source`, of which `head` has been read already.

        Raises `WrongForm`.
        """
        super().__init__()
        self._source = source
        self._ahead = source.read(_PIECE) if head is None else head
        refuse_form(self._ahead)
        self.cut, self.damage, self.taken, self._given = False, "", len(self._ahead), 0
        self.packed = True
        if self._ahead.startswith((_ZSTD, *_SKIPPABLE)):
            self._unpack: Callable[[int], bytes] = _Zstd(self._next).read
        elif (make := _decompressor(self._ahead)) is not None:
            self._unpack = _Members(make, self._next).read
        else:
            if self._ahead.count(b"\0", 0, 64) * 3 > len(self._ahead[:64]) > 3:
                raise WrongForm("no text: UTF-16 without its mark, or zeros that a crash left")
            self.packed = False
            self._unpack = self._plain

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; none at the end, however early. Raises `GrowsTooMuch`."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        if self.cut or self.damage:
            return b""
        try:
            piece = self._unpack(min(size, _PIECE))
        except _Cut:
            self.cut = True
            return b""
        except _UNREADABLE as error:
            self.damage = str(error) or type(error).__name__
            return b""
        self._given += len(piece)
        if self.packed and self._given > max(_FREE, _GROWTH * self.taken):
            raise GrowsTooMuch(_GROWTH)
        return piece

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as `read` returns bytes."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _plain(self, size: int) -> bytes:
        if self._ahead:
            piece, self._ahead = self._ahead[:size], self._ahead[size:]
            return piece
        return self._next(size)

    def _next(self, size: int = _PIECE) -> bytes:
        """Return the next bytes of the file itself."""
        if self._ahead:
            piece, self._ahead = self._ahead, b""
            return piece
        piece = self._source.read(size)
        self.taken += len(piece)
        return piece


class _Cut(Exception):
    """A packed file ends in the middle."""


def _decompressor(head: bytes) -> Callable[[], Any] | None:
    """Return what makes a decompressor for a file with this beginning; None for a plain file."""
    if head.startswith(b"\x1f\x8b"):
        return lambda: zlib.decompressobj(31)
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    return lzma.LZMADecompressor if head.startswith(b"\xfd7zXZ\0") else None


class _Members:
    """Packed members end to end, each unpacked by a decompressor of its own."""

    def __init__(self, make: Callable[[], Any], source: Callable[[], bytes]) -> None:
        self._make, self._source = make, source
        self._member, self._rest = make(), b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end. Raises `_Cut`."""
        while True:
            member = self._member
            if member.eof:
                # Padding after the last member is no data.
                self._rest = (member.unused_data or self._source()).lstrip(b"\0")
                while not self._rest and (piece := self._source()):
                    self._rest = piece.lstrip(b"\0")
                if not self._rest:
                    return b""
                self._member = member = self._make()
            wants = getattr(member, "needs_input", not self._rest)
            if not self._rest and wants and not (piece := self._source()):
                raise _Cut
            given = self._rest or (piece if wants else b"")
            found: bytes = member.decompress(given, size)
            self._rest = getattr(member, "unconsumed_tail", b"")
            if found:
                return found


class _Zstd:
    """Frames end to end.

    The library takes the end of its input for the end of the content, so a cut shows in the
    headers of the frames and blocks alone.
    """

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._packed = _WalkedFrames(source)
        self._reader = zstandard.ZstdDecompressor().stream_reader(
            cast("BinaryIO", self._packed), read_across_frames=True
        )

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end. Raises `_Cut`."""
        piece = bytes(self._reader.read(size))
        if not piece and not self._packed.whole:
            raise _Cut
        return piece


class _WalkedFrames:
    """Packed bytes on their way to the library, and whether they end between two frames."""

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source, self._ahead = source, b""
        self._next: Callable[[bytes], None] = self._magic
        self._wanted, self._skip, self._held = 4, 0, b""
        self._sums = False

    @property
    def whole(self) -> bool:
        """Whether the bytes so far end after a frame."""
        return self._next == self._magic and not self._held and not self._skip

    def read(self, size: int) -> bytes:
        """Return up to `size` packed bytes; none at the end."""
        if not self._ahead:
            self._ahead = self._source()
            self._walk(self._ahead)
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return piece

    def _walk(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = min(self._wanted - len(self._held), len(data) - at)
                self._held += data[at : at + step]
                if len(self._held) == self._wanted:
                    header, self._held = self._held, b""
                    self._next(header)
            at += step

    def _expect(self, following: Callable[[bytes], None], wanted: int, skip: int = 0) -> None:
        self._next, self._wanted, self._skip = following, wanted, skip

    def _magic(self, header: bytes) -> None:
        if header in _SKIPPABLE:
            self._expect(self._skippable, 4)
        else:
            self._expect(self._frame, 1)

    def _skippable(self, header: bytes) -> None:
        self._expect(self._magic, 4, int.from_bytes(header, "little"))

    def _frame(self, header: bytes) -> None:
        told = header[0]
        single, self._sums = told >> 5 & 1, bool(told >> 2 & 1)
        size = (single, 2, 4, 8)[told >> 6] + (0, 1, 2, 4)[told & 3] + (1 - single)
        self._expect(self._block, 3, size)

    def _block(self, header: bytes) -> None:
        told = int.from_bytes(header, "little")
        size = 1 if told >> 1 & 3 == 1 else told >> 3  # a run is one byte, whatever its length
        if told & 1:
            self._expect(self._magic, 4, size + 4 * self._sums)
        else:
            self._expect(self._block, 3, size)
