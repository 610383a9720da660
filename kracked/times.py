"""Conversion of RFC 3339 text to integer nanoseconds since the Unix epoch and back.

`datetime` stops at microseconds and the exchange does not, so times are integers. UTC only,
as on the wire. Pure: it never reads a clock. Lengths of time are `kracked.durations`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import index as as_index

from kracked.errors import ProtocolError, says

__all__ = [
    "NS_PER_S",
    "Instant",
    "NotATime",
    "parse_ns",
    "to_ns",
    "to_rfc3339",
    "try_parse_ns",
]

NS_PER_S = 1_000_000_000
Instant = int | str | datetime
"""ns since the Unix epoch, ISO 8601 text, or a datetime, pandas' too; without a zone it is UTC."""
_USUAL = (30, 27)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|\+00:?00)")


@says("{text!r} is not an RFC 3339 time in UTC")
class NotATime(ProtocolError):
    """Text that is not an RFC 3339 time in UTC."""

    text: str


def parse_ns(text: str) -> int:
    """Return an instant in ns since the Unix epoch; digits past the ninth are dropped.

    Raises:
        NotATime: The text is no RFC 3339 time in UTC.

    >>> parse_ns("2024-05-19T18:55:20.910159752Z")
    1716144920910159752
    """
    # Most times are of a second that was seen before, with nine decimals or six.
    length = len(text)
    if length in _USUAL and text[-1] == "Z" and (fraction := text[20:-1]).isdecimal():
        ns = int(fraction)
        return _whole_second(text[:20]) + (ns if length == 30 else 1_000 * ns)
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise NotATime(text)
    day, clock, fraction = match.groups(default="")
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}+00:00") - _EPOCH
    except ValueError as error:
        raise NotATime(text) from error
    return (whole.days * 86_400 + whole.seconds) * NS_PER_S + int(fraction[:9].ljust(9, "0"))


@lru_cache(maxsize=4_096)
def _whole_second(text: str) -> int:
    """Return the time of a text like `2024-05-19T18:55:20.`; raise `NotATime`."""
    if text[-1] != ".":
        raise NotATime(text)
    return parse_ns(f"{text[:-1]}Z")


def try_parse_ns(text: str | None) -> int | None:
    """Return an instant like `parse_ns`; None for no text, or text that is no time."""
    try:
        return parse_ns(text) if text else None
    except NotATime:
        return None


def to_ns(time: Instant) -> int:
    """Return an instant in ns since the Unix epoch; raises `NotATime` for anything else.

    Text is what the exchange writes, with nine digits; else ISO 8601 with any offset or none.
    """
    if isinstance(time, str):
        try:
            return parse_ns(time)
        except NotATime:
            try:
                return to_ns(datetime.fromisoformat(time))
            except ValueError:
                pass
            raise
    if isinstance(time, datetime):
        # A pandas Timestamp is a datetime too, with more digits than `timestamp` keeps.
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        try:
            return parse_ns(aware.astimezone(UTC).isoformat())
        except ValueError as error:  # pandas' NaT, which is no time
            raise NotATime(str(time)) from error
    try:
        return as_index(time)
    except TypeError as error:
        raise NotATime(repr(time)) from error


def to_rfc3339(ns: int, digits: int = 6) -> str:
    """Return an instant as RFC 3339 text in UTC.

    Args:
        ns: ns since the Unix epoch.
        digits: Decimals of the second, 0 to 9; further ones are cut, not rounded.

    >>> to_rfc3339(1716144920910159752, 9)
    '2024-05-19T18:55:20.910159752Z'
    """
    seconds, fraction = divmod(ns, NS_PER_S)
    whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]  # `%Y` pads no year
    return f"{whole}.{fraction:09d}"[: 20 + digits] + "Z" if digits else f"{whole}Z"
