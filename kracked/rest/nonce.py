"""Nonces: numbers that only rise, for as long as a key lives.

A nonce is the time in nanoseconds, or one more than the last where the clock did not
move or went back. Because a clock can also go back between two runs, the last nonce is
kept in a file per key. One write covers a whole block of nonces in advance, and calls
that are not orders renew it early, so that an order does not wait for the disk.

Source: docs.kraken.com/api/docs/guides/spot-rest-auth
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

BLOCK_NS = 60 * NS_PER_S
"""How far one write reserves ahead: after a crash, nonces lead the clock by at most this."""
_STALE_NS = 60 * NS_PER_S
"""A temporary file this old was left by a crash."""


class Nonces:
    """The nonces of one key. Single-threaded; one instance per key and process."""

    def __init__(self, clock: Callable[[], int], file: Path | None = None) -> None:
        self._clock, self._file = clock, file
        self._last = self._reserved = _read(file)
        if file is not None:
            _remove_leftovers(file, clock())

    def next(self) -> str:
        """A nonce above every earlier one, as decimal text."""
        self._last = max(self._last + 1, self._clock())
        if self._last > self._reserved:
            self._reserve(self._last + BLOCK_NS)
        return str(self._last)

    def renew(self) -> None:
        """Reserves ahead when half of the block is used; for moments when waiting is no harm."""
        if max(self._last, self._clock()) > self._reserved - BLOCK_NS // 2:
            self._reserve(max(self._last, self._clock()) + BLOCK_NS)

    def refused(self) -> None:
        """The exchange has seen a higher one: rise above what any program reserved."""
        self._last = max(self._last, self._reserved, _read(self._file))
        self._reserved = self._last

    def close(self) -> None:
        """Give back what was reserved and not used, so that the next run starts at the clock."""
        if self._last < self._reserved == _read(self._file):
            self._save(self._last)

    def _reserve(self, upto: int) -> None:
        # Another program with this key may have gone further: its number is not taken back.
        self._reserved = upto
        self._save(max(upto, _read(self._file)))

    def _save(self, upto: int) -> None:
        if self._file is None:
            return
        try:
            _write(self._file, upto)
        except OSError as error:
            # Not worth refusing to trade for: without the file the clock alone guards.
            log.warning("nonce not saved", extra={"file": str(self._file), "reason": str(error)})
            self._file = None


def _read(file: Path | None) -> int:
    try:
        return int(file.read_text()) if file else 0
    except (OSError, ValueError):
        return 0


def _write(file: Path, last: int) -> None:
    """Replaces the file whole, so that a crash leaves the old number or the new one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(f"{last}\n")
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _remove_leftovers(file: Path, now: int) -> None:
    for leftover in file.parent.glob(f"{file.name}?*"):
        with contextlib.suppress(OSError):
            if now - leftover.stat().st_mtime_ns > _STALE_NS:
                leftover.unlink()
