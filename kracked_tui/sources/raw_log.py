"""A log of raw messages, one a line, read as messages with a time each.

The log is never held whole: an index remembers where every 64th message begins and the time
there, and reading goes on from it.
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
from kracked.errors import ProtocolError, RecordError, says

_PACE_NS = 100 * 1_000_000
"""Time between messages of a log that states no times."""
_STRIDE = 64
"""Messages from one entry of the index to the next; an entry takes 16 bytes."""
_BOOK_MESSAGE = re.compile(rb'\{"channel":"(?:book|level3)"')
_MAX_LINE = 64 << 20
"""Bytes of a line; a longer one is no message and is never held whole in memory."""


@says(
    "{path} holds no readable message: a log has one v2 message a line, and "
    "a recorded session is named by its folder"
)
class NoMessages(RecordError):
    """Not one line of the file is a message of the exchange."""

    path: Path


class LoggedMessage(NamedTuple):
    """One message and the time it is due, ns."""

    at: int
    data: bytes


def check_readable(path: Path) -> None:
    """Read up to the first message.

    Raises:
        NoMessages: There is nothing in the file to play.
    """
    with path.open("rb") as file:
        if not any(_parsed(data) for data in _lines(file)):
            raise NoMessages(path)


class MessageLog:
    """The index of a log as it was when it was opened, and the ways to read it.

    Messages that are not about books are few, and each is indexed: those up to a place are
    found without reading all the others.

    Times never fall. A message without a time is due with the one before it; the messages
    before the first time are due with that. In a log without any time all messages are
    equally far apart.
    """

    def __init__(self, path: Path) -> None:
        """Read the file once and index it.

        Raises:
            NoMessages: None of it is readable.
        """
        check_readable(path)
        self.path = path
        with path.open("rb") as file:
            first = next((stated for data in _lines(file) if (stated := _stated_time(data))), 0)
        self._pace = 0 if first else _PACE_NS
        self._offsets, self._times = array("q"), array("q")
        self._other, self._other_offsets, self._other_times = array("q"), array("q"), array("q")
        """Number, offset and time of each message that is not about a book."""
        self._length, self.end = 0, first
        before = first
        for offset, message in _messages_from(path, 0, first, self._pace):
            if self._length % _STRIDE == 0:
                self._offsets.append(offset)
                self._times.append(before)
            if not is_book_message(message.data):
                self._other.append(self._length)
                self._other_offsets.append(offset)
                self._other_times.append(message.at)
            self._length += 1
            before = self.end = message.at
        self.start = first or _PACE_NS
        """Times of the first and the last message, ns since the Unix epoch."""

    def __len__(self) -> int:
        return self._length

    def read(self, first: int = 0, until: int | None = None) -> Iterator[LoggedMessage]:
        """Yield the messages from number `first` on, the very first being number 0."""
        until = self._length if until is None else min(until, self._length)
        if first >= until:
            return
        block = first // _STRIDE
        indexed = _messages_from(self.path, self._offsets[block], self._times[block], self._pace)
        begin = block * _STRIDE
        for _, message in islice(indexed, first - begin, until - begin):
            yield message

    def other_messages(self, until: int) -> Iterator[tuple[int, LoggedMessage]]:
        """Yield number and message of each before `until` that is not about a book."""
        with self.path.open("rb") as file:
            for at in range(bisect_left(self._other, until)):
                file.seek(self._other_offsets[at])
                data = file.readline(_MAX_LINE).strip()
                yield self._other[at], LoggedMessage(self._other_times[at], data)

    def backwards(self, until: int) -> Iterator[tuple[int, LoggedMessage]]:
        """Yield number and message of each before `until`, the nearest first."""
        for block in range((until - 1) // _STRIDE, -1, -1):
            first = block * _STRIDE
            yield from reversed(
                list(enumerate(self.read(first, min(first + _STRIDE, until)), first))
            )


def is_book_message(data: bytes) -> bool:
    """Whether a message is about a level 2 or level 3 book."""
    return _BOOK_MESSAGE.match(data) is not None


def _messages_from(
    path: Path, offset: int, at: int, pace: int
) -> Iterator[tuple[int, LoggedMessage]]:
    """Yield each message from an offset of the file on, with the offset where it begins.

    Args:
        path: The log.
        offset: Where to begin, bytes.
        at: The time of the message before, ns.
        pace: The time from one message to the next where they state none, ns.
    """
    with path.open("rb") as file:
        file.seek(offset)
        for each in iter(partial(file.readline, _MAX_LINE), b""):
            if data := each.strip():
                stated = _stated_time(data)
                at = max(at, stated) if stated else at + pace
                yield offset, LoggedMessage(at, data)
            offset += len(each)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that are not blank."""
    return (data for each in iter(partial(file.readline, _MAX_LINE), b"") if (data := each.strip()))


class _Timed(msgspec.Struct):
    timestamp: str | None = None


class _Message(msgspec.Struct):
    channel: str | None = None
    method: str | None = None
    data: list[_Timed] | _Timed | None = None
    time_out: str | None = None


_decode = msgspec.json.Decoder(_Message).decode


def _parsed(data: bytes) -> _Message | None:
    """Return a message of the exchange, as far as times need it; None for anything else."""
    try:
        message = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return message if message.channel or message.method else None


def _stated_time(data: bytes) -> int:
    """Return the newest time a message carries; 0 when it carries none.

    The time of a candle is its end, which lies ahead while the candle lasts: it counts as none.
    """
    message = _parsed(data)
    if message is None or message.channel == "ohlc":
        return 0
    parts = message.data if isinstance(message.data, list) else []
    stated = [part.timestamp for part in parts if part.timestamp]
    text = stated[-1] if stated else message.time_out
    if not text:
        return 0
    whole, point, fraction = text.removesuffix("Z").partition(".")
    try:
        if point and fraction.isdecimal() and fraction.isascii():
            return _second(whole) + int(fraction[:9].ljust(9, "0"))
        return times.parse_ns(text)
    except ProtocolError:
        return 0


@lru_cache(64)
def _second(text: str) -> int:
    """Parse a time without its fraction: once for all messages of the same second."""
    return times.parse_ns(text + "Z")
