"""What the trader did and said, in a file that is still there when the terminal is not.

The framework's records stand beside the monitor's own, from INFO up. Nothing that is
logged anywhere holds a key, a token or a raw private message.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

NAME = "monitor.log"
_MOST_BYTES, _KEPT = 1_000_000, 3
_LOGGERS = ("kracked", "kracked_tui")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has; the rest are its facts."""


class _Facts(logging.Formatter):
    """One line: time, level, where, the message and its facts by name."""

    def format(self, record: logging.LogRecord) -> str:
        facts = [f"{name}={value}" for name, value in vars(record).items() if name not in _OWN]
        return " ".join((super().format(record), *facts))


class _PrivateFile(RotatingFileHandler):
    """Only its owner can read it."""

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", opener=private)


@contextmanager
def written(folder: Path) -> Iterator[Path]:
    """While it lasts, everything goes to `monitor.log` in the folder; three older ones are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    handler = _PrivateFile(path, maxBytes=_MOST_BYTES, backupCount=_KEPT)
    handler.setFormatter(_Facts("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
    try:
        yield path
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
            logger.removeHandler(handler)
        handler.close()
