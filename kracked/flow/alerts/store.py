"""The state file of alerts: what was told, so that it is told once. This module alone touches it.

It is replaced whole. What several programs keep in one file is put together under a lock.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kracked.errors import RecordError, says
from kracked.flow.alerts.memory import AlertMemory, Armed
from kracked.state_files import replace_file

VERSION = 1
MOST_ALERTS = 2_000
"""Alerts that are kept; those kept longest ago make room."""
MOST_BYTES = 64 << 20


@says("{path}: {reason}; it is moved to {aside}, and nothing is known of what was told before")
class DamagedAlerts(RecordError):
    """The state file cannot be read; it was set aside. Alerts begin anew."""

    path: Path
    reason: str
    aside: Path


def read_memory(path: Path) -> tuple[AlertMemory, DamagedAlerts | None]:
    """Return what was told; nothing where there is no file.

    Args:
        path: The state file.

    Returns:
        The memory, and what was wrong with the file: it was set aside then, never deleted.

    Raises:
        OSError: It is there and cannot be read, or not be set aside.
    """
    with _locked(path):
        return _read(path)


def keep_memory(path: Path, memory: AlertMemory, mine: Iterable[Armed]) -> DamagedAlerts | None:
    """Put what alerts remember into the file; what others keep there stays.

    Args:
        path: The state file; its folder is made where there is none.
        memory: What is remembered.
        mine: The alerts whose memory it is.

    Returns:
        What was wrong with the file that was there; it was set aside.

    Raises:
        OSError: The file keeps the old content.
    """
    with _locked(path):
        kept, damaged = _read(path)
        for one in mine:
            kept.alerts.pop(one.name, None)
            kept.alerts[one.name] = memory.of(one.symbol, one.rule)
        while len(kept.alerts) > MOST_ALERTS:
            del kept.alerts[next(iter(kept.alerts))]
        replace_file(path, msgspec.json.encode(kept))
    return damaged


def _read(path: Path) -> tuple[AlertMemory, DamagedAlerts | None]:
    try:
        if path.stat().st_size > MOST_BYTES:
            return AlertMemory(), _set_aside(path, "it is far too large")
        content = path.read_bytes()
    except FileNotFoundError:
        return AlertMemory(), None
    try:
        memory = msgspec.json.decode(content, type=AlertMemory)
    except (msgspec.DecodeError, RecursionError) as error:
        return AlertMemory(), _set_aside(path, f"it cannot be read ({error})")
    if memory.version != VERSION:
        reason = f"it has version {memory.version}, this program knows {VERSION}"
        return AlertMemory(), _set_aside(path, reason)
    return memory, None


def _set_aside(path: Path, reason: str) -> DamagedAlerts:
    """Move a file away under a name that is free."""
    number = 1
    while (aside := path.with_name(f"{path.name}.unreadable-{number}")).exists():
        number += 1
    path.rename(aside)
    return DamagedAlerts(path, reason, aside)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
