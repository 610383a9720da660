"""The log of a paper account: a line for each event, written before the event is applied.

A line is its checksum, its number and the event as JSON. What `kill -9` can leave is a last line
without its end: nothing was done for it, and it is cut off. Any other damage is refused.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from zlib import crc32

import msgspec

from kracked.errors import ConfigError, RecordError, says
from kracked.paper.account_events import AnyAccountEvent, Carried

_DECODER = msgspec.json.Decoder(AnyAccountEvent)
_SUM_CHARACTERS = 8
_SAFE = os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


@says("line {line} of the paper account's log is damaged: {reason}; restore the file or move it")
class DamagedLog(RecordError):
    """A complete line that is not what was written."""

    line: int
    """Counts from 1."""
    reason: str


@says("{path} is the log of a paper account that is in use")
class LogInUse(ConfigError):
    """Another process trades this account."""

    path: Path


def encode_line(number: int, event: AnyAccountEvent) -> bytes:
    """Return an event as a line of the log.

    Args:
        number: Its place in the log, from 1.
        event: The event.
    """
    body = b"%d %s" % (number, msgspec.json.encode(event))
    return b"%08x %s\n" % (crc32(body), body)


def decode_lines(data: bytes) -> tuple[list[AnyAccountEvent], int]:
    """Return the events of a log, and how many of its bytes are complete lines.

    Raises:
        DamagedLog: A complete line is not what was written, or lines are missing or doubled.
    """
    complete = data.rfind(b"\n") + 1
    lines = data[:complete].split(b"\n")[:-1]
    return [_decode(line, number) for number, line in enumerate(lines, 1)], complete


def _decode(line: bytes, number: int) -> AnyAccountEvent:
    total, body = line[:_SUM_CHARACTERS], line[_SUM_CHARACTERS + 1 :]
    if total != b"%08x" % crc32(body):
        raise DamagedLog(number, "its checksum does not match")
    found, _, event = body.partition(b" ")
    if found != b"%d" % number:
        raise DamagedLog(number, f"it has the number {found.decode(errors='replace')}")
    try:
        return _DECODER.decode(event)
    except msgspec.MsgspecError as error:
        raise DamagedLog(number, str(error)) from error


def _hold(path: Path) -> int:
    """Open a file and lock it, as the one that has its name once it is locked.

    A process that makes its log shorter puts another file in place between the two.

    Raises:
        LogInUse: Another process holds it.
        OSError: It cannot be opened.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | _SAFE, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError as error:
            os.close(handle)
            raise LogInUse(path) from error
        except FileNotFoundError:  # it was taken away; a new one is begun
            pass
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


class PaperLog:
    """The log in a file, held by one process. It survives `kill -9`; `sync` makes it survive
    a power cut too.

    Attributes:
        path: The file.
        events: What it held when it was opened.
    """

    def __init__(self, path: Path) -> None:
        """Open a log, or begin one; cut off a last line that was never finished.

        Raises:
            DamagedLog: A complete line is damaged; the file stays as it is.
            LogInUse: Another process holds it.
            OSError: It cannot be opened, or is a symbolic link.
        """
        self.path = path
        self._handle = _hold(path)
        try:
            self.events, complete = decode_lines(path.read_bytes())
            os.ftruncate(self._handle, complete)
        except BaseException:
            os.close(self._handle)
            raise
        self._lines, self._size = len(self.events), complete

    def record(self, event: AnyAccountEvent) -> None:
        """Write an event down. A line that could not be written whole is taken back.

        Raises:
            OSError: It could not be written; the log is as before.
        """
        line = memoryview(encode_line(self._lines + 1, event))
        try:
            rest = line
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._lines += 1
        self._size += len(line)

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    def compact(self, carried: Carried) -> None:
        """Put one event in place of all that are written. The file is whole at any instant.

        Args:
            carried: The account as it is now.

        Raises:
            OSError: It could not be written; the log is as before.
        """
        new = self.path.with_name(f"{self.path.name}.new")
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _SAFE, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            line = encode_line(1, carried)
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fsync(handle)
            new.replace(self.path)
        except OSError:
            os.close(handle)
            raise
        os.close(self._handle)
        self._handle, self._lines, self._size = handle, 1, len(line)

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file and let others open it."""
        os.close(self._handle)
