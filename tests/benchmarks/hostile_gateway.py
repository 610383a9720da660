"""A gateway between a client and the simulator that does what bad networks and proxies do.

REST: requests lost before or after they acted, delivered twice, late, answers cut, compressed
wrongly, nested, redirected, or replaced by another's words. WebSocket: connections that stop
for one channel, repeat frames, delay them, or end. Seeded: the same seed chooses the same
faults for the same requests.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import aiohttp
from aiohttp import web
from yarl import URL

TRADING = ("AddOrder", "AddOrderBatch", "AmendOrder", "CancelOrder", "CancelOrderBatch")
DEEP = b"[" * 100_000
PAGE = b"<html><body>Attention required</body></html>"

WORDS = {
    "rate limit": b'{"error":["EAPI:Rate limit exceeded"]}',
    "nonce": b'{"error":["EAPI:Invalid nonce"]}',
    "busy": b'{"error":["EService:Busy"]}',
    "unavailable": b'{"error":["EService:Unavailable"]}',
    "order rate": b'{"error":["EOrder:Rate limit exceeded"]}',
    "unknown words": b'{"error":["EQuirk:\\u001b]52;c;eA==\\u0007 strange"]}',
    "no result": b'{"error":[]}',
    "null": b"null",
    "not json": b"{",
    "nested": DEEP,
}
"""Answers of the gateway itself: the request was not delivered."""
PAGES = {"page": 200, "bad gateway": 502, "unavailable page": 503, "throttled": 429, "gone": 410}

BEFORE = (*WORDS, *PAGES, "lost", "redirect", "late delivery")
"""Faults of a request that has not acted, or acts late."""
AFTER = (
    "reply lost",
    "reply late",
    "reply cut",
    "reply page",
    "reply zipped wrongly",
    "twice, second answer",
    "twice, first answer",
    "twice at once",
    "again later",
)
"""Faults of a request that has acted."""
SOCKET = ("mute channel", "repeat", "delay", "cut")


@dataclass(eq=False)
class Link:
    """A client's WebSocket connection, and what is wrong with it now."""

    client: web.WebSocketResponse
    server: aiohttp.ClientWebSocketResponse
    muted: bytes = b""
    """Frames of this channel are dropped."""
    delay_s: float = 0.0
    repeat: bool = False
    until: float = 0.0
    """When the fault is over, by the monotonic clock."""


@dataclass
class HostileGateway:
    """``async with HostileGateway(rest, seed) as gateway``: the client uses `gateway.address`."""

    target: str
    """The simulator's REST address."""
    seed: int
    share: float = 0.15
    """The share of REST requests that meet a fault."""
    every_s: float = 4.0
    """The mean time between faults of connections."""
    hostile: bool = True
    address: str = ""
    struck: Counter[str] = field(default_factory=Counter)
    on_fault: Callable[[str], None] = lambda _: None
    late: set[asyncio.Task[object]] = field(default_factory=set)

    async def __aenter__(self) -> HostileGateway:
        self._random = Random(f"{self.seed}/gateway")
        self._links: set[Link] = set()
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=2**20)
        for path in ("/public/v2", "/level3/v2", "/private/v2", "/v2"):
            application.router.add_get(path, self._relay)
        application.router.add_route("*", "/{tail:.*}", self._call)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._disturbing = asyncio.create_task(self._disturb(), name="disturbing connections")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._disturbing.cancel()
        for task in self.late:
            task.cancel()
        await self._session.close()
        await self._runner.cleanup()

    def calm(self) -> None:
        """Do no more harm; what is on its way late still arrives."""
        self.hostile = False
        for link in self._links:
            link.muted, link.delay_s, link.repeat = b"", 0.0, False

    def _strike(self, name: str) -> str:
        self.struck[name] += 1
        self.on_fault(name)
        return name

    # --- REST -----------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            return await self._spoilt(request, body)
        except aiohttp.ClientError:  # the simulator hung up: so does the gateway
            return _hang_up(request)

    async def _spoilt(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Answer a request, perhaps with a fault."""
        endpoint = request.path.rsplit("/", 1)[-1]
        if not self.hostile or self._random.random() > self.share:
            return await self._delivered(request, body)
        after = endpoint in TRADING and self._random.random() < 0.6
        fault = self._strike(self._random.choice(AFTER if after else BEFORE))
        if fault in WORDS:
            return web.Response(body=WORDS[fault], content_type="application/json")
        if fault in PAGES:
            return web.Response(body=PAGE, status=PAGES[fault], headers={"Retry-After": "2"})
        if fault == "lost":
            return _hang_up(request)
        if fault == "redirect":
            raise web.HTTPTemporaryRedirect(str(request.url))
        if fault == "late delivery":
            await asyncio.sleep(self._random.uniform(1.0, 8.0))
            return await self._delivered(request, body)
        return await self._after(request, body, fault)

    async def _after(self, request: web.Request, body: bytes, fault: str) -> web.StreamResponse:
        """Deliver a request, then spoil its answer."""
        if fault == "twice at once":
            _, answer = await asyncio.gather(
                self._delivered(request, body), self._delivered(request, body)
            )
            return answer
        answer = await self._delivered(request, body)
        if fault == "reply lost":
            return _hang_up(request)
        if fault == "reply late":
            await asyncio.sleep(self._random.uniform(2.0, 12.0))
        elif fault == "reply cut":
            return await _cut(request, bytes(answer.body or b""))
        elif fault == "reply page":
            return web.Response(body=PAGE, status=502)
        elif fault == "reply zipped wrongly":
            return web.Response(body=b"\x1f\x8b\x08broken", headers={"Content-Encoding": "gzip"})
        elif fault == "twice, second answer":
            return await self._delivered(request, body)
        elif fault == "twice, first answer":
            await self._delivered(request, body)
        elif fault == "again later":
            task = asyncio.create_task(self._again(request, body))
            self.late.add(task)
            task.add_done_callback(self.late.discard)
        return answer

    async def _again(self, request: web.Request, body: bytes) -> None:
        await asyncio.sleep(self._random.uniform(0.2, 4.0))
        with suppress(aiohttp.ClientError):
            await self._delivered(request, body)

    async def _delivered(self, request: web.Request, body: bytes) -> web.Response:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("host", "content-length", "accept-encoding")
        }
        url = URL(self.target + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, data=body or None, headers=headers
        ) as answer:
            return web.Response(
                body=await answer.read(),
                status=answer.status,
                content_type=answer.content_type,
            )

    # --- sockets --------------------------------------------------------------------------

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        client = web.WebSocketResponse(max_msg_size=0, compress=False)
        try:
            await client.prepare(request)
            url = self.target.replace("http", "ws", 1) + request.path
            async with self._session.ws_connect(url, max_msg_size=0) as server:
                link = Link(client, server)
                self._links.add(link)
                try:
                    async with asyncio.TaskGroup() as tasks:
                        down = tasks.create_task(self._down(link))
                        async for message in client:
                            await server.send_str(message.data)
                        down.cancel()
                finally:
                    self._links.discard(link)
        except (ConnectionError, aiohttp.ClientError, ExceptionGroup):
            pass  # either side ended; the client connects again
        return client

    async def _down(self, link: Link) -> None:
        """Pass the exchange's frames on."""
        async for message in link.server:
            data = message.data
            if link.until and time.monotonic() > link.until:
                link.muted, link.delay_s, link.repeat, link.until = b"", 0.0, False, 0.0
            if link.muted and data[:40].encode().find(link.muted) >= 0:
                continue
            if link.delay_s:
                await asyncio.sleep(link.delay_s)
            for _ in range(2 if link.repeat else 1):
                await link.client.send_str(data)
        await link.client.close()

    async def _disturb(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self.every_s))
            if not self.hostile or not self._links:
                continue
            link = self._random.choice(sorted(self._links, key=id))
            fault = self._strike(self._random.choice(SOCKET))
            link.until = time.monotonic() + self._random.uniform(2.0, 12.0)
            if fault == "mute channel":
                link.muted = self._random.choice((b'"book"', b'"trade"', b'"executions"'))
            elif fault == "repeat":
                link.repeat = True
            elif fault == "delay":
                link.delay_s = self._random.uniform(0.01, 0.2)
            elif (transport := link.client._req and link.client._req.transport) is not None:
                transport.abort()


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise the whole answer, send half, and hang up."""
    answer = web.StreamResponse(headers={"Content-Length": str(len(body))})
    answer.content_type = "application/json"
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return answer
