"""The dead man's switch: if this program, its terminal or its network dies, orders are cancelled.

The timer runs at the exchange and covers the whole account. A task that depends on no screen
renews it well before it fires; it is stopped on purpose only.

Source: docs.kraken.com/api/docs/rest-api/cancel-all-orders-after
"""

from __future__ import annotations

import logging

from kracked.errors import ConfigError, KrackedError, says
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.maintenance.trading_effect import SwitchAdvice
from kracked.rest.client import RestClient
from kracked.rest.request_executor import RequestTiming

log = logging.getLogger(__name__)

TIMEOUT_S = 60
RENEWAL_S = 20.0
RETRY_S = 2.0


@says("the dead-man's switch is not set: {reason}")
class SwitchNotSet(ConfigError):
    """Maintenance is so near that the switch would cancel every order when it ends."""

    reason: str


class DeadManSwitch:
    """Owner of the timer. Run `hold` while armed; `disarm` when orders should outlive it.

    A switch that is on through maintenance cancels every order when the exchange returns; one
    that is off lets them rest through it. Neither happens silently: `maintenance_warning` says
    so while it has to be decided.

    Args:
        client: REST client with the account's key.
        timing: Clocks and sleep; tests bring their own.
        maintenance: What the exchange has announced (`FeedManager.maintenance`).
    """

    def __init__(
        self,
        client: RestClient,
        *,
        timing: RequestTiming | None = None,
        maintenance: MaintenanceTracker | None = None,
    ) -> None:
        self._client, self._timing = client, timing or RequestTiming()
        self._maintenance = maintenance
        self._warned = ""
        """The event about which a warning was logged."""
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

    def maintenance_warning(self) -> str:
        """Return what maintenance makes of the switch, in sentences; empty while it is far."""
        if self._maintenance is None:
            return ""
        effect = self._maintenance.effect(self._timing.clock())
        if effect.switch is SwitchAdvice.KEEP:
            return ""
        if self._left_ns is None:
            return (
                "Orders rest through the maintenance while the dead-man's switch is off; one that "
                f"is on cancels every order when the exchange returns. {effect.reason}"
            )
        return (
            "The dead-man's switch is on: it cancels every order when the exchange returns from "
            f"maintenance, unless it is turned off. {effect.reason}"
        )

    def not_anew(self) -> str:
        """Return why the switch should not be set now, in a sentence; empty when it may be."""
        if self._maintenance is None:
            return ""
        effect = self._maintenance.effect(self._timing.clock())
        return effect.reason if effect.switch is SwitchAdvice.NOT_ANEW else ""

    async def hold(self, *, through_maintenance: bool = False) -> None:
        """Set and renew the timer until this call is cancelled; it then runs out by itself.

        Args:
            through_maintenance: Set it even where maintenance is about to begin: every order is
                cancelled when the exchange returns.

        Raises:
            SwitchNotSet: Maintenance is about to begin, or has begun.
        """
        if not through_maintenance and (reason := self.not_anew()):
            raise SwitchNotSet(reason)
        while True:
            self._warn_once()
            try:
                await self._set(TIMEOUT_S)
            except KrackedError as error:
                self.failure = str(error)
                log.warning("dead-man's switch not renewed", extra={"reason": self.failure})
                await self._timing.sleep(RETRY_S)
            else:
                self.failure = ""
                await self._timing.sleep(RENEWAL_S)

    def _warn_once(self) -> None:
        """Log what maintenance makes of the switch, once for each event."""
        if self._maintenance is None or not (warning := self.maintenance_warning()):
            return
        key = self._maintenance.effect(self._timing.clock()).key
        if key != self._warned:
            self._warned = key
            log.warning("dead-man's switch and maintenance", extra={"reason": warning})

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
