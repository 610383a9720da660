"""Whether keys may send orders, for how long, and the dead-man's switch that goes with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from kracked.errors import KrackedError
from kracked.orders import DeadManSwitch
from kracked.times import NS_PER_S
from kracked_tui.error_boundary import Tell

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_LOOK_EVERY_S = 0.25
_STOOD_STILL_NS = 5 * NS_PER_S
"""Time without running after which nobody knows what a key was pressed for."""
_JUMPED_NS = 3 * NS_PER_S
"""Difference between the clock and a clock that never jumps, from one look to the next."""


class ClockWatch:
    """Tells whether the program stood still, or the clock was set, since it was started."""

    def __init__(self) -> None:
        self._looked: tuple[int, int] | None = None
        """Clock and steady clock at the last look, ns; None while not watching."""

    def start(self, clock: int, steady: int) -> None:
        """Begin to watch.

        Args:
            clock: The time of day, ns.
            steady: A clock that never jumps, ns.
        """
        self._looked = clock, steady

    def look(self, clock: int, steady: int) -> str:
        """Say what happened since the last look; empty for nothing. Times as in `start`."""
        if self._looked is None:
            return ""
        passed, ran = clock - self._looked[0], steady - self._looked[1]
        self._looked = clock, steady
        if ran >= _STOOD_STILL_NS:
            return f"the program stood still for {ran // NS_PER_S} s"
        if abs(passed - ran) < _JUMPED_NS:
            return ""
        if passed >= _STOOD_STILL_NS:
            return f"the computer slept, or its clock jumped, by {(passed - ran) // NS_PER_S} s"
        return f"the clock jumped by {(passed - ran) // NS_PER_S} s"


class Arming:
    """Disarmed at first. While armed the switch is renewed; both end together."""

    def __init__(
        self,
        switch: DeadManSwitch,
        tasks: asyncio.TaskGroup,
        *,
        minutes: int,
        tell: Tell,
        now: Callable[[], int],
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        Args:
            switch: The dead-man's switch of the account.
            tasks: Owner of the renewal and of the timer.
            minutes: How long arming lasts.
            tell: Writes to the log.
            now: The clock, ns.
            steady: A clock that never jumps, ns.
        """
        self._switch, self._tasks, self._minutes = switch, tasks, minutes
        self._tell, self._now = tell, now
        self._until = 0
        self._renewal: asyncio.Task[None] | None = None
        self._timer: asyncio.Task[None] | None = None
        self.symbol = ""
        """The pair that was armed last: keys send orders of no other."""
        self.armed_before: set[str] = set()
        """The pairs that were armed since the start: they need not be typed again."""
        self._watch, self._steady = ClockWatch(), steady
        self._watching: asyncio.Task[None] | None = None

    @property
    def armed(self) -> bool:
        """Whether keys send orders: not any more once the program has stood still."""
        return self._look() and self._now() < self._until

    def _look(self) -> bool:
        """Look at the clocks; where they tell of a gap, stop at once. Returns whether all is well.

        A key may come before the task that watches: both have waited for the program to go on.
        """
        if not self._until or not (why := self._watch.look(self._now(), self._steady())):
            return True
        self.let_switch_run_out()
        self._tasks.create_task(self._disarm_after_gap(why), name="disarm after a gap")
        return False

    async def _disarm_after_gap(self, why: str) -> None:
        after = "look at your orders, the dead-man's switch may have fired"
        self._tell(f"DISARMED: {why}; {after}", "warn")
        await self.release()

    async def _watch_clocks(self) -> None:
        while self._look():  # noqa: ASYNC110  no clock announces that it jumps
            await asyncio.sleep(_LOOK_EVERY_S)

    @property
    def left_ns(self) -> int:
        """Time until it disarms by itself."""
        return max(0, self._until - self._now())

    @property
    def switch_ns(self) -> int | None:
        """Time until the exchange cancels everything; None while the switch is off."""
        return self._switch.remaining_ns()

    @property
    def switch_failure(self) -> str:
        """The reason why the switch could not be set; empty while it can."""
        return self._switch.failure

    @property
    def switch_warning(self) -> str:
        """The consequences of near maintenance for the switch, in sentences."""
        return self._switch.maintenance_warning()

    def arm(self, symbol: str) -> None:
        """Let keys send orders of a pair for the configured minutes; hold the switch meanwhile.

        Not while maintenance is about to begin: the switch would cancel everything after it.
        """
        if reason := self._switch.not_anew():
            self._tell(f"not armed: {reason}", "warn")
            return

        async def disarm_in_time() -> None:
            """Disarm when the time is over."""
            await asyncio.sleep(self._minutes * 60)
            self._timer = None
            await self.disarm("its time is over")

        self._until = self._now() + self._minutes * 60 * NS_PER_S
        self.symbol = symbol
        self.armed_before.add(symbol)
        self._watch.start(self._now(), self._steady())
        if self._watching is None or self._watching.done():
            self._watching = self._tasks.create_task(self._watch_clocks(), name="clocks")
        if self._renewal is None:
            hold = self._switch.hold(through_maintenance=True)
            self._renewal = self._tasks.create_task(hold, name="dead-man's switch")
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._tasks.create_task(disarm_in_time(), name="disarm in time")
        text = f"ARMED for {self._minutes} minutes, {symbol} alone; the dead-man's switch is on"
        self._tell(text, "warn")

    def stop(self) -> None:
        """Let no key send an order any more, at once; the switch is left as it is."""
        self._until = 0
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def let_switch_run_out(self) -> int | None:
        """Stop, and renew the switch no more.

        Returns:
            Seconds until the switch fires; None where it is off.
        """
        self.stop()
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None
        left_ns = self._switch.remaining_ns()
        return None if left_ns is None else left_ns // NS_PER_S

    async def disarm(self, why: str = "") -> bool:
        """Stop, and turn the switch off: orders stay. False while it may still fire."""
        self.stop()
        self._tell(f"DISARMED{': ' + why if why else ''}", "good")
        return await self.release()

    async def release(self) -> bool:
        """Turn the switch off. Returns whether the exchange has confirmed it."""
        if self._renewal is None and not self._switch.remaining_ns():
            return True
        self.let_switch_run_out()
        for _ in range(_ATTEMPTS):
            try:
                await self._switch.disarm()
            except KrackedError as error:
                log.warning("dead-man's switch not disarmed", extra={"reason": str(error)})
            else:
                return True
        left_s = (self._switch.remaining_ns() or 0) // NS_PER_S
        self._tell(f"the dead-man's switch is still on: orders go in {left_s} s; arm again", "warn")
        return False
