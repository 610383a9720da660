"""A log of raw messages, one a line, as a recording: read from the disk, never held whole."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

from kracked.book.keeper import BookKeeper
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event
from kracked.record.replay import Moment
from kracked.times import Instant, to_ns
from kracked_tui.sources.raw_log import MessageLog, is_book_message
from kracked_tui.sources.recording import (
    VERDICTS,
    MessagePlace,
    SeekablePlayer,
    condensed,
    update_marks,
)

_NEAR = 2_000
"""Messages that are scanned to find that a seek crosses nothing but books."""

_CHECKPOINT_EVERY, _MAX_CHECKPOINTS = 10_000, 64
"""Messages from one checkpoint to the next at first; checkpoints at most."""


class LogRecording:
    """A log of raw messages, one a line, with or without times of its own."""

    gaps: Sequence[tuple[int, int]] = ()

    def __init__(self, path: Path) -> None:
        """Index the log.

        Raises:
            NoMessages: There is nothing to play.
        """
        self.name = path.name
        self._log = MessageLog(path)
        self._checkpoints = LogCheckpoints()
        self.start, self.end = self._log.start, self._log.end

    def player(self) -> SeekablePlayer:
        """Return a player at the beginning."""
        return LogPlayer(self._log, self._checkpoints)

    def player_at(self, time: int) -> SeekablePlayer:
        """Return a player that has played everything received until `time`, ns."""
        player = LogPlayer(self._log, self._checkpoints)
        player.seek(time)
        player.position = max(player.position, time)
        return player

    def player_before(self, place: MessagePlace) -> SeekablePlayer:
        """Return a player that has played everything before that message."""
        player = LogPlayer(self._log, self._checkpoints)
        player.play_to(place.seq - 1)
        return player

    def last_update(self, seq: int, symbol: str, channel: str) -> MessagePlace | None:
        """Find the last update of a book up to message `seq`; None when there is none."""
        marks = update_marks(symbol, channel)
        for at, (received, data) in self._log.backwards(seq):
            if all(mark in data for mark in marks):
                return MessagePlace(at + 1, received)
        return None

    def events_until(self, place: MessagePlace) -> list[Event]:
        """Return the events up to a place; messages about books are not even read."""
        codec = Codec()
        history = [
            (at + 1, codec.decode(data, received))
            for at, (received, data) in self._log.other_messages(place.seq)
        ]
        # Copied: a player may be adding to them meanwhile.
        verdicts = tuple(self._checkpoints.verdicts.items())
        history += [(at, found) for at, found in verdicts if at <= place.seq]
        history.sort(key=itemgetter(0))
        return condensed([event for _, found in history for event in found])

    def only_books_between(self, first: MessagePlace, second: MessagePlace) -> bool:
        """Whether nothing but books changed between two places; False for distant ones."""
        low, high = sorted((first.seq, second.seq))
        return high - low <= _NEAR and all(
            is_book_message(message.data) and at not in self._checkpoints.verdicts
            for at, message in enumerate(self._log.read(low, high), low + 1)
        )

    def events_of(self, moment: Moment) -> list[Event]:
        """Return the events the screen applies for a moment."""
        return moment.events


class LogCheckpoints:
    """The books at some places of a log, from which a seek begins. Filled by players.

    A pickled keeper, with its counts, takes a few bytes a level. When there are too many
    checkpoints every second one is dropped.
    """

    def __init__(self) -> None:
        self._every = _CHECKPOINT_EVERY
        self._keepers: dict[int, tuple[int, bytes]] = {}
        """Time and pickled keeper by message number."""
        self.verdicts: dict[int, list[Event]] = {}
        """Verdicts on books by message number; few messages have one."""

    def pass_by(
        self, seq: int, received: int, keeper: BookKeeper, happened: Sequence[Event]
    ) -> None:
        """Take a checkpoint after this message, if one is due, and note its verdicts."""
        if len(happened) > 1 and (verdicts := [e for e in happened if type(e) in VERDICTS]):
            self.verdicts[seq] = verdicts
        if seq % self._every or seq in self._keepers:
            return
        self._keepers[seq] = (received, pickle.dumps(keeper))
        if len(self._keepers) > _MAX_CHECKPOINTS:
            self._every *= 2
            self._keepers = {
                at: known for at, known in self._keepers.items() if at % self._every == 0
            }

    def __len__(self) -> int:
        return len(self._keepers)

    def before(self, *, seq: int | None = None, time: int | None = None) -> tuple[int, int, bytes]:
        """Find the last checkpoint that is not beyond `seq` or `time`.

        Returns:
            Its message number, time and pickled keeper; zeros and nothing without one.
        """
        return max(
            (
                (at, received, pickled)
                for at, (received, pickled) in tuple(self._keepers.items())
                if (seq is None or at <= seq) and (time is None or received <= time)
            ),
            default=(0, 0, b""),
        )


class LogPlayer:
    """A log of raw messages and a place in it."""

    def __init__(self, log: MessageLog, checkpoints: LogCheckpoints) -> None:
        self._log, self._checkpoints = log, checkpoints
        self._resume(0, log.start, b"")

    def _resume(self, seq: int, received: int, pickled: bytes) -> None:
        """Go to a checkpoint; without a keeper to the beginning."""
        # The bytes are this program's own, of a moment ago.
        self.keeper: BookKeeper = pickle.loads(pickled) if pickled else BookKeeper()  # noqa: S301
        self.seq, self.position = seq, received or self._log.start
        self._messages = self._log.read(seq)
        self._next = next(self._messages, None)

    @property
    def next_due(self) -> int | None:
        """The time of the next message; None at the end."""
        return self._next.at if self._next else None

    @property
    def upcoming(self) -> bytes:
        """The next message; empty at the end."""
        return self._next.data if self._next else b""

    def step(self) -> Moment | None:
        """Play one message; None at the end."""
        if self._next is None:
            return None
        self.position, data = self._next
        self._next = next(self._messages, None)
        self.seq += 1
        happened = self.keeper.receive(data, self.position)
        self._checkpoints.pass_by(self.seq, self.position, self.keeper, happened)
        return Moment(self.position, self.seq, "log", data, happened)

    def seek(self, to: Instant) -> Moment:
        """Play everything received until an instant."""
        when = to_ns(to)
        self._resume(*self._checkpoints.before(time=when))
        while (due := self.next_due) is not None and due <= when:
            self.step()
        return Moment(self.position, self.seq, "", b"", [])

    def play_to(self, seq: int) -> None:
        """Go to the place where `seq` messages have been played."""
        self._resume(*self._checkpoints.before(seq=seq))
        while self.seq < seq and self._next is not None:
            self.step()

    def back(self) -> Moment | None:
        """Go to before the last message played; None at the beginning."""
        if self.seq < 2:
            return None
        self.play_to(self.seq - 1)
        return Moment(self.position, self.seq, "", b"", [])
