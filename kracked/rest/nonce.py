"""Nonces: numbers that only rise, for as long as a key is used.

A nonce is the time in nanoseconds, or one more than the last when the clock did not
move or went back. Because a clock can also go back between two runs, the last nonce is
saved in a file per key. One write reserves a whole block of nonces, and calls that are
not orders renew the block early, so that an order does not wait for the disk.

Source: docs.kraken.com/api/docs/guides/spot-rest-auth
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from kracked.credentials import Credentials
from kracked.state_files import replace_file
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

BLOCK_NS = 60 * NS_PER_S
"""Length of a reserved block: after a crash, nonces lead the clock by at most this."""
_STALE_NS = 60 * NS_PER_S
"""A temporary file of this age was left by a crash."""


def key_file(credentials: Credentials, folder: Path) -> Path:
    """Return the file of the key's last nonce. Its name tells keys apart and reveals none."""
    return folder / f"nonce-{sha256(credentials.key.encode()).hexdigest()[:16]}"


class Nonces:
    """The nonces of one key. Single-threaded; use one instance per key and process.

    Args:
        clock: Returns ns since the Unix epoch.
        file: Where the last nonce is saved; None saves nothing.
    """

    def __init__(self, clock: Callable[[], int], file: Path | None = None) -> None:
        self._clock, self._file = clock, file
        self._last = self._reserved = _read(file)
        for leftover in [] if file is None else file.parent.glob(f"{file.name}?*"):
            with contextlib.suppress(OSError):
                if clock() - leftover.stat().st_mtime_ns > _STALE_NS:
                    leftover.unlink()

    def next(self) -> str:
        """Return a nonce above every earlier one, as decimal text."""
        self._last = max(self._last + 1, self._clock())
        if self._last > self._reserved:
            self._reserve(self._last + BLOCK_NS)
        return str(self._last)

    def renew(self) -> None:
        """Reserve a new block when half of it is used; call it when waiting does no harm."""
        if max(self._last, self._clock()) > self._reserved - BLOCK_NS // 2:
            self._reserve(max(self._last, self._clock()) + BLOCK_NS)

    def refused(self) -> None:
        """Rise above the nonces of other programs: the exchange has seen a higher one."""
        self._last = max(self._last, self._reserved, _read(self._file))
        self._reserved = self._last

    def close(self) -> None:
        """Give back the unused part of the block, so that the next run starts at the clock."""
        if self._last < self._reserved == _read(self._file):
            self._save(self._last)

    def _reserve(self, upto: int) -> None:
        # Another program with this key may have reserved more: its number must stay.
        self._reserved = upto
        self._save(max(upto, _read(self._file)))

    def _save(self, upto: int) -> None:
        if self._file is None:
            return
        try:
            replace_file(self._file, f"{upto}\n".encode())
        except OSError as error:
            # No reason to refuse orders: without the file nonces depend on the clock alone.
            log.warning("nonce not saved", extra={"file": str(self._file), "reason": str(error)})
            self._file = None


def _read(file: Path | None) -> int:
    try:
        return int(file.read_text()) if file else 0
    except (OSError, ValueError):
        return 0
