"""The right to call private methods: API keys, their nonces, and WebSocket tokens.

Signatures are checked for real, with the function a client signs with. The checks run in
the exchange's order: key, signature, nonce. What a key may do is checked by each endpoint.

Sources: docs.kraken.com/api/docs/guides/spot-rest-auth, /spot-ws-auth
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from urllib.parse import parse_qsl

import msgspec

from kracked.gateway import refusals
from kracked.gateway.refusals import Refusal
from kracked.protocol.number_parser import exact
from kracked.protocol.signing import sign
from kracked.times import NS_PER_S

TOKEN_LIFETIME_S = 900
"""How long a token waits for its first use. A connection that used it keeps it for good."""
_NONCE = re.compile(r"[0-9]{1,20}")


class Permission(StrEnum):
    """The permissions a key may have, in the codes of GetApiKeyInfo."""

    QUERY_FUNDS = "query-funds"
    QUERY_ORDERS = "query-open-trades"
    QUERY_CLOSED = "query-closed-trades"
    QUERY_LEDGER = "query-ledger"
    MODIFY_ORDERS = "modify-trades"
    CANCEL_ORDERS = "close-trades"
    WEBSOCKETS = "create-ws-token"


class ApiKey:
    """A key pair, what it may do, and the highest nonce it has used."""

    __slots__ = ("account", "key", "last_used", "nonce", "nonce_window", "permissions", "secret")

    def __init__(
        self,
        key: str,
        secret: str,
        *,
        permissions: frozenset[Permission] = frozenset(Permission),
        nonce_window: int = 0,
        account: str = "main",
    ) -> None:
        """Take the secret in base64, as it is shown to its owner.

        Args:
            key: The public half, which calls name.
            secret: The private half, in base64.
            permissions: What the key may do; everything by default.
            nonce_window: How far a nonce may lie below the highest one, in the nonce's unit.
            account: Whose money and orders the key acts for. Several keys may share one.
        """
        self.key, self.secret = key, base64.b64decode(secret)
        self.account = account
        self.last_used = 0
        self.permissions = permissions
        self.nonce_window = nonce_window
        self.nonce = 0

    def __repr__(self) -> str:
        return "ApiKey(<redacted>)"

    def accept(self, nonce: int) -> bool:
        """Whether the nonce is above every earlier one, or within the window below."""
        behind = self.nonce - nonce
        if behind > self.nonce_window or (behind >= 0 and not self.nonce_window):
            return False
        self.nonce = max(self.nonce, nonce)
        return True


class Call(msgspec.Struct, frozen=True):
    """A REST call as it came in, without its HTTP method and its query string."""

    path: str
    """``/0/public/...`` or ``/0/private/...``."""
    headers: Mapping[str, str]
    """Looked up by `API-Key`, `API-Sign` and `Content-Type`."""
    body: bytes


class AdmittedCall(msgspec.Struct, frozen=True):
    """A private call whose key, signature and nonce are right."""

    key: ApiKey
    params: dict[str, object]
    """The body's fields, without the nonce."""


class ApiKeys:
    """The keys that exist and the tokens that were issued."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._tokens: dict[str, tuple[str, int]] = {}

    def add(self, key: ApiKey) -> None:
        """Let calls be signed with this key."""
        self._keys[key.key] = key

    def identify(self, call: Call) -> AdmittedCall:
        """Check a private call's key, signature and nonce, in that order.

        Raises:
            Refusal: One of them is wrong, or the body cannot be read.
        """
        key = self._keys.get(call.headers.get("API-Key", ""))
        if key is None:
            raise Refusal(refusals.INVALID_KEY)
        params = body_fields(call)
        nonce = str(params.pop("nonce", ""))
        if not _NONCE.fullmatch(nonce) or int(nonce) >= 2**64:
            raise Refusal(refusals.INVALID_NONCE)
        expected = sign(call.path, nonce, call.body, key.secret).encode()
        if not hmac.compare_digest(expected, call.headers.get("API-Sign", "").encode()):
            raise Refusal(refusals.INVALID_SIGNATURE)
        if not key.accept(int(nonce)):
            raise Refusal(refusals.INVALID_NONCE)
        return AdmittedCall(key, params)

    def issue(self, key: ApiKey, now: int) -> str:
        """Return a new WebSocket token; it may hold `+` and `/`, as the exchange's do."""
        horizon = now - TOKEN_LIFETIME_S * NS_PER_S
        self._tokens = {text: known for text, known in self._tokens.items() if known[1] > horizon}
        token = base64.b64encode(secrets.token_bytes(33)).decode()
        self._tokens[token] = (key.key, now)
        return token

    def token_reply(self, key: ApiKey, now: int) -> dict[str, object]:
        """Return the result of GetWebSocketsToken: a new token and its lifetime in seconds.

        Source: docs.kraken.com/api/docs/rest-api/get-websockets-token
        """
        return {"token": self.issue(key, now), "expires": TOKEN_LIFETIME_S}

    def holder(self, token: str, now: int) -> ApiKey | None:
        """Return the key a token belongs to, while the token may be used for the first time."""
        key, issued = self._tokens.get(token, ("", 0))
        if now - issued >= TOKEN_LIFETIME_S * NS_PER_S:
            return None
        return self._keys.get(key)


def new_key() -> tuple[str, str]:
    """Return a random key and secret in the exchange's form."""
    return (
        base64.b64encode(secrets.token_bytes(42)).decode(),
        base64.b64encode(secrets.token_bytes(64)).decode(),
    )


def body_fields(call: Call) -> dict[str, object]:
    """Return the fields of a body that is a form or JSON.

    Raises:
        Refusal: The body is neither.
    """
    kind = call.headers.get("Content-Type", "").partition(";")[0].strip()
    decode: Callable[[bytes], dict[str, object]] = (
        _decode_json if kind == "application/json" else _decode_form
    )
    try:
        return decode(call.body)
    except (msgspec.MsgspecError, ValueError):
        raise Refusal(refusals.ARGUMENTS) from None


def _number(text: str) -> Decimal | str:
    """Return a number exactly; one too long to be a number stays text, as in a form."""
    try:
        return exact(text)
    except msgspec.ValidationError:
        return text


_decode_json = msgspec.json.Decoder(dict[str, object], float_hook=_number).decode


def _decode_form(body: bytes) -> dict[str, object]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
