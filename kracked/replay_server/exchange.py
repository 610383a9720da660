"""A recording as an exchange, minus its sockets: who subscribes, and what each is sent.

Messages leave as they were recorded, byte for byte, to subscribers of the recorded depth;
for a smaller depth they are cut. A late subscriber gets a snapshot of the books at this
place of the recording.

The rule for books: an update is sent only to those who have the book it applies to. A book
that the recorder doubted falls silent until its next snapshot. Where the recorder lost its
connection, or messages are missing, connections are closed: no client may take a stream
with a gap for a whole one, and every client knows what to do then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from kracked.book.keeper import BOOK, LEVEL3
from kracked.gateway import refusals
from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import CHANNELS, Socket, Topic
from kracked.gateway.client_session import ClientSession, Send
from kracked.gateway.exchange_state import ExchangeState
from kracked.protocol import encode, events
from kracked.protocol.last_values import REMEMBERED_TYPES, LastValues
from kracked.record.replay import Moment, Player
from kracked.replay_server import windows
from kracked.replay_server.recorded_state import InstrumentList
from kracked.replay_server.windows import Book, L2Window, L3Window, Update

log = logging.getLogger(__name__)

LOST = "the recorder lost its connection here"
MISSING = "messages are missing here"

_SOCKETS = {"public": Socket.PUBLIC, "level3": Socket.LEVEL3}
_ROLES = {BOOK: "public", LEVEL3: "level3"}
_ONE_WORDING = REMEMBERED_TYPES | {events.Instruments}
"""The events of a keyframe that have one wording; a book has one for each depth."""


class TopicAudience:
    """The subscribers of one topic, and whether each has the book that updates apply to."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.synced: dict[ClientSession, bool] = {}
        """Every subscriber, and whether it has a book to apply updates to."""
        self._window: L2Window | L3Window | None = None
        """Set while a subscriber has a book of less than the recorded depth."""

    @property
    def depth(self) -> int:
        """The depth of a book's topic."""
        assert isinstance(self.topic.variety, int)
        return self.topic.variety

    def snapshot(self, book: Book) -> str:
        """Return the book at this topic's depth; later updates are cut to match it."""
        if self.depth < book.depth and self._window is None:
            self._window = windows.window(book, self.depth)
        return windows.snapshot(book, self.depth)

    def replace(self, book: Book, data: bytes) -> None:
        """Send the book that the recorded snapshot `data` has replaced; empty for a keyframe."""
        self._window = None
        if self.depth >= book.depth and data:
            self._send_snapshot(data)
        elif book.verified:
            self._send_snapshot(self.snapshot(book).encode())

    def update(self, event: Update, data: bytes) -> None:
        """Send the recorded update `data`, which the book has taken, to those in sync."""
        if self._window is not None:
            data = self._window.update(event).encode()
        if not data:
            return
        for session, synced in self.synced.items():
            if synced:
                session.send(data)

    def suspend(self) -> None:
        """Send nothing until the book's next snapshot: it cannot be trusted."""
        self._window = None
        self.synced = dict.fromkeys(self.synced, False)

    def _send_snapshot(self, snapshot: bytes) -> None:
        for session in self.synced:
            self.synced[session] = True
            session.send(snapshot)


class _Client(NamedTuple):
    socket: Socket
    close: Callable[[str], None]


class RecordedExchange:
    """Owns the subscriptions; `publish` is called with each moment the player plays."""

    def __init__(self, player: Player, keys: ApiKeys) -> None:
        self.keys = keys
        self.instruments = InstrumentList(player.recording)
        self.state = ExchangeState()
        """The engine's state and what was announced, as the recorder was told."""
        self.subscriptions = 0
        """Subscriptions to market data so far."""
        self.disconnections = 0
        """How often connections have been closed so far."""
        self._player = player
        self._symbols = player.recording.info().symbols
        self._last_values = LastValues()
        self._seq = 0
        self._down: set[str] = set()
        """The recorder's connections that are lost at this place."""
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
        session = ClientSession(self, socket, send, connection_id=connection_id, now=now)
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

    def refusal(self, topic: Topic) -> str | None:
        """Return why nobody can subscribe to a topic, in the exchange's words; None if all can."""
        if not topic.symbol:
            return None
        book, info = self._book(topic), self._symbols.get(topic.symbol)
        if book is None and info is None:
            return refusals.unsupported_pair(topic.symbol)
        recorded: object
        if topic.channel in _ROLES:
            recorded = max(getattr(info, topic.channel, None) or 0, book.depth if book else 0)
            offered = isinstance(topic.variety, int) and topic.variety <= recorded
            reason = "asked for a deeper book than was recorded"
        else:  # an older recording does not say which candles it has
            recorded = info.ohlc if info and topic.channel == "ohlc" else ()
            offered = not recorded or topic.variety in recorded
            reason = "asked for candles that were not recorded"
        if offered:
            return None
        log.warning(reason, extra={**topic._asdict(), "recorded": recorded})
        return CHANNELS[topic.channel].not_offered

    def join(self, topic: Topic, session: ClientSession) -> None:
        """Send a topic's messages to a session from now on."""
        self.subscriptions += bool(topic.symbol)
        audiences = self._audiences.setdefault((topic.channel, topic.symbol), {})
        audience = audiences.setdefault(topic, TopicAudience(topic))
        audience.synced[session] = self._trusted_book(topic) is not None

    def leave(self, topic: Topic, session: ClientSession) -> None:
        """Stop sending a topic's messages to a session."""
        audiences = self._audiences[topic.channel, topic.symbol]
        del audiences[topic].synced[session]
        if not audiences[topic].synced:
            del audiences[topic]
        if not audiences:
            del self._audiences[topic.channel, topic.symbol]

    def snapshot(self, topic: Topic) -> str:
        """Return what a new subscriber starts from; empty when that is yet to be played."""
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
        keeper = self._player.keeper
        return (keeper.l3 if topic.channel == LEVEL3 else keeper.l2).get(topic.symbol)

    def _trusted_book(self, topic: Topic) -> Book | None:
        """Return the topic's book, if it has one that can be trusted."""
        if topic.channel not in _ROLES or _ROLES[topic.channel] in self._down:
            return None
        book = self._book(topic)
        return book if book is not None and book.verified else None

    def _audiences_of(self, channel: str, symbol: str = "") -> Iterable[TopicAudience]:
        """Return the audiences of every variety of a channel and symbol."""
        return self._audiences.get((channel, symbol), {}).values()

    # --- playing ----------------------------------------------------------------------

    def restore(self, before: Iterable[events.Event]) -> None:
        """Take what was sent, and which connections were lost, before playback begins."""
        for event in before:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._last_values.remember(event)
                case events.Reconnecting(connection=connection) if _role(connection) == "public":
                    self._last_values.pause()

    def publish(self, moment: Moment) -> None:
        """Send one moment of the recording, which the player's books have taken already."""
        if moment.connection:
            if self._seq and moment.seq > self._seq + 1:
                self.close_connections(MISSING)
            self._seq = moment.seq
        for event in moment.snapshots:
            if type(event) in _ONE_WORDING:
                self._publish((event,), encode.message(event).encode())
        self._publish(moment.events, moment.data)
        # A keyframe's books go last: by now they hold what the message says of them.
        books = [event for event in moment.snapshots if type(event) not in _ONE_WORDING]
        self._publish(books, b"")

    def _publish(self, happened: Iterable[events.Event], data: bytes) -> None:
        """Send events on; `data` is the message that brought them, empty where there is none."""
        receivers: dict[ClientSession, None] = {}
        for event in happened:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._last_values.remember(event)
                    receivers |= dict.fromkeys(self._subscribers(event))
                case events.Instruments():
                    self.instruments.apply(data)
                    if not event.snapshot:  # a snapshot of the list was sent to everyone already
                        for audience in self._audiences_of("instrument"):
                            receivers |= dict.fromkeys(audience.synced)
                case _:
                    self._publish_state(event, data)
        for session in receivers:
            session.send(data)

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
                self._follow_recorder(event)
            case events.Status():
                self._set_state(event)

    def _subscribers(
        self, event: events.Ticker | events.Trades | events.Candles
    ) -> Iterable[ClientSession]:
        """Iterate who is sent an event; a recorded snapshot not to those who declined one."""
        candles = event.candles if isinstance(event, events.Candles) else ()
        intervals = {candle.interval for candle in candles}
        for audience in self._audiences_of(_CHANNELS[type(event)], event.symbol):
            if intervals and audience.topic.variety not in intervals:
                continue
            for session in audience.synced:
                if not event.snapshot or session.wants_snapshot(audience.topic):
                    yield session

    def _suspend(self, channel: str, symbols: Iterable[str]) -> None:
        """Fall silent about the books among these that cannot be trusted."""
        for symbol in symbols:
            for audience in self._audiences_of(channel, symbol):
                if channel in _ROLES and self._trusted_book(audience.topic) is None:
                    audience.suspend()

    def _follow_recorder(self, event: events.Reconnecting | events.Connected) -> None:
        """Close connections where the recorder lost its own; note when it is back."""
        role = _role(event.connection)
        if isinstance(event, events.Connected):
            self._down.discard(role)
        elif role in _SOCKETS and role not in self._down:
            self._down.add(role)
            if role == "public":
                self._last_values.pause()
            self.close_connections(LOST, _SOCKETS[role])

    def _set_state(self, status: events.Status) -> None:
        """Announce a change: every connection of the recorder begins with a status."""
        state = ExchangeState(status.system, status.upcoming_maintenance, status.emergency)
        if not status.lists_stated:
            state = ExchangeState(status.system, self.state.upcoming, self.state.emergency)
        if state != self.state:
            self.state = state
            for session in self._clients:
                session.send_status(state, status.received)


def _role(connection: str) -> str:
    """Return what one of the recorder's connections carries."""
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
