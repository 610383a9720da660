"""Keeps one socket open: the thin shell around a `Session`, over whichever transport.

It moves bytes, and calls the session when a frame arrives and when time passes. When the
connection is lost, or the session calls it broken, it makes another. It decides nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from kracked.endpoints import is_loopback
from kracked.errors import ConfigError, ConnectionLost, KrackedError, RequestRejected
from kracked.feed.backoff import AFTER_REFUSAL_S, Backoff
from kracked.feed.clock import Clock
from kracked.feed.errors import Denied
from kracked.feed.transport import NotConnected, Socket, Transport, proxy_of
from kracked.protocol import events
from kracked.protocol.client.rejection_policy import RejectionVerdict, judge
from kracked.protocol.client.session import MAINTENANCE, Session
from kracked.protocol.events import Event
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.sliding_window import SlidingWindow
from kracked.times import NS_PER_S

TICK_S = 0.1
"""Seconds between two calls of `Session.elapse`."""
POLICY = 1008
"""The close code of a server that does not want this client.

Source: RFC 6455, section 7.4.1; docs.kraken.com/exchange/guides/websockets/reconnection
"""
FINAL_STATUSES = frozenset((400, 401, 403, 404))
"""Answers to the upgrade that the same request will get again."""
GOOD_AFTER_NS = 5 * NS_PER_S
"""After data for this long the waits between attempts start from the beginning."""

Token = Callable[[], Awaitable[str]]
"""Fetches a fresh token for a socket that needs one; raises a `KrackedError` if it cannot.

A `ConfigError`, or a `RequestRejected` in the exchange's words for a bad key, is final: the
feed tries again only every few minutes."""


class Owner(Protocol):
    """The receiver of a connection's frames and events: the feed's manager."""

    clock: Clock
    budget: SlidingWindow
    """Connection attempts of all connections together."""
    maintenance: MaintenanceTracker
    """What the exchange has announced."""

    def on_frame(self, connection: Connection, data: bytes, received: int) -> None:
        """Take one frame as it came, at `received`, ns since the Unix epoch."""
        ...

    def on_events(self, happened: list[Event]) -> None:
        """Take events of the connection itself."""
        ...

    def on_state_change(self) -> None:
        """Note that a subscription or the connection has changed its state."""
        ...


class Connection:
    """A named connection of one session; `run` it in a task.

    Args:
        name: The name in events and statistics.
        url: The WebSocket address.
        session: The conversation; it outlives every single connection.
        owner: Receives frames and events.
        transport: Makes the connections.
        backoff: The waits between attempts.
        token: Fetches a token for each attempt; None for a socket that needs none.
    """

    def __init__(
        self,
        name: str,
        url: str,
        session: Session,
        owner: Owner,
        *,
        transport: Transport,
        backoff: Backoff,
        token: Token | None = None,
    ) -> None:
        self.name, self.url, self.session = name, url, session
        self.open = False
        self.connects = 0
        """Connections made so far."""
        self.reason = ""
        """Why the last connection ended."""
        self.refused: KrackedError | None = None
        """The final refusal of a token with this key, or of the connection; None without one."""
        self._owner, self._clock = owner, owner.clock
        self._transport, self._backoff, self._token = transport, backoff, token
        self._woken = asyncio.Event()
        self._lost_at: int | None = None
        """When the connection was lost, ns since the Unix epoch; None while it is up."""
        self._revision = 0
        """The session's revision that was last reported."""

    def wake(self) -> None:
        """Send the session's requests now, without waiting for the next tick."""
        self._woken.set()

    async def run(self) -> None:
        """Stay connected until cancelled."""
        self._woken = asyncio.Event()  # an asyncio event belongs to the loop that waited for it
        try:
            while True:
                try:
                    await self._converse()
                except ConnectionLost as lost:
                    await self._clock.sleep(self._lose(lost.reason))
        finally:
            self.open = False
            self.session.close("closed by us")

    def _lose(self, reason: str) -> float:
        """Handle a lost connection or a failed attempt; return the seconds to wait."""
        now, wall = self._clock.steady(), self._clock.wall()
        session = self.session
        announced = self._owner.maintenance.effect(wall).expects_loss
        maintenance = announced or session.system == MAINTENANCE
        good_since = session.subscriptions.lifecycle.productive_since
        if self.open and good_since is not None and now - good_since >= GOOD_AFTER_NS:
            self._backoff.reset()
        if self.open and self._lost_at is None:
            self._lost_at = wall
        self.open, self.reason = False, reason
        session.close(reason, hung_up=session.broken is None)
        self._owner.on_state_change()
        refused = self.refused is not None
        delay_s = self._backoff.next_delay_s(maintenance=maintenance, refused=refused)
        delay_s = max(delay_s, self._owner.budget.wait_ns(now) / NS_PER_S)
        attempt = self._backoff.attempt
        self._owner.on_events(
            [events.Reconnecting(wall, self.name, self.url, reason, attempt, delay_s)]
        )
        return delay_s

    async def _converse(self) -> None:
        """Connect, listen and speak until the connection is lost.

        Raises:
            ConnectionLost: Always, with the reason.
        """
        token = await self._fetch_token()
        self._owner.budget.spend(1, self._clock.steady())
        try:
            async with self._transport.connect(
                self.url, proxy=proxy_of(self.url), deflate=not is_loopback(self.url)
            ) as socket:
                self._begin(token)
                async with asyncio.TaskGroup() as tasks:
                    speaking = tasks.create_task(self._speak(socket))
                    closed = await socket.listen(self._on_message)
                    if closed.code == POLICY:
                        self._deny(closed.reason)
                    reason = self._reason(self.session.broken or closed.reason)
                    speaking.cancel()
        except NotConnected as error:
            if error.status in FINAL_STATUSES:
                self._deny(f"HTTP {error.status} in answer to the connection")
            raise ConnectionLost(self.url, self._reason(error.reason)) from error
        raise ConnectionLost(self.url, reason)

    async def _fetch_token(self) -> str | None:
        self.refused = None
        if self._token is None:
            return None
        try:
            return await self._token()
        except KrackedError as error:
            final = isinstance(error, ConfigError)
            if isinstance(error, RequestRejected):
                final = judge(error.error) is RejectionVerdict.FINAL
            self.refused = error if final else None
            raise ConnectionLost(self.url, f"no token: {error}") from error

    def _begin(self, token: str | None) -> None:
        wall = self._clock.wall()
        self.session.open(self._clock.steady(), token)
        self.open = True
        self.connects += 1
        self._owner.on_events([events.Connected(wall, self.name, self.url)])
        if self._lost_at is not None:
            down_ns, self._lost_at = wall - self._lost_at, None
            self._owner.on_events([events.Reconnected(wall, self.name, self.url, down_ns)])

    def _on_message(self, data: bytes) -> None:
        self._owner.on_frame(self, data, self._clock.wall())
        lifecycle = self.session.subscriptions.lifecycle
        if lifecycle.has_pending_requests:
            self._woken.set()
        if lifecycle.revision != self._revision:
            self._report_state_change()

    def _deny(self, error: str) -> None:
        """Note that the exchange does not want this client: to come back at once is no use."""
        self.refused = Denied("connect", error, self.url)

    def _reason(self, reason: str) -> str:
        if self.refused is None:
            return reason
        return f"{self.refused}; the next attempt is in {AFTER_REFUSAL_S / 60:.0f} minutes"

    async def _speak(self, socket: Socket) -> None:
        """Advance the session's timers and send its requests until the connection is lost."""
        clock, session = self._clock, self.session
        while True:
            self._owner.on_events(session.elapse(clock.wall(), clock.steady()))
            if session.broken is not None:
                socket.abort()
                return
            for request in session.to_send(clock.steady()):
                await socket.send(request)
            if session.subscriptions.lifecycle.revision != self._revision:
                self._report_state_change()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._woken.wait()
                self._woken.clear()

    def _report_state_change(self) -> None:
        self._revision = self.session.subscriptions.lifecycle.revision
        self._owner.on_state_change()
