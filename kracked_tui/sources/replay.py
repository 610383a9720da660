"""A recording as a source: the same books and events, at any speed and from any place.

Winding to another place happens in a thread, with another tape; the screen keeps showing
the old place until it is there. Between two messages that hold several order events each
event can be looked at alone: then one book is shown as it would be halfway through.
"""

from __future__ import annotations

import asyncio
import time
from collections import ChainMap
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.protocol.events import Event
from kracked.record.replay import MAX_SPEED, Moment, Replay
from kracked_tui.sources.base import Counters, TimeJump
from kracked_tui.sources.recording import MessagePlace, PlayableRecording, SeekablePlayer
from kracked_tui.sources.stepping import OrderStep, between, changes_of
from kracked_tui.view.replay.timebar import TimeView

_SPEEDS = (0.1, 1.0, 10.0, MAX_SPEED)
_SPEED_NAMES = {MAX_SPEED: "max"}
_LONGEST_SILENCE_S = 3.0
_SLICE_S = 0.002
_HEAD = 60
"""Bytes of a message that hold the name of its channel."""


class ReplaySource:
    """Plays a reel. It is its own transport."""

    mode = "REPLAY"
    level3 = "This recording has no level3 message of this symbol up to here."
    feed = None
    access = None

    def __init__(self, reel: PlayableRecording, *, speed: float = 1.0) -> None:
        self.name = reel.name
        self._reel = reel
        self._tape: SeekablePlayer = reel.tape()
        self._replay = Replay(self._tape, speed=speed, max_gap_s=_LONGEST_SILENCE_S)
        self._beat = time.monotonic_ns()
        """When the last message was played."""
        self._goal: int | None = None
        self._winding = asyncio.Lock()
        self._half: tuple[OrderStep, ...] = ()
        """Order events of the next message that are shown already."""
        self._halfway: dict[str, L3Book] = {}
        self._words = ""

    @property
    def transport(self) -> Self:
        return self

    # --- what is shown ------------------------------------------------------------------

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self._tape.keeper.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        orders = self._tape.keeper.l3
        return ChainMap(self._halfway, orders) if self._halfway else orders

    def counters(self) -> Counters:
        tallies = self._tape.keeper.stats.values()
        return Counters(
            sum(tally.verified for tally in tallies), sum(tally.mismatched for tally in tallies)
        )

    def now(self) -> int:
        """Where the replay is: between two messages it goes on as the clock did."""
        position, due, speed = self._tape.position, self._tape.next_due, self._replay.speed
        if self._replay.paused or due is None or speed == MAX_SPEED:
            return position
        passed = time.monotonic_ns() - self._beat
        return min(position + int(passed * speed), max(position, due))

    def view(self) -> TimeView:
        return TimeView(
            self._reel.start,
            self._reel.end,
            self.now(),
            _SPEED_NAMES.get(self._replay.speed, f"{self._replay.speed:g}x"),
            playing=not self._replay.paused,
            ended=self._tape.next_due is None,
            winding=self._winding.locked(),
            holes=self._reel.holes,
            step=self._words,
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
        """Never ends: at the end of the recording there is still the way back."""
        while True:
            async for moment in self._replay:
                self._beat = time.monotonic_ns()
                yield self._reel.heard(moment)
            self._replay.pause()

    async def show(self, symbol: str) -> None:
        """A recording holds what it holds."""

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        """A recording holds what it holds."""

    # --- the transport keys -----------------------------------------------------------

    def toggle(self) -> None:
        self._show_half(())
        self._words = ""
        self._beat = time.monotonic_ns()
        if self._replay.paused:
            self._replay.resume()
        else:
            self._replay.pause()

    def faster(self, by: int) -> None:
        speed = self._replay.speed
        further = [each for each in _SPEEDS if (each > speed if by > 0 else each < speed)]
        if further:
            self._replay.speed = further[0] if by > 0 else further[-1]

    async def shift(self, by_ns: int) -> None:
        here = self._tape.position if self._goal is None else self._goal
        await self.seek(here + by_ns)

    async def seek(self, to: int) -> None:
        """Of several wishes that come while it winds, the last one is fulfilled."""
        self._goal = max(self._reel.start, min(self._reel.end, to))
        if self._winding.locked():
            return
        async with self._winding:
            try:
                while (goal := self._goal) is not None:
                    await self._wind(partial(self._reel.wound, goal))
                    if self._goal == goal:
                        self._goal = None
            finally:
                self._goal = None  # what cannot be read is wished for no longer

    async def step(self, symbol: str, by: int) -> None:
        if not self._replay.paused:
            self.toggle()
        if self._winding.locked():
            return
        async with self._winding:
            await (self._on(symbol) if by > 0 else self._back(symbol))

    # --- stepping ---------------------------------------------------------------------

    async def _on(self, symbol: str) -> None:
        """Show the next order event; with the last one of a message, play the message.

        A place between two steps is right before the next order event, so that stepping
        back comes to the same places, and what the event did elsewhere is there too.
        """
        changes = await self._ahead(symbol)
        if not changes:
            self._words = "the end"
            return
        shown = len(self._half) + 1 if self._level3(symbol) else len(changes)
        self._words = changes[shown - 1].words(shown, len(changes))
        if shown < len(changes):
            self._show_half(changes[:shown])
        else:
            self._show_half(())
            self._replay.step()
            await self._ahead(symbol)

    async def _ahead(self, symbol: str) -> tuple[OrderStep, ...]:
        """Play up to the next order events of this symbol; those, or nothing at the end."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SLICE_S
        while not (changes := self._upcoming(symbol)) and self._tape.next_due is not None:
            self._replay.step()
            if loop.time() > until:
                await asyncio.sleep(0)
                until = loop.time() + _SLICE_S
        return changes

    async def _back(self, symbol: str) -> None:
        """Undo the order event shown last."""
        changes = self._half
        if not changes:
            channel = "level3" if self._level3(symbol) else "book"
            spot = await asyncio.to_thread(self._reel.latest, self._tape.seq, symbol, channel)
            if spot is None:
                self._words = "the beginning"
                return
            await self._wind(partial(self._reel.before, spot))
            changes = self._upcoming(symbol)
        total = len(self._upcoming(symbol))
        self._words = f"before {changes[-1].words(len(changes), total)}"
        self._show_half(changes[:-1] if self._level3(symbol) else ())

    def _show_half(self, changes: tuple[OrderStep, ...]) -> None:
        """Show the book as it is after these events of the next message."""
        self._half, self._halfway = changes, {}
        if changes:
            symbol = changes[0].symbol
            self._halfway = {symbol: between(self._tape.keeper.l3[symbol], changes)}

    def _level3(self, symbol: str) -> bool:
        return symbol in self._tape.keeper.l3

    def _upcoming(self, symbol: str) -> tuple[OrderStep, ...]:
        """The order events of this symbol in the next message."""
        channel = b'"level3"' if self._level3(symbol) else b'"book"'
        data = self._tape.upcoming
        if channel not in data[:_HEAD] or symbol.encode() not in data:
            return ()
        decoded = self._tape.keeper.codec.decode(data, self._tape.next_due or 0)
        return tuple(change for event in decoded for change in changes_of(event, symbol))

    # --- winding ----------------------------------------------------------------------

    async def _wind(self, wound: Callable[[], SeekablePlayer]) -> None:
        """Go on from a tape that is made elsewhere, in a thread."""
        here = MessagePlace(self._tape.seq, self._tape.position)
        tape, told = await asyncio.to_thread(self._made, wound, here)
        self._tape, self._words = tape, ""
        self._show_half(())
        self._beat = time.monotonic_ns()
        self._replay.go_on(tape, Moment(tape.position, tape.seq, "", b"", told))

    def _made(
        self, wound: Callable[[], SeekablePlayer], here: MessagePlace
    ) -> tuple[SeekablePlayer, list[Event]]:
        """The tape, and what the screen must hear to be of its time."""
        tape = wound()
        there = MessagePlace(tape.seq, tape.position)
        if self._reel.silent(there, here):
            return tape, []
        return tape, [TimeJump(tape.position), *self._reel.past(there)]
