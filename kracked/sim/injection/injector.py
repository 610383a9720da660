"""Injects faults: picks a connection, spoils it, and logs what happened.

It owns every faulty connection, decides what a new connection meets, and says when the
market is paused. Pure: a server calls `advance`, and does what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from random import Random

from kracked.gateway.client_session import ClientSession, Send
from kracked.gateway.exchange_ids import ExchangeIds
from kracked.protocol.events import Side
from kracked.sim.engine.orders import NewOrder
from kracked.sim.exchange import Exchange
from kracked.sim.faults import corrupt
from kracked.sim.faults.refusals import REASONS
from kracked.sim.faults.schedule import (
    DATA_CHANNELS,
    ROLES,
    SPOILING,
    Fault,
    FaultKind,
    FaultRule,
    FaultSchedule,
)
from kracked.sim.injection.faulty_connection import (
    LATE_NS,
    MUTE_NS,
    SILENT_NS,
    SKEW_NS,
    FaultyConnection,
    InjectedFault,
    SocketBelow,
)
from kracked.times import NS_PER_S

REFUSED_NS, NOISE_NS = 3 * NS_PER_S, 30 * NS_PER_S
SLOW_S = 2.0
MAINTENANCE_NS = 3 * NS_PER_S
LOG_LENGTH = 10_000
"""The most faults the log retains."""
FAREWELL = "CloudFlare WebSocket proxy restarting"
BURST_MESSAGES, BURST_NS = 1_000, NS_PER_S // 10
_BURST_IDS = 1 << 62
"""Where the ids of a burst's orders start, far from anybody else's."""


class Handshake(Enum):
    """The outcome of a new connection's handshake."""

    OPEN = "open"
    REFUSED = "refused"
    SLOW = "slow"
    NOISE = "noise"


_HANDSHAKES = {
    FaultKind.REFUSE: (Handshake.REFUSED, REFUSED_NS),
    FaultKind.SLOW_ACCEPT: (Handshake.SLOW, REFUSED_NS),
    FaultKind.GARBAGE: (Handshake.NOISE, NOISE_NS),
}
"""What new connections meet after a fault, and for how long."""


class Burst:
    """A quote stuffer: a thousand messages about one book in a tenth of a second.

    It places and cancels one small order at the best bid, again and again. The orders and the
    engine are real, so that books and checksums stay right.
    """

    def __init__(self, exchange: Exchange, symbol: str, ids: ExchangeIds, now: int) -> None:
        self.symbol = symbol
        self._exchange, self._ids, self._begun = exchange, ids, now
        self._sent = 0
        self._resting: str | None = None

    def advance(self, now: int) -> bool:
        """Send what is due; return False once everything has been sent."""
        share = min(1.0, (now - self._begun) / BURST_NS)
        while self._sent < round(BURST_MESSAGES * share):
            self._sent += 1
            self._send()
        return self._sent < BURST_MESSAGES

    def _send(self) -> None:
        """Cancel the order that rests, or place the next one."""
        matcher, time = self._exchange.matcher(self.symbol), self._exchange.time
        if self._resting is not None:
            batch = matcher.cancel(self._resting, time)
            self._resting = None
        else:
            price = matcher.best_price(Side.BID)
            if price is None:
                return
            self._resting = self._ids.take()
            # Small, but not a quantity others are likely to have: the level must change.
            order = NewOrder(self._resting, Side.BID, 12_345, price, post_only=True)
            batch = matcher.submit(order, time)
        self._exchange.publish(self.symbol, batch)


class FaultInjector:
    """Faults of one exchange: scheduled by rules, or injected at once by `inject`."""

    def __init__(
        self,
        exchange: Exchange,
        rules: tuple[FaultRule, ...],
        *,
        seed: object,
        now: int,
        note: Callable[[InjectedFault], None] | None = None,
    ) -> None:
        """Schedule faults.

        Args:
            exchange: The exchange that faults are injected into.
            rules: What to inject, and when.
            seed: The same seed and calls give the same faults.
            now: Time, ns since the Unix epoch.
            note: Takes every fault that is injected.
        """
        self.log: deque[InjectedFault] = deque(maxlen=LOG_LENGTH)
        """What was injected, oldest first."""
        self.connections: list[FaultyConnection] = []
        self._exchange = exchange
        self._schedule = FaultSchedule(rules, seed, now)
        self._chances = tuple(rule for rule in rules if rule.chance is not None)
        self._random = Random(f"{seed}/mishaps")  # this name keeps what a seed gives
        self._report = note
        self._now = now
        self._handshakes: dict[str, tuple[Handshake, int]] = {}
        self._bursts: list[Burst] = []
        self._ids = ExchangeIds("O", start=_BURST_IDS)
        self._maintenance_until: int | None = None
        self._held_until = self._calm_until = 0

    # --- connections --------------------------------------------------------------------

    def handshake(self, role: str) -> Handshake:
        """Return what a new connection to this address meets now. Noise is met once."""
        handshake, until = self._handshakes.get(role, (Handshake.OPEN, 0))
        if handshake is Handshake.NOISE:
            del self._handshakes[role]
        return handshake if self._now < until else Handshake.OPEN

    def noise(self) -> bytes:
        """Return what a port that speaks another protocol might answer a handshake with."""
        return self._random.randbytes(200)

    def attach(
        self, role: str, below: SocketBelow, connect: Callable[[Send], ClientSession]
    ) -> FaultyConnection:
        """Connect a client through faults; call `detach` when its connection has ended.

        Args:
            role: The address it came to.
            below: The connection that carries its messages.
            connect: Begins its session; called with the function that takes its messages.
        """
        connection = FaultyConnection(
            role,
            below,
            connect,
            random=self._random,
            note=self._note,
            chances=self._chances,
            now=self._now,
        )
        self.connections.append(connection)
        return connection

    # --- time -----------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Move the time to `now`: inject what is due, end what is over."""
        self._now = now
        for connection in self.connections:
            connection.advance(now)
        if not self.market_paused:
            self._bursts = [burst for burst in self._bursts if burst.advance(now)]
        if self._maintenance_until is not None and now >= self._maintenance_until:
            self._maintenance_until = None
            self._exchange.set_system("online")
        due = self._schedule.due(now)
        if now >= self._calm_until:
            for fault in due:
                self.inject(fault)

    @property
    def market_paused(self) -> bool:
        """Whether nothing is traded at the moment."""
        return self._maintenance_until is not None or self._now < self._held_until

    def hold(self, for_ns: int) -> None:
        """Stop trade and faults for so long, or until `release`."""
        self._held_until = self._now + for_ns
        self.calm(for_ns)

    def calm(self, for_ns: int) -> None:
        """Inject no faults for so long, or until `release`."""
        self._calm_until = self._now + for_ns

    def release(self) -> None:
        """Let trade and faults go on."""
        self._held_until = self._calm_until = 0

    @property
    def busy(self) -> bool:
        """Whether a fault goes on that will end by itself."""
        return bool(self._bursts) or self._maintenance_until is not None

    # --- injecting ------------------------------------------------------------------------

    def inject(self, fault: Fault) -> bool:
        """Inject a fault now; return False when there is nothing it could apply to."""
        if fault.kind is FaultKind.MAINTENANCE:
            return self._maintain(fault)
        if fault.kind is FaultKind.BURST:
            return self._burst(fault)
        if fault.kind in SPOILING:
            return self._arm(fault)
        if fault.kind is FaultKind.SILENT:
            return self._silence(fault)
        connections = [one for one in self.connections if _fits(one, fault.where)]
        if not connections:
            return False
        self._disturb(self._random.choice(connections), fault)
        return True

    def _arm(self, fault: Fault) -> bool:
        """Arm one stream of one connection: its next update is spoilt."""
        streams = [
            (connection, stream)
            for connection in self.connections
            if not connection.dead
            for stream in connection.streams(fault.kind)
            if fault.where in ("", connection.role, stream[1])
        ]
        if not streams:
            return False
        connection, stream = self._random.choice(streams)
        connection.arm(fault.kind, stream)
        return True

    def _silence(self, fault: Fault) -> bool:
        """Stop the frames of a channel on one of the connections that have it."""
        symbol = fault.where if "/" in fault.where else ""
        having = [
            (connection, topic.channel)
            for connection in self.connections
            if not connection.dead and fault.where in ("", symbol, connection.role)
            for topic in connection.session.topics
            if topic.channel in DATA_CHANNELS and fault.channel in ("", topic.channel)
            if symbol in ("", topic.symbol)
        ]
        if not having:
            return False
        connection, channel = self._random.choice(having)
        connection.silence((channel, symbol), _length_ns(fault, SILENT_NS))
        self._note(
            InjectedFault(
                kind=fault.kind,
                time=max(self._exchange.time, self._now),
                role=connection.role,
                connection=connection.session.connection_id,
                symbol=symbol,
                channel=channel,
            )
        )
        return True

    def _disturb(self, connection: FaultyConnection, fault: Fault) -> None:
        """Inject a fault of one connection. Those that wait for a message are logged then."""
        symbol = fault.where if "/" in fault.where else ""
        match fault.kind:
            case FaultKind.LATE_SNAPSHOT:
                connection.delay_snapshot(_length_ns(fault, LATE_NS))
                return
            case FaultKind.REFUSAL:
                reason = fault.detail or self._passing_reason(connection)
                connection.refuse_next(REASONS[reason], symbol)
                return
            case FaultKind.TOKEN:
                connection.tokens_expired = True
                return
            case FaultKind.HALF_OPEN:
                connection.die()
            case FaultKind.HEARTBEAT:
                connection.mute(_length_ns(fault, MUTE_NS))
            case FaultKind.CLOCK:
                connection.skew(self._random.choice((-SKEW_NS, SKEW_NS)))
            case FaultKind.HUGE:
                connection.below.send(corrupt.huge())
            case FaultKind.TRUNCATE:
                connection.tear()
            case _:
                self._end(connection, fault)
        self._note(
            InjectedFault(
                kind=fault.kind,
                time=max(self._exchange.time, self._now),
                role=connection.role,
                connection=connection.session.connection_id,
            )
        )

    def _end(self, connection: FaultyConnection, fault: Fault) -> None:
        """End a connection, and perhaps make it hard to come back."""
        if fault.kind in _HANDSHAKES:
            handshake, length_ns = _HANDSHAKES[fault.kind]
            until = self._now + _length_ns(fault, length_ns)
            self._handshakes[connection.role] = (handshake, until)
        if fault.kind is FaultKind.DROP and self._random.random() < 0.5:
            connection.send(FAREWELL.encode())
            connection.below.close(FAREWELL)
        else:
            connection.below.abort()

    def _passing_reason(self, connection: FaultyConnection) -> str:
        """Return a reason that asking again may help, fit for this address."""
        private = connection.role != "public"
        names = [
            name
            for name, reason in REASONS.items()
            if reason.passing and (private or not reason.session)
        ]
        return self._random.choice(names)

    def _burst(self, fault: Fault) -> bool:
        symbols = sorted(
            {
                symbol
                for connection in self.connections
                for _, symbol in connection.books
                if fault.where in ("", connection.role, symbol)
            }
        )
        if not symbols or self._maintenance_until is not None:
            return False
        symbol = self._random.choice(symbols)
        self._bursts.append(Burst(self._exchange, symbol, self._ids, self._now))
        self._note(InjectedFault(kind=fault.kind, time=self._exchange.time, symbol=symbol))
        return True

    def _maintain(self, fault: Fault) -> bool:
        """Announce maintenance, often close every connection, and come back after a while."""
        if self._maintenance_until is not None:
            return False
        self._maintenance_until = self._now + _length_ns(fault, MAINTENANCE_NS)
        self._exchange.set_system("maintenance")
        closes = self._random.random() < 0.5
        if closes:
            for connection in self.connections:
                connection.below.close("maintenance")
        detail = "hung up" if closes else ""
        self._note(InjectedFault(kind=fault.kind, time=self._exchange.time, detail=detail))
        return True

    def _note(self, injected: InjectedFault) -> None:
        self.log.append(injected)
        if self._report is not None:
            self._report(injected)


def _fits(connection: FaultyConnection, where: str) -> bool:
    """Whether a fault meant for `where` may be injected into this connection."""
    if connection.dead:
        return False
    if not where or where in ROLES:
        return where in ("", connection.role)
    return any(symbol == where for _, symbol in connection.books)


def _length_ns(fault: Fault, default_ns: int) -> int:
    """Return how long a fault lasts, by its detail or by default."""
    return default_ns if fault.length_ns is None else fault.length_ns
