"""A log of raw messages, one a line, as messages with a time each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from kracked import times

_PACE_NS = 100 * 1_000_000
"""Between messages of a log that says nothing about time."""


def paced(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each message with the time it is due, ns, never falling.

    A message that states no time is due with the one before it, and what comes before
    the first that does, with that. In a log without any time all are equally far apart.
    """
    at = _first_time(path)
    pace = 0 if at else _PACE_NS
    with path.open("rb") as lines:
        for each in lines:
            data = each.strip()
            if data:
                stated = _stated_time(data)
                at = max(at, stated) if stated else at + pace
                yield at, data


def _first_time(path: Path) -> int:
    with path.open("rb") as lines:
        return next((stated for each in lines if (stated := _stated_time(each))), 0)


class _Timed(msgspec.Struct):
    timestamp: str | None = None


class _Message(msgspec.Struct):
    data: list[_Timed] | _Timed | None = None
    time_out: str | None = None


def _stated_time(data: bytes) -> int:
    """The newest time a message carries; 0 when it carries none."""
    try:
        message = msgspec.json.decode(data, type=_Message)
    except msgspec.DecodeError:
        return 0
    parts = message.data if isinstance(message.data, list) else []
    stated = [part.timestamp for part in parts if part.timestamp]
    text = stated[-1] if stated else message.time_out
    return times.parse_ns(text) if text else 0
