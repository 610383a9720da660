"""One client's connection as faults see it: all that is told and asked passes through here.

Between the conversation and the outbox. While nothing is armed a message costs one
test. Pure: the time comes with `elapse` and `receive`, the bytes go out through `put`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, Protocol

import msgspec

from kracked.gateway.client_session import ClientSession
from kracked.protocol import encode, requests
from kracked.protocol.requests import Subscribe, Unsubscribe
from kracked.sim.faults import corrupt
from kracked.sim.faults.corrupt import About
from kracked.sim.faults.refusals import REASONS, RefusalWording, words
from kracked.sim.faults.schedule import ANY, ROLES, FaultKind, FaultRule
from kracked.times import NS_PER_S

BOOKS = ("book", "level3")
ACCOUNT = ("executions", "balances")
MUTE_NS = 8 * NS_PER_S
SKEW_NS, SKEWED_NS = 3600 * NS_PER_S, 5 * NS_PER_S
LATE_NS = 3 * NS_PER_S
SWAP_NS = NS_PER_S
"""How long a message waits for another one to change places with."""
_HEARTBEAT = encode.HEARTBEAT.encode()

Key = tuple[str, str]
"""Channel and symbol."""


class SocketBelow(Protocol):
    """The socket below: what a fault of the connection itself needs."""

    def abort(self) -> None:
        """End the connection without a word."""

    def write(self, data: bytes) -> None:
        """Send bytes that are no frame of ours."""

    def close(self, reason: str) -> None:
        """Send what waits, then say goodbye."""


class InjectedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that has come about."""

    kind: FaultKind
    time: int
    """Exchange time, ns since the Unix epoch: nothing told up to it was touched."""
    role: str = ""
    """The address its connection came to; empty for a fault of the whole exchange."""
    connection: int = 0
    symbol: str = ""
    channel: str = ""
    detail: str = ""


class _Dam(NamedTuple):
    """Messages of one book that wait for their time."""

    until: int
    messages: list[bytes]


class FaultyConnection:
    """A connection that can be spoilt. `conversation` must be set before anything is heard."""

    conversation: ClientSession

    def __init__(
        self,
        role: str,
        put: Callable[[bytes], None],
        line: SocketBelow,
        random: Random,
        note: Callable[[InjectedFault], None],
        chances: Sequence[FaultRule] = (),
    ) -> None:
        self.role, self.line = role, line
        self.now = 0
        self.dead = False
        """Half-open: nothing flows in either direction."""
        self.expired = False
        """Whether every token is refused."""
        self._put, self._random, self._note = put, random, note
        self._chances = [rule for rule in chances if rule.where not in _others(role)]
        self._armed: dict[Key, list[FaultKind]] = {}
        self._swap: dict[Key, _Dam] = {}
        self._dams: dict[Key, _Dam] = {}
        self._late_ns: int | None = None
        self._refusal: tuple[RefusalWording, str] | None = None
        self._mute_until = self._skew_until = self._skew_ns = 0
        self._troubled = bool(self._chances)

    # --- what is to go wrong ----------------------------------------------------------

    def arm(self, kind: FaultKind, key: Key) -> None:
        """Spoil the next update of this channel and symbol."""
        self._armed.setdefault(key, []).append(kind)
        self._troubled = True

    def delay_snapshot(self, by_ns: int = LATE_NS) -> None:
        """Keep back the next book's snapshot, and what follows it, for so long."""
        self._late_ns = by_ns
        self._troubled = True

    def refuse_next(self, reason: RefusalWording, symbol: str = "") -> None:
        """Refuse the next subscription (of the symbol)."""
        self._refusal = (reason, symbol)

    def mute(self, for_ns: int = MUTE_NS) -> None:
        """No heartbeats for so long."""
        self._mute_until = self.now + for_ns
        self._troubled = True

    def skew(self, by_ns: int) -> None:
        """State wrong times for a while."""
        self._skew_ns, self._skew_until = by_ns, self.now + SKEWED_NS
        self._troubled = True

    def die(self) -> None:
        """Stay open and say nothing more."""
        self.dead = self._troubled = True

    def tear(self) -> None:
        """End in the middle of a frame."""
        self.line.write(corrupt.torn_frame(_HEARTBEAT, self._random))
        self.line.abort()

    def flood(self) -> None:
        self._put(corrupt.huge())

    @property
    def books(self) -> list[Key]:
        """Channel and symbol of every book told here."""
        return [
            (topic.channel, topic.symbol)
            for topic in self.conversation.topics
            if topic.channel in BOOKS
        ]

    def targets(self, kind: FaultKind) -> list[Key]:
        """The streams this kind can spoil: an account's messages state no checksum."""
        if kind is FaultKind.CHECKSUM:
            return self.books
        topics = self.conversation.topics
        return self.books + [(one.channel, "") for one in topics if one.channel in ACCOUNT]

    # --- from the exchange to the client ------------------------------------------------

    def tell(self, message: bytes) -> None:
        """Send a message, unless something is to happen to it."""
        if not self._troubled:
            self._put(message)
        elif not self.dead:
            for told in self._spoilt(message):
                self._put(told)

    def _spoilt(self, message: bytes) -> list[bytes]:
        if message == _HEARTBEAT:
            return [] if self.now < self._mute_until else [message]
        if self.now < self._skew_until:
            message = corrupt.shifted(message, self._skew_ns)
        subject = corrupt.about(message)
        if subject is None or subject.channel not in (*BOOKS, *ACCOUNT):
            return [message]
        key = (subject.channel, subject.symbol)
        if subject.kind == encode.SNAPSHOT:
            self._swap.pop(key, None)  # of a subscription that has ended
            if self._late_ns is not None:
                self._dams[key] = _Dam(self.now + self._late_ns, [])
                self._late_ns = None
                self._tell_struck(FaultKind.LATE_SNAPSHOT, subject, message)
        if (dam := self._dams.get(key)) is not None:
            dam.messages.append(message)
            return []
        return self._struck(subject, message) if subject.kind == encode.UPDATE else [message]

    def _struck(self, subject: About, message: bytes) -> list[bytes]:
        """An update of a book, with what is armed for it or drawn."""
        key = (subject.channel, subject.symbol)
        if (swapped := self._swap.pop(key, None)) is not None:
            return [message, *swapped.messages]
        kind = self._armed[key].pop() if self._armed.get(key) else self._drawn(subject)
        if kind is None:
            return [message]
        self._tell_struck(kind, subject, message)
        return self._damaged(kind, key, message)

    def _damaged(self, kind: FaultKind, key: Key, message: bytes) -> list[bytes]:
        match kind:
            case FaultKind.LOST:
                return []
            case FaultKind.DUPLICATE:
                return [message, message]
            case FaultKind.CHECKSUM:
                return [corrupt.wrong_checksum(message)]
            case FaultKind.JSON:
                return [corrupt.broken_json(message, self._random)]
            case _:
                self._swap[key] = _Dam(self.now + SWAP_NS, [message])
                return []

    def _drawn(self, subject: About) -> FaultKind | None:
        for rule in self._chances if subject.channel in BOOKS else ():
            if rule.where in ("", self.role, subject.symbol):
                assert rule.chance is not None
                if self._random.random() < rule.chance:
                    return rule.kind
        return None

    def _tell_struck(self, kind: FaultKind, subject: About, message: bytes) -> None:
        self._note(
            InjectedFault(
                kind=kind,
                time=corrupt.time_of(message) or self.now,
                role=self.role,
                connection=self.conversation.connection_id,
                symbol=subject.symbol,
                channel=subject.channel,
            )
        )

    # --- from the client to the exchange ------------------------------------------------

    def receive(self, data: str | bytes, now: int) -> None:
        """Hand on a request, unless it is to be refused."""
        if self.dead:
            return
        self.now = max(self.now, now)
        if self.expired or self._refusal is not None:
            rest = self._refuse(data, now)
            if rest is None:
                return
            data = rest
        self.conversation.receive(data, now)

    def _refuse(self, data: str | bytes, now: int) -> str | bytes | None:
        """What is left of a request after the refusal; None when nothing is."""
        request, req_id = requests.read(data)
        if not isinstance(request, Subscribe | Unsubscribe) or req_id is None:
            return data
        if self.expired and request.token is not None:
            self._answer(FaultKind.TOKEN, REASONS["session"], request, "", req_id, now)
            return None
        if self._refusal is None or isinstance(request, Unsubscribe):
            return data
        reason, wanted = self._refusal
        symbols = request.symbol or ()
        if (wanted and wanted not in symbols) or (reason.session and request.token is None):
            return data
        self._refusal = None
        symbol = wanted or (self._random.choice(symbols) if symbols else "")
        self._answer(FaultKind.REFUSAL, reason, request, symbol, req_id, now)
        others = tuple(one for one in symbols if one != symbol)
        if reason.bare or not others:
            return None
        return requests.encode(msgspec.structs.replace(request, symbol=others), req_id)

    def _answer(
        self,
        kind: FaultKind,
        reason: RefusalWording,
        request: Subscribe | Unsubscribe,
        symbol: str,
        req_id: int,
        now: int,
    ) -> None:
        self._put(words(reason, request, symbol, req_id, now))
        self._note(
            InjectedFault(
                kind=kind,
                time=now,
                role=self.role,
                connection=self.conversation.connection_id,
                symbol=symbol,
                channel=request.channel,
                detail=reason.error,
            )
        )

    # --- time -----------------------------------------------------------------------------

    def elapse(self, now: int) -> None:
        """Time has passed: let go what has waited long enough."""
        self.now = now
        if not self._troubled or self.dead:
            return
        for dams in (self._dams, self._swap):
            for key in [key for key, dam in dams.items() if dam.until <= now]:
                for message in dams.pop(key).messages:
                    self._put(message)
        self._troubled = bool(
            self._chances
            or self._dams
            or self._swap
            or any(self._armed.values())
            or self._late_ns is not None
            or now < max(self._mute_until, self._skew_until)
        )


def _others(role: str) -> list[str]:
    """The roles a connection of this role has not; one of `all` has each."""
    return [] if role == ANY else [one for one in ROLES if one != role]
