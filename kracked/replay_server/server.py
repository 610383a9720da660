"""A served recording on sockets: REST and every WebSocket address on one port.

The thin shell around `RecordedExchange`: one task turns the tape, one passes the real time, and
each client has a reader, a writer and a bounded outbox, as at the simulated exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec
from aiohttp import WSMsgType, web

from kracked.gateway.auth import ApiKey, ApiKeys, Call, new_key
from kracked.gateway.send_queue import SendQueue
from kracked.record.read.recording import Instant, open_recording
from kracked.record.replay import MAX_SPEED, Player, Replay
from kracked.replay_server.exchange import RecordedExchange
from kracked.replay_server.prior_state import told_before
from kracked.replay_server.rest import ReplayRest
from kracked.sim.server import FAREWELL_S, MAX_REQUEST_BYTES, PATHS, SimEndpoints, deliver

HOST = "127.0.0.1"
TICK_S = 0.01
SETTLE_S = 0.5
"""The tape starts when nobody has subscribed to more for so long: a client's channels
come one by one, and over several connections."""
RETURN_S = 10.0
"""How long the tape, at full speed, waits at a hole for those it hung up on."""
AHEAD_BYTES = 2**20
"""At full speed the tape waits for the client that has more than this left to read."""
SLICE = 64
"""Messages after which others get their turn."""


class Begin(StrEnum):
    """When the tape starts."""

    ATTENDED = "attended"
    """With the first who subscribes to a market, so that nobody misses the beginning."""
    NOW = "now"


class PlaybackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve a recording; the defaults are those of `kracked replay --serve`."""

    speed: float = 1.0
    start: Instant | None = None
    """Where to begin; None is the beginning."""
    begin: Begin = Begin.ATTENDED
    port: int = 0
    """0 takes any free one."""


class PlaybackServer:
    """A recording being served: ``async with PlaybackServer(path) as server``.

    On this machine only. After the last message it goes on with heartbeats and the last
    books. Raises `RecordError` for what is no recording, OSError when the port is taken.
    """

    def __init__(
        self,
        path: Path | str,
        options: PlaybackOptions | None = None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.options = options or PlaybackOptions()
        self.api_key, self.api_secret = new_key()
        self.over = asyncio.Event()
        """The last message has been played."""
        self._clock = clock
        player = Player(open_recording(path))
        if self.options.start is not None:
            player.seek(self.options.start)
        self._replay = Replay(player, speed=self.options.speed)
        accounts = ApiKeys()
        accounts.add(ApiKey(self.api_key, self.api_secret))
        self._stage = RecordedExchange(player, accounts)
        if player.seq:
            self._stage.recall(told_before(player))
        self._rest = ReplayRest(self._stage)
        self._outboxes: set[SendQueue] = set()
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=FAREWELL_S
        )
        self._running = AsyncExitStack()
        self._port = 0

    @property
    def endpoints(self) -> SimEndpoints:
        """Known once the server runs."""
        return SimEndpoints.on(HOST, self._port)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._runner.cleanup)
            await self._runner.setup()
            await web.TCPSite(self._runner, HOST, self.options.port).start()
            self._port = self._runner.addresses[0][1]
            stack.callback(self._stage.hang_up, "the recording is closed")
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            for work, name in ((self._play(), "tape"), (self._pass_time(), "time")):
                stack.callback(tasks.create_task(work, name=name).cancel)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._running.__aexit__(*exc_info)  # type: ignore[arg-type]

    # --- the tape ---------------------------------------------------------------------

    async def _play(self) -> None:
        """Turn the tape to its end."""
        if self.options.begin is Begin.ATTENDED:
            await self._attendance()
        unpaced, played, closings = self.options.speed == MAX_SPEED, 0, 0
        async for moment in self._replay:
            self._stage.tell(moment)
            played += 1
            if played % SLICE == 0:
                await asyncio.sleep(0)
                if unpaced:
                    await _until(lambda: all(box.size <= AHEAD_BYTES for box in self._outboxes))
            if unpaced and closings != self._stage.closings:
                closings = self._stage.closings
                await self._return()
        self.over.set()

    async def _return(self) -> None:
        """Wait, within reason, until those who were hung up on are back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETURN_S):
                await _until(lambda: not any(box.ending for box in self._outboxes))
                await self._attendance()

    async def _attendance(self) -> None:
        """Wait until somebody listens to a market, and nobody has asked for more of late."""
        stage, arrived = self._stage, -1
        while arrived != stage.arrivals:
            arrived = stage.arrivals
            await asyncio.sleep(SETTLE_S)
            await _until(lambda: stage.attended)

    async def _pass_time(self) -> None:
        while True:
            self._stage.pass_time(self._clock())
            await asyncio.sleep(TICK_S)

    # --- clients ----------------------------------------------------------------------

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        for path in PATHS:
            application.router.add_get(path, self._talk)
        application.router.add_route("*", "/{tail:.*}", self._call)
        return application

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_REQUEST_BYTES)
        await socket.prepare(request)
        outbox = SendQueue()
        conversation = self._stage.connect(
            PATHS[request.path], outbox.put, outbox.close, self._clock()
        )
        self._outboxes.add(outbox)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(deliver(socket, outbox, request), name="socket writer")
                async for message in socket:
                    if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                        conversation.receive(message.data, self._clock())
                writer.cancel()
        finally:
            self._outboxes.discard(outbox)
            self._stage.disconnect(conversation)
        return socket

    async def _call(self, request: web.Request) -> web.Response:
        call = Call(request.path, request.headers, await request.read())
        body = self._rest.answer(request.method, call, dict(request.query), self._clock())
        return web.Response(body=body, content_type="application/json")


async def serve(
    path: Path, options: PlaybackOptions, announce: Callable[[str], None], *, once: bool = False
) -> None:
    """Serve a recording until SIGINT or SIGTERM; with `once`, until it has been played.

    `announce` gets one line of JSON when it is up: the addresses and a key.
    """
    async with PlaybackServer(path, options) as server:
        ended = server.over if once else asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        keys = {"api_key": server.api_key, "api_secret": server.api_secret}
        announce(json.dumps(msgspec.structs.asdict(server.endpoints) | keys))
        await ended.wait()


async def _until(met: Callable[[], bool]) -> None:
    # Other tasks change what it looks at thousands of times a second: cheaper than events.
    while not met():  # noqa: ASYNC110
        await asyncio.sleep(TICK_S)
