"""The paper server on a socket: ``async with PaperServer(["BTC/USD"]) as server``.

It subscribes to the real market as any feed does, verifies it, and passes it on with a paper
account in it. It listens on this machine only. The sockets are `kracked.gateway.http_shell`.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import KrackedError
from kracked.feed.fanout import Consumer
from kracked.feed.tap import Tap
from kracked.feed_manager import FeedManager
from kracked.flow import OrderFlow
from kracked.gateway import refusals
from kracked.gateway.auth import ApiKey, ApiKeys, Call, body_fields, new_key
from kracked.gateway.channels import Socket, Topic
from kracked.gateway.http_shell import (
    ClientConnection,
    Clock,
    HttpShell,
    Receive,
    ServerEndpoints,
    announcement,
)
from kracked.gateway.refusals import Refusal
from kracked.gateway.relay.market_relay import MarketRelay
from kracked.gateway.rest import HttpAnswer, Params, answer, method_of, reply, server_time
from kracked.paper import PaperLog
from kracked.paper_exchange.exchange import PaperExchange, in_bounds
from kracked.paper_exchange.opening import PaperTerms, PaperVenue, open_exchange
from kracked.paper_server.market import Offer, instruments_now, is_current, listed, tell_losses
from kracked.paper_server.upstream import Upstream

HOST = "127.0.0.1"
LOST = "the connection to the exchange was lost"
TICK_S = 0.01
READY_S = 15.0
"""How long to wait for the first books before clients are served all the same."""
MOST_BYTES = 4 * 2**20
"""The account's file is written anew, shorter, when it is longer than this."""
_TOLD_S = 0.5
"""How often what changed is told."""


class PaperOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a paper server, with the defaults of `kracked paper`."""

    port: int = 0
    """0 takes any free one."""
    account: Path | None = None
    """The file of the account, which is continued; None is a new account in memory."""
    terms: PaperTerms = PaperTerms()
    """Balances and fees of a new account, rate limits, latency."""
    book: int = 1000
    """Depth of the level 2 books; clients may have less."""
    level3: int = 1000
    """Depth of the level 3 books; clients may have less."""
    api_key: str | None = None
    """None makes one up, with its secret."""
    api_secret: str | None = None


class PaperServer:
    """A running paper exchange on the live market.

    An error of the engine or of the account's file ends the block with it, as tasks of a
    TaskGroup do: the account is as it was written, and a new server goes on from there. An
    error inside one request is answered and logged: the server goes on.

    Attributes:
        api_key: The key that clients sign with; no key of the real exchange is known to them.
        api_secret: Its secret.
        feed: The real market.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        options: PaperOptions | None = None,
        *,
        credentials: Credentials | None = None,
        endpoints: Endpoints | None = None,
        clock: Clock = time.time_ns,
    ) -> None:
        """Prepare a server; entering the block connects it to the market and serves it.

        Args:
            symbols: The pairs, ``["BTC/USD"]``.
            options: How to run it.
            credentials: A key of the real exchange, for level 3 alone; without one there is none,
                and places in the queue are bounded by level 2.
            endpoints: Addresses of the real exchange; Kraken's own by default.
            clock: Returns the time in ns since the Unix epoch.
        """
        self.options = options or PaperOptions()
        made_up_key, made_up_secret = new_key()
        self.api_key = self.options.api_key or made_up_key
        self.api_secret = self.options.api_secret or made_up_secret
        self._symbols, self._clock = tuple(dict.fromkeys(symbols)), clock
        self.feed = FeedManager(
            self._symbols,
            credentials=credentials,
            endpoints=endpoints,
            book=self.options.book,
            level3=self.options.level3 if credentials is not None else None,
            trade=True,
            ticker=True,
        )
        self.has_level3 = credentials is not None
        """Whether there is level 3, which a key of the real exchange opens; else places in the
        queue are bounded by level 2."""
        self._upstream = Upstream(self.feed.endpoints.rest, clock)
        self._exchange: PaperExchange
        self._consumer: Consumer
        self._tap: Tap
        self._frame = b""
        self._log: PaperLog | None = None
        self._compacted = 0
        self._failed: asyncio.Future[None]
        self._wanted: asyncio.Queue[Topic]
        self._shell = HttpShell(
            self,
            host=HOST,
            port=self.options.port,
            clock=clock,
            tasks={
                "time": self._pass_time,
                "failure": self._fail,
                "subscriptions": self._subscribe,
            },
            farewell="the paper exchange closes",
        )
        self._running = AsyncExitStack()

    @property
    def endpoints(self) -> ServerEndpoints:
        """The addresses; the port is known once the server runs."""
        return self._shell.endpoints

    @property
    def exchange(self) -> PaperExchange:
        """The exchange, once the server runs: its `broker` has the account and the engine."""
        return self._exchange

    # --- life ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect, open the account, and serve.

        Raises:
            NotTraded: The exchange lists no such pair.
            ConnectionLost: It does not answer.
            LogInUse: Another process trades the account.
            DamagedLog: The account's file is damaged.
            AccountMisfit: A pair has other decimals than the account was opened with.
            OSError: The account's file cannot be used, or the port is taken.
        """
        self._failed = asyncio.get_running_loop().create_future()
        self._wanted = asyncio.Queue()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._upstream.close)
            await stack.enter_async_context(self.feed)
            pairs, assets = await listed(self.feed, self._upstream, self._symbols)
            log = None if self.options.account is None else PaperLog(self.options.account)
            if log is not None:
                stack.callback(log.close)
            self._log = log
            # The first books are waited for, for a while; a refusal is for clients to see.
            with suppress(TimeoutError, KrackedError):
                async with asyncio.timeout(READY_S):
                    await self.feed.ready()
            self._tap = stack.enter_context(self.feed.tap())
            self._consumer = stack.enter_context(self.feed.consumer())
            now = self._clock()
            relay = self._relay()
            self._exchange = open_exchange(
                PaperVenue(
                    relay=relay,
                    pairs=pairs,
                    assets=assets,
                    books=lambda: self.feed,
                    verified=partial(is_current, self.feed, level3=self.has_level3),
                    flow=self._flow(now),
                    before=self.feed.current_state(),
                    by_levels=not self.has_level3,
                ),
                () if log is None else log.events,
                (lambda _: None) if log is None else log.record,
                self.options.terms,
                now=now,
            )
            self._exchange.advance(now)
            self._consumer.watch(self._take)
            await stack.enter_async_context(self._shell)
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *exc_info: object) -> bool | None:
        return await self._running.__aexit__(*exc_info)  # type: ignore[arg-type]

    def _relay(self) -> MarketRelay:
        keys = ApiKeys()
        keys.add(ApiKey(self.api_key, self.api_secret))
        offer = Offer(self.options.book, self.options.level3 if self.has_level3 else None)
        relay = MarketRelay(
            keys,
            books=lambda: self.feed,
            offered=dict.fromkeys(self._symbols, offer),
            instruments=instruments_now(self.feed),
            lost=LOST,
        )
        relay.restore(self.feed.current_state())
        relay.triggers = dict.fromkeys(self._symbols, "trades")
        relay.joined = self._wanted.put_nowait
        return relay

    def _flow(self, now: int) -> OrderFlow:
        """Return the ledgers of the market's orders, from the books as they are now."""
        flow = OrderFlow(self.options.level3)
        for book in self.feed.l3.values():
            if book.verified:
                flow.restart(book, now)
        return flow

    # --- the market and time --------------------------------------------------------------

    def _take(self) -> None:
        """Take what the feed has just published, while its books say the same."""
        for frame in self._tap.take():
            self._frame = frame.data
        happened = self._consumer.take()
        if not happened or self._failed.done():
            return
        with self._failing():
            self._exchange.apply(happened, self._frame, happened[-1].received)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Let an error of the engine end the server, and not what called it."""
        try:
            yield
        except Exception as error:  # any: the account is not what it should be
            if not self._failed.done():
                self._failed.set_exception(error)

    async def _fail(self) -> None:
        """End the server with the error of the engine, if it has one."""
        await asyncio.shield(self._failed)

    async def _pass_time(self) -> None:
        while True:
            now = self._clock()
            with self._failing():
                self._exchange.advance(now)
                # The file would grow without end.
                if self._log is not None and self._log.size > max(MOST_BYTES, 2 * self._compacted):
                    self._log.compact(self._exchange.broker.engine.account.carried(now))
                    self._compacted = self._log.size
            self._exchange.relay.advance(now)
            await asyncio.sleep(TICK_S)

    async def _subscribe(self) -> None:
        """Subscribe to the candles that clients ask for."""
        present: set[Topic] = set()
        while True:
            topic = await self._wanted.get()
            if topic.channel == "ohlc" and topic not in present:
                present.add(topic)
                assert isinstance(topic.variety, int)
                await self.feed.subscribe(topic.symbol, ohlc=topic.variety)

    # --- what the shell serves ------------------------------------------------------------

    async def admits(self, _socket: Socket, _transport: asyncio.Transport | None, /) -> bool:
        """Whether to complete a handshake: always."""
        return True

    @contextmanager
    def session(self, socket: Socket, connection: ClientConnection, now: int) -> Iterator[Receive]:
        """Connect a client while the block lasts."""
        relay = self._exchange.relay
        session = relay.connect(socket, connection.send, connection.close, now)

        def receive(data: str | bytes, at: int) -> None:
            """Take a frame; the account's time is that of the frame."""
            with self._failing():
                self._exchange.advance(at)
                try:
                    in_bounds("a frame", lambda: session.receive(data, at))
                except Refusal as refusal:
                    session.refuse(data, refusal.error, at)

        try:
            yield receive
        finally:
            relay.disconnect(session)

    async def call(self, http_method: str, call: Call, query: Params, now: int) -> HttpAnswer:
        """Answer a REST call: of the account here, of the market with the exchange's answer."""
        visibility, name = method_of(call.path)
        if visibility == "public":
            return HttpAnswer(await self._public(name, call, query, now))
        if visibility != "private":
            return HttpAnswer(reply([refusals.UNKNOWN_METHOD]))
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def tell(body: bytes) -> None:
            """Answer, unless the client has gone."""
            if not answered.done():
                answered.set_result(body)

        with self._failing():
            self._exchange.advance(now)
            self._exchange.call(http_method, call, now, tell)
        await asyncio.wait((answered, self._failed), return_when=asyncio.FIRST_COMPLETED)
        return HttpAnswer(answered.result() if answered.done() else reply([refusals.UNAVAILABLE]))

    async def _public(self, name: str, call: Call, query: Params, now: int) -> bytes:
        state = self._exchange.relay.state
        own: dict[str, Callable[[], object]] = {
            "Time": lambda: server_time(query, now),
            "SystemStatus": lambda: state.system_status(now),
            "MaintenanceSchedule": lambda: state.maintenance_schedule(now),
        }
        if name in own:
            return answer(own[name])
        fields = body_fields(call) if call.body else {}
        params = {**query, **{field: str(value) for field, value in fields.items()}}
        return await self._upstream.call(name, params)


async def serve(
    server: PaperServer,
    announce: Callable[[str], None],
    say: Callable[[str], None],
    ready: Callable[[PaperServer], None],
) -> None:
    """Run a server until SIGINT or SIGTERM.

    Args:
        server: The server, not entered yet.
        announce: Takes one line of JSON when it is up: its addresses, a key, and what it has.
        say: Takes a sentence while there is no connection yet, and whenever orders begin or
            cease to be accepted.
        ready: Called when it is up.

    Raises:
        KrackedError: It could not begin, or the account cannot go on.
        OSError: The account cannot be written, or the port is taken.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)  # at any time: while it connects, too
    say(f"connecting to {server.feed.endpoints.rest}")
    losses = loop.create_task(tell_losses(server.feed, say))
    try:
        async with server:
            losses.cancel()
            account = server.options.account
            announce(
                announcement(
                    server.endpoints,
                    server.api_key,
                    server.api_secret,
                    queue="level3" if server.has_level3 else "level2",
                    account=None if account is None else str(account),
                )
            )
            ready(server)
            system = "online"
            while True:
                if server.exchange.system != system:
                    system = server.exchange.system
                    say(f"the market is {system}")
                await asyncio.sleep(_TOLD_S)
    except asyncio.CancelledError:
        return
    except ExceptionGroup as group:  # of the tasks inside: one error is enough to know
        raise group.exceptions[0] from None
    finally:
        losses.cancel()
