"""A served recording on a socket: ``async with PlaybackServer(path) as server``.

One task plays the recording and one passes the real time on. The sockets are
`kracked.gateway.http_shell`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec

from kracked.gateway.auth import ApiKey, ApiKeys, Call, new_key
from kracked.gateway.channels import Socket
from kracked.gateway.http_shell import (
    ClientConnection,
    Clock,
    HttpShell,
    Receive,
    ServerEndpoints,
    announcement,
    set_on_signals,
)
from kracked.gateway.rest import HttpAnswer, Params, method_of
from kracked.paper_exchange.exchange import PaperExchange
from kracked.paper_exchange.opening import PaperTerms
from kracked.record.read.recording import open_recording
from kracked.record.replay import MAX_SPEED, Player, Replay
from kracked.replay_server.exchange import RecordedExchange
from kracked.replay_server.rest import ReplayRest
from kracked.times import Instant

HOST = "127.0.0.1"
TICK_S = 0.01
SETTLE_S = 0.5
"""The recording starts once nobody has subscribed to more for so long: a client's channels
come one by one, and over several connections."""
RETURN_S = 10.0
"""How long playback at full speed waits at a gap for the clients it disconnected."""
AHEAD_BYTES = 2**20
"""Playback at full speed waits for a client that has more than this left to read."""
STEP_NS = 100_000_000
"""Of the recording's time: a bot at full speed is never further behind what is played."""
_STEP_POLL_S = 0.0005
STEP_WAIT_S = 5.0
"""How long playback waits for a client that does not answer."""
SLICE = 64
"""Messages after which other tasks get their turn."""


class Begin(StrEnum):
    """The event that starts playback."""

    ATTENDED = "attended"
    """With the first subscription to a market, so that nobody misses the beginning."""
    NOW = "now"


class PlaybackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a served recording, with the defaults of `kracked replay --serve`."""

    speed: float = 1.0
    """How many times faster than life; `MAX_SPEED` does not wait at all."""
    start: Instant | None = None
    """Where to begin; None is the beginning."""
    begin: Begin = Begin.ATTENDED
    port: int = 0
    """0 takes any free one."""
    trade: PaperTerms | None = None
    """The terms of a paper account that trades on the recording; None denies orders."""


class PlaybackServer:
    """A recording that is being served, on this machine only.

    After the last message it goes on with heartbeats and the last books.
    """

    def __init__(
        self,
        path: Path | str,
        options: PlaybackOptions | None = None,
        *,
        clock: Clock = time.time_ns,
    ) -> None:
        """Open a recording; entering the block serves it, or raises OSError for a taken port.

        Args:
            path: The recording.
            options: How to serve it.
            clock: Returns the time in ns since the Unix epoch.

        Raises:
            RecordError: The path is no recording.
        """
        self.options = options or PlaybackOptions()
        self.api_key, self.api_secret = new_key()
        self.over = asyncio.Event()
        """Set once the last message has been played."""
        player = Player(open_recording(path))
        if self.options.start is not None:
            player.begin_at(self.options.start)
        self._clock = clock
        self._replay = Replay(player, speed=self.options.speed)
        keys = ApiKeys()
        keys.add(ApiKey(self.api_key, self.api_secret))
        self._exchange = RecordedExchange(player, keys)
        self._player = player
        self.paper = self._exchange.trade(self.options.trade) if self.options.trade else None
        """The exchange of the paper account, if there is one."""
        self._rest = ReplayRest(self._exchange.relay)
        self._shell = HttpShell(
            self,
            host=HOST,
            port=self.options.port,
            clock=clock,
            tasks={"playback": self._play, "time": self._pass_time},
            farewell="the recording is closed",
        )

    @property
    def endpoints(self) -> ServerEndpoints:
        """The addresses; the port is known once the server runs."""
        return self._shell.endpoints

    async def __aenter__(self) -> Self:
        await self._shell.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._shell.__aexit__(*exc_info)

    # --- playback ---------------------------------------------------------------------

    async def _play(self) -> None:
        """Play the recording to its end."""
        if self.options.begin is Begin.ATTENDED:
            await self._attendance()
        unpaced, played, disconnections = self.options.speed == MAX_SPEED, 0, 0
        step = 0
        async for moment in self._replay:
            self._exchange.publish(moment)
            played += 1
            if unpaced and self.paper is not None and moment.received >= step:
                step = moment.received + STEP_NS
                await self._in_step(self.paper)
            if played % SLICE == 0:
                await asyncio.sleep(0)
                if unpaced:
                    await _until(
                        lambda: all(
                            client.queue.size <= AHEAD_BYTES for client in self._shell.connections
                        )
                    )
            if unpaced and disconnections != self._exchange.relay.disconnections:
                disconnections = self._exchange.relay.disconnections
                await self._clients_return()
        self.over.set()

    async def _in_step(self, paper: PaperExchange) -> None:
        """Wait until every client has read what was played, or time must go on for a request."""
        clients = tuple(self._shell.connections)
        for client in clients:
            client.ping()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STEP_WAIT_S):
                await _until(
                    lambda: paper.is_asked or all(one.ponged.is_set() for one in clients),
                    every_s=_STEP_POLL_S,
                )

    async def _clients_return(self) -> None:
        """Wait, up to `RETURN_S`, until the clients that were disconnected are back."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETURN_S):
                await _until(
                    lambda: not any(client.queue.ending for client in self._shell.connections)
                )
                await self._attendance()

    async def _attendance(self) -> None:
        """Wait for a subscription to a market, and until none is added for a while."""
        exchange, subscriptions = self._exchange.relay, -1
        while subscriptions != exchange.subscriptions:
            subscriptions = exchange.subscriptions
            await asyncio.sleep(SETTLE_S)
            await _until(lambda: exchange.attended)

    async def _pass_time(self) -> None:
        ended: int | None = None
        while True:
            now = self._clock()
            self._exchange.relay.advance(now)
            if self.paper is not None and self.over.is_set():  # time goes on; the market does not
                ended = ended or now
                self.paper.advance(self._player.position + now - ended)
            await asyncio.sleep(TICK_S)

    # --- what the shell serves ----------------------------------------------------------

    async def admits(self, _socket: Socket, _transport: asyncio.Transport | None, /) -> bool:
        """Whether to complete a handshake: always."""
        return True

    @contextmanager
    def session(self, socket: Socket, connection: ClientConnection, now: int) -> Iterator[Receive]:
        """Connect a client to the recorded exchange while the block lasts."""
        session = self._exchange.relay.connect(socket, connection.send, connection.close, now)
        try:
            yield session.receive
        finally:
            self._exchange.relay.disconnect(session)

    async def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer a REST call."""
        visibility, _ = method_of(call.path)
        if self.paper is None:
            return HttpAnswer(self._rest.answer(http_method, call, query, now))
        if visibility != "private":
            return HttpAnswer(self._rest.answer(http_method, call, query, self.paper.time))
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def tell(body: bytes) -> None:
            """Answer, unless the client has gone."""
            if not answered.done():
                answered.set_result(body)

        self.paper.call(http_method, call, now, tell)
        return HttpAnswer(await answered)


async def serve(
    path: Path, options: PlaybackOptions, announce: Callable[[str], None], *, once: bool = False
) -> None:
    """Serve a recording until SIGINT or SIGTERM.

    Args:
        path: The recording.
        options: How to serve it.
        announce: Takes one line of JSON when the server is up: its addresses and a key.
        once: Stop after the last message, too.
    """
    async with PlaybackServer(path, options) as server:
        ended = server.over if once else asyncio.Event()
        set_on_signals(ended)
        announce(announcement(server.endpoints, server.api_key, server.api_secret))
        await ended.wait()


async def _until(condition: Callable[[], bool], *, every_s: float = TICK_S) -> None:
    # Other tasks change what it looks at thousands of times a second: cheaper than events.
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(every_s)
