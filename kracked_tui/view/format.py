"""Numbers and times as people read them, from scaled integers, never through a float. Pure."""

from __future__ import annotations

from kracked import times, units
from kracked.instruments import Precision

_SUFFIXES = ("", "k", "M", "G", "T", "P", "E")
_MAX_DECIMALS = 5
_RECORDED_FROM_NS = 365 * 86_400 * times.NS_PER_S
"""A time before 1971 is none: it counts the messages of a log that states none."""


def qty_decimals(price: int, precision: Precision) -> int:
    """Return the decimals of a quantity that matter: one less than the digits of the price.

    Only digits before the point count. The last decimal shown is then worth a few units of
    the quote currency, so that a column lines up and hides nothing a trader would act on.

    >>> qty_decimals(642105, Precision(1, 8)), qty_decimals(5123, Precision(4, 8))
    (4, 0)
    """
    whole = abs(price) // 10**precision.price
    digits = len(str(whole)) if whole else 0
    return max(0, min(digits - 1, _MAX_DECIMALS, precision.qty))


def qty(value: int, scale: int, decimals: int, width: int = 8) -> str:
    """Write a quantity of `scale` decimals with at most `decimals`, and within `width`.

    One too small for its last decimal is written ``<0.0001``, never zero.

    >>> qty(25_000_000, 8, 4), qty(51, 8, 4), qty(123_456_700_000_000, 8, 4, 7)
    ('0.2500', '<0.0001', '1.235M')
    """
    rounded = rescale(value, scale, decimals)
    if value and not rounded:
        least = "<" + units.to_text(1, decimals)
        return least if len(least) <= width else "<" + least[2:]
    text = units.to_text(rounded, decimals)
    return text if len(text) <= width else compact(value, scale, width)


def compact(value: int, scale: int = 0, width: int = 6) -> str:
    """Write a total or volume with four digits and a suffix for thousands, within `width`.

    >>> compact(1842), compact(41_204), compact(3_100_000), compact(184_250, 2)
    ('1842', '41.20k', '3.100M', '1842.5')
    """
    if not value:
        return "0"
    for power, suffix in enumerate(_SUFFIXES):
        places = scale + 3 * power
        whole = len(str(abs(value) // 10**places))
        room = width - len(suffix) - whole - (value < 0)
        if whole > (3 if suffix else 4) or room < 0:
            continue
        shown = min(max(0, room - 1), 5 - whole if not suffix else 4 - whole, places)
        text = units.to_text(rescale(value, places, shown), shown) + suffix
        # Rounding up may have added a digit: 999.96k.
        if len(text) <= width:
            return text
    return "#" * width


def rescale(value: int, scale: int, decimals: int) -> int:
    """Convert a scaled integer to another number of decimals, halves away from zero."""
    if decimals >= scale:
        return int(value * 10 ** (decimals - scale))
    step = 10 ** (scale - decimals)
    rounded = (abs(value) + step // 2) // step
    return int(-rounded if value < 0 else rounded)


def signed(text: str) -> str:
    """Write a number with its sign, also when it is positive."""
    return text if text.startswith("-") else f"+{text}"


def age(age_ns: int) -> str:
    """Write a length of time in at most five characters.

    >>> [age(s * 10**9) for s in (0, 9, 72, 252, 4000, 200_000)]
    ['<1s', '9s', '1m12', '4m12', '1h06', '2d07']
    """
    seconds = age_ns // times.NS_PER_S
    if seconds < 1:
        return "<1s"
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}"
    if seconds < 86_400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}"
    return f"{min(seconds // 86_400, 99)}d{seconds % 86_400 // 3600:02d}"


def clock(time_ns: int, digits: int = 0) -> str:
    """Write the time of day in UTC, with `digits` decimals of the second.

    >>> clock(1716144920910159752, 3)
    '18:55:20.910'
    """
    return times.to_rfc3339(time_ns, digits)[11:-1]


def recorded(time_ns: int) -> bool:
    """Whether a time was recorded: a log without times counts from the epoch on."""
    return time_ns >= _RECORDED_FROM_NS


def moment(time_ns: int, digits: int = 0) -> str:
    """Write the time of day in UTC, or that there are no times."""
    return clock(time_ns, digits) if recorded(time_ns) else "no times"


def milliseconds(duration_ns: int) -> str:
    """Write a delay: ``0.4ms``, ``38ms``, ``1.2s``.

    >>> milliseconds(400_000), milliseconds(38_000_000), milliseconds(1_230_000_000)
    ('0.4ms', '38ms', '1.2s')
    """
    micros = duration_ns // 1000
    if micros < 10_000:
        return f"{units.to_text(micros // 100, 1)}ms"
    if micros < 1_000_000:
        return f"{micros // 1000}ms"
    return f"{units.to_text(micros // 100_000, 1)}s"


def percent(part: int, whole: int) -> int:
    """Return the share of `part` in `whole`, in per cent and rounded; 0 where `whole` is 0."""
    return (200 * part + whole) // (2 * whole) if whole else 0
