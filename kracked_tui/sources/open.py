"""Opens whatever can be replayed; `check_playable` finds what cannot before the screen opens."""

from __future__ import annotations

from pathlib import Path

from kracked.errors import RecordError
from kracked.record.raw_index import first_message
from kracked.record.read.recording import open_recording
from kracked_tui.sources import raw_log
from kracked_tui.sources.log_file import LogRecording
from kracked_tui.sources.recording import PlayableRecording
from kracked_tui.sources.session import SessionRecording


def check_playable(path: Path) -> None:
    """Check that there is something to play; reads little.

    Raises:
        RecordError: The folder or file holds no messages.
        OSError: It cannot be read.
    """
    if not path.is_dir():
        raw_log.check_readable(path)
        return
    recording = open_recording(path)
    if not any(map(first_message, recording.logs)):
        raise RecordError(f"{recording.path} holds no messages")


def open_playable(path: Path) -> PlayableRecording:
    """Open a session's folder, or a log of raw messages.

    Raises:
        RecordError: It cannot be played.
    """
    return SessionRecording(path) if path.is_dir() else LogRecording(path)
