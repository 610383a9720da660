"""The files in which programs keep their state: where they lie, and how one is replaced."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of this user's state: in `XDG_STATE_HOME`, else ``~/.local/state``."""
    root = environment.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "kracked"


def replace_file(file: Path, content: bytes) -> None:
    """Replace a file as a whole, so that a crash leaves the old content or the new one.

    Args:
        file: The file; its folder is made where there is none.
        content: The new content.

    Raises:
        OSError: The file keeps the old content.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
