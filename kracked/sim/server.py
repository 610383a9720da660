"""The simulated exchange on a socket: ``async with SimServer(SimOptions(seed=7)) as server``.

A pump moves market time along with real time. Faults come between the clients and the
exchange when the options name some. Nothing here knows a rule of the exchange, and the
sockets are `kracked.gateway.http_shell`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Self

import msgspec

from kracked.gateway.auth import ApiKey, ApiKeys, Call, new_key
from kracked.gateway.channels import Socket
from kracked.gateway.client_session import ClientSession, Send
from kracked.gateway.http_shell import (
    ClientConnection,
    Clock,
    HttpShell,
    Receive,
    ServerEndpoints,
    announcement,
    set_on_signals,
)
from kracked.gateway.rest import HttpAnswer, Params
from kracked.gateway.send_queue import LIMIT_BYTES
from kracked.protocol.limits import tier_named
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.control_api import PREFIX, ControlApi
from kracked.sim.exchange import Exchange
from kracked.sim.faults import order_faults, schedule
from kracked.sim.faults.order_faults import OrderFaults
from kracked.sim.injection.faulty_connection import InjectedFault
from kracked.sim.injection.injector import SLOW_S, FaultInjector, Handshake
from kracked.sim.order_entry.client_accounts import STARTING_BALANCES, AccountOptions
from kracked.sim.realism import Realism
from kracked.sim.rest import RestApi
from kracked.sim.truth import PlantedRow, TruthRow
from kracked.times import NS_PER_S

PUMP_S = 0.01
SLICE_NS = NS_PER_S // 20
"""Market time is moved in slices this long, so that a late pump never blocks the loop."""
LAG_NS = NS_PER_S
"""How far market time may fall behind. On a machine too slow for the rate, trade slows down."""


class SimOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a simulated exchange, with the defaults of `kracked sim`."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free one."""
    seed: int | None = None
    """None makes another market every time."""
    symbols: Sequence[str] | None = None
    """The pairs to list; None lists the usual six."""
    count: int | None = None
    """List this many pairs, made-up ones past the sixth."""
    rate: float = 1.0
    """How many times faster than life the agents trade."""
    api_key: str | None = None
    """None makes one up, with its secret."""
    api_secret: str | None = None
    backlog_bytes: int = LIMIT_BYTES
    """How much a client may leave unread before it is disconnected."""
    tier: str = "pro"
    """Whose limits accounts have: starter, intermediate or pro."""
    balances: Mapping[str, str] | None = None
    """What an account begins with, decimal text by asset; None for the usual."""
    volume: str = "0"
    """What an account has traded in the thirty days before, in USD: it decides the fees."""
    habits: Realism = Realism()
    """How the live exchange is followed beyond its rules."""
    order_faults: str = ""
    """Faults of trading requests, as `kracked.sim.faults.order_faults` reads them."""
    maintenance: str = ""
    """Maintenance and incidents to announce, as `kracked.sim.faults.maintenance` reads them."""
    faults: str | None = None
    """Faults of connections and messages, as `kracked.sim.faults.schedule` reads them.
    Empty: only those that a call of `SimServer.injector` injects. None: none at all, and without
    `maintenance` no control API."""


class SimServer:
    """A running exchange.

    An error of the market ends the block with it, as tasks of a TaskGroup do.
    """

    def __init__(
        self,
        options: SimOptions | None = None,
        *,
        clock: Clock = time.time_ns,
        note: Callable[[InjectedFault], None] | None = None,
        truth: Callable[[TruthRow | PlantedRow], None] | None = None,
    ) -> None:
        """Open the market; entering the block serves it, or raises OSError for a taken port.

        Args:
            options: How to run it.
            clock: Returns the time in ns since the Unix epoch.
            note: Takes every fault that is injected.
            truth: Takes what happens to every order, as the engine knows it.

        Raises:
            NotListed: A symbol or an asset is unknown.
            BadFaults: The faults, or the steps of maintenance, cannot be read.
            TooPrecise: A balance has too many decimals.
        """
        self.options = options or SimOptions()
        self._clock = clock
        self._seed = secrets.randbits(32) if self.options.seed is None else self.options.seed
        made_up_key, made_up_secret = new_key()
        self.api_key = self.options.api_key or made_up_key
        self.api_secret = self.options.api_secret or made_up_secret
        self.exchange = self._open_exchange(truth)
        self.injector: FaultInjector | None = None
        """Injects faults; None unless the options name some."""
        if self.options.faults is not None or self.options.maintenance:
            self.injector = FaultInjector(
                self.exchange,
                schedule.read(self.options.faults or ""),
                seed=self._seed,
                now=self.exchange.time,
                note=note,
            )
        if self.options.maintenance:
            self.exchange.run_maintenance(self.options.maintenance)
        self._rest = RestApi(self.exchange)
        self._control = ControlApi(self.exchange, self.injector) if self.injector else None
        self._clients: dict[ClientSession, ClientConnection] = {}
        self._shell = HttpShell(
            self,
            host=self.options.host,
            port=self.options.port,
            clock=clock,
            tasks={"market pump": self._pump},
            farewell="the exchange closes",
            backlog_bytes=self.options.backlog_bytes,
        )

    def _open_exchange(self, truth: Callable[[TruthRow | PlantedRow], None] | None) -> Exchange:
        options, now = self.options, self._clock()
        listings = listed.listings(options.symbols, count=options.count)
        market = SimulatedMarket(
            listings,
            seed=self._seed,
            rate=options.rate,
            changing_owners=options.habits.changing_owners,
        ).opened(now)
        keys = ApiKeys()
        keys.add(ApiKey(self.api_key, self.api_secret))
        balances = STARTING_BALANCES if options.balances is None else options.balances
        exchange = Exchange(
            market,
            keys,
            now,
            account_options=AccountOptions(
                tier=tier_named(options.tier), balances=balances, volume=options.volume
            ),
            order_faults=OrderFaults(order_faults.read(options.order_faults), self._seed),
            habits=options.habits,
            truth=truth,
        )
        for asset in options.balances or ():
            if asset not in exchange.brokerage.accounts.assets:
                raise listed.NotListed(asset, tuple(exchange.brokerage.accounts.assets))
        return exchange

    @property
    def endpoints(self) -> ServerEndpoints:
        """The addresses; the port is known once the server runs."""
        return self._shell.endpoints

    async def __aenter__(self) -> Self:
        await self._shell.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._shell.__aexit__(*exc_info)

    # --- time -------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Keep the market's time at the clock's."""
        while True:
            await asyncio.sleep(PUMP_S)
            now = self._clock()
            if now - self.exchange.time > LAG_NS:
                self.exchange.pause(now - LAG_NS)
            while self.exchange.time < now:
                self.advance(min(now, self.exchange.time + SLICE_NS))
                await asyncio.sleep(0)
            for session, connection in self._clients.items():
                if session.idle(now):
                    connection.close("idle")

    def advance(self, now: int) -> None:
        """Move market time to `now`, and inject the faults that are due. The pump calls it."""
        if self.injector is None:
            self.exchange.advance(now)
            return
        if self.injector.market_paused:
            self.exchange.pause(now)
        else:
            self.exchange.advance(now)
        self.injector.advance(now)

    # --- what the shell serves ----------------------------------------------------------

    async def admits(self, socket: Socket, transport: asyncio.Transport | None) -> bool:
        """Whether to complete a handshake, after what a fault may do to it."""
        if self.injector is None:
            return True
        handshake = self.injector.handshake(socket)
        if handshake is Handshake.SLOW:
            await asyncio.sleep(SLOW_S)
        elif handshake is Handshake.NOISE and transport is not None:
            transport.write(self.injector.noise())
            transport.close()
        return handshake in (Handshake.OPEN, Handshake.SLOW)

    @contextmanager
    def session(self, socket: Socket, connection: ClientConnection, now: int) -> Iterator[Receive]:
        """Connect a client to the exchange while the block lasts, through faults if any."""

        def connect(send: Send) -> ClientSession:
            """Begin the session."""
            return self.exchange.connect(socket, send, now)

        faulty = self.injector.attach(socket, connection, connect) if self.injector else None
        session = connect(connection.send) if faulty is None else faulty.session
        self._clients[session] = connection
        try:
            yield (faulty or session).receive
        finally:
            del self._clients[session]
            self.exchange.disconnect(session)
            if self.injector is not None and faulty is not None:
                self.injector.connections.remove(faulty)

    async def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer a REST call, or one of the control API."""
        if self._control is None or not call.path.startswith(PREFIX):
            return self._rest.call(http_method, call, query, now)
        body = self._control.answer(http_method, call.path, query)
        return HttpAnswer(body, HTTPStatus.OK if body is not None else HTTPStatus.NOT_FOUND)


async def serve(
    options: SimOptions,
    announce: Callable[[str], None],
    report: Callable[[str], None],
    truth: Callable[[TruthRow | PlantedRow], None] | None = None,
) -> None:
    """Run an exchange until SIGINT or SIGTERM.

    Args:
        options: How to run it.
        announce: Takes one line of JSON when the exchange is up.
        report: Takes one line of JSON for every fault that is injected.
        truth: Takes what happens to every order, as the engine knows it.
    """
    stopped = asyncio.Event()
    set_on_signals(stopped)

    def note(fault: InjectedFault) -> None:
        """Report a fault as a line of JSON."""
        report(msgspec.json.encode(fault).decode())

    async with SimServer(options, note=note, truth=truth) as server:
        announce(announcement(server.endpoints, server.api_key, server.api_secret))
        await stopped.wait()
