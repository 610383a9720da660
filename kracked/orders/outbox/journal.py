"""The outbox's file: one JSON object a line, appended while the program runs.

A line is on the disk (fsync) before the request that it announces is sent, so after any
crash the file names every order that can possibly exist. A crash may tear the last line: it
announced a request that was not sent yet, and is cut off. Damage anywhere else is an error,
because a forgotten order is worse than a refused start. A long file is replaced as a whole
by a new one, which takes its name once it is on the disk.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import msgspec

from kracked.errors import ConfigError, RecordError, says
from kracked.orders.outbox.outbox import PreparedAction, Record

_CLOSED = -1
_FLAGS = os.O_APPEND | os.O_CLOEXEC
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


@says(
    "{path}, line {line}, cannot be read. Look at the open orders on the exchange's own site, "
    "then move the file away and start again"
)
class DamagedJournal(RecordError):
    """A line in the middle of the file that is no record."""

    path: Path
    line: int


@says("{path} is in use: another kracked trades with this key; end it first")
class JournalInUse(ConfigError):
    """Another program sends orders with this key."""

    path: Path


@says("{path} cannot be written ({reason}); no order is sent until it can be")
class JournalFull(RecordError):
    """A record could not be written. No order is sent whose line is not on the disk."""

    path: Path
    reason: str


class Journal:
    """The open file, locked for this process. Use it with `with`.

    Args:
        path: The file; it is made if needed, readable by its owner only.

    Raises:
        JournalInUse: Another program has it open.
        JournalFull: It cannot be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, _CLOSED
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _locked(path)
            os.fchmod(self._file, 0o600)
            _sync_folder(path.parent)
        except OSError as error:
            self.close()
            raise JournalFull(path, str(error)) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        # Cleared first: the number may soon be another file's, and must not be written to.
        file, self._file = self._file, _CLOSED
        if file != _CLOSED:
            os.close(file)

    def read(self) -> list[Record]:
        """Return every record, oldest first; a torn last line is cut off the file.

        Raises:
            DamagedJournal: A line before the last cannot be read.
            JournalFull: The file cannot be read, or not be cut.
        """
        try:
            text = self._path.read_bytes()
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                os.ftruncate(self._file, whole)
        except OSError as error:
            raise JournalFull(self._path, str(error)) from error
        return decode_lines(text[:whole], self._path)

    def append(self, record: Record) -> None:
        """Write a record; it survives the end of this process, but no power cut before `sync`.

        Raises:
            JournalFull: It could not be written; the file is as before, or takes no more.
        """
        line = _line(record)
        try:
            before = os.fstat(self._file).st_size
            written = os.write(self._file, line)
            if written == len(line):
                return
            try:
                # No half line may stay, or the next one would be lost in it.
                os.ftruncate(self._file, before)
            except OSError:
                self.close()
                raise
        except OSError as error:
            raise JournalFull(self._path, str(error)) from error
        raise JournalFull(self._path, f"the disk took {written} of {len(line)} bytes")

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return os.fstat(self._file).st_size

    def replace(self, records: Iterable[Record]) -> None:
        """Replace all records by these; any crash leaves the old file or the new one.

        Raises:
            JournalFull: It could not be done; the file is as before, or takes no more.
        """
        text = b"".join(map(_line, records))
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o600)
            try:
                # Locked before it has the name, or another program could take it in between.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                written = 0
                while written < len(text):
                    written += os.write(file, text[written:])
                os.fsync(file)
                new.replace(self._path)
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            raise JournalFull(self._path, str(error)) from error
        old, self._file = self._file, file
        os.close(old)
        try:
            _sync_folder(self._path.parent)
        except OSError as error:
            # A power cut could restore the old file, without the lines appended from now on.
            self.close()
            raise JournalFull(self._path, str(error)) from error

    def sync(self) -> None:
        """Wait until all lines are on the disk.

        Raises:
            JournalFull: The disk did not take them.
        """
        try:
            os.fsync(self._file)
        except OSError as error:
            raise JournalFull(self._path, str(error)) from error


def _locked(path: Path) -> int:
    """Return the file, open and locked; raises `JournalInUse`."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise JournalInUse(path) from None
        # Between opening and locking, another program may have put another file in its place.
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            return file
        os.close(file)


def _line(record: Record) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def decode_lines(text: bytes, path: Path) -> list[Record]:
    """Return the records of whole lines; raises `DamagedJournal`, which names `path`."""
    records: list[Record] = []
    known: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        try:
            record = _DECODER.decode(line)
        except msgspec.MsgspecError as error:
            raise DamagedJournal(path, number) from error
        if isinstance(record, PreparedAction):
            known.add(record.id)
        if record.id not in known:  # the line that announced it is missing
            raise DamagedJournal(path, number)
        records.append(record)
    return records


def _sync_folder(folder: Path) -> None:
    """Put the file's name on the disk too: a file without a name is lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
