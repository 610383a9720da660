"""A log of raw messages, one a line, as a reel: read from the disk, never held whole."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from kracked.book.keeper import BookKeeper
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event
from kracked.record.read.recording import Instant, to_ns
from kracked.record.replay import Moment
from kracked_tui.sources.raw_log import MessageLog, of_books
from kracked_tui.sources.recording import (
    VERDICTS,
    MessagePlace,
    SeekablePlayer,
    condensed,
    marks_of,
)

_NEAR = 2_000
"""Messages that are looked through to know whether a picture of all that was said is needed."""

_EVERY, _MOST = 10_000, 64
"""Messages from one mark to the next at first; marks at most."""


class LogRecording:
    """A log of raw messages, one a line, that states its times or has none."""

    holes: Sequence[tuple[int, int]] = ()

    def __init__(self, path: Path) -> None:
        """Raises `NoMessages` when there is nothing to play."""
        self.name = path.name
        self._log = MessageLog(path)
        self._marks = LogCheckpoints()
        self.start, self.end = self._log.start, self._log.end

    def tape(self) -> SeekablePlayer:
        return LogPlayer(self._log, self._marks)

    def wound(self, to: int) -> SeekablePlayer:
        tape = LogPlayer(self._log, self._marks)
        tape.seek(to)
        tape.position = max(tape.position, to)
        return tape

    def before(self, spot: MessagePlace) -> SeekablePlayer:
        tape = LogPlayer(self._log, self._marks)
        tape.wind(spot.seq - 1)
        return tape

    def latest(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        wanted = marks_of(symbol, channel)
        for at, (received, data) in self._log.backwards(seq):
            if all(mark in data for mark in wanted):
                return MessagePlace(at + 1, received)
        return None

    def past(self, until: MessagePlace) -> list[Event]:
        """Messages about books are not even read."""
        codec = Codec()
        said = [
            (at + 1, codec.decode(data, received))
            for at, (received, data) in self._log.quiet(until.seq)
        ]
        verdicts = tuple(self._marks.verdicts.items())  # a tape may be passing by meanwhile
        said += [(at, told) for at, told in verdicts if at <= until.seq]
        said.sort(key=itemgetter(0))
        return condensed([event for _, told in said for event in told])

    def silent(self, one: MessagePlace, other: MessagePlace) -> bool:
        low, high = sorted((one.seq, other.seq))
        return high - low <= _NEAR and all(
            of_books(said.data) and at not in self._marks.verdicts
            for at, said in enumerate(self._log.read(low, high), low + 1)
        )

    def heard(self, moment: Moment) -> list[Event]:
        return moment.events


class LogCheckpoints:
    """The books at some places of a log: where winding may begin. Filled as tapes pass by.

    A keeper is remembered as it is, tallies and all, in a few bytes a level. When there
    are many, every second one is forgotten.
    """

    def __init__(self) -> None:
        self._every = _EVERY
        self._kept: dict[int, tuple[int, bytes]] = {}
        self.verdicts: dict[int, list[Event]] = {}
        """What was found of a book at a message: few have a verdict."""

    def pass_by(
        self, seq: int, position: int, keeper: BookKeeper, happened: Sequence[Event]
    ) -> None:
        """Remember this place, if it is one to be remembered."""
        if len(happened) > 1 and (verdicts := [e for e in happened if type(e) in VERDICTS]):
            self.verdicts[seq] = verdicts
        if seq % self._every or seq in self._kept:
            return
        self._kept[seq] = (position, pickle.dumps(keeper))
        if len(self._kept) > _MOST:
            self._every *= 2
            self._kept = {at: mark for at, mark in self._kept.items() if at % self._every == 0}

    def __len__(self) -> int:
        return len(self._kept)

    def before(self, *, seq: int | None = None, time: int | None = None) -> tuple[int, int, bytes]:
        """Number, time and keeper of the last one that is not beyond these; 0 without one."""
        return max(
            (
                (at, position, kept)
                for at, (position, kept) in tuple(self._kept.items())
                if (seq is None or at <= seq) and (time is None or position <= time)
            ),
            default=(0, 0, b""),
        )


class LogPlayer:
    """A bare log and a place in it."""

    def __init__(self, log: MessageLog, marks: LogCheckpoints) -> None:
        self._log, self._marks = log, marks
        self._go(0, log.start, b"")

    def _go(self, seq: int, position: int, kept: bytes) -> None:
        """To a place whose books are known."""
        position = position or self._log.start
        # The bytes are this program's own, of a moment ago.
        self.keeper: BookKeeper = pickle.loads(kept) if kept else BookKeeper()  # noqa: S301
        self.seq, self.position = seq, position
        self._messages = self._log.read(seq)
        self._next = next(self._messages, None)

    @property
    def next_due(self) -> int | None:
        return self._next.at if self._next else None

    @property
    def upcoming(self) -> bytes:
        return self._next.data if self._next else b""

    def step(self) -> Moment | None:
        if self._next is None:
            return None
        self.position, data = self._next
        self._next = next(self._messages, None)
        self.seq += 1
        happened = self.keeper.receive(data, self.position)
        self._marks.pass_by(self.seq, self.position, self.keeper, happened)
        return Moment(self.position, self.seq, "log", data, happened)

    def seek(self, to: Instant) -> Moment:
        when = to_ns(to)
        self._go(*self._marks.before(time=when))
        while (due := self.next_due) is not None and due <= when:
            self.step()
        return Moment(self.position, self.seq, "", b"", [])

    def wind(self, seq: int) -> None:
        """To where so many messages have been played."""
        self._go(*self._marks.before(seq=seq))
        while self.seq < seq and self._next is not None:
            self.step()

    def back(self) -> Moment | None:
        if self.seq < 2:
            return None
        self.wind(self.seq - 1)
        return Moment(self.position, self.seq, "", b"", [])
