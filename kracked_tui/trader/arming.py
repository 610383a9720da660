"""Whether keys may send orders, for how long, and the dead-man's switch that goes with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kracked.errors import KrackedError
from kracked.orders import DeadManSwitch
from kracked.times import NS_PER_S
from kracked_tui.error_boundary import Tell

log = logging.getLogger(__name__)

_ATTEMPTS = 3


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
    ) -> None:
        """
        Args:
            switch: The dead-man's switch of the account.
            tasks: Owner of the renewal and of the timer.
            minutes: How long arming lasts.
            tell: Writes to the log.
            now: The clock, ns.
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

    @property
    def armed(self) -> bool:
        """Whether keys send orders."""
        return self._now() < self._until

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
        """What near maintenance makes of the switch, in sentences."""
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
