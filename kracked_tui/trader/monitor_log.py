"""The file `monitor.log`: what the trader did and wrote, still there when the terminal is not.

The framework's log records stand beside the monitor's own, from INFO up. No record holds a key,
a token or a raw private message.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from kracked.untrusted import printable, printable_lines

NAME = "monitor.log"
_MAX_BYTES, _OLD_FILES = 1_000_000, 3
_LOGGERS = ("kracked", "kracked_tui")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""Attributes of every log record; the others are its facts."""


class _FactsFormatter(logging.Formatter):
    """One line: time, level, logger, the message and its facts by name.

    Text from outside is made safe, and what follows on further lines, a traceback, is indented:
    no text can forge a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        facts = [f"{name}={value}" for name, value in vars(record).items() if name not in _STANDARD]
        text = " ".join((super().format(record), *(printable(fact) for fact in facts)))
        return printable_lines(text).replace("\n", "\n    ")


class _PrivateFileHandler(RotatingFileHandler):
    """Writes a file that only its owner can read."""

    def _open(self) -> TextIOWrapper:
        def private(path: str, flags: int) -> int:
            """Open a file that only its owner can read."""
            return os.open(path, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", opener=private)


@contextmanager
def monitor_log(folder: Path) -> Iterator[Path]:
    """Write all log records to `monitor.log` in the folder while the context lasts.

    Three older files are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    handler = _PrivateFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_OLD_FILES)
    handler.setFormatter(_FactsFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
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
