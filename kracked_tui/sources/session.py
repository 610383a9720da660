"""The folder of a recorded session as a reel."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kracked.format import frame, keyframe, line
from kracked.format.frame import FrameKind, mapped
from kracked.protocol.events import Event
from kracked.record.read.book_rebuilder import BookRebuilder
from kracked.record.read.recording import Recording, open_recording
from kracked.record.replay import Moment, Player
from kracked_tui.sources.recording import (
    VERDICTS,
    MessagePlace,
    SeekablePlayer,
    condensed,
    marks_of,
)

_QUIET = re.compile(rb'\{"channel":"(?:trade|ticker|ohlc|instrument|executions|balances|status)"')


class SessionRecording:
    """The folder of a recorded session."""

    def __init__(self, path: Path) -> None:
        """Raises `RecordError` when it holds no messages."""
        self.name = path.resolve().name
        self._recording = open_recording(path)
        self.start, self.end = self._recording.span()
        self.holes: Sequence[tuple[int, int]] = [
            (hole.start, hole.end) for hole in self._recording.gaps()
        ]
        self._quiet = _Quiet(self._recording)

    def tape(self) -> SeekablePlayer:
        return Player(self._recording)

    def wound(self, to: int) -> SeekablePlayer:
        player = Player(self._recording)
        player.move_to(to)
        return player

    def before(self, spot: MessagePlace) -> SeekablePlayer:
        player = Player(self._recording)
        player.move_to_message(spot.seq - 1)
        return player

    def latest(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """Read backwards, frame by frame; no book is kept meanwhile."""
        wanted = marks_of(symbol, channel)
        places = self._recording.frame_index
        last = bisect_right(places, seq, key=lambda place: place.frame.first_seq)
        for path, found in reversed(places[:last]):
            if found.kind is not FrameKind.DATA:
                continue
            for text in reversed(_texts(path, found)):
                if all(mark in text for mark in wanted):
                    entry = line.unpack(text)
                    if entry.seq <= seq:
                        return MessagePlace(entry.seq, entry.received)
        return None

    def past(self, until: MessagePlace) -> list[Event]:
        return self._quiet.until(until)

    def silent(self, one: MessagePlace, other: MessagePlace) -> bool:
        return self._quiet.count(one) == self._quiet.count(other)

    def heard(self, moment: Moment) -> list[Event]:
        """The verdicts on books are the recorded feed's own: those of the player are no news."""
        heard = [*moment.snapshots, *moment.events]
        if not moment.connection:
            return heard
        return [each for each in heard if type(each) not in VERDICTS]


def _texts(path: Path, found: frame.Frame) -> list[bytes]:
    """The lines of a frame; none of a damaged one, which shows as a hole."""
    with mapped(path) as data, suppress(frame.DamagedFrame):
        return frame.unpack(data, found)
    return []


class _Quiet:
    """The messages of a recording that are not about books, read once, as far as was asked."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._keeper = BookRebuilder(recording.info()).keeper
        self._read = 0
        """Frames read so far."""
        self._said: list[tuple[int, Event]] = []

    def until(self, place: MessagePlace) -> list[Event]:
        return condensed([event for _, event in self._said[: self.count(place)]])

    def count(self, place: MessagePlace) -> int:
        """How much was said up to a place.

        A gap bears the number of the message before it, and is known at its end: within
        it, it was not said yet.
        """
        places = self._recording.frame_index
        beyond = bisect_right(places, place.seq, key=lambda each: each.frame.first_seq)
        for _, found, body in self._recording.frames(self._read, beyond):
            if found.kind is not FrameKind.KEYFRAME:
                self._take(body, found.kind)
        self._read = max(self._read, beyond)
        count = bisect_right(self._said, place.seq, key=lambda each: each[0])
        while count and self._later(self._said[count - 1], place):
            count -= 1
        return count

    @staticmethod
    def _later(said: tuple[int, Event], place: MessagePlace) -> bool:
        """Whether it came after the last message up to there, and after that time."""
        seq, event = said
        return seq == place.seq and event.received > place.received

    def _take(self, body: bytes, kind: FrameKind) -> None:
        if kind is FrameKind.DATA and not _QUIET.search(body):
            return  # as most: books alone
        for text in body.splitlines():
            if kind is FrameKind.EVENT:
                entry = line.unpack(text)
                self._said.append((entry.seq, line.decode_event(entry)))
            elif _QUIET.search(text, 0, 160):
                entry = line.unpack(text)
                standing = kind is FrameKind.STATE
                data = keyframe.as_snapshot(entry.data) if standing else entry.data
                heard = self._keeper.receive(data, entry.received)
                self._said += [(entry.seq, event) for event in heard]
