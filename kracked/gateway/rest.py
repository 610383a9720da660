"""The common part of our REST servers: the path's parts, the reply's envelope, the time.

Every reply is `{"error": [...], "result": ...}` with HTTP status 200, errors included, as
the exchange answers.

Source: docs.kraken.com/api/docs/guides/spot-rest-intro
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec

from kracked.gateway.refusals import Refusal
from kracked.times import NS_PER_S

Params: TypeAlias = Mapping[str, str]
PublicMethod: TypeAlias = Callable[[Params, int], object]
"""Takes a public call's parameters and the time; returns the result or raises `Refusal`."""


class HttpAnswer(msgspec.Struct, frozen=True):
    """The answer to one HTTP call."""

    body: bytes | None
    """None answers with a status alone."""
    status: int = HTTPStatus.OK
    content_type: str = "application/json"
    delay_ns: int = 0
    """How long to hold the answer back."""
    dropped: bool = False
    """Whether the connection ends instead."""


def method_of(path: str) -> tuple[str, str]:
    """Return `public` or `private`, and the method's name.

    >>> method_of("/0/public/Time")
    ('public', 'Time')
    """
    visibility, _, name = path.removeprefix("/0/").partition("/")
    return visibility, name


def reply(errors: Iterable[str], result: Any = None) -> bytes:
    """Return a reply's body; `result` is left out when it is None."""
    body = {"error": list(errors)}
    return _encode(body if result is None else {**body, "result": result})


def answer(work: Callable[[], object]) -> bytes:
    """Return the body that replies with what `work` returns, or with the refusal it raises."""
    try:
        return reply([], work())
    except Refusal as refusal:
        return reply([refusal.error])


def server_time(_: Params, now: int) -> object:
    """Answer the method Time."""
    seconds = now // NS_PER_S
    return {"unixtime": seconds, "rfc1123": formatdate(seconds, usegmt=True)}


_encode = msgspec.json.Encoder(decimal_format="number").encode
