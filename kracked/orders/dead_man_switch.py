"""The dead man's switch: if this program, its terminal or its network dies, orders are cancelled.

The timer runs at the exchange and covers the whole account. A task that depends on no screen
renews it well before it fires; it is stopped on purpose only.

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
    """Owner of the timer. Run `hold` while armed; `disarm` when orders should outlive it.

    Args:
        client: REST client with the account's key.
        timing: Clocks and sleep; tests bring their own.
    """

    def __init__(self, client: RestClient, *, timing: RequestTiming | None = None) -> None:
        self._client, self._timing = client, timing or RequestTiming()
        self._left_ns: int | None = None
        """The time that was left at `_renewed`; None while disarmed."""
        self._renewed = 0
        """The tick of the last renewal."""
        self.failure = ""
        """Why the last renewal failed; empty when it did not."""

    def remaining_ns(self) -> int | None:
        """Return the time until every order is cancelled; None while disarmed.

        It counts from the time left by the exchange, so that clocks need not agree.
        """
        if self._left_ns is None:
            return None
        return max(0, self._left_ns - (self._timing.ticks() - self._renewed))

    async def hold(self) -> None:
        """Set and renew the timer until this call is cancelled; it then runs out by itself."""
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
        """Stop the timer; orders stay.

        Raises:
            KrackedError: The exchange did not confirm it.
        """
        await self._set(0)

    async def _set(self, timeout_s: int) -> None:
        sent = self._timing.ticks()
        timer = await self._client.cancel_all_orders_after(timeout_s)
        # Counted from the request, not the answer, so the countdown shown is never too long.
        self._left_ns, self._renewed = timer.remaining_ns if timeout_s else None, sent
