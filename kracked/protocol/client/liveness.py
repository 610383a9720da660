"""Is the other end still there? Silence, heartbeats, pings, and how far its clock is off.

A heartbeat comes once a second whatever else is sent, but only to a connection that
has a subscription, so silence means something only once one has been heard.

Source: docs.kraken.com/exchange/guides/websockets/reconnection
"""

from __future__ import annotations

from kracked import times
from kracked.errors import ProtocolError
from kracked.protocol.events import Pong
from kracked.times import NS_PER_S

SILENCE_NS = 5 * NS_PER_S
"""No frame for this long on a connection that should speak: it is dead."""
QUIET_NS = 5 * NS_PER_S // 2
"""Two heartbeats missed: what is shown may be old."""
PING_EVERY_NS = 15 * NS_PER_S
FIRST_PING_NS = NS_PER_S


class Liveness:
    """Watches one connection. `now` is ns of any steady clock."""

    def __init__(self) -> None:
        self.heard = 0
        """When the last frame came."""
        self.beating = False
        """Whether heartbeats are to be expected."""
        self.quiet = False
        self.rtt_ns: int | None = None
        """The last ping's round trip."""
        self.clock_offset_ns: int | None = None
        """The exchange's clock minus ours; true to half the round trip."""
        self._greeted = False
        self._ping_due = 0
        self._ping: tuple[int, int, int] | None = None

    def open(self, now: int) -> None:
        self.heard, self._ping_due = now, now + FIRST_PING_NS
        self.beating = self.quiet = self._greeted = False
        self._ping = None

    def excuse(self, late_ns: int, now: int) -> None:
        """Our own process did not run for so long: that silence says nothing of them."""
        self.heard = min(self.heard + late_ns, now)

    def greet(self) -> None:
        """The exchange has said its first word (`status`)."""
        self._greeted = True

    def dead(self, now: int) -> bool:
        """Whether a frame is overdue: the greeting, a heartbeat or a pong."""
        since = self.heard
        if self._greeted and not self.beating:
            if self._ping is None:
                return False
            since = max(since, self._ping[2])
        return now - since > SILENCE_NS

    def falls_quiet(self, now: int) -> bool:
        """True once per silence: heartbeats should be coming and are not."""
        if self.quiet or not self.beating or now - self.heard <= QUIET_NS:
            return False
        self.quiet = True
        return True

    def ping_due(self, now: int) -> bool:
        return self._greeted and now >= self._ping_due

    def pinged(self, req_id: int, received: int, now: int) -> None:
        self._ping_due = now + PING_EVERY_NS
        if self._ping is None:
            self._ping = (req_id, received, now)

    def pong(self, event: Pong, now: int) -> None:
        if self._ping is None or event.req_id != self._ping[0]:
            return
        _, sent, sent_now = self._ping
        self._ping = None
        self.rtt_ns = now - sent_now
        try:
            theirs = times.parse_ns(event.time_in) + times.parse_ns(event.time_out)
        except ProtocolError:
            return
        self.clock_offset_ns = (theirs - sent - event.received) // 2
