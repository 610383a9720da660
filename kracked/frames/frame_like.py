"""Frames of other libraries as pandas frames, without importing any of them."""

from __future__ import annotations

from typing import Any

import pandas as pd


def frame_like(given: Any) -> pd.DataFrame | None:
    """Return a polars frame or an Arrow table as a pandas frame; None for anything else."""
    library = type(given).__module__.partition(".")[0]
    if library == "polars":
        whole = given.collect() if hasattr(given, "collect") else given
        frame = pd.DataFrame({name: whole.get_column(name).to_numpy() for name in whole.columns})
    elif library == "pyarrow" and hasattr(given, "to_pandas"):
        frame = given.to_pandas()
    else:
        return None
    if "ts_event" in frame:
        # polars has no zone in its arrays: all our times are UTC.
        frame["ts_event"] = pd.to_datetime(frame["ts_event"], utc=True)
    for name in ("trade_id", "flags"):
        if name in frame:
            frame[name] = frame[name].astype("Int64")
    return frame
