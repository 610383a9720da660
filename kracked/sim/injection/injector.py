"""Brings faults about: picks the connection, spoils it, and keeps a log of what happened.

It owns every faulty wire, decides what a new connection meets at the door, and says
when the market stands still. Pure: a server calls `elapse`, and does what it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from random import Random

from kracked.sim.engine.exchange_ids import ExchangeIds
from kracked.sim.exchange import Exchange
from kracked.sim.faults.refusals import REASONS
from kracked.sim.faults.schedule import ROLES, SPOILING, Fault, FaultKind, FaultRule, FaultSchedule
from kracked.sim.injection.burst import Burst
from kracked.sim.injection.faulty_connection import (
    LATE_NS,
    MUTE_NS,
    SKEW_NS,
    FaultyConnection,
    InjectedFault,
    SocketBelow,
)
from kracked.times import NS_PER_S

REFUSED_NS, NOISE_NS = 3 * NS_PER_S, 30 * NS_PER_S
SLOW_S = 2.0
MAINTENANCE_NS = 3 * NS_PER_S
LOGGED = 10_000
"""Faults kept in the log."""
FAREWELL = "CloudFlare WebSocket proxy restarting"
_BURST_IDS = 1 << 62
"""Where the ids of a burst's orders start, far from anybody else's."""


class Welcome(Enum):
    """What a new connection meets."""

    OPEN = "open"
    REFUSED = "refused"
    SLOW = "slow"
    NOISE = "noise"


_DOORS = {
    FaultKind.REFUSE: (Welcome.REFUSED, REFUSED_NS),
    FaultKind.SLOW_ACCEPT: (Welcome.SLOW, REFUSED_NS),
    FaultKind.GARBAGE: (Welcome.NOISE, NOISE_NS),
}


class FaultInjector:
    """Faults of one exchange; scheduled by rules, or brought about at once by `strike`."""

    def __init__(
        self,
        exchange: Exchange,
        rules: tuple[FaultRule, ...],
        *,
        seed: object,
        now: int,
        note: Callable[[InjectedFault], None] | None = None,
    ) -> None:
        self.log: deque[InjectedFault] = deque(maxlen=LOGGED)
        """What has come about, oldest first."""
        self.wires: list[FaultyConnection] = []
        self._exchange = exchange
        self._schedule = FaultSchedule(rules, seed, now)
        self._chances = tuple(rule for rule in rules if rule.chance is not None)
        self._random = Random(f"{seed}/mishaps")
        self._tell = note
        self._now = now
        self._doors: dict[str, tuple[Welcome, int]] = {}
        self._bursts: list[Burst] = []
        self._ids = ExchangeIds("O", start=_BURST_IDS)
        self._maintenance_until: int | None = None
        self._held_until = self._calm_until = 0

    # --- connections --------------------------------------------------------------------

    def welcome(self, role: str) -> Welcome:
        """What a connection attempt at this address meets now. Noise is met once."""
        welcome, until = self._doors.get(role, (Welcome.OPEN, 0))
        if welcome is Welcome.NOISE:
            del self._doors[role]
        return welcome if self._now < until else Welcome.OPEN

    def noise(self) -> bytes:
        """What a port that speaks another protocol might answer a handshake with."""
        return self._random.randbytes(200)

    def wire(self, role: str, put: Callable[[bytes], None], line: SocketBelow) -> FaultyConnection:
        """A new connection's wire; `remove` it when the connection has ended."""
        wire = FaultyConnection(role, put, line, self._random, self._noted, self._chances)
        wire.elapse(self._now)
        self.wires.append(wire)
        return wire

    def remove(self, wire: FaultyConnection) -> None:
        self.wires.remove(wire)

    # --- time -----------------------------------------------------------------------------

    def elapse(self, now: int) -> None:
        """Time has come to `now`: strike what is due, end what is over."""
        self._now = now
        for wire in self.wires:
            wire.elapse(now)
        if not self.market_rests:
            self._bursts = [burst for burst in self._bursts if burst.elapse(now)]
        if self._maintenance_until is not None and now >= self._maintenance_until:
            self._maintenance_until = None
            self._exchange.set_system("online")
        due = self._schedule.due(now)
        if now >= self._calm_until:
            for fault in due:
                self.strike(fault)

    @property
    def market_rests(self) -> bool:
        """Whether nothing is traded at the moment."""
        return self._maintenance_until is not None or self._now < self._held_until

    def hold(self, for_ns: int) -> None:
        """Stop trade and faults for so long, or until `release`."""
        self._held_until = self._now + for_ns
        self.calm(for_ns)

    def calm(self, for_ns: int) -> None:
        """No new faults for so long."""
        self._calm_until = self._now + for_ns

    def release(self) -> None:
        self._held_until = self._calm_until = 0

    @property
    def busy(self) -> bool:
        """Whether a fault goes on that will end by itself."""
        return bool(self._bursts) or self._maintenance_until is not None

    # --- strikes --------------------------------------------------------------------------

    def strike(self, fault: Fault) -> bool:
        """Bring a fault about now; False when there is nothing it could strike."""
        if fault.kind is FaultKind.MAINTENANCE:
            return self._maintain(fault)
        if fault.kind is FaultKind.BURST:
            return self._burst(fault)
        if fault.kind in SPOILING:
            return self._spoil(fault)
        wires = [wire for wire in self.wires if _fits(wire, fault.where)]
        if not wires:
            return False
        self._trouble(self._random.choice(wires), fault)
        return True

    def _spoil(self, fault: Fault) -> bool:
        """Arm one book, or one stream of an account, of one connection."""
        streams = [
            (wire, key)
            for wire in self.wires
            if not wire.dead
            for key in wire.targets(fault.kind)
            if fault.where in ("", wire.role, key[1])
        ]
        if not streams:
            return False
        wire, key = self._random.choice(streams)
        wire.arm(fault.kind, key)
        return True

    def _trouble(self, wire: FaultyConnection, fault: Fault) -> None:
        """A fault of one connection. Those that wait for a chance are logged when it comes."""
        symbol = fault.where if "/" in fault.where else ""
        match fault.kind:
            case FaultKind.LATE_SNAPSHOT:
                wire.delay_snapshot(_ns(fault.detail, LATE_NS))
                return
            case FaultKind.REFUSAL:
                wire.refuse_next(REASONS[fault.detail or self._passing(wire)], symbol)
                return
            case FaultKind.TOKEN:
                wire.expired = True
                return
            case FaultKind.HALF_OPEN:
                wire.die()
            case FaultKind.HEARTBEAT:
                wire.mute(_ns(fault.detail, MUTE_NS))
            case FaultKind.CLOCK:
                wire.skew(self._random.choice((-SKEW_NS, SKEW_NS)))
            case FaultKind.HUGE:
                wire.flood()
            case FaultKind.TRUNCATE:
                wire.tear()
            case _:
                self._end(wire, fault)
        self._note_wire(wire, fault)

    def _end(self, wire: FaultyConnection, fault: Fault) -> None:
        """End a connection, and perhaps make it hard to come back."""
        if fault.kind in _DOORS:
            welcome, lasts_ns = _DOORS[fault.kind]
            self._doors[wire.role] = (welcome, self._now + _ns(fault.detail, lasts_ns))
        if fault.kind is FaultKind.DROP and self._random.random() < 0.5:
            wire.tell(FAREWELL.encode())
            wire.line.close(FAREWELL)
        else:
            wire.line.abort()

    def _passing(self, wire: FaultyConnection) -> str:
        """A reason that asking again may help, fit for this address."""
        private = wire.role != "public"
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
                for wire in self.wires
                for _, symbol in wire.books
                if fault.where in ("", wire.role, symbol)
            }
        )
        if not symbols or self._maintenance_until is not None:
            return False
        symbol = self._random.choice(symbols)
        self._bursts.append(Burst(self._exchange, symbol, self._ids, self._now))
        self._noted(InjectedFault(kind=fault.kind, time=self._exchange.time, symbol=symbol))
        return True

    def _maintain(self, fault: Fault) -> bool:
        """Announce maintenance, often hang up on everybody, and come back after a while."""
        if self._maintenance_until is not None:
            return False
        self._maintenance_until = self._now + _ns(fault.detail, MAINTENANCE_NS)
        self._exchange.set_system("maintenance")
        hangs_up = self._random.random() < 0.5
        if hangs_up:
            for wire in self.wires:
                wire.line.close("maintenance")
        detail = "hung up" if hangs_up else ""
        self._noted(InjectedFault(kind=fault.kind, time=self._exchange.time, detail=detail))
        return True

    def _note_wire(self, wire: FaultyConnection, fault: Fault) -> None:
        self._noted(
            InjectedFault(
                kind=fault.kind,
                time=max(self._exchange.time, self._now),
                role=wire.role,
                connection=wire.conversation.connection_id,
            )
        )

    def _noted(self, struck: InjectedFault) -> None:
        self.log.append(struck)
        if self._tell is not None:
            self._tell(struck)


def _fits(wire: FaultyConnection, where: str) -> bool:
    """Whether a fault meant for `where` may strike this connection."""
    if wire.dead:
        return False
    if not where or where in ROLES:
        return where in ("", wire.role)
    return any(symbol == where for _, symbol in wire.books)


def _ns(detail: str, default: int) -> int:
    return int(float(detail) * NS_PER_S) if detail else default
