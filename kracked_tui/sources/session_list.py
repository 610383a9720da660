"""What has been recorded: the sessions below a folder, newest first."""

from __future__ import annotations

from pathlib import Path

from kracked import times
from kracked.errors import KrackedError
from kracked_tui.view.replay.sessions import SessionRow


def recorded_sessions(folder: Path) -> list[SessionRow]:
    """Reads a small file of each: call it in a thread."""
    from kracked.format.layout import SESSION_INFO  # noqa: PLC0415  not before it is asked for

    rows = []
    for info in folder.glob(f"*/{SESSION_INFO}"):
        try:
            rows.append(_row(info.parent))
        except (KrackedError, OSError):
            continue  # not a recording of ours, or of a newer version
    return sorted(rows, key=lambda row: row.name, reverse=True)


def _row(path: Path) -> SessionRow:
    from kracked.format.session_info import read_info  # noqa: PLC0415

    info = read_info(path)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    length = times.parse_ns(info.end) - times.parse_ns(info.start) if info.end else None
    return SessionRow(path.name, path, size, length, info.clean_stop)
