"""What the words of a refusal call for."""

from __future__ import annotations

import pytest

from kracked.protocol.client.rejection_policy import RejectionVerdict, judge


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        ("EAPI:Invalid token", RejectionVerdict.TOKEN),
        ("ESession:Invalid session", RejectionVerdict.TOKEN),
        ("Token has expired", RejectionVerdict.TOKEN),
        ("the stale token was dropped", RejectionVerdict.TOKEN),
        ("Token(s) not found", RejectionVerdict.TOKEN),
        ("EAuth:Rate limit exceeded", RejectionVerdict.RATE),
        ("EAPI:Permission denied", RejectionVerdict.FINAL),
        ("Symbol(s) not found", RejectionVerdict.FINAL),
        ("Depth field must be a number_integer", RejectionVerdict.FINAL),
        ("The level3 channel is unavailable on this endpoint", RejectionVerdict.FINAL),
        ("EGeneral:Permission denied", RejectionVerdict.FINAL),
        ("Subscription name invalid", RejectionVerdict.FINAL),
        ("the token bucket is full", RejectionVerdict.UNCLEAR),
        ("words that nobody knows", RejectionVerdict.UNCLEAR),
    ],
)
def test_the_words_of_a_refusal_say_what_may_help(error: str, verdict: RejectionVerdict) -> None:
    assert judge(error) is verdict
