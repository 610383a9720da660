"""The answer to a refused request, judged by the exchange's own words.

The texts are no contract: they are matched by how they begin or what they contain, and always
shown whole. Source: docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

from enum import Enum


class RejectionVerdict(Enum):
    FINAL = "the same request will be refused again"
    TOKEN = "a new token may help"  # noqa: S105 - a sentence, not a secret
    DUPLICATE = "the subscription exists already"
    RATE = "requests come too fast"
    UNCLEAR = "another attempt may help"


_BEGINNINGS = (
    ("Already subscribed", RejectionVerdict.DUPLICATE),
    ("Exceeded msg rate", RejectionVerdict.RATE),
    ("EAPI:Rate limit", RejectionVerdict.RATE),
    ("EAuth:Rate limit", RejectionVerdict.RATE),
    ("EGeneral:Too many requests", RejectionVerdict.RATE),
    ("Token(s) not found", RejectionVerdict.TOKEN),
    ("ESession:", RejectionVerdict.TOKEN),
    ("EAPI:Invalid token", RejectionVerdict.TOKEN),
    ("Authentication failed", RejectionVerdict.TOKEN),
    ("Currency pair not", RejectionVerdict.FINAL),
    ("Subscription depth not", RejectionVerdict.FINAL),
    ("Subscription event_trigger not", RejectionVerdict.FINAL),
    ("Subscription ohlc interval not", RejectionVerdict.FINAL),
    ("Symbol(s) not found", RejectionVerdict.FINAL),
    ("Subscription name invalid", RejectionVerdict.FINAL),
    ("Unsupported", RejectionVerdict.FINAL),
    ("Malformed request", RejectionVerdict.FINAL),
    ("EGeneral:Permission denied", RejectionVerdict.FINAL),
    ("EAPI:Permission denied", RejectionVerdict.FINAL),
    ("EAPI:Invalid key", RejectionVerdict.FINAL),
    ("EAPI:Invalid signature", RejectionVerdict.FINAL),
    ("EAccount:Invalid permissions", RejectionVerdict.FINAL),
    ("EAuth:Account", RejectionVerdict.FINAL),
    ("EAuth:Failed", RejectionVerdict.FINAL),
)
_INSIDE = (
    (" field must be a ", RejectionVerdict.FINAL),
    (" unavailable on this endpoint", RejectionVerdict.FINAL),
)
_STALE = ("invalid", "expired", "stale")


def judge(error: str) -> RejectionVerdict:
    """Return the verdict on a refusal's text; unknown words are `UNCLEAR`."""
    for beginning, verdict in _BEGINNINGS:
        if error.startswith(beginning):
            return verdict
    for part, verdict in _INSIDE:
        if part in error:
            return verdict
    # Whatever the wording, a token that is called stale is.
    words = error.lower()
    stale = "token" in words and any(word in words for word in _STALE)
    return RejectionVerdict.TOKEN if stale else RejectionVerdict.UNCLEAR
