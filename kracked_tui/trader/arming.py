"""Whether keys may send orders, for how long, and the dead-man's switch that goes with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kracked.errors import KrackedError
from kracked.orders import DeadManSwitch
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

_ATTEMPTS = 3

Tell = Callable[[str, str], None]


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
        self._switch, self._tasks, self._minutes = switch, tasks, minutes
        self._tell, self._now = tell, now
        self._until = 0
        self._holding: asyncio.Task[None] | None = None
        self._expiring: asyncio.Task[None] | None = None
        self.ever = False
        """It was armed before: the pair need not be typed again."""

    @property
    def armed(self) -> bool:
        return self._now() < self._until

    @property
    def left_ns(self) -> int:
        return max(0, self._until - self._now())

    @property
    def switch_ns(self) -> int | None:
        """Until the exchange cancels everything; None while the switch is off."""
        return self._switch.remaining_ns()

    @property
    def switch_failure(self) -> str:
        return self._switch.failure

    def arm(self) -> None:
        """From now on keys send orders, for as long as the settings say."""
        self._until = self._now() + self._minutes * 60 * NS_PER_S
        self.ever = True
        if self._holding is None:
            self._holding = self._tasks.create_task(self._switch.hold(), name="dead-man's switch")
        if self._expiring is not None:
            self._expiring.cancel()
        self._expiring = self._tasks.create_task(self._expire(), name="disarm in time")
        self._tell(f"ARMED for {self._minutes} minutes; the dead-man's switch is on", "warn")

    async def _expire(self) -> None:
        await asyncio.sleep(self._minutes * 60)
        self._expiring = None
        await self.disarm("its time is over")

    def stop(self) -> None:
        """No key sends an order any more, at once; the switch is left as it is."""
        self._until = 0
        if self._expiring is not None:
            self._expiring.cancel()
            self._expiring = None

    def let_run(self) -> int | None:
        """Stops, and renews the switch no more: seconds until it fires, None where it is off."""
        self.stop()
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None
        left_ns = self._switch.remaining_ns()
        return None if left_ns is None else left_ns // NS_PER_S

    async def disarm(self, why: str = "") -> bool:
        """Stops, and turns the switch off: orders stay. False while it may still fire."""
        self.stop()
        self._tell(f"DISARMED{': ' + why if why else ''}", "good")
        return await self.release()

    async def release(self) -> bool:
        """Turns the switch off; whether the exchange has confirmed it."""
        if self._holding is None and not self._switch.remaining_ns():
            return True
        self.let_run()
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
