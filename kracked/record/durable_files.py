"""Writing that a power cut does not undo, into files that are never symbolic links."""

from __future__ import annotations

import os
from pathlib import Path

from kracked.errors import RecordError, says


@says("{path} is a symbolic link; remove it or record elsewhere")
class SymbolicLink(RecordError):
    """A file of the recording is a symbolic link, which recorders never make."""

    path: Path


PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes of what holds the account's orders and balances, whatever the form."""
SHARED_FILE, SHARED_FOLDER = 0o640, 0o750
"""Modes of what holds the market alone: the group may read it."""
_PRIVATE = ("executions", "balances")


def is_private(table: str) -> bool:
    """Whether a table, named as its file or its channel is, holds the account's data."""
    return table.startswith(_PRIVATE)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte: `os.write` may take fewer and say nothing."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
