"""Every error string and its class."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kracked.rest.replies import (
    ErrorClass,
    Refused,
    UnreadableReply,
    classify,
    decode_reply,
    proves_nothing_happened,
    throttled_until,
)
from tests.shared import VECTORS

SHARED = VECTORS / "errors.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
needs_vectors = pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")


@needs_vectors
@pytest.mark.parametrize("row", VECTORS.get("errors", ()), ids=lambda row: row["error"])
def test_every_string_of_the_vectors_is_in_its_class(row: dict[str, str]) -> None:
    assert classify(row["error"]) == row["class"]


@needs_vectors
@pytest.mark.parametrize("row", VECTORS.get("websocket_only", ()), ids=lambda row: row["error"])
def test_every_websocket_text_is_a_refusal_that_did_nothing(row: dict[str, str]) -> None:
    assert classify(row["error"]).nothing_happened


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("EService: Throttled: 1754000000", ErrorClass.SLOW_DOWN),
        ("EGeneral:Internal error:77", ErrorClass.UNKNOWN_OUTCOME),
        ("EAccount:Invalid permissions:USDT trading restricted for DE.", ErrorClass.CHANGE_SETUP),
        (
            "EOrder:Invalid price:XXBTZEUR price can only be specified up to 1 decimals.",
            ErrorClass.CHANGE_REQUEST,
        ),
        ("EOrder:Reduce only:No position exists", ErrorClass.ACCOUNT_STATE),
        ("EOrder:Reduce only:Non-PC", ErrorClass.CHANGE_SETUP),
        ("EService:Deadline elapsed", ErrorClass.UNKNOWN_OUTCOME),
        ("EAPI:Something new", ErrorClass.CHANGE_SETUP),
        ("EOrder:Something new", ErrorClass.CHANGE_REQUEST),
        ("ESession:Something new", ErrorClass.NEW_TOKEN),
        ("EAPI:Invalid token", ErrorClass.NEW_TOKEN),
        ("EAPI:Token expired", ErrorClass.NEW_TOKEN),
        ("the token is stale", ErrorClass.NEW_TOKEN),
        ("EAPI:Permission denied", ErrorClass.CHANGE_SETUP),
        ("EOrder:Domain rate limit exceeded", ErrorClass.SLOW_DOWN),
        ("EAuth:Rate limit exceeded", ErrorClass.SLOW_DOWN),
        ("Symbol(s) not found", ErrorClass.CHANGE_REQUEST),
        ("Subscription name invalid", ErrorClass.CHANGE_REQUEST),
        ("Currency pair not supported BTC-USD", ErrorClass.CHANGE_REQUEST),
        ("EService:Something new", ErrorClass.UNKNOWN_OUTCOME),
        ("EDatabase:Something new", ErrorClass.UNKNOWN_OUTCOME),
        ("EQuantum:Something new", ErrorClass.UNKNOWN_OUTCOME),
        ("Something without a category", ErrorClass.UNKNOWN_OUTCOME),
    ],
)
def test_a_string_is_filed_by_text_then_detail_then_category(error: str, kind: ErrorClass) -> None:
    assert classify(error) is kind


@pytest.mark.parametrize(
    ("error", "proven"),
    [
        ("EOrder:Insufficient funds", True),
        ("EOrder:Rate limit exceeded", True),
        ("EAPI:Invalid key", True),
        ("EAPI:Invalid nonce", False),
        ("EAPI:Rate limit exceeded", False),
        ("EAuth:Too many requests", False),
        ("EGeneral:Temporary lockout", False),
        ("EService: Throttled: 1754000000", False),
        ("EService:Busy", False),
    ],
)
def test_what_is_refused_before_the_nonce_proves_nothing_of_another_delivery(
    error: str, proven: bool
) -> None:
    assert proves_nothing_happened(error) is proven


@pytest.mark.parametrize("kind", ErrorClass)
def test_every_class_says_what_to_do(kind: ErrorClass) -> None:
    assert kind.advice.endswith(".")


def test_only_refusals_that_pass_may_be_sent_again_unchanged() -> None:
    again = [kind for kind in ErrorClass if kind.may_resend_unchanged]
    assert again == [ErrorClass.NEW_NONCE, ErrorClass.NEW_TOKEN, ErrorClass.SLOW_DOWN]


def test_a_refusal_keeps_the_words_of_the_exchange() -> None:
    said = str(Refused("AddOrder", "EOrder:Insufficient funds", ErrorClass.ACCOUNT_STATE))
    assert "EOrder:Insufficient funds" in said


def test_a_warning_beside_a_result_is_a_success() -> None:
    reply = decode_reply("X", b'{"error":["WDatabase:No change"],"result":{}}')
    assert (reply.refusal, reply.warnings) == (None, ("WDatabase:No change",))


def test_any_error_beside_a_result_is_a_failure() -> None:
    reply = decode_reply("X", b'{"error":["EGeneral:Unknown method"],"result":{}}')
    assert reply.refusal == ("EGeneral:Unknown method", ErrorClass.CHANGE_REQUEST)


def test_the_most_doubtful_of_several_errors_counts() -> None:
    reply = decode_reply("X", b'{"error":["EOrder:Unknown order","EService:Busy"]}')
    assert reply.refusal == ("EOrder:Unknown order; EService:Busy", ErrorClass.UNKNOWN_OUTCOME)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error":[]}'])
def test_a_body_that_is_no_reply_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableReply):
        decode_reply("X", body)


def test_a_throttle_says_until_when_in_nanoseconds() -> None:
    assert throttled_until("EService: Throttled: 1754000000") == 1_754_000_000_000_000_000


def test_other_errors_end_at_no_time() -> None:
    assert throttled_until("EService:Busy") is None


@pytest.mark.parametrize("when", ["", "soon", "\u00b2", "9" * 5000])
def test_a_throttle_until_no_time_has_none(when: str) -> None:
    assert throttled_until(f"EService:Throttled:{when}") is None
