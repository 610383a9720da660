"""Classifies replies of the exchange by what to do about them. Pure.

An error string is ``<E|W><Category>:<text>[:<detail>]``. After a request that moves money one
question matters: whether it may have acted. Every string is filed by that. The exchange's
own words are never replaced, only explained.

Sources: docs.kraken.com/api/docs/guides/spot-errors,
support.kraken.com/hc/en-us/articles/360001491786
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from kracked.errors import KrackedError, ProtocolError, RequestRejected, says
from kracked.times import NS_PER_S


class ErrorClass(StrEnum):
    """The class of an error string: what the sender of the request should do."""

    CHANGE_REQUEST = "change_request"
    CHANGE_SETUP = "change_setup"
    NEW_NONCE = "new_nonce"
    NEW_TOKEN = "new_token"  # noqa: S105 - a class of errors, no secret
    SLOW_DOWN = "slow_down"
    WAIT_FOR_MARKET = "wait_for_market"
    ACCOUNT_STATE = "account_state"
    GONE = "gone"
    UNKNOWN_OUTCOME = "unknown_outcome"

    @property
    def advice(self) -> str:
        """The advice for a person, in sentences."""
        return _ADVICE[self]

    @property
    def nothing_happened(self) -> bool:
        """Whether the delivery that was answered so had no effect.

        Of an order that may have been delivered twice, `proves_nothing_happened` tells more.
        """
        return self not in (ErrorClass.UNKNOWN_OUTCOME, ErrorClass.NEW_NONCE)

    @property
    def may_resend_unchanged(self) -> bool:
        """Whether the same request may go again, signed anew, once the cause is dealt with."""
        return self in _PASSING


_PASSING = (ErrorClass.NEW_NONCE, ErrorClass.NEW_TOKEN, ErrorClass.SLOW_DOWN)

_ADVICE: Final = {
    ErrorClass.CHANGE_REQUEST: "Nothing was done. Correct the request; as it is it fails again.",
    ErrorClass.CHANGE_SETUP: (
        "Nothing was done. Check the key, its permissions and the account; "
        "calls go on failing until then."
    ),
    ErrorClass.NEW_NONCE: (
        "This request was not accepted. Another program may use this key, or the clock went back; "
        "give each program its own key."
    ),
    ErrorClass.NEW_TOKEN: "Nothing was done. Fetch a new WebSocket token and ask once more.",
    ErrorClass.SLOW_DOWN: "Nothing was done. Wait, then the same request may be sent.",
    ErrorClass.WAIT_FOR_MARKET: "Nothing was done. Wait until the market's status allows it.",
    ErrorClass.ACCOUNT_STATE: (
        "Nothing was done. Sending it again helps only after balances or open orders have changed."
    ),
    ErrorClass.GONE: "Nothing was done. The order is no longer open; look up how it ended.",
    ErrorClass.UNKNOWN_OUTCOME: (
        "The exchange may have acted. Do not send it again; look up what became of it first."
    ),
}

_STRINGS: Final = {
    ErrorClass.CHANGE_REQUEST: (
        "EGeneral:Invalid arguments",
        "EGeneral:Unknown method",
        "EAPI:Bad request",
        "EOrder:Order minimum not met",
        "EOrder:Cost minimum not met",
        "EOrder:Tick size check failed",
        "EOrder:Invalid price",
        "EOrder:Invalid limit price",
        "EOrder:Invalid order",
        "EQuery:Unknown asset pair",
        "EQuery:Invalid asset pair",
        "EQuery:Unknown asset",
        "ETrade:Invalid request",
        "EFunding:Max fee exceeded",
        "EFunding:Unknown withdraw key",
        "EFunding:Invalid amount",
        "WDatabase:No change",
        # Refusals of the WebSocket, which have no category.
        "Limit_price field must be a number_float",
        "Cash_order_qty field must be a number_float",
        "Malformed request",
        "Unsupported event",
        "Unsupported field",
        "Currency pair not supported",
        "Symbol(s) not found",
        "Subscription name invalid",
    ),
    ErrorClass.CHANGE_SETUP: (
        "EGeneral:Permission denied",
        "EGeneral:Temporary lockout",
        "EAPI:Invalid key",
        "EAPI:Invalid signature",
        "EAPI:Permission denied",
        "EOrder:Cannot open position",
        "EOrder:Cannot open opposing position",
        "EOrder:Reduce only:Non-PC",
        "EAccount:Invalid permissions",
        "EAuth:Account temporary disabled",
        "EAuth:Account unconfirmed",
        "EAuth:Failed",
        "ETrade:User Locked",
        "EBM:limit exceeded",
    ),
    ErrorClass.NEW_NONCE: ("EAPI:Invalid nonce",),
    ErrorClass.NEW_TOKEN: (
        "ESession:Invalid session",
        "EAPI:Invalid token",
        "Token(s) not found",
    ),
    ErrorClass.SLOW_DOWN: (
        "EGeneral:Too many requests",
        "EAPI:Rate limit exceeded",
        "EService:Throttled",
        "EOrder:Rate limit exceeded",
        "EOrder:Domain rate limit exceeded",
        "EAuth:Rate limit exceeded",
        "EAuth:Too many requests",
        "Exceeded msg rate",
    ),
    ErrorClass.WAIT_FOR_MARKET: (
        "EAPI:Feature disabled",
        "EService:Market in cancel_only mode",
        "EService:Market in post_only mode",
        "EService:Market in limit_only mode",
        "EService:Market in maintenance mode",
        "ETrade:Locked",
    ),
    ErrorClass.ACCOUNT_STATE: (
        "EOrder:Orders limit exceeded",
        "EOrder:Positions limit exceeded",
        "EOrder:Scheduled orders limit exceeded",
        "EOrder:Post only order",
        "EOrder:Insufficient funds",
        "EOrder:Insufficient margin",
        "EOrder:Margin allowance exceeded",
        "EOrder:Margin level too low",
        "EOrder:Margin position size exceeded",
        "EOrder:Reduce only",
        "EFunding:Insufficient funds",
    ),
    ErrorClass.GONE: ("EOrder:Unknown order", "EOrder:Unknown position"),
    ErrorClass.UNKNOWN_OUTCOME: (
        "EGeneral:Internal error",
        "EService:Unavailable",
        "EService:Busy",
        "EService:Timeout",
        # Documented as a refusal; a stale order is looked up once before it is sent again.
        "EService:Deadline elapsed",
        "EDatabase:Internal error",
    ),
}

_BY_CATEGORY: Final = {
    "EAPI": ErrorClass.CHANGE_SETUP,
    "EAuth": ErrorClass.CHANGE_SETUP,
    "EAccount": ErrorClass.CHANGE_SETUP,
    "EOrder": ErrorClass.CHANGE_REQUEST,
    "EGeneral": ErrorClass.CHANGE_REQUEST,
    "EQuery": ErrorClass.CHANGE_REQUEST,
    "ETrade": ErrorClass.CHANGE_REQUEST,
    "ESession": ErrorClass.NEW_TOKEN,
}


def _squash(text: str) -> str:
    # The documentation prints some strings with a space after the colon and others without.
    return text.replace(" ", "")


_KNOWN: Final = {_squash(text): kind for kind, texts in _STRINGS.items() for text in texts}


_STALE: Final = ("invalid", "expired", "stale")
"""Words that beside "token" mean one that cannot be used any more."""
PAIR_RATE: Final = "EOrder:Rate limit exceeded"
"""The engine's counter of one pair is full."""
DOMAIN_RATE: Final = "EOrder:Domain rate limit exceeded"
"""The engine takes no more from this account, on any pair."""


def classify(error: str) -> ErrorClass:
    """Return the class of an error string: by its text, then without details, then by category.

    A request with an unknown error may have acted.
    """
    text = _squash(error)
    while text:
        if text in _KNOWN:
            return _KNOWN[text]
        text = text.rpartition(":")[0]
    if _squash(error).startswith("Currencypairnotsupported"):
        return ErrorClass.CHANGE_REQUEST
    lower = error.lower()
    if "token" in lower and any(word in lower for word in _STALE):
        return ErrorClass.NEW_TOKEN
    return _BY_CATEGORY.get(error.partition(":")[0], ErrorClass.UNKNOWN_OUTCOME)


_BEFORE_NONCE: Final = (
    "EAPI:Rate limit exceeded",
    "EAuth:Rate limit exceeded",
    "EAuth:Too many requests",
    "EGeneral:Temporary lockout",
    "EGeneral:Too many requests",
    "EService:Throttled",
)
"""Refusals that count calls, without a look at their nonce."""


def proves_nothing_happened(error: str) -> bool:
    """Return whether an order answered so certainly had no effect, however often it arrived.

    A gateway may deliver a request twice and pass either answer on. A nonce is accepted once, so
    what is refused after that check was never accepted. A refused nonce, and a refusal that
    counts calls, may be the answer to the second delivery of an order that was accepted.
    """
    if not classify(error).nothing_happened:
        return False
    return not _squash(error).startswith(tuple(map(_squash, _BEFORE_NONCE)))


@says("the exchange refused {method}: {error}. {advice}")
class Refused(RequestRejected):
    """The exchange refused the request and did nothing."""

    kind: ErrorClass

    @property
    def advice(self) -> str:
        """The advice for a person, in sentences."""
        return self.kind.advice

    @property
    def may_resend_unchanged(self) -> bool:
        """Whether the same request may go again, signed anew, once the cause is dealt with."""
        return self.kind.may_resend_unchanged


@says("{method}: {reason}. {advice}")
class OutcomeUnknown(KrackedError):
    """A request that may or may not have been carried out; only looking it up can tell."""

    method: str
    reason: str

    @property
    def advice(self) -> str:
        """The advice for a person, in sentences."""
        return ErrorClass.UNKNOWN_OUTCOME.advice


@says("the reply to {method} is not what its documentation promises: {reason}")
class UnreadableReply(ProtocolError):
    """A body that is not the JSON the documentation promises."""

    method: str
    reason: str


class Reply(msgspec.Struct, frozen=True):
    """The envelope of every REST reply: errors and warnings, and the result beside them."""

    error: tuple[str, ...] | None = ()
    """Errors and warnings; null is the same as empty."""
    result: msgspec.Raw = msgspec.Raw()

    @property
    def errors(self) -> tuple[str, ...]:
        """The errors alone."""
        return tuple(text for text in self.error or () if not text.startswith("W"))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings alone."""
        return tuple(text for text in self.error or () if text.startswith("W"))

    @property
    def has_result(self) -> bool:
        """Whether there is a result. Beside an error it means that something may have been done."""
        return bytes(self.result) not in (b"", b"null", b"{}", b"[]")

    @property
    def _failures(self) -> tuple[str, ...]:
        return self.errors or (() if self.result else self.warnings)

    @property
    def nothing_happened(self) -> bool:
        """Whether an order with this refusal certainly had no effect, however often it arrived."""
        return not self.has_result and all(map(proves_nothing_happened, self._failures))

    @property
    def refusal(self) -> tuple[str, ErrorClass] | None:
        """The exchange's words and their class; None for success.

        Of several classes the one that proves least counts, else the first.
        """
        failures = self._failures
        if not failures:
            return None
        kinds = [classify(text) for text in failures]
        if ErrorClass.UNKNOWN_OUTCOME in kinds:
            return "; ".join(failures), ErrorClass.UNKNOWN_OUTCOME
        doubtful = (kind for kind in kinds if not kind.nothing_happened)
        return "; ".join(failures), next(doubtful, kinds[0])


def decode_reply(method: str, body: bytes) -> Reply:
    """Decode the envelope of a reply.

    Raises:
        UnreadableReply: The body is something else, such as HTML.
    """
    try:
        reply = msgspec.json.decode(body, type=Reply)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnreadableReply(method, str(error)) from error
    if not reply.error and not reply.result:
        raise UnreadableReply(method, "neither a result nor an error")
    return reply


def throttled_until(error: str) -> int | None:
    """Return the end of a throttle (``EService: Throttled: <unix seconds>``), ns since the epoch.

    None for any other error.
    """
    text = _squash(error)
    prefix, _, when = text.rpartition(":")
    if prefix != "EService:Throttled" or not (when.isdecimal() and len(when) < 12):
        return None
    return int(when) * NS_PER_S
