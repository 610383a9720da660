"""Collects frames as they came, for a recorder of raw messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

LIMIT_BYTES = 256 * 1024 * 1024


class RawMessage(NamedTuple):
    """One frame."""

    connection: str
    """The name of its connection."""
    received: int
    """ns since the Unix epoch."""
    data: bytes


class Tap:
    """Collects every frame until `take` is called; a context manager that ends it.

    It is bounded: beyond `limit_bytes` all further frames, small ones too, are dropped and
    counted in `dropped`, so that the gap is after the frames taken and never between two of them.
    """

    def __init__(self, limit_bytes: int, leave: Callable[[Tap], None]) -> None:
        self.dropped = 0
        self._room = self._limit = limit_bytes
        self._frames: list[RawMessage] = []
        self._leave = leave

    def put(self, connection: str, received: int, data: bytes) -> None:
        """Add a frame of a connection; `received` in ns since the Unix epoch."""
        self._room -= len(data)
        if self._room >= 0:
            self._frames.append(RawMessage(connection, received, data))
        else:
            self.dropped += 1

    def take(self) -> list[RawMessage]:
        """Return all frames since the last call, in order of arrival."""
        taken, self._frames, self._room = self._frames, [], self._limit
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(self)
