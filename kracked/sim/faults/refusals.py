"""Every documented reason to refuse a subscription, in the exchange's own words.

Source: docs.kraken.com/api/docs/guides/spot-ws-intro, and recordings
"""

from __future__ import annotations

import msgspec

from kracked.protocol import encode
from kracked.protocol.requests import Subscribe, Unsubscribe


class RefusalWording(msgspec.Struct, frozen=True):
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
    "pair": RefusalWording("Currency pair not supported {symbol}", names_symbol=True),
    "depth": RefusalWording("Subscription depth not supported"),
    "interval": RefusalWording("Subscription ohlc interval not supported"),
    "duplicate": RefusalWording("Already subscribed", names_symbol=True, passing=True),
    "event": RefusalWording("Unsupported event"),
    "surplus": RefusalWording("Unsupported field: 'params' for the given msg type: subscribe"),
    "field": RefusalWording("Depth field must be a number_integer"),
    "private": RefusalWording(
        "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    ),
    "public": RefusalWording(
        "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"
    ),
    "no-token": RefusalWording("Token(s) not found", passing=True, session=True),
    "session": RefusalWording("ESession:Invalid session", passing=True, session=True),
    "authentication": RefusalWording("Authentication failed", passing=True, session=True),
    "permission": RefusalWording("EGeneral:Permission denied"),
    "rate": RefusalWording("Exceeded msg rate", passing=True),
    "bare-rate": RefusalWording("Exceeded msg rate", passing=True, bare=True),
    "malformed": RefusalWording("Malformed request"),
    "unavailable": RefusalWording("EService:Unavailable", passing=True),
}
"""By the name a fault's detail may give."""


def words(
    reason: RefusalWording,
    request: Subscribe | Unsubscribe,
    symbol: str,
    req_id: int | None,
    now: int,
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
