"""Nonces: numbers that only rise, for as long as a key lives.

A nonce is the time in nanoseconds, or one more than the last where the clock did not
move or went back. Because a clock can also go back between two runs, the last nonce is
kept in a file per key. One write covers a whole block of nonces in advance, so that
a burst of orders does not wait for the disk at each.

Source: docs.kraken.com/api/docs/guides/spot-rest-auth
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

BLOCK_NS = 10 * NS_PER_S
"""How far one write reserves ahead: after a crash, nonces lead the clock by at most this."""


class Nonces:
    """The nonces of one key. Single-threaded; one instance per key and process."""

    def __init__(self, clock: Callable[[], int], file: Path | None = None) -> None:
        self._clock, self._file = clock, file
        self._last = self._reserved = _read(file)

    def next(self) -> str:
        """A nonce above every earlier one, as decimal text."""
        self._last = max(self._last + 1, self._clock())
        if self._last > self._reserved:
            self._reserve(self._last + BLOCK_NS)
        return str(self._last)

    def refused(self) -> None:
        """The exchange has seen a higher one: rise above what any program reserved."""
        self._last = max(self._last, self._reserved, _read(self._file))
        self._reserved = self._last

    def close(self) -> None:
        """Give back what was reserved and not used, so that the next run starts at the clock."""
        if self._last < self._reserved == _read(self._file):
            self._reserve(self._last)

    def _reserve(self, upto: int) -> None:
        self._reserved = upto
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
