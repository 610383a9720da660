"""The form of a file, by its first bytes: names lie."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import zstandard

from kracked.errors import RecordError
from kracked.format.unpacking import WrongForm
from kracked.frames.read.database_rows import is_database

_DAMAGED = (
    OSError, EOFError, ValueError, IndexError, RecursionError, csv.Error, sqlite3.Error,
    zstandard.ZstdError,
)  # fmt: skip


class FileForm(StrEnum):
    TEXT = "CSV"
    DATABASE = "SQLite"
    PARQUET = "Parquet"


def form_of(path: Path) -> FileForm:
    """Return the form of a file. Raises `WrongForm` for a folder."""
    if path.is_dir():
        raise WrongForm("a folder")
    if is_database(path):
        return FileForm.DATABASE
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    return FileForm.PARQUET if parquet or path.suffix == ".parquet" else FileForm.TEXT


@contextmanager
def reporting_damage(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn the errors of reading a damaged file, and `others`, into a `RecordError` that names it.

    A `RecordError` without the file's name gets it.
    """
    try:
        yield
    except RecordError as error:
        if str(path) in str(error):
            raise
        raise RecordError(f"{path} cannot be read: {error}") from error
    except Exception as error:
        unknown = not isinstance(error, _DAMAGED + others)
        if unknown or (isinstance(error, OSError) and error.errno):  # missing, or not readable
            raise
        raise RecordError(f"{path} cannot be read: {error}") from error
