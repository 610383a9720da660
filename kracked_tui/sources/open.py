"""Opens whatever can be replayed, and says before the screen opens that something cannot."""

from __future__ import annotations

from pathlib import Path

from kracked.errors import RecordError
from kracked.record.raw_index import first_message
from kracked.record.read.recording import Recording, open_recording
from kracked_tui.sources import raw_log
from kracked_tui.sources.log_file import LogRecording
from kracked_tui.sources.recording import PlayableRecording
from kracked_tui.sources.session import SessionRecording


def check(path: Path) -> None:
    """Raises `RecordError` or OSError when there is nothing there to play; quick."""
    if path.is_dir():
        _check_session(open_recording(path))
    else:
        raw_log.check(path)


def _check_session(recording: Recording) -> None:
    if not any(map(first_message, recording.logs)):
        raise RecordError(f"{recording.path} holds no messages")


def opened(path: Path) -> PlayableRecording:
    """The reel of a folder or a file. Raises `RecordError` when it cannot be played."""
    return SessionRecording(path) if path.is_dir() else LogRecording(path)
