"""Finds the ladder columns of the user: files of the configuration folder, and installed packages.

A file `columns/NAME.py` has a `COLUMN`; a package names one in the entry points of the group
`kracked.ladder_columns`. Their code has all rights of the monitor, so a file that others may
write to is not loaded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

from kracked_tui.config import config_path
from kracked_tui.error_boundary import error_text
from kracked_tui.state.user_columns import ITS_ERRORS

GROUP = "kracked.ladder_columns"
FOLDER = "columns"
MOST_FILES = 20


class FoundColumns(NamedTuple):
    """What was found."""

    columns: tuple[tuple[str, Any], ...]
    """Name and object of each."""
    problems: tuple[str, ...]
    """Why others were not loaded, in sentences."""


def find_columns(environment: Mapping[str, str]) -> FoundColumns:
    """Load every column; one that cannot be loaded costs itself alone."""
    columns: list[tuple[str, Any]] = []
    problems: list[str] = []
    folder = config_path(environment).parent / FOLDER
    installed = ((each.name, each.load) for each in entry_points(group=GROUP))
    for name, load in (*_files(folder, problems), *installed):
        try:
            found = load()
            columns.append((name, found() if isinstance(found, type) else found))
        except ITS_ERRORS as error:
            problems.append(f"column {name} is not loaded: {error_text(error)}")
    return FoundColumns(tuple(columns), tuple(problems))


def _files(folder: Path, problems: list[str]) -> Iterator[tuple[str, Any]]:
    try:
        files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    except OSError as error:
        problems.append(f"columns are not loaded: {error}")
        return
    for path in files[:MOST_FILES]:
        if reason := _refused(path):
            problems.append(f"column {path.stem} is not loaded: {reason}")
        else:
            yield path.stem, lambda path=path: _loaded(path)
    if len(files) > MOST_FILES:
        problems.append(f"of {len(files)} columns in {folder} the first {MOST_FILES} are loaded")


def _refused(path: Path) -> str:
    """Say why a file must not be loaded; empty where it may."""
    if os.name != "posix":
        return ""
    for place in (path, path.parent):
        status = place.stat()
        if status.st_uid not in (os.getuid(), 0):
            return f"{place} belongs to another user"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others may write to {place}: chmod go-w {place}"
    return ""


def _loaded(path: Path) -> object:
    spec = spec_from_file_location(f"kracked_column_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "COLUMN"):
        raise AttributeError(f"{path} has no COLUMN")
    return module.COLUMN
