"""The folder of a recorded session as a playable recording."""

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
    update_marks,
)

_OTHER_MESSAGE = re.compile(
    rb'\{"channel":"(?:trade|ticker|ohlc|instrument|executions|balances|status)"'
)
"""A message that is not about a book."""


class SessionRecording:
    """The folder of a recorded session."""

    def __init__(self, path: Path) -> None:
        """Open the folder.

        Raises:
            RecordError: It holds no messages.
        """
        self.name = path.resolve().name
        self._recording = open_recording(path)
        self.start, self.end = self._recording.span()
        self.gaps: Sequence[tuple[int, int]] = [
            (gap.start, gap.end) for gap in self._recording.gaps()
        ]
        self._other = _OtherEvents(self._recording)

    def player(self) -> SeekablePlayer:
        """Return a player at the beginning."""
        return Player(self._recording)

    def player_at(self, time: int) -> SeekablePlayer:
        """Return a player that has played everything received until `time`, ns."""
        player = Player(self._recording)
        player.move_to(time)
        return player

    def player_before(self, place: MessagePlace) -> SeekablePlayer:
        """Return a player that has played everything before that message."""
        player = Player(self._recording)
        player.move_to_message(place.seq - 1)
        return player

    def last_update(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """Find the last update of a book up to message `seq`; None when there is none.

        Reads backwards, frame by frame, and keeps no book. A damaged frame, which shows as a
        gap, has no update.
        """
        marks = update_marks(symbol, channel)
        places = self._recording.frame_index
        last = bisect_right(places, seq, key=lambda place: place.frame.first_seq)
        for path, found in reversed(places[:last]):
            if found.kind is not FrameKind.DATA:
                continue
            texts: list[bytes] = []
            with mapped(path) as data, suppress(frame.DamagedFrame):
                texts = frame.unpack(data, found)
            for text in reversed(texts):
                if all(mark in text for mark in marks):
                    entry = line.unpack(text)
                    if entry.seq <= seq:
                        return MessagePlace(entry.seq, entry.received)
        return None

    def events_until(self, place: MessagePlace) -> list[Event]:
        """Return the events up to a place without those of books, each fact once."""
        return condensed(self._other.until(place))

    def only_books_between(self, first: MessagePlace, second: MessagePlace) -> bool:
        """Whether nothing but books changed between two places, in either order."""
        return self._other.count(first) == self._other.count(second)

    def events_of(self, moment: Moment) -> list[Event]:
        """Return the events the screen applies for a moment.

        The verdicts on books are the recorded feed's own, those of the player are dropped.
        """
        found = [*moment.snapshots, *moment.events]
        if not moment.connection:
            return found
        return [each for each in found if type(each) not in VERDICTS]


class _OtherEvents:
    """The events of a recording that are not about books; each part is read once, when needed."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._keeper = BookRebuilder(recording.info()).keeper
        self._frames_read = 0
        self._events: list[tuple[int, Event]] = []
        """Message number and event."""

    def until(self, place: MessagePlace) -> list[Event]:
        """Return the events up to a place."""
        return [event for _, event in self._events[: self.count(place)]]

    def count(self, place: MessagePlace) -> int:
        """Count the events up to a place.

        A gap bears the number of the message before it and is known at its end: a place
        within the gap does not count it.
        """
        places = self._recording.frame_index
        beyond = bisect_right(places, place.seq, key=lambda each: each.frame.first_seq)
        for _, found, body in self._recording.frames(self._frames_read, beyond):
            if found.kind is not FrameKind.KEYFRAME:
                self._take(body, found.kind)
        self._frames_read = max(self._frames_read, beyond)
        count = bisect_right(self._events, place.seq, key=lambda each: each[0])
        while count:
            seq, event = self._events[count - 1]
            if seq != place.seq or event.received <= place.received:
                break
            count -= 1
        return count

    def _take(self, body: bytes, kind: FrameKind) -> None:
        if kind is FrameKind.DATA and not _OTHER_MESSAGE.search(body):
            return  # most frames hold books alone
        for text in body.splitlines():
            if kind is FrameKind.EVENT:
                entry = line.unpack(text)
                self._events.append((entry.seq, line.decode_event(entry)))
            elif _OTHER_MESSAGE.search(text, 0, 160):
                entry = line.unpack(text)
                is_state = kind is FrameKind.STATE
                data = keyframe.as_snapshot(entry.data) if is_state else entry.data
                happened = self._keeper.receive(data, entry.received)
                self._events += [(entry.seq, event) for event in happened]
