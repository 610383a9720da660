"""Lengths of time as people write them: the one grammar of every command, setting and function.

    500ms   90s   5m   1min   1h30m   1.5h   2d

Pure. Time of day is `kracked.times`.
"""

from __future__ import annotations

import re
from decimal import Decimal

from kracked.errors import ConfigError, says

__all__ = [
    "NotADuration",
    "parse_duration_ns",
]

_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ns|us|ms|min|s|m|h|d)")
_BARE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_MONTH = re.compile(r"M(?![iI])")
"""A capital M is a month in pandas: refused, so that nobody means one and gets a minute."""


@says("{text!r} is no length of time{problem}: say 500ms, 60s, 5m, 1h30m or 1d")
class NotADuration(ConfigError):
    """Text that is no length of time."""

    text: str
    problem: str = ""
    """In parentheses, with a blank before."""


def parse_duration_ns(text: str, *, bare_s: bool = False, zero: bool = False) -> int:
    """Return a length of time in ns.

    Args:
        text: One or more numbers with units; capitals count as small letters. A unit alone
            is one of it.
        bare_s: Take a number without a unit for seconds; else it is refused.
        zero: Accept no time at all.

    Raises:
        NotADuration: The text is none of these.

    >>> parse_duration_ns("1h30m"), parse_duration_ns("min"), parse_duration_ns("5", bare_s=True)
    (5400000000000, 60000000000, 5000000000)
    """
    written = text.strip()
    compact = written.lower().replace(" ", "")
    if _BARE.fullmatch(compact):
        if not bare_s:
            raise NotADuration(written, " (it has no unit)")
        compact += "s"
    elif compact in _UNITS_NS:
        compact = f"1{compact}"
    parts = _PART.findall(compact)
    if (
        not parts
        or "".join(number + unit for number, unit in parts) != compact
        or _MONTH.search(written)
    ):
        raise NotADuration(written)
    length_ns = int(sum(Decimal(number) * _UNITS_NS[unit] for number, unit in parts))
    if length_ns == 0 and not zero:
        raise NotADuration(written, " (it is no time at all)")
    return length_ns
