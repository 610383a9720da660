"""The index of a raw log: its files in order, their frames, and when those came."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from kracked.format import frame, layout
from kracked.format.frame import Frame, FrameKind, mapped

FOREVER = 2**63 - 1
"""A time after all others, ns since the Unix epoch."""


class FrameLocation(NamedTuple):
    """A frame and the file it is in."""

    path: Path
    frame: Frame


class LogPosition(NamedTuple):
    """A position in the log, between two lines."""

    seq: int
    """Number of the last message before it."""
    until: int = FOREVER
    """Lines of the recorder's own after that message lie before it up to this time, ns."""

    def covers(self, received: int, seq: int) -> bool:
        """Whether a line or frame that ends with this time and number lies before it."""
        return seq < self.seq or (seq == self.seq and received <= self.until)


def sort_logs(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of the raw log in the order they were written, and foreign ones.

    Messages are numbered through all files. A file whose numbers occur in files before it is a
    copy, or from another recording.
    """
    written: list[Path] = []
    foreign: list[Path] = []
    last = 0
    newest: Path | None = None
    for log in sorted(layout.logs(folder), key=_first_seq):
        if newest is not None:  # only now: how the last file of all ends is never needed
            last, newest = max(last, last_of(newest).seq), None
        first = first_message(log)
        if first is not None and first.first_seq <= last:
            foreign.append(log)
        else:
            written.append(log)
            newest = log
    return written, foreign


def first_message(log: Path) -> Frame | None:
    """Return the first frame of a log with messages of the exchange; None without any."""
    with mapped(log) as data:
        whole = (each for each in frame.scan(data) if isinstance(each, Frame))
        return next((each for each in whole if each.kind is FrameKind.DATA), None)


class LastMessage(NamedTuple):
    """The number and time a log ends with, zeros without any."""

    seq: int
    received: int


def last_of(log: Path) -> LastMessage:
    """Return the last message of a log, by its last whole frame; others' bodies are not read."""
    with mapped(log) as data:
        frames = [found for found in frame.scan(data, verify=False) if isinstance(found, Frame)]
        for found in reversed(frames):
            if frame.is_whole(data, found):
                return LastMessage(_last_of(found), found.last_received)
    return LastMessage(0, 0)


def locate_frames(logs: Iterable[Path]) -> list[FrameLocation]:
    """Return every frame in the order of recording, by the headers alone.

    Only the body verifies a header, so the body is read where a header does not continue the
    frame before: a false time or number would lead every search astray.
    """
    found: list[FrameLocation] = []
    for path in logs:
        with mapped(path) as data:
            for each in frame.scan(data, verify=False):
                if isinstance(each, Frame) and (
                    (found and _continues(found[-1].frame, each)) or frame.is_whole(data, each)
                ):
                    found.append(FrameLocation(path, each))
    return found


def earliest_times(frames: Iterable[FrameLocation]) -> list[int]:
    """Return for each frame the earliest time of a message in it or after it.

    These times never fall, though those of the messages do where a clock was set back.
    """
    times = [
        each.frame.first_received if each.frame.kind is FrameKind.DATA else FOREVER
        for each in frames
    ]
    return [*accumulate(reversed(times), min)][::-1]


def _first_seq(log: Path) -> int:
    """Return the number a log begins with: where a clock was set back, names tell no order."""
    with mapped(log) as data:
        return next((each.first_seq for each in frame.scan(data) if isinstance(each, Frame)), -1)


def _continues(before: Frame, found: Frame) -> bool:
    """Whether times and numbers of a frame follow those of the frame before it."""
    follows = _last_of(before) + (found.kind is FrameKind.DATA)
    rises = before.last_received <= found.first_received <= found.last_received
    return found.first_seq == follows and rises


def _last_of(found: Frame) -> int:
    """Return the number of a frame's last message, or of the last before it."""
    return found.first_seq + (found.lines - 1 if found.kind is FrameKind.DATA else 0)
