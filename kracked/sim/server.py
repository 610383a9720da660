"""The simulated exchange on a socket: REST and every WebSocket address on one port.

The thin shell around `Exchange`: a pump moves market time along with real time, each
client has a reader, a writer and a bounded outbox. Nothing here knows a rule of the
exchange.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Self

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from kracked.gateway.auth import ApiKey, ApiKeys, Call, new_key
from kracked.gateway.channels import Socket
from kracked.gateway.client_session import ClientSession
from kracked.gateway.send_queue import LIMIT_BYTES, SendQueue
from kracked.protocol.limits import tier_named
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.control_api import PREFIX, ControlApi
from kracked.sim.exchange import Exchange
from kracked.sim.faults import order_faults, schedule
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.injection.faulty_connection import FaultyConnection, InjectedFault
from kracked.sim.injection.injector import SLOW_S, FaultInjector, Welcome
from kracked.sim.order_entry.brokerage import STARTING_BALANCES, AccountOptions
from kracked.sim.rest import PublicRest
from kracked.times import NS_PER_S

log = logging.getLogger(__name__)

PUMP_S = 0.01
SLICE_NS = NS_PER_S // 20
"""Market time is moved in slices this long, so that a late pump never blocks the loop."""
LAG_NS = NS_PER_S
"""How far market time may fall behind. On a machine too slow for the rate, trade slows down."""
MAX_REQUEST_BYTES = 2**20
FAREWELL_S = 2.0
"""How long a client that is hung up on may take to read why."""

Clock = Callable[[], int]
PATHS = {
    "/public/v2": Socket.PUBLIC,
    "/level3/v2": Socket.LEVEL3,
    "/private/v2": Socket.PRIVATE,
    "/v2": Socket.ALL,
}
"""Where each socket is found."""


class SimOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run the simulated exchange; the defaults are those of `kracked sim`."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free one."""
    seed: int | None = None
    """None: another market every time."""
    symbols: Sequence[str] | None = None
    count: int | None = None
    """List this many pairs, made-up ones past the sixth."""
    rate: float = 1.0
    """How much faster than life the agents trade."""
    api_key: str | None = None
    """None makes one up, with its secret."""
    api_secret: str | None = None
    backlog_bytes: int = LIMIT_BYTES
    tier: str = "pro"
    """Whose limits accounts have: starter, intermediate or pro."""
    balances: Mapping[str, str] | None = None
    """What an account begins with, decimal text by asset; None for the usual."""
    volume: str = "0"
    """What an account has traded in the thirty days before, USD: it decides the fees."""
    order_faults: str = ""
    """What befalls orders, as `kracked.sim.faults.order_faults` reads it."""
    faults: str | None = None
    """What goes wrong, as `kracked.sim.faults.schedule` reads it; empty: only what `saboteur`
    is told to strike. None: nothing, and no test bench."""


class SimEndpoints(msgspec.Struct, frozen=True):
    """Where a running simulator is reached; `all` takes every channel."""

    rest: str
    public: str
    level3: str
    private: str
    all: str

    @classmethod
    def on(cls, host: str, port: int) -> SimEndpoints:
        """Of the server that listens there, on the paths of `PATHS`."""
        at = f"{host}:{port}"
        public, level3, private, every = (f"ws://{at}{path}" for path in PATHS)
        return cls(f"http://{at}", public, level3, private, every)


class SimServer:
    """A running exchange: ``async with SimServer(SimOptions(seed=7)) as server``.

    A fault of the market ends the block with it, as tasks of a TaskGroup do. `note` is
    told of every fault that strikes. Raises `NotListed` for an unknown symbol or asset,
    `BadFaults` for faults it cannot read, `TooPrecise` for balances with too many decimals,
    and OSError when the port is taken.
    """

    def __init__(
        self,
        options: SimOptions | None = None,
        *,
        clock: Clock = time.time_ns,
        note: Callable[[InjectedFault], None] | None = None,
    ) -> None:
        self.options = options or SimOptions()
        self._clock = clock
        self._seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        made_up = new_key()
        self.api_key = self.options.api_key or made_up[0]
        self.api_secret = self.options.api_secret or made_up[1]
        self.exchange = self._open()
        self._rest = PublicRest(self.exchange)
        self.saboteur = self._sabotage(note)
        """Brings faults about; None unless the options name some."""
        self._bench = ControlApi(self.exchange, self.saboteur) if self.saboteur else None
        self._clients: dict[ClientSession, SendQueue] = {}
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=FAREWELL_S
        )
        self._running = AsyncExitStack()
        self._port = 0

    def _open(self) -> Exchange:
        options, now = self.options, self._clock()
        listings = listed.listings(options.symbols, count=options.count)
        market = SimulatedMarket(listings, seed=self._seed, rate=options.rate).opened(now)
        keys = ApiKeys()
        keys.add(ApiKey(self.api_key, self.api_secret))
        exchange = Exchange(
            market,
            keys,
            now,
            terms=_terms(options),
            order_faults=OrderFaults(order_faults.read(options.order_faults), self._seed),
        )
        for asset in options.balances or ():
            if asset not in exchange.brokerage.assets:
                raise listed.NotListed(asset, tuple(exchange.brokerage.assets))
        return exchange

    def _sabotage(self, note: Callable[[InjectedFault], None] | None) -> FaultInjector | None:
        if self.options.faults is None:
            return None
        rules = schedule.read(self.options.faults)
        return FaultInjector(
            self.exchange, rules, seed=self._seed, now=self.exchange.time, note=note
        )

    @property
    def endpoints(self) -> SimEndpoints:
        """Known once the server runs."""
        return SimEndpoints.on(self.options.host, self._port)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._runner.cleanup)
            await self._runner.setup()
            await web.TCPSite(self._runner, self.options.host, self.options.port).start()
            self._port = self._runner.addresses[0][1]
            stack.callback(self._hang_up)
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            stack.callback(tasks.create_task(self._pump(), name="market pump").cancel)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._running.__aexit__(*exc_info)  # type: ignore[arg-type]

    def _hang_up(self) -> None:
        """Say goodbye; the runner's clean-up waits for it to be heard."""
        for outbox in self._clients.values():
            outbox.close("the exchange closes")

    # --- time -------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Keep the market's time at the clock's."""
        while True:
            await asyncio.sleep(PUMP_S)
            now = self._clock()
            if now - self.exchange.time > LAG_NS:
                self.exchange.rest(now - LAG_NS)
            while self.exchange.time < now:
                self._step(min(now, self.exchange.time + SLICE_NS))
                await asyncio.sleep(0)
            for conversation, outbox in self._clients.items():
                if conversation.idle(now):
                    outbox.close("idle")

    def _step(self, now: int) -> None:
        saboteur = self.saboteur
        if saboteur is None:
            self.exchange.advance(now)
            return
        if saboteur.market_rests:
            self.exchange.rest(now)
        else:
            self.exchange.advance(now)
        saboteur.elapse(now)

    # --- WebSocket --------------------------------------------------------------------

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        for path in PATHS:
            application.router.add_get(path, self._talk)
        application.router.add_route("*", "/{tail:.*}", self._call)
        return application

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        if not await self._admits(request):
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        socket = web.WebSocketResponse(compress=False, max_msg_size=MAX_REQUEST_BYTES)
        try:
            await socket.prepare(request)
        except ConnectionError:
            return web.Response()  # who knocked is gone, and reads nothing
        outbox = SendQueue(self.options.backlog_bytes)
        wire = self._wire(request, outbox)
        send = wire.tell if wire else outbox.put
        conversation = self.exchange.connect(PATHS[request.path], send, self._clock())
        if wire is not None:
            wire.conversation = conversation
        self._clients[conversation] = outbox
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(deliver(socket, outbox, request), name="socket writer")
                await self._read(socket, (wire or conversation).receive)
                writer.cancel()
        finally:
            del self._clients[conversation]
            self.exchange.disconnect(conversation)
            if wire is not None and self.saboteur is not None:
                self.saboteur.remove(wire)
        return socket

    async def _read(
        self, socket: web.WebSocketResponse, receive: Callable[[str | bytes, int], None]
    ) -> None:
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                receive(message.data, self._clock())

    async def _admits(self, request: web.Request) -> bool:
        """Whether to go on with a handshake, after what a fault may do to it."""
        if self.saboteur is None:
            return True
        welcome = self.saboteur.welcome(PATHS[request.path])
        if welcome is Welcome.SLOW:
            await asyncio.sleep(SLOW_S)
        elif welcome is Welcome.NOISE and request.transport is not None:
            request.transport.write(self.saboteur.noise())
            request.transport.close()
        return welcome in (Welcome.OPEN, Welcome.SLOW)

    def _wire(self, request: web.Request, outbox: SendQueue) -> FaultyConnection | None:
        if self.saboteur is None or request.transport is None:
            return None
        line = _Line(request.transport, outbox)
        return self.saboteur.wire(PATHS[request.path], outbox.put, line)

    # --- REST -------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self._bench is not None and request.path.startswith(PREFIX):
            return _found(self._bench.answer(request.method, request.path, dict(request.query)))
        call = Call(request.path, request.headers, body)
        answer = self._rest.call(request.method, call, dict(request.query), self._clock())
        if answer.late_ns:
            await asyncio.sleep(answer.late_ns / NS_PER_S)
        if answer.dropped and request.transport is not None:
            request.transport.abort()
        return web.Response(
            body=answer.body, status=answer.status, content_type=answer.content_type
        )


def _terms(options: SimOptions) -> AccountOptions:
    balances = STARTING_BALANCES if options.balances is None else options.balances
    return AccountOptions(tier=tier_named(options.tier), balances=balances, volume=options.volume)


def _found(body: bytes | None) -> web.Response:
    if body is None:
        return web.Response(status=HTTPStatus.NOT_FOUND)
    return web.Response(body=body, content_type="application/json")


class _Line:
    """The connection itself, for faults that are not of messages."""

    def __init__(self, transport: asyncio.Transport, outbox: SendQueue) -> None:
        self.abort, self.write, self.close = transport.abort, transport.write, outbox.close


async def deliver(socket: web.WebSocketResponse, outbox: SendQueue, request: web.Request) -> None:
    """Send what is queued until the box is closed, then hang up and say why."""
    try:
        while (message := await outbox.take()) is not None:
            await socket.send_frame(message, WSMsgType.TEXT)
        log.info("hanging up", extra={"peer": request.remote, "reason": outbox.ending})
        async with asyncio.timeout(FAREWELL_S):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=outbox.ending.encode())
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        return  # the reader sees the end too, and cleans up


async def serve(
    options: SimOptions, announce: Callable[[str], None], tell: Callable[[str], None]
) -> None:
    """Run an exchange until SIGINT or SIGTERM.

    `announce` gets one line of JSON when it is up, `tell` one for every fault that strikes.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    def note(struck: InjectedFault) -> None:
        tell(msgspec.json.encode(struck).decode())

    async with SimServer(options, note=note) as server:
        keys = {"api_key": server.api_key, "api_secret": server.api_secret}
        announce(json.dumps(msgspec.structs.asdict(server.endpoints) | keys))
        await stopped.wait()
