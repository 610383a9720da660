"""The requests of a client: encoded for clients, read and checked for servers.

A server's `read` returns a refusal in the exchange's own words for a bad request: that is an
expected outcome, not an exception.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro and the channel pages. The texts
of refusals were recorded where recordings exist; `field must be a ...` was recorded
for numbers and is extended here to the other types of JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from kracked.protocol.number_parser import exact
from kracked.protocol.replies import UNREADABLE

BOOK_DEPTHS = (10, 25, 100, 500, 1000)
LEVEL3_DEPTHS = (10, 100, 1000)
OHLC_INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Minutes."""

UNSUPPORTED = "Unsupported event"
MALFORMED = "Malformed request"


class _Subscription(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel and the parameters that identify the subscription; None leaves a field out."""

    method: ClassVar[str]

    channel: str
    symbol: tuple[str, ...] | None = None
    depth: int | None = None
    interval: int | None = None
    """Minutes."""
    event_trigger: str | None = None
    """Ticker: `trades` or `bbo`."""
    snapshot: bool | None = None
    token: str | None = None
    snap_orders: bool | None = None
    """Executions: whether the snapshot has the open orders."""
    snap_trades: bool | None = None
    """Executions: whether the snapshot has the last fills."""
    snapshot_trades: bool | None = None
    """The older name of `snap_trades`."""
    order_status: bool | None = None
    ratecounter: bool | None = None
    include_tokenized_assets: bool | None = None
    execution_venue: str | None = None
    rebased: bool | None = None
    users: str | None = None


class Subscribe(_Subscription, frozen=True, kw_only=True):
    """A request to subscribe."""

    method = "subscribe"


class Unsubscribe(_Subscription, frozen=True, kw_only=True):
    """A request to unsubscribe."""

    method = "unsubscribe"


class Ping(msgspec.Struct, frozen=True):
    """A request for a pong."""

    method: ClassVar[str] = "ping"


class UnknownMethod(msgspec.Struct, frozen=True):
    """A well-formed request of a method that this module does not know."""

    method: str
    params: dict[str, object]


class InvalidRequest(msgspec.Struct, frozen=True):
    """A request whose form is wrong, with its refusal."""

    method: str
    error: str


_decode = msgspec.json.Decoder(float_hook=exact).decode

Request = Subscribe | Unsubscribe | Ping


def encode(request: Request, req_id: int) -> bytes:
    """Return the bytes to send. Every request has an id: many refusals name nothing else."""
    body: dict[str, object] = {"method": request.method}
    if not isinstance(request, Ping):
        body["params"] = request
    return msgspec.json.encode({**body, "req_id": req_id})


def read(data: str | bytes) -> tuple[Request | UnknownMethod | InvalidRequest, int | None]:
    """Read a client's message.

    Returns:
        The request, or an `InvalidRequest` with its refusal; and the `req_id` to answer with.
    """
    try:
        body = _decode(data)
    except UNREADABLE:
        return InvalidRequest("error", MALFORMED), None
    if not isinstance(body, dict) or not isinstance(body.get("method"), str):
        return InvalidRequest("error", MALFORMED), None
    method = body["method"]
    req_id = body.get("req_id")
    if req_id is not None and not _is_integer(req_id):
        return InvalidRequest(method, must_be("req_id", "number_integer")), None
    return _checked(method, body), req_id


def _checked(method: str, body: dict[str, Any]) -> Request | UnknownMethod | InvalidRequest:
    surplus = next((name for name in body if name not in _FIELDS.get(method, _ANY)), None)
    if surplus is not None:
        return InvalidRequest(method, unsupported_field(surplus, method))
    if method == "ping":
        return Ping()
    params = body.get("params", {})
    if not isinstance(params, dict):
        return InvalidRequest(method, must_be("params", "object"))
    if method == "subscribe":
        return _subscription(Subscribe, params)
    if method == "unsubscribe":
        return _subscription(Unsubscribe, params)
    return UnknownMethod(method, params)


_ANY = frozenset(("method", "params", "req_id"))
_FIELDS = {"ping": frozenset(("method", "req_id"))}


def _subscription(
    kind: type[Subscribe] | type[Unsubscribe], params: dict[str, Any]
) -> Subscribe | Unsubscribe | InvalidRequest:
    for name, value in params.items():
        if name not in _PARAMS:
            return InvalidRequest(kind.method, unsupported_field(name, kind.method))
        is_valid, json_type = _TYPES[_PARAMS[name]]
        if not is_valid(value):
            return InvalidRequest(kind.method, must_be(name, json_type))
    if "channel" not in params:
        return InvalidRequest(kind.method, UNSUPPORTED)
    if "symbol" in params:
        params = {**params, "symbol": tuple(params["symbol"])}
    return kind(**params)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, tuple[Callable[[object], bool], str]] = {
    "text": (lambda value: isinstance(value, str), "string"),
    "integer": (_is_integer, "number_integer"),
    "flag": (lambda value: isinstance(value, bool), "boolean"),
    "texts": (
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        "array",
    ),
}
_PARAMS = {
    "channel": "text",
    "symbol": "texts",
    "depth": "integer",
    "interval": "integer",
    "event_trigger": "text",
    "snapshot": "flag",
    "token": "text",
    "snap_orders": "flag",
    "snap_trades": "flag",
    "snapshot_trades": "flag",
    "order_status": "flag",
    "ratecounter": "flag",
    "include_tokenized_assets": "flag",
    "execution_venue": "text",
    "rebased": "flag",
    "users": "text",
}


def must_be(name: str, json_type: str) -> str:
    """Return the refusal of a field of the wrong type; `json_type` is the right one."""
    return f"{name.capitalize()} field must be a {json_type}"


def unsupported_field(name: str, method: str) -> str:
    """Return the refusal of a field that the request does not have."""
    return f"Unsupported field: '{name}' for the given msg type: {method}"
