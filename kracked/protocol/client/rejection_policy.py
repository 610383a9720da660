"""What to do about a refused request, judged by the exchange's own words.

The texts are no contract: matched by how they begin or what they contain, and always
shown whole. Source: docs.kraken.com/api/docs/guides/spot-ws-intro
"""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    FINAL = "asking again will not help"
    TOKEN = "a new token may help"  # noqa: S105 - a sentence, not a secret
    DUPLICATE = "it is subscribed already"
    RATE = "we ask too fast"
    UNCLEAR = "asking again may help"


_BEGINNINGS = (
    ("Already subscribed", Verdict.DUPLICATE),
    ("Exceeded msg rate", Verdict.RATE),
    ("EAPI:Rate limit", Verdict.RATE),
    ("EGeneral:Too many requests", Verdict.RATE),
    ("Token(s) not found", Verdict.TOKEN),
    ("ESession:", Verdict.TOKEN),
    ("Authentication failed", Verdict.TOKEN),
    ("Currency pair not", Verdict.FINAL),
    ("Subscription depth not", Verdict.FINAL),
    ("Subscription ohlc interval not", Verdict.FINAL),
    ("Unsupported", Verdict.FINAL),
    ("Malformed request", Verdict.FINAL),
    ("EGeneral:Permission denied", Verdict.FINAL),
    ("EAPI:Invalid key", Verdict.FINAL),
    ("EAPI:Invalid signature", Verdict.FINAL),
    ("EAccount:Invalid permissions", Verdict.FINAL),
    ("EAuth:Account", Verdict.FINAL),
    ("EAuth:Failed", Verdict.FINAL),
)
_INSIDE = (
    (" field must be a ", Verdict.FINAL),
    (" unavailable on this endpoint", Verdict.FINAL),
)


def judge(error: str) -> Verdict:
    """The verdict on a refusal's text; unknown words are `UNCLEAR`."""
    for beginning, verdict in _BEGINNINGS:
        if error.startswith(beginning):
            return verdict
    for part, verdict in _INSIDE:
        if part in error:
            return verdict
    return Verdict.UNCLEAR
