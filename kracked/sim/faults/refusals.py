"""Every documented reason to refuse a subscription, in the exchange's own words.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro, and recordings
"""

from __future__ import annotations

import msgspec

from kracked.protocol import encode
from kracked.protocol.requests import Subscribe, Unsubscribe


class Reason(msgspec.Struct, frozen=True):
    """How one refusal is worded."""

    error: str
    names_symbol: bool = False
    """Whether the symbol stands beside the error."""
    passing: bool = False
    """Whether asking again may help."""
    session: bool = False
    """Whether it is about the token; level3 and the private channels only."""
    bare: bool = False
    """Sent as `{"Error": ...}`, naming neither method nor request."""


REASONS = {
    "pair": Reason("Currency pair not supported {symbol}", names_symbol=True),
    "depth": Reason("Subscription depth not supported"),
    "interval": Reason("Subscription ohlc interval not supported"),
    "duplicate": Reason("Already subscribed", names_symbol=True, passing=True),
    "event": Reason("Unsupported event"),
    "surplus": Reason("Unsupported field: 'params' for the given msg type: subscribe"),
    "field": Reason("Depth field must be a number_integer"),
    "private": Reason(
        "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    ),
    "public": Reason(
        "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
    ),
    "no-token": Reason("Token(s) not found", passing=True, session=True),
    "session": Reason("ESession:Invalid session", passing=True, session=True),
    "authentication": Reason("Authentication failed", passing=True, session=True),
    "permission": Reason("EGeneral:Permission denied"),
    "rate": Reason("Exceeded msg rate", passing=True),
    "bare-rate": Reason("Exceeded msg rate", passing=True, bare=True),
    "malformed": Reason("Malformed request"),
    "unavailable": Reason("EService:Unavailable", passing=True),
}
"""By the name a fault's detail may give."""


def words(
    reason: Reason, request: Subscribe | Unsubscribe, symbol: str, req_id: int | None, now: int
) -> bytes:
    """The refusal of one symbol of a request."""
    if reason.bare:
        return msgspec.json.encode({"Error": reason.error})
    return encode.refused(
        request.method,
        reason.error.format(symbol=symbol),
        req_id,
        time_in=now,
        time_out=now,
        symbol=symbol if reason.names_symbol and symbol else None,
        status="error" if reason.error.startswith("ESession") else None,
    ).encode()
