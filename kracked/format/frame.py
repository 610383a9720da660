"""The raw log's frame: lines, compressed, behind a header that says what is inside.

A file is frames end to end. The header is a zstd *skippable* frame, so every zstd
reader sees plain compressed lines, while ours hops from header to header: that makes
an index for free, and a file torn by a crash is cut at the first frame that does not
fit. Layout, little endian, 48 bytes:

    u32 0x184D2A5B  u32 40  4s "KRK1"  u8 version  u8 kind  u16 lines
    i64 first_received  i64 last_received  i64 first_seq  u32 size  u32 crc

`crc` is the CRC-32 of the header before it, then of the compressed body: times and
sequence numbers steer the search for an instant, so they need guarding too.

Source of the skippable frame: RFC 8878 section 3.1.2
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from enum import IntEnum
from mmap import mmap
from typing import NamedTuple

import zstandard

from kracked.errors import RecordError

HEADER = struct.Struct("<II4sBBHqqqI")
_CRC = struct.Struct("<I")
HEADER_SIZE = HEADER.size + _CRC.size
SKIPPABLE = 0x184D2A5B
VERSION = 1
MARK = struct.pack("<II4s", SKIPPABLE, HEADER_SIZE - 8, b"KRK1")
_LEVEL = 1  # order ids are noise: level 3 is larger and twice as slow


class FrameKind(IntEnum):
    DATA = 0
    """Messages of the exchange."""
    KEYFRAME = 1
    """One whole book as it stood after the frames before: where a search may begin."""
    EVENT = 2
    """What befell the connection or the recorder: a gap, a reconnect, a resync."""
    STANDING = 3
    """What stood after the frames before besides the books: what a subscription begins with."""


class Frame(NamedTuple):
    """What a header says, and where its body lies."""

    kind: FrameKind
    lines: int
    first_received: int
    last_received: int
    first_seq: int
    offset: int
    """Of the header in its file."""
    size: int
    """Of the compressed body."""

    @property
    def end(self) -> int:
        return self.offset + HEADER_SIZE + self.size


class Damage(NamedTuple):
    """Bytes that are no frame."""

    offset: int
    size: int
    reason: str


class DamagedFrame(RecordError):
    """A frame's bytes are not those its checksum was made of."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(offset, reason)
        self.offset, self.reason = offset, reason

    def __str__(self) -> str:
        return f"frame at byte {self.offset}: {self.reason}"


_KINDS = {int(kind): kind for kind in FrameKind}
"""An enum's own call costs half of what hopping over a frame does."""
Buffer = bytes | mmap


def pack(
    lines: Iterable[bytes], *, kind: FrameKind, count: int, received: tuple[int, int], seq: int
) -> bytes:
    """`count` lines, each ending in a newline, as one frame.

    `received` is the first and last line's time, `seq` the first line's number.
    """
    body = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(b"".join(lines))
    header = HEADER.pack(
        SKIPPABLE, HEADER_SIZE - 8, b"KRK1", VERSION, kind, count, *received, seq, len(body)
    )
    return header + _CRC.pack(_check(header, body)) + body


def unpack(data: Buffer, frame: Frame) -> list[bytes]:
    """The lines of a frame that `scan` found, without their newlines.

    Raises `DamagedFrame` when they are not what was written.
    """
    return unpack_whole(data, frame).splitlines()


def unpack_whole(data: Buffer, frame: Frame) -> bytes:
    """The same in one piece."""
    found = _read(data, frame.offset, verify=True)
    if isinstance(found, str):
        raise DamagedFrame(frame.offset, found)
    body = data[frame.offset + HEADER_SIZE : frame.end]
    return zstandard.ZstdDecompressor().decompress(body)


def is_whole(data: Buffer, frame: Frame) -> bool:
    """Whether header and body of a frame that `scan` found are those that were written."""
    return not isinstance(_read(data, frame.offset, verify=True), str)


def scan(data: Buffer, start: int = 0, *, verify: bool = True) -> Iterator[Frame | Damage]:
    """Every frame from `start` on, in order, and every stretch that is none.

    After damage the next frame is looked for, so one bad byte costs one frame.
    Without `verify` bodies are not read: hopping over an hour takes milliseconds.
    """
    end = len(data)
    while start < end:
        frame = _read(data, start, verify=verify)
        if isinstance(frame, str):
            damage = _damage(data, start, frame)
            start += damage.size
            yield damage
        else:
            start = frame.end
            yield frame


def _damage(data: Buffer, start: int, reason: str) -> Damage:
    """From `start` to the next header that stands up to its checksum, or to the end."""
    following = data.find(MARK, start + 1)
    while following != -1 and isinstance(_read(data, following, verify=True), str):
        following = data.find(MARK, following + 1)
    return Damage(start, (len(data) if following == -1 else following) - start, reason)


def _read(data: Buffer, offset: int, *, verify: bool) -> Frame | str:
    """The frame at `offset`, or why there is none."""
    head = data[offset : offset + HEADER_SIZE]
    if len(head) < HEADER_SIZE:
        return "cut short"
    if not head.startswith(MARK):
        return "no frame starts here"
    *_, version, kind, lines, first, last, seq, size = HEADER.unpack_from(head)
    end = offset + HEADER_SIZE + size
    if end > len(data):
        return "cut short"
    if verify:
        body = data[offset + HEADER_SIZE : end]
        if _check(head[: HEADER.size], body) != _CRC.unpack_from(head, HEADER.size)[0]:
            return "checksum differs"
    if version != VERSION or kind not in _KINDS:
        return f"version {version} kind {kind} is unknown"
    return Frame(_KINDS[kind], lines, first, last, seq, offset, size)


def _check(header: bytes, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(header))
