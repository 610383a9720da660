"""Passes a market's messages on to clients: who subscribes, and what each is sent.

Messages leave as they came, byte for byte, to subscribers of the depth that they came in; for a
smaller depth they are cut. A late subscriber gets a snapshot of the books as they are.

The rule for books: an update is sent only to those who have the book it applies to. A book
that is in doubt falls silent until its next snapshot. Where a connection to the market was
lost, or messages are missing, clients' connections are closed: no client may take a stream
with a gap for a whole one, and every client knows what to do then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from random import Random
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from kracked.book.keeper import BOOK, LEVEL3
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.gateway import refusals
from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import CHANNELS, Socket, Topic
from kracked.gateway.client_session import ClientSession, Send, TradingService
from kracked.gateway.exchange_state import ExchangeState
from kracked.gateway.relay.instrument_list import InstrumentList
from kracked.gateway.relay.windows import Book, TopicAudience, quoted
from kracked.protocol import encode, events
from kracked.protocol.last_values import LastValues

log = logging.getLogger(__name__)

MISSING = "messages are missing here"

_SOCKETS = {"public": Socket.PUBLIC, "level3": Socket.LEVEL3}
_ROLES = {BOOK: "public", LEVEL3: "level3"}


class Books(Protocol):
    """The books as they are now: a keeper's, or a feed's."""

    @property
    def l2(self) -> Mapping[str, L2Book]:
        """Level 2 books by symbol."""

    @property
    def l3(self) -> Mapping[str, L3Book]:
        """Level 3 books by symbol."""


class Offered(Protocol):
    """The data that can be had of one symbol."""

    @property
    def book(self) -> int | None:
        """The depth of its level 2 book; None without one."""

    @property
    def level3(self) -> int | None:
        """The depth of its level 3 book; None without one."""

    @property
    def ohlc(self) -> Collection[int]:
        """The intervals of its candles; empty where any may be had."""


class _Client(NamedTuple):
    socket: Socket
    close: Callable[[str], None]


class MarketRelay:
    """Owns the subscriptions; `publish` is called with everything that comes of the market."""

    def __init__(
        self,
        keys: ApiKeys,
        *,
        books: Callable[[], Books],
        offered: Mapping[str, Offered],
        instruments: InstrumentList,
        lost: str,
    ) -> None:
        """Begin without clients.

        Args:
            keys: The keys whose tokens open level3 and the private channels.
            books: Returns the books; they have taken what `publish` is called with.
            offered: What can be had, by symbol.
            instruments: The list of instruments.
            lost: The reason that connections are closed with when one to the market is lost.
        """
        self.keys, self.instruments = keys, instruments
        self.trading: TradingService | None = None
        """What is behind orders and private channels; None denies them."""
        self.joined: Callable[[Topic], None] = lambda _: None
        """Called with the topic of each subscription to a market."""
        self.triggers: Mapping[str, str] = {}
        """The trigger of the tickers that come, by symbol; that of others is not known. Those of
        `bbo` are made of the level 2 books besides, those of `trades` are picked out."""
        self._traded: dict[str, tuple[object, int]] = {}
        """The last price and the volume that the newest ticker told, by symbol."""
        self.state = ExchangeState()
        """The engine's state and what is announced."""
        self.subscriptions = 0
        """Subscriptions to market data so far."""
        self.disconnections = 0
        """How often connections have been closed so far."""
        self.restriction = ""
        """The mode while the market is not to be traded on, though it is online itself."""
        self._state_of_market = self.state
        self._books, self._offered, self._lost = books, offered, lost
        self._last_values = LastValues()
        self._down: set[str] = set()
        """The kinds of connections to the market that are lost."""
        self._clients: dict[ClientSession, _Client] = {}
        self._audiences: dict[tuple[str, str], dict[Topic, TopicAudience]] = {}
        """By channel and symbol, then by topic."""
        # Connection ids name connections; they need not be repeatable, nor secret.
        self._ids = Random()

    # --- connections ------------------------------------------------------------------

    def connect(
        self, socket: Socket, send: Send, close: Callable[[str], None], now: int
    ) -> ClientSession:
        """Begin a client's session with the status.

        Args:
            socket: The address it connected to.
            send: Takes one message for it; must not wait.
            close: Closes its connection with a reason; must not wait.
            now: Time, ns since the Unix epoch.
        """
        connection_id = self._ids.getrandbits(64)
        session = ClientSession(
            self, socket, send, connection_id=connection_id, now=now, trading=self.trading
        )
        self._clients[session] = _Client(socket, close)
        session.send_status(self.state, now)
        return session

    def disconnect(self, session: ClientSession) -> None:
        """Forget a client whose connection has ended."""
        self._clients.pop(session, None)
        session.end()

    def advance(self, now: int) -> None:
        """Send the heartbeats that are due, and close idle connections."""
        for session, client in self._clients.items():
            session.send_heartbeats(now)
            if session.idle(now):
                client.close("idle")

    def close_connections(self, reason: str, socket: Socket = Socket.ALL) -> None:
        """Close the connections that serve what an address serves; by default all."""
        affected = [
            client
            for client in self._clients.values()
            if socket is Socket.ALL or client.socket in (socket, Socket.ALL)
        ]
        self.disconnections += bool(affected)
        for client in affected:
            client.close(reason)

    # --- subscriptions ----------------------------------------------------------------

    @property
    def attended(self) -> bool:
        """Whether anybody is subscribed to a market."""
        return any(symbol for _, symbol in self._audiences)

    def offers(self, symbol: str) -> bool:
        """Whether a symbol's market is passed on."""
        return symbol in self._offered

    def refusal(self, topic: Topic) -> str | None:
        """Return why nobody can subscribe to a topic, in the exchange's words; None if all can."""
        if not topic.symbol:
            return None
        book, info = self._book(topic), self._offered.get(topic.symbol)
        if book is None and info is None:
            return refusals.unsupported_pair(topic.symbol)
        present: object
        if topic.channel in _ROLES:
            present = max(getattr(info, topic.channel, None) or 0, book.depth if book else 0)
            offered = isinstance(topic.variety, int) and topic.variety <= present
            reason = "asked for a deeper book than there is"
        elif topic.channel == "ticker":
            present = self.triggers.get(topic.symbol)
            offered = topic.variety != "bbo" or present == "bbo" or bool(info and info.book)
            reason = "asked for best prices, and neither they nor a level 2 book are there"
        else:  # an older recording does not say which candles it has
            present = info.ohlc if info and topic.channel == "ohlc" else ()
            offered = not present or topic.variety in present
            reason = "asked for candles that are not there"
        if offered:
            return None
        log.warning(reason, extra={**topic._asdict(), "offered": present})
        return CHANNELS[topic.channel].not_offered

    def join(self, topic: Topic, session: ClientSession) -> None:
        """Send a topic's messages to a session from now on."""
        self.subscriptions += bool(topic.symbol)
        audiences = self._audiences.setdefault((topic.channel, topic.symbol), {})
        audience = audiences.setdefault(topic, TopicAudience(topic))
        audience.synced[session] = self._trusted_book(topic) is not None
        if topic.symbol:
            self.joined(topic)

    def leave(self, topic: Topic, session: ClientSession) -> None:
        """Stop sending a topic's messages to a session."""
        audiences = self._audiences[topic.channel, topic.symbol]
        del audiences[topic].synced[session]
        if not audiences[topic].synced:
            del audiences[topic]
        if not audiences:
            del self._audiences[topic.channel, topic.symbol]

    def snapshot(self, topic: Topic) -> str:
        """Return what a new subscriber starts from; empty when that is yet to come."""
        if topic.channel == "instrument":
            return self.instruments.snapshot()
        interval = topic.variety if isinstance(topic.variety, int) else None
        last = self._last_values.snapshot((topic.channel, topic.symbol, interval))
        if last is not None:
            return encode.message(last)
        book = self._trusted_book(topic)
        audience = self._audiences[topic.channel, topic.symbol][topic]
        return audience.snapshot(book) if book else ""

    def _book(self, topic: Topic) -> Book | None:
        books = self._books()
        return (books.l3 if topic.channel == LEVEL3 else books.l2).get(topic.symbol)

    def _trusted_book(self, topic: Topic) -> Book | None:
        """Return the topic's book, if it has one that can be trusted."""
        if topic.channel not in _ROLES or _ROLES[topic.channel] in self._down:
            return None
        book = self._book(topic)
        return book if book is not None and book.verified else None

    def _audiences_of(self, channel: str, symbol: str = "") -> Iterable[TopicAudience]:
        """Return the audiences of every variety of a channel and symbol."""
        return self._audiences.get((channel, symbol), {}).values()

    def is_lost(self, kind: str) -> bool:
        """Whether a kind of connection to the market, `public` or `level3`, is lost."""
        return kind in self._down

    # --- what comes ------------------------------------------------------------------

    def restore(self, before: Iterable[events.Event]) -> None:
        """Take what was sent, and which connections were lost, before the first message."""
        for event in before:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._last_values.remember(event)
                case events.Reconnecting(connection=connection) if _role(connection) == "public":
                    self._last_values.pause()

    def publish(self, happened: Iterable[events.Event], data: bytes) -> None:
        """Send events on, which the books have taken already.

        Args:
            happened: What came, in order.
            data: The message that brought it; empty where there is none.
        """
        receivers: dict[ClientSession, None] = {}
        for event in happened:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._last_values.remember(event)
                    receivers |= dict.fromkeys(self._subscribers(event))
                    if isinstance(event, events.Ticker):
                        self._traded[event.symbol] = event.last, event.volume
                case events.Instruments():
                    changed = self.instruments.apply(data)
                    if changed or not event.snapshot:  # else it was sent to everyone already
                        for audience in self._audiences_of("instrument"):
                            receivers |= dict.fromkeys(audience.synced)
                case _:
                    self._publish_state(event, data)
                    if isinstance(event, (events.BookSnapshot, events.BookUpdate)):
                        self._quote(event)
        for session in receivers:
            session.send(data)

    def _quote(self, event: events.BookSnapshot | events.BookUpdate) -> None:
        """Tell new best prices or quantities of a verified book to those who asked for `bbo`."""
        if self.triggers.get(event.symbol) == "bbo":
            return
        last = self._last_values.tickers.get(event.symbol)
        book = self._trusted_book(Topic(BOOK, event.symbol, None))
        ticker = quoted(last, book, event) if last and isinstance(book, L2Book) else None
        if ticker is None:
            return
        self._last_values.remember(ticker)
        for audience in self._audiences_of("ticker", event.symbol):
            if audience.topic.variety == "bbo":
                for session in audience.synced:
                    session.send(encode.message(ticker).encode())

    def _publish_state(self, event: events.Event, data: bytes) -> None:
        """Send on what concerns books, connections and the exchange itself."""
        match event:
            case events.BookUpdate() | events.L3Update():
                for audience in self._audiences_of(_CHANNELS[type(event)], event.symbol):
                    audience.update(event, data)
            case events.BookSnapshot() | events.L3Snapshot():
                for audience in self._audiences_of(_CHANNELS[type(event)], event.symbol):
                    book = self._book(audience.topic)
                    assert book is not None
                    audience.replace(book, data)
            case events.Resync(channel=channel, symbol=symbol):
                self._suspend(channel, (symbol,))
            case events.Gap(channel=""):
                self.close_connections(MISSING)
            case events.Gap(channel=channel, symbols=symbols):
                self._suspend(channel, symbols)
            case events.Reconnecting() | events.Connected():
                self._follow_connection(event)
            case events.Status():
                self._set_state(event)

    def _subscribers(
        self, event: events.Ticker | events.Trades | events.Candles
    ) -> Iterable[ClientSession]:
        """Iterate who is sent an event; a recorded snapshot not to those who declined one."""
        candles = event.candles if isinstance(event, events.Candles) else ()
        varieties: set[object] = {candle.interval for candle in candles}
        if isinstance(event, events.Ticker) and not self._follows_trade(event):
            varieties = {"bbo"}
        for audience in self._audiences_of(_CHANNELS[type(event)], event.symbol):
            if varieties and audience.topic.variety not in varieties:
                continue
            for session in audience.synced:
                if not event.snapshot or session.wants_snapshot(audience.topic):
                    yield session

    def _follows_trade(self, ticker: events.Ticker) -> bool:
        """Whether a ticker is for those who asked for `trades`: a trade has changed it."""
        if ticker.snapshot or self.triggers.get(ticker.symbol) == "trades":
            return True
        return self._traded.get(ticker.symbol) != (ticker.last, ticker.volume)

    def _suspend(self, channel: str, symbols: Iterable[str]) -> None:
        """Fall silent about the books among these that cannot be trusted."""
        for symbol in symbols:
            for audience in self._audiences_of(channel, symbol):
                if channel in _ROLES and self._trusted_book(audience.topic) is None:
                    audience.suspend()

    def _follow_connection(self, event: events.Reconnecting | events.Connected) -> None:
        """Close connections where one to the market is lost; note when it is back."""
        role = _role(event.connection)
        if isinstance(event, events.Connected):
            self._down.discard(role)
        elif role in _SOCKETS and role not in self._down:
            self._down.add(role)
            if role == "public":
                self._last_values.pause()
            self.close_connections(self._lost, _SOCKETS[role])

    def _set_state(self, status: events.Status) -> None:
        """Announce a change: every connection to the market begins with a status."""
        state = ExchangeState(status.system, status.upcoming_maintenance, status.emergency)
        if not status.lists_stated:
            state = replace(self._state_of_market, system=status.system)
        self._state_of_market = state
        self.announce(status.received)

    def announce(self, now: int) -> None:
        """Tell every client of the state, where it has changed."""
        market = self._state_of_market
        limited = self.restriction and market.system == "online"
        state = replace(market, system=self.restriction) if limited else market
        if state != self.state:
            self.state = state
            for session in self._clients:
                session.send_status(state, now)


def _role(connection: str) -> str:
    """Return what a connection to the market carries."""
    return connection.partition("-")[0]


_CHANNELS: dict[type, str] = {
    events.Ticker: "ticker",
    events.Trades: "trade",
    events.Candles: "ohlc",
    events.BookSnapshot: BOOK,
    events.BookUpdate: BOOK,
    events.L3Snapshot: LEVEL3,
    events.L3Update: LEVEL3,
}
