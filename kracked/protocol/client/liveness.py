"""Whether the other end is still there: silence, heartbeats, pings, and how far its clock is off.

A heartbeat comes once a second whatever else is sent, but only to a connection that
has a subscription, so silence means something only after the first heartbeat.

Source: docs.kraken.com/exchange/guides/websockets/reconnection
"""

from __future__ import annotations

from kracked import times
from kracked.errors import ProtocolError
from kracked.protocol.events import Heartbeat, Pong
from kracked.times import NS_PER_S

SILENCE_NS = 5 * NS_PER_S
"""Without a frame for this long, a connection that should speak is dead."""
QUIET_NS = 5 * NS_PER_S // 2
"""Two heartbeats missed: what is shown may be old."""
PING_EVERY_NS = 15 * NS_PER_S
FIRST_PING_NS = NS_PER_S


class Liveness:
    """Watches one connection. `now` is ns of any steady clock."""

    def __init__(self) -> None:
        self.last_frame = 0
        """When the last frame came."""
        self.expects_heartbeats = False
        """Whether a heartbeat has come and others should follow."""
        self.quiet = False
        """Whether heartbeats are missing now."""
        self.rtt_ns: int | None = None
        """The last ping's round trip."""
        self.clock_offset_ns: int | None = None
        """The exchange's clock minus ours; exact to half the round trip."""
        self._greeted = False
        self._ping_due = 0
        self._ping: tuple[int, int, int] | None = None
        """The unanswered ping: its id, the wall clock and the steady clock when it was sent."""

    def open(self, now: int) -> None:
        """Start afresh: a connection has just been made."""
        self.last_frame, self._ping_due = now, now + FIRST_PING_NS
        self.expects_heartbeats = self.quiet = self._greeted = False
        self._ping = None

    def discount_stall(self, late_ns: int, now: int) -> None:
        """Discount a silence in which this process itself was held up for `late_ns`."""
        self.last_frame = min(self.last_frame + late_ns, now)

    def greet(self) -> None:
        """Note that the exchange has sent its first message (`status`)."""
        self._greeted = True

    def heartbeat(self, _event: Heartbeat, _now: int) -> None:
        """Expect heartbeats from now on."""
        self.expects_heartbeats = True

    def dead(self, now: int) -> bool:
        """Whether a frame is overdue: the greeting, a heartbeat or a pong."""
        since = self.last_frame
        if self._greeted and not self.expects_heartbeats:
            if self._ping is None:
                return False
            since = max(since, self._ping[2])
        return now - since > SILENCE_NS

    def falls_quiet(self, now: int) -> bool:
        """Whether heartbeats have just gone missing; True once per silence."""
        if self.quiet or not self.expects_heartbeats or now - self.last_frame <= QUIET_NS:
            return False
        self.quiet = True
        return True

    def ping_due(self, now: int) -> bool:
        """Whether it is time to send a ping."""
        return self._greeted and now >= self._ping_due

    def pinged(self, req_id: int, received: int, now: int) -> None:
        """Note a ping that is being sent; `received` is the wall clock, ns since the epoch."""
        self._ping_due = now + PING_EVERY_NS
        if self._ping is None:
            self._ping = (req_id, received, now)

    def pong(self, event: Pong, now: int) -> None:
        """Measure the round trip and the clock offset from the answer to the first open ping."""
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
