"""What was recorded, on disk: wound to any place, with everything heard until there.

A session's folder or a bare log of raw messages; both are played by the same deck. All of
this may take a moment and runs in a thread.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from kracked.book.keeper import BookKeeper
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.record import frame, line
from kracked.record.frame import FrameKind
from kracked.record.reader import Instant, Recording, open_recording, to_ns
from kracked.record.repair import mapped
from kracked.record.replay import Moment, Player, Tape
from kracked.record.walk import Walk
from kracked_tui.rawlog import paced

_QUIET = re.compile(rb'\{"channel":"(?:trade|ticker|ohlc|instrument|executions|balances|status)"')
_BOOKS = (events.BookSnapshot, events.BookUpdate, events.OrdersSnapshot, events.OrdersUpdate)
_VERDICTS = (events.Verified, events.Resync)


class DeckTape(Tape, Protocol):
    """A tape that shows its next message and knows the number of the last."""

    seq: int

    @property
    def keeper(self) -> BookKeeper: ...
    @property
    def upcoming(self) -> bytes: ...


class Spot(NamedTuple):
    """A message of a reel."""

    seq: int
    received: int


class Reel(Protocol):
    """A recording to be wound. Times are ns since the Unix epoch."""

    name: str
    start: int
    end: int
    holes: Sequence[tuple[int, int]]
    """Begin and end of each stretch that is not complete."""

    def tape(self) -> DeckTape:
        """Wound to the beginning."""

    def wound(self, to: int) -> DeckTape:
        """Everything that came until `to` has been played."""

    def before(self, spot: Spot) -> DeckTape:
        """Everything before that message has been played."""

    def latest(self, seq: int, symbol: str, channel: str) -> Spot | None:
        """The last update of a book up to message `seq`; None when there is none."""

    def past(self, seq: int) -> list[Event]:
        """What was said up to message `seq`, books left out, each fact once."""

    def silent(self, seq: int, other: int) -> bool:
        """Whether nothing but books changed between two messages."""

    def heard(self, moment: Moment) -> list[Event]:
        """What is told of a moment."""


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
        wanted = _marks(symbol, channel)
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
        return [each for each in moment.events if type(each) not in _VERDICTS]


def _marks(symbol: str, channel: str) -> tuple[bytes, bytes, bytes]:
    """What an update of this book has in it."""
    return f'"channel":"{channel}"'.encode(), b'"type":"update"', f'"{symbol}"'.encode()


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


def condensed(said: Sequence[Event]) -> list[Event]:
    """The same end in fewer events: of each ticker and each candle the last word alone."""
    last: dict[object, int] = {}
    for at, event in enumerate(said):
        if isinstance(event, events.Ticker):
            last[event.symbol] = at
        elif isinstance(event, events.Candles) and len(event.candles) == 1:
            last[event.symbol, event.candles[0].interval, event.candles[0].begin] = at
    kept = frozenset(last.values())
    return [
        event
        for at, event in enumerate(said)
        if at in kept
        or not isinstance(event, events.Ticker | events.Candles)
        or (isinstance(event, events.Candles) and len(event.candles) != 1)
    ]


class LogReel:
    """A log of raw messages, one a line, that states its times or has none."""

    holes: Sequence[tuple[int, int]] = ()

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._messages = list(paced(path))
        self.start = self._messages[0][0] if self._messages else 0
        self.end = self._messages[-1][0] if self._messages else 0

    def tape(self) -> DeckTape:
        return LogTape(self._messages)

    def wound(self, to: int) -> DeckTape:
        tape = LogTape(self._messages)
        tape.seek(to)
        tape.position = max(tape.position, to)
        return tape

    def before(self, spot: Spot) -> DeckTape:
        tape = LogTape(self._messages)
        while tape.seq < spot.seq - 1:
            tape.step()
        return tape

    def latest(self, seq: int, symbol: str, channel: str) -> Spot | None:
        wanted = _marks(symbol, channel)
        for at in range(seq - 1, -1, -1):
            received, data = self._messages[at]
            if all(mark in data for mark in wanted):
                return Spot(at + 1, received)
        return None

    def past(self, seq: int) -> list[Event]:
        keeper, said = BookKeeper(), []
        for received, data in self._messages[:seq]:
            said += [each for each in keeper.receive(data, received) if type(each) not in _BOOKS]
        return condensed(said)

    def silent(self, seq: int, other: int) -> bool:
        return seq == other

    def heard(self, moment: Moment) -> list[Event]:
        return moment.events


class LogTape:
    """A bare log and a place in it. There is no way back but from the start."""

    def __init__(self, messages: Sequence[tuple[int, bytes]]) -> None:
        self._messages = messages
        self._rewind()

    def _rewind(self) -> None:
        self.keeper = BookKeeper()
        self.seq = 0
        self.position = self._messages[0][0] if self._messages else 0

    @property
    def next_due(self) -> int | None:
        return self._messages[self.seq][0] if self.seq < len(self._messages) else None

    @property
    def upcoming(self) -> bytes:
        return self._messages[self.seq][1] if self.seq < len(self._messages) else b""

    def step(self) -> Moment | None:
        if self.seq >= len(self._messages):
            return None
        self.position, data = self._messages[self.seq]
        self.seq += 1
        happened = self.keeper.receive(data, self.position)
        return Moment(self.position, self.seq, "log", data, happened)

    def seek(self, to: Instant) -> Moment:
        when = to_ns(to)
        self._rewind()
        while (due := self.next_due) is not None and due <= when:
            self.step()
        return Moment(self.position, self.seq, "", b"", [])

    def back(self) -> Moment | None:
        if self.seq < 2:
            return None
        target = self.seq - 1
        self._rewind()
        while self.seq < target:
            self.step()
        return Moment(self.position, self.seq, "", b"", [])


def opened(path: Path) -> Reel:
    """The reel of a folder or a file. Raises `RecordError` when it cannot be played."""
    return SessionReel(path) if path.is_dir() else LogReel(path)
