"""Refusals in the exchange's own words: the exception, and the texts that every server needs.

A check deep inside a request raises `Refusal`. The edge answers it: over REST as
`{"error": [...]}`, over WebSocket as `"success": false`. Texts that belong to one kind of
server, such as those about orders, live there.

Sources: docs.kraken.com/api/docs/guides/spot-errors, /spot-ws-intro; recordings
"""

from __future__ import annotations

from kracked.errors import says

ARGUMENTS = "EGeneral:Invalid arguments"
PERMISSION_DENIED = "EGeneral:Permission denied"
UNKNOWN_METHOD = "EGeneral:Unknown method"
INTERNAL = "EGeneral:Internal error"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ASSET = "EQuery:Unknown asset"
UNAVAILABLE = "EService:Unavailable"
INVALID_KEY = "EAPI:Invalid key"
INVALID_SIGNATURE = "EAPI:Invalid signature"
INVALID_NONCE = "EAPI:Invalid nonce"

# WebSocket only.
NO_TOKEN = "Token(s) not found"  # noqa: S105 - an error's text
INVALID_SESSION = "ESession:Invalid session"
INVALID_TOKEN = "EAPI:Invalid token"  # noqa: S105 - an error's text
NO_SYMBOL = "Symbol(s) not found"
ALREADY_SUBSCRIBED = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
MESSAGE_RATE = "Exceeded msg rate"


@says("{error}")
class Refusal(Exception):
    """A request that is refused. Nothing has been done."""

    error: str
    """The text that the client reads."""


def argument(name: str) -> str:
    """Return the refusal of one argument."""
    return f"{ARGUMENTS}:{name}"


def unsupported_pair(symbol: str) -> str:
    """Return the WebSocket's refusal of a symbol that is not listed."""
    return f"Currency pair not supported {symbol}"
