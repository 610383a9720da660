"""The folder of a recorded session as a reel."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

from kracked.protocol.events import Event
from kracked.record import frame, line
from kracked.record.frame import FrameKind
from kracked.record.reader import Recording, open_recording
from kracked.record.repair import mapped
from kracked.record.replay import Moment, Player
from kracked.record.walk import Walk
from kracked_tui.reel import VERDICTS, DeckTape, Spot, condensed, marks_of

_QUIET = re.compile(rb'\{"channel":"(?:trade|ticker|ohlc|instrument|executions|balances|status)"')


class SessionReel:
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

    def tape(self) -> DeckTape:
        return Player(self._recording)

    def wound(self, to: int) -> DeckTape:
        player = Player(self._recording)
        player.seek(to)
        return player

    def before(self, spot: Spot) -> DeckTape:
        player = Player(self._recording)
        player.rewind(spot.seq - 1, spot.received - 1)
        return player

    def latest(self, seq: int, symbol: str, channel: str) -> Spot | None:
        """Read backwards, frame by frame; no book is kept meanwhile."""
        wanted = marks_of(symbol, channel)
        places = self._recording.places
        last = bisect_right(places, seq, key=lambda place: place.frame.first_seq)
        for path, found in reversed(places[:last]):
            if found.kind is not FrameKind.DATA:
                continue
            with mapped(path) as data:
                texts = frame.unpack(data, found)
            for text in reversed(texts):
                if all(mark in text for mark in wanted):
                    entry = line.unpack(text)
                    if entry.seq <= seq:
                        return Spot(entry.seq, entry.received)
        return None

    def past(self, seq: int) -> list[Event]:
        return self._quiet.until(seq)

    def silent(self, seq: int, other: int) -> bool:
        return self._quiet.count(seq) == self._quiet.count(other)

    def heard(self, moment: Moment) -> list[Event]:
        """The verdicts on books are the recorded feed's own: those of the player are no news."""
        if not moment.connection:
            return moment.events
        return [each for each in moment.events if type(each) not in VERDICTS]


class _Quiet:
    """The messages of a recording that are not about books, read once, as far as was asked."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._keeper = Walk(recording.info()).keeper
        self._read = 0
        """Frames read so far."""
        self._said: list[tuple[int, Event]] = []

    def until(self, seq: int) -> list[Event]:
        return condensed([event for _, event in self._said[: self.count(seq)]])

    def count(self, seq: int) -> int:
        """How much was said up to message `seq`."""
        places = self._recording.places
        while self._read < len(places) and places[self._read].frame.first_seq <= seq:
            path, found = places[self._read]
            self._read += 1
            if found.kind is not FrameKind.KEYFRAME:
                with mapped(path) as data:
                    self._take(frame.unpack(data, found), found.kind)
        return bisect_right(self._said, seq, key=lambda each: each[0])

    def _take(self, texts: list[bytes], kind: FrameKind) -> None:
        for text in texts:
            if kind is FrameKind.EVENT:
                entry = line.unpack(text)
                self._said.append((entry.seq, line.event_of(entry)))
            elif _QUIET.search(text, 0, 160):
                entry = line.unpack(text)
                heard = self._keeper.receive(entry.data, entry.received)
                self._said += [(entry.seq, event) for event in heard]
