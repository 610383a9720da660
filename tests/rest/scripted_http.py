"""A scripted exchange on 127.0.0.1: it verifies requests and answers by a script.

Only what the tests of the client need: signature and nonce as the exchange checks them,
and a queue of answers per endpoint, each of which may act, stay silent, drop or lie.
"""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol.signing import sign

KEY = "an-api-key"
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
CREDENTIALS = Credentials(KEY, SECRET)

Answer = Callable[[web.Request], Any]


class Call(msgspec.Struct, frozen=True):
    """One request as it arrived."""

    name: str
    body: dict[str, Any]
    headers: dict[str, str]
    text: bytes


class Exchange:
    """An exchange that answers from `script[name]` in turn, then from `always[name]`."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.script: dict[str, deque[Any]] = defaultdict(deque)
        self.always: dict[str, Any] = {}
        self.last_nonce = 0
        self.check_nonce = True
        self.in_flight = self.most_in_flight = 0

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints.at(self.url)

    def count(self, name: str) -> int:
        return sum(call.name == name for call in self.calls)

    def last(self, name: str) -> Call:
        return [call for call in self.calls if call.name == name][-1]

    async def private(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._private(request)
        finally:
            self.in_flight -= 1

    async def _private(self, request: web.Request) -> web.StreamResponse:
        text = await request.read()
        name, body = request.match_info["name"], msgspec.json.decode(text)
        self.calls.append(Call(name, body, dict(request.headers), text))
        refusal = self._refusal(request, body, text)
        return reply(error=refusal) if refusal else await self._answer(name, request)

    def _refusal(self, request: web.Request, body: dict[str, Any], text: bytes) -> str | None:
        if request.headers.get("API-Key") != KEY:
            return "EAPI:Invalid key"
        signature = sign(request.path, str(body["nonce"]), text, base64.b64decode(SECRET))
        if request.headers.get("API-Sign") != signature:
            return "EAPI:Invalid signature"
        if self.check_nonce and int(body["nonce"]) <= self.last_nonce:
            return "EAPI:Invalid nonce"
        self.last_nonce = max(self.last_nonce, int(body["nonce"]))
        return None

    async def public(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.calls.append(Call(name, dict(request.query), dict(request.headers), b""))
        return await self._answer(name, request)

    async def _answer(self, name: str, request: web.Request) -> web.StreamResponse:
        queue = self.script[name]
        answer = queue.popleft() if queue else self.always.get(name, {})
        if callable(answer):
            answer = answer(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer if isinstance(answer, web.StreamResponse) else reply(answer)


def reply(result: Any = None, *, error: str | None = None) -> web.Response:
    envelope: dict[str, Any] = {"error": [error] if error else []}
    if error is None:
        envelope["result"] = result
    return web.Response(body=msgspec.json.encode(envelope), content_type="application/json")


def refusal(error: str) -> Answer:
    return lambda request: reply(error=error)


def bad_gateway(request: web.Request) -> web.Response:
    return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")


def dropped(request: web.Request) -> web.Response:
    """Read the request and close the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def page(request: web.Request) -> web.Response:
    return web.Response(text="<html>Maintenance</html>", content_type="text/html")


def redirected(request: web.Request) -> web.Response:
    """Redirect the caller to the same place."""
    return web.Response(status=307, headers={"Location": request.path})


async def silence(request: web.Request) -> web.Response:
    """Answer after the caller has stopped waiting."""
    await asyncio.Event().wait()
    return web.Response()


@asynccontextmanager
async def serve() -> AsyncIterator[Exchange]:
    exchange = Exchange()
    app = web.Application()
    app.router.add_post("/0/private/{name}", exchange.private)
    app.router.add_get("/0/public/{name}", exchange.public)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    exchange.url = f"http://{host}:{port}"
    try:
        yield exchange
    finally:
        await runner.cleanup()
