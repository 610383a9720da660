"""The bytes as they came, for a recorder of raw messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

LIMIT_BYTES = 256 * 1024 * 1024


class RawMessage(NamedTuple):
    connection: str
    received: int
    """ns since the Unix epoch."""
    data: bytes


class Tap:
    """Collects every frame until `take` is called; a context manager that ends it.

    Bounded: past `limit_bytes` all further ones are left out, small ones too, and counted in
    `dropped`: so the hole is after those taken, and never between two of them.
    """

    def __init__(self, limit_bytes: int, leave: Callable[[Tap], None]) -> None:
        self.dropped = 0
        self._room = self._limit = limit_bytes
        self._kept: list[RawMessage] = []
        self._leave = leave

    def put(self, connection: str, received: int, data: bytes) -> None:
        self._room -= len(data)
        if self._room >= 0:
            self._kept.append(RawMessage(connection, received, data))
        else:
            self.dropped += 1

    def take(self) -> list[RawMessage]:
        """All frames since the last call, in order of arrival."""
        taken, self._kept, self._room = self._kept, [], self._limit
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(self)
