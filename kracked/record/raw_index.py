"""Where everything in a raw log lies: its files in order, their frames, and when those came."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from kracked.format import frame, layout
from kracked.format.frame import Frame, FrameKind, mapped

FOREVER = 2**63 - 1


class FrameLocation(NamedTuple):
    """A frame and the file it is in."""

    path: Path
    frame: Frame


class LogPosition(NamedTuple):
    """A place in the log to wind to."""

    seq: int
    """Number of the last message before it."""
    until: int = FOREVER
    """Of what the recorder noted after that message, the latest that still lies before it."""

    def covers(self, received: int, seq: int) -> bool:
        """Whether a line or frame lies before it, by the time and the number it ends with."""
        return seq < self.seq or (seq == self.seq and received <= self.until)


def sort_logs(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files of the raw log in the order they were written, and those that are no part of it.

    Messages are numbered through all files. One with numbers that are there already is a
    copy, or from another recording.
    """
    written: list[Path] = []
    strange: list[Path] = []
    last = 0
    newest: Path | None = None
    for log in sorted(layout.logs(folder), key=_first_seq):
        if newest is not None:  # of the last of all nobody needs to know how it ends
            last, newest = max(last, last_of(newest).seq), None
        first = first_message(log)
        if first is not None and first.first_seq <= last:
            strange.append(log)
        else:
            written.append(log)
            newest = log
    return written, strange


def first_message(log: Path) -> Frame | None:
    """The first frame of a log with messages of the exchange; None without any."""
    with mapped(log) as data:
        whole = (each for each in frame.scan(data) if isinstance(each, Frame))
        return next((each for each in whole if each.kind is FrameKind.DATA), None)


class LastMessage(NamedTuple):
    """The last message of a log, zeros for none."""

    seq: int
    received: int


def last_of(log: Path) -> LastMessage:
    """By the last frame that is whole; only headers are read besides."""
    with mapped(log) as data:
        frames = [found for found in frame.scan(data, verify=False) if isinstance(found, Frame)]
        for found in reversed(frames):
            if frame.is_whole(data, found):
                return LastMessage(_last_of(found), found.last_received)
    return LastMessage(0, 0)


def locate_frames(logs: Iterable[Path]) -> list[FrameLocation]:
    """Every frame in the order of recording, read off the headers alone.

    Only the body proves a header, so one that does not go on from the frame before is
    looked into: a false time or number would lead every search astray.
    """
    found: list[FrameLocation] = []
    for path in logs:
        with mapped(path) as data:
            for each in frame.scan(data, verify=False):
                if isinstance(each, Frame) and (
                    (found and _goes_on(found[-1].frame, each)) or frame.is_whole(data, each)
                ):
                    found.append(FrameLocation(path, each))
    return found


def earliest_times(frames: Iterable[FrameLocation]) -> list[int]:
    """For each frame, the earliest time of a message in it or after it.

    It only ever rises, though the times themselves fall where a clock was set back.
    """
    times = [
        each.frame.first_received if each.frame.kind is FrameKind.DATA else FOREVER
        for each in frames
    ]
    return [*accumulate(reversed(times), min)][::-1]


def _first_seq(log: Path) -> int:
    """The number a log begins with: its name tells no order where a clock was set back."""
    with mapped(log) as data:
        return next((each.first_seq for each in frame.scan(data) if isinstance(each, Frame)), -1)


def _goes_on(before: Frame, found: Frame) -> bool:
    """Whether times and numbers are those that come next when nothing is amiss."""
    follows = _last_of(before) + (found.kind is FrameKind.DATA)
    rises = before.last_received <= found.first_received <= found.last_received
    return found.first_seq == follows and rises


def _last_of(found: Frame) -> int:
    """Number of its last message, or of the last before it."""
    return found.first_seq + (found.lines - 1 if found.kind is FrameKind.DATA else 0)
