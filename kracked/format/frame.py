"""Frames of the raw log: compressed lines behind a header that describes them.

A file is frames end to end. The header is a zstd *skippable* frame, so every zstd reader
sees plain compressed lines, while ours hops from header to header. That makes an index for
free, and a file torn by a crash can be cut at the first frame that is not whole. The header,
little endian, 48 bytes:

    u32 0x184D2A5B  u32 40  4s "KRK1"  u8 version  u8 kind  u16 lines
    i64 first_received  i64 last_received  i64 first_seq  u32 size  u32 crc

A file begins with an empty zstd frame, so that readers know its form by its first bytes.

`crc` is the CRC-32 of the header before it, then of the compressed body: times and sequence
numbers steer the search for an instant, so they need guarding too.

Source of the skippable frame: RFC 8878 section 3.1.2
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

import zstandard

from kracked.errors import RecordError, says

_FIELDS = struct.Struct("<BBHqqqI")
_CRC = struct.Struct("<I")
_SKIPPABLE, _LENGTH = 0x184D2A5B, 40
VERSION = 1
MARK = struct.pack("<II4s", _SKIPPABLE, _LENGTH, b"KRK1")
HEADER_SIZE = len(MARK) + _FIELDS.size + _CRC.size
OPENING = b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00"
"""An empty zstd frame, with which a log begins: readers that look at the first bytes to know a
zstd file, polars among them, do not know a skippable frame."""
MAX_LINES = 65_535
MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes that a frame may unpack to: the recorder's have hundreds of kilobytes, and a snapshot of
the deepest book some megabytes."""
_LEVEL = 1  # order ids are noise: level 3 is larger and twice as slow


Buffer = bytes | mmap
"""The bytes of a raw log."""


class FrameKind(IntEnum):
    DATA = 0
    """Messages of the exchange."""
    KEYFRAME = 1
    """One whole book after the frames before it: where a search may begin."""
    EVENT = 2
    """Events of the connection or the recorder: a gap, a reconnect, a resync."""
    STATE = 3
    """A snapshot of what is not a book, after the frames before it: ticker, trades, account."""


class Frame(NamedTuple):
    """A frame's header, and where its body lies."""

    kind: FrameKind
    lines: int
    """Lines in the body."""
    first_received: int
    """Time of the first line, ns since the Unix epoch."""
    last_received: int
    first_seq: int
    """Number of the first line's message."""
    offset: int
    """Where the header begins in its file."""
    size: int
    """Bytes of the compressed body."""

    @property
    def end(self) -> int:
        """The offset of the first byte after the frame."""
        return self.offset + HEADER_SIZE + self.size


class Damage(NamedTuple):
    """A stretch of a file that is no frame."""

    offset: int
    size: int
    reason: str


@says("frame at byte {offset}: {reason}")
class DamagedFrame(RecordError):
    """The bytes of a frame are not those its checksum was made of."""

    offset: int
    reason: str


@contextmanager
def mapped(path: Path) -> Iterator[Buffer]:
    """Map the bytes of a raw log as they are now, without reading them all."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield data


_KINDS = {int(kind): kind for kind in FrameKind}
"""Kinds by number: an enum's own lookup costs half of what hopping over a frame does."""


def pack(
    lines: Iterable[bytes], *, kind: FrameKind, count: int, received: tuple[int, int], seq: int
) -> bytes:
    """Return lines as one frame.

    Args:
        lines: The lines, each with its newline.
        kind: Kind of every line.
        count: How many lines there are.
        received: Times of the first and the last line, ns since the Unix epoch.
        seq: Number of the first line's message.
    """
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(b"".join(lines))
    header = MARK + _FIELDS.pack(VERSION, kind, count, *received, seq, len(body))
    return header + _CRC.pack(_checksum(header, body)) + body


def unpack(data: Buffer, frame: Frame) -> list[bytes]:
    """Return the lines of a frame that `scan` found, without their newlines.

    Raises `DamagedFrame` when they are not what was written.
    """
    return unpack_body(data, frame).splitlines()


def unpack_body(data: Buffer, frame: Frame) -> bytes:
    """Return the lines of a frame in one piece. Raises `DamagedFrame`."""
    found = _read(data, frame.offset, verify=True)
    if isinstance(found, str):
        raise DamagedFrame(frame.offset, found)
    body = data[frame.offset + HEADER_SIZE : frame.end]
    try:
        if zstandard.frame_content_size(body) > MOST_UNPACKED:
            raise DamagedFrame(frame.offset, "unpacks beyond all measure")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=MOST_UNPACKED)
    except zstandard.ZstdError as error:
        raise DamagedFrame(frame.offset, str(error)) from error


def is_whole(data: Buffer, frame: Frame) -> bool:
    """Whether header and body of a frame that `scan` found are what was written."""
    return not isinstance(_read(data, frame.offset, verify=True), str)


def scan(data: Buffer, start: int = 0, *, verify: bool = True) -> Iterator[Frame | Damage]:
    """Yield every frame from an offset on, in order, and every damaged stretch between them.

    After damage the search goes on at the next frame that is whole, so one bad byte costs one
    frame.

    Args:
        data: The file's bytes.
        start: Offset to begin at.
        verify: Check the checksum of every frame. Without it bodies are not read: hopping
            over an hour takes milliseconds.
    """
    end = len(data)
    if not start and data[: len(OPENING)] == OPENING:
        start = len(OPENING)
    while start < end:
        frame = _read(data, start, verify=verify)
        if isinstance(frame, str):
            following = data.find(MARK, start + 1)
            while following != -1 and isinstance(_read(data, following, verify=True), str):
                following = data.find(MARK, following + 1)
            damage = Damage(start, (end if following == -1 else following) - start, frame)
            start += damage.size
            yield damage
        else:
            start = frame.end
            yield frame


def _read(data: Buffer, offset: int, *, verify: bool) -> Frame | str:
    """Return the frame at `offset`, or the reason why there is none."""
    head = data[offset : offset + HEADER_SIZE]
    if len(head) < HEADER_SIZE:
        return "cut short"
    if not head.startswith(MARK):
        return "no frame starts here"
    version, kind, lines, first, last, seq, size = _FIELDS.unpack_from(head, len(MARK))
    end = offset + HEADER_SIZE + size
    if end > len(data):
        return "cut short"
    if verify:
        body = data[offset + HEADER_SIZE : end]
        stated = _CRC.unpack_from(head, HEADER_SIZE - _CRC.size)[0]
        if _checksum(head[: -_CRC.size], body) != stated:
            return "checksum differs"
    if version != VERSION or kind not in _KINDS:
        return f"version {version} kind {kind} is unknown"
    return Frame(
        kind=_KINDS[kind],
        lines=lines,
        first_received=first,
        last_received=last,
        first_seq=seq,
        offset=offset,
        size=size,
    )


def _checksum(header: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(header))
