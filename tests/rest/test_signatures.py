"""The signature of a private call, against the documentation's example and the vectors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from kracked.protocol.signing import sign
from tests.shared import VECTORS

SHARED = VECTORS / "api_sign.json"
VECTORS: dict[str, Any] = json.loads(SHARED.read_text()) if SHARED.exists() else {}
needs_vectors = pytest.mark.skipif(not VECTORS, reason="the shared vectors are not here")

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
KEY = base64.b64decode(SECRET)
PATH = "/0/private/AddOrder"
NONCE = "1616492376594"
BODY = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
RIGHT = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def test_the_documented_example_is_reproduced() -> None:
    assert sign(PATH, NONCE, BODY, KEY) == RIGHT


def test_a_json_body_is_signed_as_the_text_it_is() -> None:
    body = b'{"nonce":"1616492376594","ordertype":"limit","pair":"XBTUSD","price":"37500",'
    body += b'"type":"buy","volume":"1.25"}'
    assert sign(PATH, NONCE, body, KEY) == (
        "r/o+GpKxXjV/mls/r5CKLu5R+yzK5psqvQ4hXxMX1nzdxTBhV+ui82QGgPZMMitpFwCOAdPEZMmXgZxD2chJEg=="
    )


MISTAKES = {
    "path_without_version": lambda: sign("/private/AddOrder", NONCE, BODY, KEY),
    "whole_url": lambda: sign("https://api.kraken.com" + PATH, NONCE, BODY, KEY),
    "nonce_not_prepended": lambda: sign(PATH, "", BODY, KEY),
    "sha256_as_hex": lambda: _mac(
        PATH.encode() + hashlib.sha256(NONCE.encode() + BODY).hexdigest().encode()
    ),
    "secret_not_decoded": lambda: sign(PATH, NONCE, BODY, SECRET.encode()),
    "signature_as_hex": lambda: base64.b64decode(sign(PATH, NONCE, BODY, KEY)).hex(),
}


def _mac(message: bytes) -> str:
    return base64.b64encode(hmac.digest(KEY, message, "sha512")).decode()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_known_mistake_gives_another_signature(mistake: str) -> None:
    assert MISTAKES[mistake]() != RIGHT


@needs_vectors
@pytest.mark.parametrize("vector", VECTORS.get("vectors", ()), ids=lambda vector: vector["name"])
def test_every_vector_is_reproduced(vector: dict[str, str]) -> None:
    secret = base64.b64decode(vector["secret"])
    signature = sign(vector["uri_path"], vector["nonce"], vector["body"].encode(), secret)
    assert signature == vector["api_sign"]


@needs_vectors
@pytest.mark.parametrize(
    "wrong", VECTORS.get("wrong_for_documentation_form", ()), ids=lambda wrong: wrong["name"]
)
def test_each_wrong_signature_is_made_by_the_mistake_it_names(wrong: dict[str, str]) -> None:
    assert MISTAKES[wrong["name"]]() == wrong["api_sign"]
