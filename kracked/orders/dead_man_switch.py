"""The dead-man's switch: if this program, its terminal or its network dies, the orders go.

The timer runs at the exchange and covers the whole account. It is renewed well before it
fires, by a task that depends on nothing drawn, and disarmed on purpose only.

Source: docs.kraken.com/api/docs/rest-api/cancel-all-orders-after
"""

from __future__ import annotations

import logging

from kracked.errors import KrackedError
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming

log = logging.getLogger(__name__)

TIMEOUT_S = 60
RENEWAL_S = 20.0
RETRY_S = 2.0


class DeadManSwitch:
    """Owner of the timer. Run `hold` while armed; `disarm` when orders are to outlive it."""

    def __init__(self, client: RestClient, *, timing: RequestTiming | None = None) -> None:
        self._client, self._timing = client, timing or RequestTiming()
        self._left_ns: int | None = None
        self._heard = 0
        self.failure = ""
        """Why the last renewal failed; empty when it did not."""

    def remaining_ns(self) -> int | None:
        """Until everything is cancelled; None while disarmed.

        Counted from what the exchange said was left, so that clocks need not agree.
        """
        if self._left_ns is None:
            return None
        return max(0, self._left_ns - (self._timing.ticks() - self._heard))

    async def hold(self) -> None:
        """Arms and renews until it is cancelled; the timer then runs out by itself."""
        while True:
            try:
                await self._set(TIMEOUT_S)
            except KrackedError as error:
                self.failure = str(error)
                log.warning("dead-man's switch not renewed", extra={"reason": self.failure})
                await self._timing.sleep(RETRY_S)
            else:
                self.failure = ""
                await self._timing.sleep(RENEWAL_S)

    async def disarm(self) -> None:
        """Stops the timer; orders stay. Raises when the exchange did not confirm."""
        await self._set(0)

    async def _set(self, timeout_s: int) -> None:
        asked = self._timing.ticks()
        said = await self._client.cancel_all_orders_after(timeout_s)
        left_ns = said.remaining_ns if timeout_s else None
        # From the asking, not the answer: the countdown shown is never too long.
        self._left_ns, self._heard = left_ns, asked
