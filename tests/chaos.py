"""A proxy that spoils what the exchange says, one fault at a time.

It stands between a feed and an exchange and forwards frames both ways. `inject` names
the fault; which frame it strikes is drawn from a seeded generator.
"""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from http import HTTPStatus
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kracked.endpoints import Endpoints

HUGE_BYTES = 70 * 1024 * 1024
FRAME_FAULTS = (
    "lost update",
    "doubled update",
    "swapped updates",
    "wrong checksum",
    "torn frame",
    "not JSON",
    "stray text",
)
CONNECTION_FAULTS = ("cut", "half-open", "refused", "slow accept", "huge frame", "held burst")
REQUEST_FAULTS = ("refused request", "unanswered request", "bad token")
STATE_FAULTS = ("maintenance",)
FAULTS = (*FRAME_FAULTS, *CONNECTION_FAULTS, *REQUEST_FAULTS, *STATE_FAULTS)


class Chaos:
    """``async with Chaos(endpoints, seed) as chaos``; clients connect to `chaos.endpoints`."""

    def __init__(self, exchange: Endpoints, seed: int) -> None:
        self.exchange = exchange
        self.random = random.Random(seed)
        self.endpoints = exchange
        self.injected: dict[str, int] = dict.fromkeys(FAULTS, 0)
        self._sockets: set[ServerConnection] = set()
        self._deaf: set[ServerConnection] = set()
        self._pending: str | None = None
        self._held: str | None = None
        self._refusing = 0
        self._slow_s = 0.0
        self._gate = asyncio.Event()
        self._gate.set()

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._forward,
            "127.0.0.1",
            0,
            process_request=self._admit,
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=0.5,
        ).__aenter__()
        port = self._server.sockets[0].getsockname()[1]
        at = f"ws://127.0.0.1:{port}"
        self.endpoints = Endpoints(
            public=f"{at}/public/v2",
            level3=f"{at}/level3/v2",
            private=f"{at}/private/v2",
            rest=self.exchange.rest,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.set()
        self._server.close()
        await self._server.wait_closed()

    async def inject(self, fault: str) -> None:
        """Bring about one fault; frame and request faults strike when one comes along."""
        self.injected[fault] += 1
        if fault in FRAME_FAULTS:
            self._pending = fault
        elif self._sockets:
            with suppress(ConnectionClosed):  # it may go while it is being struck
                await self._strike(fault, self.random.choice(sorted(self._sockets, key=id)))

    async def _strike(self, fault: str, victim: ServerConnection) -> None:
        match fault:
            case "cut":
                victim.transport.abort()
            case "half-open":
                self._deaf.add(victim)
            case "refused":
                self._refusing = 3
                victim.transport.abort()
            case "slow accept":
                self._slow_s = 1.0
                victim.transport.abort()
            case "huge frame":
                await victim.send(b" " * HUGE_BYTES, text=True)
            case "held burst":
                self._gate.clear()
                asyncio.get_running_loop().call_later(1.0, self._gate.set)
            case "maintenance":
                for system in ("maintenance", "online"):
                    data = [{"system": system, "api_version": "v2", "version": "2"}]
                    await victim.send(json.dumps({"channel": "status", "data": data}))
                    await asyncio.sleep(0.5)
            case _:
                self._pending = fault
                await self._provoke(victim)

    async def _provoke(self, victim: ServerConnection) -> None:
        """A torn frame makes the client ask for something, which the fault then strikes."""
        await victim.send(b'{"channel":"book","data":[', text=True)

    async def _admit(self, socket: ServerConnection, _request: Request) -> Response | None:
        if self._refusing:
            self._refusing -= 1
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")
        slow_s, self._slow_s = self._slow_s, 0.0
        await asyncio.sleep(slow_s)
        return None

    async def _forward(self, client: ServerConnection) -> None:
        assert client.request is not None
        url = "ws" + self.exchange.rest.removeprefix("http") + client.request.path
        async with connect(url, compression=None, max_size=None, ping_interval=None) as exchange:
            self._sockets.add(client)
            asking = asyncio.create_task(self._ask(client, exchange))
            try:
                async for frame in exchange:
                    await self._gate.wait()
                    text = frame if isinstance(frame, str) else frame.decode()
                    for told in self._spoil(text, client):
                        await client.send(told, text=True)
            except ConnectionClosed:
                pass
            finally:
                self._sockets.discard(client)
                self._deaf.discard(client)
                asking.cancel()
                await asyncio.wait([asking])

    async def _ask(self, client: ServerConnection, exchange: ClientConnection) -> None:
        try:
            async for request in client:
                told = self._refuse(json.loads(request))
                if told is None:
                    await exchange.send(request, text=True)
                elif told:
                    await client.send(told)
        except ConnectionClosed:
            pass
        exchange.transport.abort()  # the client has gone: so do we

    def _refuse(self, request: dict) -> str | None:
        """None to pass it on, an answer of our own, or nothing at all."""
        fault = self._pending
        if fault not in REQUEST_FAULTS or request["method"] == "ping":
            return None
        self._pending = None
        if fault == "unanswered request":
            return ""
        error = "ESession:Invalid session" if fault == "bad token" else "EService:Busy"
        body = {"method": request["method"], "req_id": request["req_id"], "success": False}
        return json.dumps({**body, "error": error})

    def _spoil(self, frame: str, client: ServerConnection) -> list[str]:
        if client in self._deaf:
            return []
        if self._held is not None and '"update"' in frame:
            held, self._held = self._held, None
            return [frame, held]
        fault = self._pending
        if fault not in FRAME_FAULTS or '"checksum"' not in frame or '"update"' not in frame:
            return [frame]
        self._pending = None
        match fault:
            case "lost update":
                return []
            case "doubled update":
                return [frame, frame]
            case "swapped updates":
                self._held = frame
                return []
            case "wrong checksum":
                return [frame.replace('"checksum":', '"checksum":1')]
            case "torn frame":
                return [frame[: self.random.randrange(1, len(frame))]]
            case "not JSON":
                return [frame.replace(":", ";", self.random.randrange(1, 9))]
            case _:
                return ["CloudFlare WebSocket proxy restarting", frame]
