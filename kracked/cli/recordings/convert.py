"""`kracked convert`: a recording's tables written as Parquet."""

from __future__ import annotations

import sys
from pathlib import Path

from kracked.cli import DONE
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.record.convert import convert as convert_recording


def convert(path: Path, *, out: Path | None) -> int:
    """Write a recording's tables as Parquet, one folder per channel, day and pair.

    Args:
        path: The session folder.
        out: The folder to write into; None for `parquet` in the session folder.
    """
    files = convert_recording(path, out, tell=lambda said: print(said, file=sys.stderr))
    for file in files:
        print(file)
    print(f"{len(files)} files written", file=sys.stderr)
    return DONE
