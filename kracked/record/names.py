"""What a recorder calls its files. All else in a recording's folder is somebody else's."""

from __future__ import annotations

import re
from pathlib import Path

from kracked.record.sinks import RAW_FOLDER

_LOG = re.compile(r"(\d{8}T\d{4}Z)-(\d{2,})\.jsonl\.zst")


def logs(folder: Path) -> list[Path]:
    """Files of the raw log, by hour and number."""
    found = [path for path in folder.glob(f"{RAW_FOLDER}/*") if _LOG.fullmatch(path.name)]
    return sorted(found, key=place)


def place(log: Path) -> tuple[str, int]:
    """A log's hour, and its number in it: the hundredth comes after the eleventh."""
    match = _LOG.fullmatch(log.name)
    return (match[1], int(match[2])) if match else (log.name, 0)
