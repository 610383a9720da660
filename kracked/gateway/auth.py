"""Who may call private methods: API keys, their nonces, and WebSocket tokens.

Signatures are checked for real, through the same function a client signs with. Refusals
are values: the exchange's own words, in the order it checks (key, signature, nonce);
what a key may do is for the endpoints to ask.

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

from kracked.protocol.number_parser import exact
from kracked.protocol.signing import sign
from kracked.times import NS_PER_S

TOKEN_LIFETIME_S = 900
"""How long a token waits for its first use. A connection that used it keeps it for good."""

INVALID_KEY = "EAPI:Invalid key"
INVALID_SIGNATURE = "EAPI:Invalid signature"
INVALID_NONCE = "EAPI:Invalid nonce"
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
_NONCE = re.compile(r"[0-9]{1,20}")


class Permission(StrEnum):
    """What a key may be allowed, in the codes of GetApiKeyInfo."""

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
        """`secret` in base64, as shown to its owner; `nonce_window` in the nonce's unit.

        Keys of one `account` act for the same money and orders.
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
        late = self.nonce - nonce
        if late > self.nonce_window or (late >= 0 and not self.nonce_window):
            return False
        self.nonce = max(self.nonce, nonce)
        return True


class Call(msgspec.Struct, frozen=True):
    """A private call as it came in. `path` starts at ``/0/private``."""

    path: str
    headers: Mapping[str, str]
    """Looked up by `API-Key`, `API-Sign` and `Content-Type`."""
    body: bytes


class Admitted(msgspec.Struct, frozen=True):
    """A call whose key, signature and nonce are right."""

    key: ApiKey
    params: dict[str, object]


class Accounts:
    """The keys that exist and the tokens that were given out."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._tokens: dict[str, tuple[str, int]] = {}

    def add(self, key: ApiKey) -> None:
        self._keys[key.key] = key

    def identify(self, call: Call) -> Admitted | str:
        """The key behind a call and the call's parameters, or the words of the refusal."""
        account = self._keys.get(call.headers.get("API-Key", ""))
        if account is None:
            return INVALID_KEY
        params = body_fields(call)
        if params is None:
            return INVALID_ARGUMENTS
        nonce = str(params.pop("nonce", ""))
        if not _NONCE.fullmatch(nonce) or int(nonce) >= 2**64:
            return INVALID_NONCE
        expected = sign(call.path, nonce, call.body, account.secret).encode()
        if not hmac.compare_digest(expected, call.headers.get("API-Sign", "").encode()):
            return INVALID_SIGNATURE
        if not account.accept(int(nonce)):
            return INVALID_NONCE
        return Admitted(account, params)

    def issue(self, account: ApiKey, now: int) -> str:
        """A fresh WebSocket token; it may hold `+` and `/`, as the exchange's do."""
        horizon = now - TOKEN_LIFETIME_S * NS_PER_S
        self._tokens = {text: held for text, held in self._tokens.items() if held[1] > horizon}
        token = base64.b64encode(secrets.token_bytes(33)).decode()
        self._tokens[token] = (account.key, now)
        return token

    def holder(self, token: str, now: int) -> ApiKey | None:
        """Whose token it is, while it may be used for the first time."""
        key, issued = self._tokens.get(token, ("", 0))
        if now - issued >= TOKEN_LIFETIME_S * NS_PER_S:
            return None
        return self._keys.get(key)


def new_key() -> tuple[str, str]:
    """A made-up key and secret in the exchange's form."""
    return (
        base64.b64encode(secrets.token_bytes(42)).decode(),
        base64.b64encode(secrets.token_bytes(64)).decode(),
    )


def body_fields(call: Call) -> dict[str, object] | None:
    """The body's fields, from a form or from JSON; None when it is neither."""
    kind = call.headers.get("Content-Type", "").partition(";")[0].strip()
    read: Callable[[bytes], dict[str, object]] = _json if kind == "application/json" else _form
    try:
        return read(call.body)
    except (msgspec.MsgspecError, ValueError):
        return None


def _number(text: str) -> Decimal | str:
    """A number as it is written; one beyond all measure stays text, as a form would bring it."""
    try:
        return exact(text)
    except msgspec.ValidationError:
        return text


_json = msgspec.json.Decoder(dict[str, object], float_hook=_number).decode


def _form(body: bytes) -> dict[str, object]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))
