"""How long an interval is, as bars, samples and sums take it."""

from __future__ import annotations

import pandas as pd

from kracked.errors import ConfigError


def length_ns(every: str) -> int:
    """Such as "5s", "1min" or "h", any of pandas' frequencies of fixed length, in ns.

    Raises `ConfigError` for what is none, or not longer than nothing, or without a unit:
    pandas takes a bare number for nanoseconds, which nobody means.
    """
    text = str(every).strip()
    try:
        step = pd.Timedelta(f"1{text}" if text.isalpha() else text).as_unit("ns").value
    except ValueError:
        step = 0
    if step <= 0 or not text.strip("0123456789."):
        raise ConfigError(f"every={every!r} is no length of time: say 5s, 1min, 1h")
    return int(step)
