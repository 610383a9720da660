"""A recording as a source: the same books and events, at any speed and from any place.

A seek plays to the other place in a thread, with a player of its own; the screen keeps
showing the old place until then. The order events of one message can be stepped through one
by one: one book is then shown as it would be between them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import ChainMap, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.protocol.events import Event
from kracked.record.replay import MAX_SPEED, Moment, Replay
from kracked_tui.sources.base import BooksJump, Counters, StateRestored, TimeJump
from kracked_tui.sources.recording import MessagePlace, PlayableRecording, SeekablePlayer
from kracked_tui.sources.stepping import OrderStep, book_after, steps_of
from kracked_tui.view.replay.timebar import TimeView

log = logging.getLogger(__name__)

_SPEEDS = (0.1, 1.0, 10.0, MAX_SPEED)
_SPEED_NAMES = {MAX_SPEED: "max"}
_LONGEST_SILENCE_S = 3.0
_SLICE_S = 0.002
_HEAD = 60
"""Bytes of a message that hold the name of its channel."""
_REST_S = 0.001
"""How long a state that is being made leaves the interpreter to the screen, each time."""
_MOST_LATER = 50_000
"""Events that may come while a state is being made: with more it is given up."""

MakeState = Callable[[MessagePlace, Callable[[], bool]], StateRestored | None]
"""Makes the whole state of a place, as long as that is wanted; called in a thread."""


class _Restoring:
    """The whole state of a place that a jump led to, while it is being made."""

    def __init__(self, first: Moment, place: MessagePlace) -> None:
        self.first, self.place = first, place
        """What the jump told, and where it led."""
        self.event: StateRestored | None = None
        """The state; None until it is made."""
        self.last: Moment | None = None
        """What tells it to the screen."""
        self.later: deque[Event] | None = None
        """What the screen took since the jump; None before."""

    def catch_up(self) -> Iterator[None]:
        """Apply to the state what came meanwhile, one event at a time."""
        while self.event is not None and self.later:
            self.event.state.apply(self.later.popleft())
            yield


class ReplaySource:
    """Plays a recording. It is its own playback control."""

    mode = "REPLAY"
    no_level3_reason = "This recording has no level3 message of this symbol up to here."
    feed = None
    access = None

    def __init__(
        self,
        recording: PlayableRecording,
        *,
        speed: float = 1.0,
        at: int | None = None,
        make_state: MakeState | None = None,
    ) -> None:
        """Open a recording; this may take a moment.

        Args:
            recording: What is played.
            speed: Recorded seconds a second; infinity for as fast as possible.
            at: Where to begin, paused, with the whole state of that instant, ns; None to play
                from the beginning.
            make_state: Makes the whole state of a place after a jump has shown its books; without
                it the measures of a book's orders begin anew there.
        """
        self._make_state = make_state
        self._restorings: list[_Restoring] = []
        """The state that is being made, and those that are made and not taken yet."""
        self._jumped = asyncio.Event()
        self.name = recording.name
        self.recording = recording
        """What is played."""
        self._player: SeekablePlayer = recording.player() if at is None else recording.player_at(at)
        self._replay = Replay(self._player, speed=speed, max_gap_s=_LONGEST_SILENCE_S)
        if at is not None:
            self._replay.pause()
            self._go_on_with(self._player, self._whole_state(self._player))
        self._played_at = time.monotonic_ns()
        """When the last message was played, on the steady clock."""
        self._goal: int | None = None
        """Where the seeks that are not done yet lead to; None without one."""
        self._seeking = asyncio.Lock()
        self._steps: tuple[OrderStep, ...] = ()
        """Order events of the next message that are shown already."""
        self._stepped_book: dict[str, L3Book] = {}
        """The book with those events, by its symbol; empty without any."""
        self._step_text = ""

    @property
    def playback(self) -> Self:
        """This source."""
        return self

    # --- what is shown ------------------------------------------------------------------

    @property
    def l2(self) -> Mapping[str, L2Book]:
        """The level 2 books by symbol."""
        return self._player.keeper.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        """The level 3 books by symbol, one of them between two messages while stepping."""
        books = self._player.keeper.l3
        return ChainMap(self._stepped_book, books) if self._stepped_book else books

    def counters(self) -> Counters:
        """Return the checksum counts of all books up to here."""
        tallies = self._player.keeper.stats.values()
        return Counters(
            sum(tally.verified for tally in tallies), sum(tally.mismatched for tally in tallies)
        )

    def now(self) -> int:
        """Return the position of the replay, ns; between two messages it moves with the clock."""
        position, due, speed = self._player.position, self._player.next_due, self._replay.speed
        if self._replay.paused or due is None or speed == MAX_SPEED:
            return position
        passed = time.monotonic_ns() - self._played_at
        return min(position + int(passed * speed), max(position, due))

    def view(self) -> TimeView:
        """Return the time bar's data."""
        return TimeView(
            start=self.recording.start,
            end=self.recording.end,
            position=self.now(),
            speed=_SPEED_NAMES.get(self._replay.speed, f"{self._replay.speed:g}x"),
            playing=not self._replay.paused,
            ended=self._player.next_due is None,
            seeking=self._seeking.locked(),
            gaps=self.recording.gaps,
            step=self._step_text,
        )

    # --- life ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def batches(self) -> AsyncIterator[list[Event]]:
        """Yield the events of each moment; pause at the end, from which a seek leads back."""
        restoring = asyncio.create_task(self._restore_states())
        try:
            while True:
                async for moment in self._replay:
                    self._played_at = time.monotonic_ns()
                    yield self._told(moment)
                self._replay.pause()
        finally:
            self._restorings = []  # the thread that makes one ends
            restoring.cancel()

    async def show(self, symbol: str) -> None:
        """Subscribe nothing: a recording has the channels it was made with."""

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        """Subscribe nothing: a recording has the channels it was made with."""

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        """Return no candles: a recording has the channels it was made with."""

    # --- controls -----------------------------------------------------------------------

    def toggle(self) -> None:
        """Play or pause."""
        self._show_steps(())
        self._step_text = ""
        self._played_at = time.monotonic_ns()
        if self._replay.paused:
            self._replay.resume()
        else:
            self._replay.pause()

    def faster(self, by: int) -> None:
        """Take the next higher (1) or lower (-1) speed."""
        speed = self._replay.speed
        further = [each for each in _SPEEDS if (each > speed if by > 0 else each < speed)]
        if further:
            self._replay.speed = further[0] if by > 0 else further[-1]

    async def shift(self, by_ns: int) -> None:
        """Go this much time ahead or back; shifts that come during a seek add up."""
        here = self._player.position if self._goal is None else self._goal
        await self.seek(here + by_ns)

    async def seek(self, to: int) -> None:
        """Go to an instant, ns. Of several seeks that overlap, the last one counts."""
        self._goal = max(self.recording.start, min(self.recording.end, to))
        if self._seeking.locked():
            return
        async with self._seeking:
            try:
                while (goal := self._goal) is not None:
                    await self._take_player(partial(self.recording.player_at, goal))
                    if self._goal == goal:
                        self._goal = None
            finally:
                self._goal = None  # a goal that cannot be read is given up

    async def step(self, symbol: str, by: int) -> None:
        """Pause, then go one order event of this symbol's book ahead (1) or back (-1)."""
        if not self._replay.paused:
            self.toggle()
        if self._seeking.locked():
            return
        async with self._seeking:
            await (self._step_ahead(symbol) if by > 0 else self._step_back(symbol))

    # --- stepping ---------------------------------------------------------------------

    async def _step_ahead(self, symbol: str) -> None:
        """Show the next order event; with the last one of a message, play the message.

        A place between two steps is right before the next order event, so that stepping
        back comes to the same places, and what the event did elsewhere is there too.
        """
        steps = await self._play_to_next(symbol)
        if not steps:
            self._step_text = "the end"
            return
        shown = len(self._steps) + 1 if self._has_level3(symbol) else len(steps)
        self._step_text = steps[shown - 1].words(shown, len(steps))
        if shown < len(steps):
            self._show_steps(steps[:shown])
        else:
            self._show_steps(())
            self._replay.step()
            await self._play_to_next(symbol)

    async def _play_to_next(self, symbol: str) -> tuple[OrderStep, ...]:
        """Play up to the next order events of this symbol, and return them; none at the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SLICE_S
        while not (steps := self._next_steps(symbol)) and self._player.next_due is not None:
            self._replay.step()
            if loop.time() > until:
                await asyncio.sleep(0)
                until = loop.time() + _SLICE_S
        return steps

    async def _step_back(self, symbol: str) -> None:
        """Undo the order event shown last."""
        steps = self._steps
        if not steps:
            channel = "level3" if self._has_level3(symbol) else "book"
            find, seq = self.recording.last_update, self._player.seq
            place = await asyncio.to_thread(find, seq, symbol, channel)
            if place is None:
                self._step_text = "the beginning"
                return
            await self._take_player(partial(self.recording.player_before, place))
            steps = self._next_steps(symbol)
        total = len(self._next_steps(symbol))
        self._step_text = f"before {steps[-1].words(len(steps), total)}"
        self._show_steps(steps[:-1] if self._has_level3(symbol) else ())

    def _show_steps(self, steps: tuple[OrderStep, ...]) -> None:
        """Show the book as it is after these events of the next message."""
        self._steps, self._stepped_book = steps, {}
        if steps:
            symbol = steps[0].symbol
            self._stepped_book = {symbol: book_after(self._player.keeper.l3[symbol], steps)}

    def _has_level3(self, symbol: str) -> bool:
        return symbol in self._player.keeper.l3

    def _next_steps(self, symbol: str) -> tuple[OrderStep, ...]:
        """Return the order events of this symbol in the next message."""
        channel = b'"level3"' if self._has_level3(symbol) else b'"book"'
        data = self._player.upcoming
        if channel not in data[:_HEAD] or symbol.encode() not in data:
            return ()
        decoded = self._player.keeper.codec.decode(data, self._player.next_due or 0)
        return tuple(step for event in decoded for step in steps_of(event, symbol))

    # --- seeking ----------------------------------------------------------------------

    async def _take_player(self, make: Callable[[], SeekablePlayer]) -> None:
        """Go on with another player, which plays to its place in a thread."""
        here = MessagePlace(self._player.seq, self._player.position)

        def prepared() -> tuple[SeekablePlayer, list[Event]]:
            """Return the player, and the events that bring the screen to its time."""
            player = make()
            there = MessagePlace(player.seq, player.position)
            if self.recording.only_books_between(there, here):
                return player, [BooksJump(player.position)]
            return player, self._whole_state(player)

        player, happened = await asyncio.to_thread(prepared)
        self._player, self._step_text = player, ""
        self._show_steps(())
        self._played_at = time.monotonic_ns()
        self._go_on_with(player, happened)

    def _whole_state(self, player: SeekablePlayer) -> list[Event]:
        """Return the events that bring a screen that shows anything else to a player's place."""
        place = MessagePlace(player.seq, player.position)
        return [TimeJump(player.position), *self.recording.events_until(place)]

    def _go_on_with(self, player: SeekablePlayer, happened: list[Event]) -> None:
        first = Moment(player.position, player.seq, "", b"", happened)
        self._replay.continue_with(player, first)
        if self._make_state is not None:
            restoring = _Restoring(first, MessagePlace(player.seq, player.position))
            self._restorings = [*(each for each in self._restorings if each.last), restoring]
            self._jumped.set()

    # --- the whole state ----------------------------------------------------------------

    @property
    def restoring(self) -> bool:
        """Whether the whole state of the place shown is still being made."""
        return bool(self._restorings)

    async def _restore_states(self) -> None:
        """Make the whole state of each place that a jump leads to, and tell it when it is made.

        Where it cannot be made the measures begin at the jump, and say since when they are.
        """
        make, loop = self._make_state, asyncio.get_running_loop()
        while make is not None:
            await self._jumped.wait()
            self._jumped.clear()
            for restoring in [each for each in self._restorings if each.event is None]:
                try:
                    wanted = partial(self._still_wanted, restoring)
                    restoring.event = await asyncio.to_thread(make, restoring.place, wanted)
                except Exception:  # this place alone; the next jump is another
                    log.exception("the order flow before a jump was not made")
                    restoring.event = None
                if restoring.event is None:
                    self._give_up(restoring)
                until = loop.time() + _SLICE_S
                for _ in restoring.catch_up():
                    if loop.time() > until:
                        await asyncio.sleep(0)
                        until = loop.time() + _SLICE_S
                if restoring in self._restorings and restoring.event is not None:
                    here = self._player
                    restoring.last = Moment(here.position, here.seq, "", b"", [restoring.event])
                    self._replay.continue_with(here, restoring.last)

    def _still_wanted(self, restoring: _Restoring) -> bool:
        """Let the screen have its turn; return whether a state is still wanted."""
        time.sleep(_REST_S)
        return restoring in self._restorings

    def _give_up(self, restoring: _Restoring) -> None:
        self._restorings = [each for each in self._restorings if each is not restoring]

    def _told(self, moment: Moment) -> list[Event]:
        """Return the events of a moment; those that a state in the making lacks go to it too."""
        happened = self.recording.events_of(moment)
        for each in self._restorings:
            if moment is each.first:
                each.later = deque()
            elif moment is each.last:
                deque(each.catch_up(), maxlen=0)
                self._give_up(each)
            elif each.later is not None:
                each.later += happened
                if len(each.later) > _MOST_LATER and each.last is None:
                    self._give_up(each)
        return happened
