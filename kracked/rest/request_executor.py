"""Makes calls: counted, signed, sent once, and repeated only where that is harmless.

Reads are repeated with growing pauses. Reads, cancels and the dead man's switch are signed anew
after ``Invalid nonce``; an order is not: a gateway that delivers a request twice passes the
second answer on, which is ``Invalid nonce`` because the first was accepted, or a refusal that
counts calls. So an order is sent once, and when its answer is missing or doubtful the result is
`OutcomeUnknown`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Set
from decimal import Decimal

import msgspec

from kracked.credentials import Credentials
from kracked.errors import ConfigError, ConnectionLost, says
from kracked.protocol.limits import STARTER, RateCounter, Tier
from kracked.protocol.signing import sign
from kracked.rest import encoding
from kracked.rest.limiter import RestLimiter
from kracked.rest.nonce import Nonces
from kracked.rest.priority_lock import LockTurn, PriorityLock, Urgency, Withdrawn
from kracked.rest.replies import (
    ErrorClass,
    OutcomeUnknown,
    Refused,
    Reply,
    UnreadableReply,
    decode_reply,
    throttled_until,
)
from kracked.rest.transport import AccessDenied, HttpTransport, NoAnswer, NotSent, SignedHeaders
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

READ_ATTEMPTS = 4
RESIGNATURES = 3
LOCKOUT_NS = 15 * 60 * NS_PER_S
LONGEST_WAIT_NS = 60 * NS_PER_S
"""A read that would have to wait longer for the limiter fails instead. No time that is named by
a gateway or by the exchange holds orders back for longer: then one is tried."""
_FIRST_PAUSE_S = 0.5
_ONE = Decimal(1)
_PUBLIC_BURST = Decimal(3)
_TICKING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_AGAIN = (Urgency.CANCEL, Urgency.READ)
_THROTTLED = "held back here until the time that the exchange has named"


@says("{method} needs an API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET")
class NoCredentials(ConfigError):
    """A private call without a key."""

    method: str


@says("the API secret is not base64; copy it again, whole")
class BadSecret(ConfigError):
    """A secret that is not base64. The message never repeats it."""


class Signer:
    """Makes the bytes and headers of private calls. Prints as ``<redacted>``."""

    def __init__(self, credentials: Credentials, nonces: Nonces) -> None:
        self._key, self.nonces = credentials.key, nonces
        try:
            self._secret = base64.b64decode(credentials.secret, validate=True)
        except (binascii.Error, ValueError):
            raise BadSecret from None

    def __repr__(self) -> str:
        return "Signer(<redacted>)"

    def request(
        self, path: str, members: dict[str, object], otp: str | None
    ) -> tuple[bytes, SignedHeaders]:
        """Return a body and the headers that sign exactly these bytes."""
        nonce = self.nonces.next()
        body = encoding.encode(members, nonce, otp)
        signature = sign(path, nonce, body, self._secret)
        return body, SignedHeaders(
            {"API-Key": self._key, "API-Sign": signature, "Content-Type": "application/json"}
        )


def _ticks() -> int:
    # The exchange's timers go on while this machine is suspended, and so must ours.
    return time.clock_gettime_ns(_TICKING)


class RequestTiming(msgspec.Struct, frozen=True):
    """Clocks, sleep and chance; tests bring their own."""

    clock: Callable[[], int] = time.time_ns
    """Returns ns since the Unix epoch, for times that the exchange reads."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits for some seconds."""
    jitter: Callable[[], float] = random.random
    """Returns 0 to 1: the part of a pause's second half that is waited."""
    ticks: Callable[[], int] = _ticks
    """Returns ns that only rise, for all waits: a clock can be set back or jump ahead."""

    def steady(self) -> Callable[[], int]:
        """Return `clock` as it would run if it were never set, for counters that decay."""
        ahead = self.clock() - self.ticks()
        return lambda: self.ticks() + ahead


class RequestExecutor:
    """Everything between a typed method and the HTTP connection.

    Args:
        transport: Sends the requests.
        root: The REST address, without a slash at its end.
        signer: Signs private calls; None allows public calls only.
        timing: Clocks and sleep.
        exchange_now: Returns the exchange's time, ns since the Unix epoch; by default this
            computer's.
        tier: The rate limits.
        otp: Returns a one-time password for each private call.
    """

    def __init__(
        self,
        transport: HttpTransport,
        root: str,
        signer: Signer | None,
        *,
        timing: RequestTiming,
        exchange_now: Callable[[], int] | None = None,
        tier: Tier = STARTER,
        otp: Callable[[], str] | None = None,
    ) -> None:
        self._exchange_now = exchange_now or timing.clock
        self.limiter = RestLimiter(tier)
        self._transport, self._root, self._signer = transport, root, signer
        self._timing, self._otp, self.lock = timing, otp, PriorityLock()
        """Gives each call its turn; withdraw orders from it before their cancel is sent."""
        self._public = RateCounter(_ONE)
        self.locked_until = 0

    async def public(self, name: str, params: Mapping[str, str]) -> bytes:
        """Make a public call and return its result; repeat it while that may help.

        Raises:
            Refused: The exchange refused it.
            ConnectionLost: The exchange could not be reached.
            UnreadableReply: The reply is not what the documentation promises.
        """

        async def once() -> bytes:
            """Wait for the limit and make one attempt."""
            # Counted by address, and no figure is published. Clients that keep to one call a
            # second are not refused.
            ticks = self._timing.ticks
            while (wait_ns := self._public.wait_ns(_ONE, _PUBLIC_BURST, ticks())) > 0:
                await self._timing.sleep(wait_ns / NS_PER_S)
            self._public.spend(_ONE, ticks())
            return await self._transport.get(f"{self._root}/0/public/{name}", params)

        return await self._repeated(name, once)

    async def read(
        self, name: str, members: dict[str, object], urgency: Urgency = Urgency.READ
    ) -> bytes:
        """Make a private call that changes nothing; else as `public`.

        With the urgency of a cancel it waits for no limit and for no lock-out.
        """

        async def once() -> bytes:
            """Wait for the counter and make one attempt."""
            if urgency is Urgency.CANCEL:
                return await self._private(name, members, urgency)
            self._respect_lockout(name)
            while (wait_ns := self.limiter.wait_ns(name, self._timing.ticks())) > 0:
                if wait_ns > LONGEST_WAIT_NS:
                    raise self._held_back(name)
                await self._timing.sleep(wait_ns / NS_PER_S)
            return await self._private(name, members, Urgency.READ)

        most_s = 0 if urgency is Urgency.CANCEL else LONGEST_WAIT_NS // NS_PER_S
        return await self._repeated(name, once, most_s)

    async def write(
        self,
        name: str,
        members: dict[str, object],
        urgency: Urgency,
        *,
        before: int | None = None,
        names: Set[object] = frozenset(),
    ) -> bytes:
        """Make a call that may move money, once, and return its result.

        It never waits for a limit: an order must not go out late.

        Args:
            name: The endpoint.
            members: The members of the body.
            urgency: The rank among the calls that wait for their turn.
            before: Instant of the exchange's clock from which it is not sent any more, ns.
            names: Names by which `withdraw` finds it while it waits.

        Raises:
            Refused: The exchange refused it, or it was held back here; nothing happened.
            NotSent: Nothing was sent.
            OutcomeUnknown: It may have acted.
        """
        if urgency is not Urgency.CANCEL:
            self._respect_lockout(name)
        ticks = self._timing.ticks()
        if urgency is Urgency.ORDER and (
            self.limiter.throttled_ns(ticks) or self.limiter.held_ns(name, ticks)
        ):
            raise self._held_back(name)
        try:
            body = await self._private(name, members, urgency, before=before, names=names)
            reply = decode_reply(name, body)
        except (NoAnswer, UnreadableReply) as error:
            if isinstance(error, NoAnswer) and error.retry_after_s:
                # A gateway that named a time gets no further order before it.
                now = self._timing.ticks()
                self._hold(now, error.retry_after_s * NS_PER_S)
            raise OutcomeUnknown(name, str(error)) from error
        self._note(name, reply)
        if reply.refusal is None:
            return bytes(reply.result)
        words, kind = reply.refusal
        proven = reply.nothing_happened or urgency is not Urgency.ORDER
        if kind is ErrorClass.UNKNOWN_OUTCOME or reply.has_result or not proven:
            raise OutcomeUnknown(name, words)
        raise Refused(name, words, kind)

    async def _repeated(
        self,
        name: str,
        once: Callable[[], Awaitable[bytes]],
        most_s: int = LONGEST_WAIT_NS // NS_PER_S,
    ) -> bytes:
        """Make attempts with growing pauses.

        Args:
            name: The endpoint.
            once: Makes one attempt.
            most_s: The longest pause that a gateway may ask for; after a longer one no further
                attempt is made. 0: no gateway is heeded.
        """
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return self._result(name, await once())
            except (ConnectionLost, UnreadableReply, _Passing) as error:
                named_s = error.retry_after_s if isinstance(error, NoAnswer) else None
                asked_s = named_s or 0 if most_s else 0
                final = attempt == READ_ATTEMPTS or isinstance(error, AccessDenied)
                if final or asked_s > most_s:
                    raise error.final if isinstance(error, _Passing) else error from None
            longest_s = _FIRST_PAUSE_S * 2 ** (attempt - 1)
            pause_s = longest_s * (1 + self._timing.jitter()) / 2
            await self._timing.sleep(max(asked_s, pause_s))
        raise AssertionError("the last attempt returns or raises")

    def _result(self, name: str, body: bytes) -> bytes:
        reply = decode_reply(name, body)
        self._note(name, reply)
        if reply.refusal is None:
            return bytes(reply.result)
        error, kind = reply.refusal
        if kind is ErrorClass.UNKNOWN_OUTCOME:
            raise _Passing(ConnectionLost(f"{self._root} {name}", error))
        refused = Refused(name, error, kind)
        raise _Passing(refused) if kind is ErrorClass.SLOW_DOWN else refused

    async def _private(
        self,
        name: str,
        members: dict[str, object],
        urgency: Urgency,
        *,
        before: int | None = None,
        names: Set[object] = frozenset(),
    ) -> bytes:
        """Make one signed call; repeat it after a refused nonce alone, and an order never."""
        if self._signer is None:
            raise NoCredentials(name)
        spend = self.limiter.spend if urgency is Urgency.READ else self.limiter.spend_on_write
        spend(name, self._timing.ticks())
        url = f"{self._root}/0/private/{name}"
        for _ in range(RESIGNATURES + 1):
            try:
                async with self.lock.turn(urgency, names) as turn:
                    answer = await self._signed(name, members, turn, before)
            except Withdrawn:
                raise NotSent(url, "it was withdrawn: a cancel went before it") from None
            # An order that a cancel overtook must not follow it; other calls may go again.
            if urgency not in _AGAIN or not turn.overtaken or not _nonce_refused(name, answer):
                break
        if urgency is not Urgency.ORDER:
            self._signer.nonces.renew()
        return answer

    async def _signed(
        self, name: str, members: dict[str, object], turn: LockTurn, before: int | None
    ) -> bytes:
        """Send a call in its turn; sign it anew while its nonce is refused, unless overtaken.

        An order is signed once: another delivery of it may have been accepted.
        """
        assert self._signer is not None
        path, otp = f"/0/private/{name}", self._otp() if self._otp else None
        for _ in range(1 if turn.urgency is Urgency.ORDER else RESIGNATURES + 1):
            if before is not None and self._exchange_now() >= before:
                raise NotSent(self._root + path, "its turn came after its deadline")
            if turn.overtaken and turn.urgency not in _AGAIN:
                raise NotSent(self._root + path, "it was withdrawn: a cancel went before it")
            body, headers = self._signer.request(path, members, otp)
            answer = await self._transport.post(self._root + path, body, headers)
            if turn.overtaken or not _nonce_refused(name, answer):
                break
            self._signer.nonces.refused()
        return answer

    def _respect_lockout(self, name: str) -> None:
        """Refuse a call during a lockout: every call lengthens it; only a cancel is worth that."""
        if self._timing.ticks() < self.locked_until:
            held = "held back here after EGeneral:Temporary lockout"
            raise Refused(name, held, ErrorClass.CHANGE_SETUP)

    def _held_back(self, name: str) -> Refused:
        now, limiter = self._timing.ticks(), self.limiter
        counted = f"{limiter.counter.value(now):.1f} of {limiter.tier.rest_limit} calls are counted"
        words = _THROTTLED if limiter.throttled_ns(now) else f"held back here: {counted}"
        return Refused(name, words, ErrorClass.SLOW_DOWN)

    def _hold(self, now: int, wait_ns: int) -> None:
        """Hold orders and reads back for a time that came from outside."""
        self.limiter.exceeded(now, now + min(max(0, wait_ns), LONGEST_WAIT_NS))

    def _note(self, name: str, reply: Reply) -> None:
        """Log warnings, and take over what errors reveal about the exchange's limits."""
        for warning in reply.warnings:
            log.warning("exchange warning", extra={"method": name, "warning": warning})
        now = self._timing.ticks()
        for error in reply.errors:
            if error.startswith("EAPI:Rate limit"):
                self.limiter.exceeded(now)
            elif until := throttled_until(error):
                self._hold(now, until - self._exchange_now())
            elif error == "EGeneral:Temporary lockout":
                self.locked_until = now + LOCKOUT_NS


class _Passing(Exception):
    """A refusal of a read that may pass; `final` is the error to raise when it does not."""

    def __init__(self, final: Exception) -> None:
        super().__init__(final)
        self.final = final


def _nonce_refused(name: str, answer: bytes) -> bool:
    try:
        refusal = decode_reply(name, answer).refusal
    except UnreadableReply:
        return False
    return refusal is not None and refusal[1] is ErrorClass.NEW_NONCE
