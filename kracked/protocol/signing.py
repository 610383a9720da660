"""The signature of a private REST call. Pure: the caller brings nonce, body and secret.

It is below the REST client because the simulated exchange checks the same signature.
Source: docs.kraken.com/api/docs/guides/spot-rest-auth
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def sign(path: str, nonce: str, body: bytes, secret: bytes) -> str:
    """Return the `API-Sign` header: base64 of HMAC-SHA512 over path + SHA-256(nonce + body).

    Args:
        path: The path of the call, from ``/0/private`` on.
        nonce: The nonce, as decimal text.
        body: The exact bytes that will be sent; they contain the nonce a second time.
        secret: The private key, decoded from base64.
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(secret, path.encode() + digest, "sha512")).decode()
