"""A log of raw messages, one a line, as messages with a time each.

It is never held whole: an index remembers where every so-manieth message begins and what
time it was then, and reading goes on from there.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from kracked import times
from kracked.errors import ProtocolError, RecordError

_PACE_NS = 100 * 1_000_000
"""Between messages of a log that says nothing about time."""
_STRIDE = 64
"""Messages from one entry of the index to the next: 16 bytes for so many."""
_OF_BOOKS = re.compile(rb'\{"channel":"(?:book|level3)"')
_LONGEST = 64 << 20
"""Bytes of a line; what is longer is no message, and is not held in memory to find out."""


class NoMessages(RecordError):
    """A file in which not one line is a message of the exchange."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path} holds no readable message: a log has one v2 message a line, and "
            "a recorded session is named by its folder"
        )


class LoggedMessage(NamedTuple):
    """One message and the time it is due, ns."""

    at: int
    data: bytes


def check(path: Path) -> None:
    """Raises `NoMessages` when there is nothing in the file to play; reads no further."""
    with path.open("rb") as file:
        if not any(_outline(data) for data in _stripped(file)):
            raise NoMessages(path)


class MessageLog:
    """The index of a log as it stood when it was opened, and the way into it.

    Messages that are not about books are few, and each is indexed: what they said up to a
    place is found without reading all the rest again.

    Times never fall. A message that states none is due with the one before it, and what
    comes before the first that does, with that. In a log without any time all are equally
    far apart.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file once. Raises `NoMessages` when none of it is readable."""
        check(path)
        self.path = path
        first = _first_time(path)
        self._pace = 0 if first else _PACE_NS
        self._offsets, self._times = array("q"), array("q")
        self._quiet, self._quiet_offsets, self._quiet_times = array("q"), array("q"), array("q")
        self._length, self.end = 0, first
        before = first
        for offset, said in _placed(path, 0, first, self._pace):
            if self._length % _STRIDE == 0:
                self._offsets.append(offset)
                self._times.append(before)
            if not of_books(said.data):
                self._quiet.append(self._length)
                self._quiet_offsets.append(offset)
                self._quiet_times.append(said.at)
            self._length += 1
            before = self.end = said.at
        self.start = first or _PACE_NS
        """Times of the first and the last message, ns since the Unix epoch."""

    def __len__(self) -> int:
        return self._length

    def read(self, first: int = 0, until: int | None = None) -> Iterator[LoggedMessage]:
        """The messages from number `first` on, 0 being the very first."""
        until = self._length if until is None else min(until, self._length)
        if first >= until:
            return
        block = first // _STRIDE
        said = _paced(self.path, self._offsets[block], self._times[block], self._pace)
        yield from islice(said, first - block * _STRIDE, until - block * _STRIDE)

    def quiet(self, until: int) -> Iterator[tuple[int, LoggedMessage]]:
        """Number and message of each before `until` that is not about a book."""
        with self.path.open("rb") as file:
            for at in range(bisect_left(self._quiet, until)):
                file.seek(self._quiet_offsets[at])
                data = file.readline(_LONGEST).strip()
                yield self._quiet[at], LoggedMessage(self._quiet_times[at], data)

    def backwards(self, until: int) -> Iterator[tuple[int, LoggedMessage]]:
        """Number and message of each before `until`, the nearest first."""
        for block in range((until - 1) // _STRIDE, -1, -1):
            first = block * _STRIDE
            yield from reversed(
                list(enumerate(self.read(first, min(first + _STRIDE, until)), first))
            )


def of_books(data: bytes) -> bool:
    """Whether a message is about a level 2 or level 3 book."""
    return _OF_BOOKS.match(data) is not None


def _paced(path: Path, offset: int, at: int, pace: int) -> Iterator[LoggedMessage]:
    return (said for _, said in _placed(path, offset, at, pace))


def _placed(path: Path, offset: int, at: int, pace: int) -> Iterator[tuple[int, LoggedMessage]]:
    """Each message from a place in the file on, with the place where it begins."""
    with path.open("rb") as file:
        file.seek(offset)
        for each in iter(partial(file.readline, _LONGEST), b""):
            if data := each.strip():
                stated = _stated_time(data)
                at = max(at, stated) if stated else at + pace
                yield offset, LoggedMessage(at, data)
            offset += len(each)


def _stripped(file: BinaryIO) -> Iterator[bytes]:
    return (data for each in iter(partial(file.readline, _LONGEST), b"") if (data := each.strip()))


def _first_time(path: Path) -> int:
    with path.open("rb") as file:
        return next((stated for data in _stripped(file) if (stated := _stated_time(data))), 0)


class _Timed(msgspec.Struct):
    timestamp: str | None = None


class _Message(msgspec.Struct):
    channel: str | None = None
    method: str | None = None
    data: list[_Timed] | _Timed | None = None
    time_out: str | None = None


_decode = msgspec.json.Decoder(_Message).decode


def _outline(data: bytes) -> _Message | None:
    """What tells a message of the exchange from anything else; None for anything else."""
    try:
        message = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return message if message.channel or message.method else None


def _stated_time(data: bytes) -> int:
    """The newest time a message carries; 0 when it carries none.

    That of a candle is its end, which lies ahead while it lasts: none, as far as we know.
    """
    message = _outline(data)
    if message is None or message.channel == "ohlc":
        return 0
    parts = message.data if isinstance(message.data, list) else []
    stated = [part.timestamp for part in parts if part.timestamp]
    text = stated[-1] if stated else message.time_out
    return _time(text) if text else 0


def _time(text: str) -> int:
    """A time, or 0 for what is none; read once for all messages of the same second."""
    whole, point, fraction = text.removesuffix("Z").partition(".")
    try:
        if point and fraction.isdecimal() and fraction.isascii():
            return _second(whole) + int(fraction[:9].ljust(9, "0"))
        return times.parse_ns(text)
    except ProtocolError:
        return 0


@lru_cache(64)
def _second(text: str) -> int:
    return times.parse_ns(text + "Z")
