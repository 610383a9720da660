"""Cells that a faulty exchange has filled with something else than a time or number."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from kracked.format.tables import Column, ColumnKind

log = logging.getLogger(__name__)

_PATTERNS = {
    ColumnKind.COUNT: r"-?[0-9]{1,18}(?:\.0)?",
    ColumnKind.DECIMAL: r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,3})?",
}
_EARLIEST, _LATEST = (pd.Timestamp(end, tz="UTC") for end in (pd.Timestamp.min, pd.Timestamp.max))


def blank_invalid(texts: pd.Series[Any], column: Column) -> pd.Series[Any]:
    """Return a column's texts without the invalid ones, and log how many they were."""
    if column.kind in _PATTERNS:
        valid = texts.where(texts.str.fullmatch(_PATTERNS[column.kind], na=False))
    elif column.kind is ColumnKind.TIME:
        times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
        valid = texts.where(times.between(_EARLIEST, _LATEST))
    else:
        return texts
    facts = {"column": column.name, "cells": int((texts.fillna("") != "").sum() - valid.count())}
    log.warning("cells that cannot be read are empty", extra=facts)
    return valid
