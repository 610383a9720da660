"""The expiry of an order, as a person writes it. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

from kracked import times
from kracked.durations import NotADuration, parse_duration_ns
from kracked.errors import ProtocolError, says

_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_DAY_NS = 86_400 * times.NS_PER_S


class Expiry(NamedTuple):
    """A time after the exchange has taken the order, or an instant: one of the two."""

    in_s: int | None = None
    at: int | None = None
    """ns since the Unix epoch."""


@says("{text!r} is no expiry: write 10m, 1h30m, 2d, or a time (UTC) such as 14:30")
class NotAnExpiry(ProtocolError):
    """A text that names no time to come."""

    text: str


def parsed(text: str, now: int) -> Expiry:
    """Read a duration (``10m``, ``1h30m``), a time of day (``14:30``), or a whole instant.

    A time of day is the first one after `now`, ns.

    Raises:
        NotAnExpiry: It is none of them.

    >>> parsed("1h30m", 0), parsed("00:10", 3600 * 10**9)
    (Expiry(in_s=5400, at=None), Expiry(in_s=None, at=87000000000000))
    """
    text = text.strip().lower().replace(" ", "")
    with suppress(NotADuration):
        return Expiry(in_s=parse_duration_ns(text, zero=True) // times.NS_PER_S)
    try:
        if not _CLOCK.fullmatch(text):
            return Expiry(at=times.parse_ns(text.upper().removesuffix("Z") + "Z"))
        hours, _, rest = text.partition(":")
        seconds = rest if ":" in rest else f"{rest}:00"
        at = times.parse_ns(f"{times.to_rfc3339(now, 0)[:10]}T{hours:0>2}:{seconds}Z")
    except ProtocolError as error:
        raise NotAnExpiry(text) from error
    return Expiry(at=at if at > now else at + _DAY_NS)


def shown(expiry: Expiry) -> str:
    """Return the expiry as a person would write it.

    >>> shown(Expiry(in_s=5400)), shown(Expiry(at=87 * 10**12))
    ('1h30m', '1970-01-02 00:10:00')
    """
    if expiry.at is not None:
        return times.to_rfc3339(expiry.at, 0)[:-1].replace("T", " ")
    left, parts = expiry.in_s or 0, []
    for unit, name in _UNITS:
        count, left = divmod(left, unit)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts) or "0s"
