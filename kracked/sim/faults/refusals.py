"""Every documented reason to refuse a subscription, in the exchange's own words.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro, and recordings
"""

from __future__ import annotations

import msgspec

from kracked.gateway import refusals
from kracked.gateway.channels import CHANNELS, Socket, misplaced
from kracked.protocol import encode_replies
from kracked.protocol.requests import (
    MALFORMED,
    UNSUPPORTED,
    Subscribe,
    Unsubscribe,
    must_be,
    unsupported_field,
)


class RefusalWording(msgspec.Struct, frozen=True):
    """The wording of one refusal."""

    error: str
    """The text, with `{symbol}` for the symbol."""
    names_symbol: bool = False
    """Whether the message names the symbol beside the error."""
    passing: bool = False
    """Whether asking again may help."""
    session: bool = False
    """Whether it is about the token; level3 and the private channels only."""
    bare: bool = False
    """Sent as `{"Error": ...}`, naming neither method nor request."""


def _elsewhere(home: Socket, socket: Socket) -> RefusalWording:
    """Return the refusal of a subscription that belongs to another address."""
    error = misplaced(home, socket)
    assert error is not None
    return RefusalWording(error)


REASONS = {
    "pair": RefusalWording(refusals.unsupported_pair("{symbol}"), names_symbol=True),
    "depth": RefusalWording(CHANNELS["book"].not_offered),
    "interval": RefusalWording(CHANNELS["ohlc"].not_offered),
    "duplicate": RefusalWording(refusals.ALREADY_SUBSCRIBED, names_symbol=True, passing=True),
    "event": RefusalWording(UNSUPPORTED),
    "surplus": RefusalWording(unsupported_field("params", "subscribe")),
    "field": RefusalWording(must_be("depth", "number_integer")),
    "private": _elsewhere(Socket.PRIVATE, Socket.PUBLIC),
    "public": _elsewhere(Socket.PUBLIC, Socket.PRIVATE),
    "no-token": RefusalWording(refusals.NO_TOKEN, passing=True, session=True),
    "session": RefusalWording(refusals.INVALID_SESSION, passing=True, session=True),
    "invalid-token": RefusalWording(refusals.INVALID_TOKEN, passing=True, session=True),
    "authentication": RefusalWording("Authentication failed", passing=True, session=True),
    "permission": RefusalWording(refusals.PERMISSION_DENIED),
    "rate": RefusalWording(refusals.MESSAGE_RATE, passing=True),
    "bare-rate": RefusalWording(refusals.MESSAGE_RATE, passing=True, bare=True),
    "malformed": RefusalWording(MALFORMED),
    "unavailable": RefusalWording(refusals.UNAVAILABLE, passing=True),
}
"""By the name that a fault's detail gives."""


def refusal_message(
    reason: RefusalWording,
    request: Subscribe | Unsubscribe,
    symbol: str,
    req_id: int | None,
    now: int,
) -> bytes:
    """Return the message that refuses one symbol of a request."""
    if reason.bare:
        return msgspec.json.encode({"Error": reason.error})
    return encode_replies.refused(
        request.method,
        reason.error.format(symbol=symbol),
        req_id,
        time_in=now,
        time_out=now,
        symbol=symbol if reason.names_symbol and symbol else None,
        status="error" if reason.error.startswith("ESession") else None,
    ).encode()
