"""A recording as an exchange, minus its sockets: who listens, and what each is told.

Messages leave as they were recorded, byte for byte, to whoever asked for the recorded
depth; at a smaller depth they are cut. A late subscriber gets a snapshot of the books
as they stand at this place of the recording.

The rule for books: an update is told only to those who have the book it applies to. One
that the recorder doubted falls silent until its next snapshot. Where the recorder lost
its connection, or messages are missing, connections are closed: nobody must take a
stream with a hole in it for a whole one, and every client knows what to do then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from random import Random
from typing import NamedTuple

from kracked.book.keeper import BOOK, LEVEL3
from kracked.protocol import encode, events
from kracked.protocol.last_values import REMEMBERED_TYPES, LastValues
from kracked.record.replay import Moment, Player
from kracked.replay_server.audience import TopicAudience
from kracked.replay_server.instrument_list import InstrumentList
from kracked.replay_server.windows import Book
from kracked.sim.auth import Accounts
from kracked.sim.channels import CHANNELS, Socket, Topic
from kracked.sim.client_session import ClientSession

log = logging.getLogger(__name__)

LOST = "the recorder lost its connection here"
MISSING = "messages are missing here"

_SOCKETS = {"public": Socket.PUBLIC, "level3": Socket.LEVEL3}
_ROLES = {BOOK: "public", LEVEL3: "level3"}
_WORDED = REMEMBERED_TYPES | {events.Instruments}
"""Of what stood, all that has one wording; a book has one for each depth."""


class _Client(NamedTuple):
    socket: Socket
    hang_up: Callable[[str], None]


class RecordedExchange:
    """Owns the subscriptions; `tell` is called with each moment the tape plays."""

    def __init__(self, player: Player, accounts: Accounts) -> None:
        self.accounts = accounts
        self.listing = InstrumentList(player.recording)
        self.system = "online"
        self.arrivals = 0
        """Subscriptions to market data so far."""
        self.closings = 0
        """How often connections have been closed so far."""
        self._player = player
        self._subjects = player.recording.info().symbols
        self._latest = LastValues()
        self._seq = 0
        self._down: set[str] = set()
        """Those of the recorder's connections that are lost at this place."""
        self._clients: dict[ClientSession, _Client] = {}
        self._audiences: dict[tuple[str, str], dict[Topic, TopicAudience]] = {}
        # Connection ids name connections; they need not be repeatable, nor secret.
        self._ids = Random()

    # --- connections ------------------------------------------------------------------

    def connect(
        self,
        socket: Socket,
        send: Callable[[bytes], None],
        hang_up: Callable[[str], None],
        now: int,
    ) -> ClientSession:
        """Greet a new client with the status; neither `send` nor `hang_up` may wait."""
        connection_id = self._ids.getrandbits(64)
        conversation = ClientSession(self, socket, send, connection_id=connection_id, now=now)
        self._clients[conversation] = _Client(socket, hang_up)
        conversation.tell_status(self.system)
        return conversation

    def disconnect(self, conversation: ClientSession) -> None:
        self._clients.pop(conversation, None)
        conversation.end()

    def pass_time(self, now: int) -> None:
        """Send the heartbeats that are due, and hang up on those who want nothing."""
        for conversation, client in self._clients.items():
            conversation.beat(now)
            if conversation.idle(now):
                client.hang_up("idle")

    def hang_up(self, reason: str, socket: Socket = Socket.ALL) -> None:
        """Close the connections that serve what this address serves; by default all."""
        lost = [
            client
            for client in self._clients.values()
            if socket is Socket.ALL or client.socket in (socket, Socket.ALL)
        ]
        self.closings += bool(lost)
        for client in lost:
            client.hang_up(reason)

    # --- subscriptions ----------------------------------------------------------------

    @property
    def attended(self) -> bool:
        """Whether anybody listens to a market."""
        return any(symbol for _, symbol in self._audiences)

    def objection(self, topic: Topic) -> str | None:
        """Why nobody can subscribe to the topic, in the exchange's words."""
        if not topic.symbol:
            return None
        kept, subject = self._book(topic), self._subjects.get(topic.symbol)
        if kept is None and subject is None:
            return f"Currency pair not supported {topic.symbol}"
        recorded: object
        if topic.channel in _ROLES:
            recorded = max(getattr(subject, topic.channel, None) or 0, kept.depth if kept else 0)
            offered = isinstance(topic.variety, int) and topic.variety <= recorded
            why = "asked for a deeper book than was recorded"
        else:  # an older recording does not say which candles it has
            recorded = subject.ohlc if subject and topic.channel == "ohlc" else ()
            offered = not recorded or topic.variety in recorded
            why = "asked for candles that were not recorded"
        if offered:
            return None
        log.warning(why, extra={**topic._asdict(), "recorded": recorded})
        return CHANNELS[topic.channel].not_offered

    def join(self, topic: Topic, conversation: ClientSession) -> None:
        """Tell this conversation of the topic from now on."""
        self.arrivals += bool(topic.symbol)
        alike = self._audiences.setdefault((topic.channel, topic.symbol), {})
        audience = alike.setdefault(topic, TopicAudience(topic))
        audience.begun[conversation] = self._proven(topic) is not None

    def leave(self, topic: Topic, conversation: ClientSession) -> None:
        """Tell it no more."""
        alike = self._audiences[topic.channel, topic.symbol]
        del alike[topic].begun[conversation]
        if not alike[topic].begun:
            del alike[topic]
        if not alike:
            del self._audiences[topic.channel, topic.symbol]

    def snapshot(self, topic: Topic) -> str:
        """What a new subscriber starts from; empty when that is yet to be played."""
        if topic.channel == "instrument":
            return self.listing.snapshot()
        interval = topic.variety if isinstance(topic.variety, int) else None
        if (told := self._latest.snapshot((topic.channel, topic.symbol, interval))) is not None:
            return encode.message(told)
        book = self._proven(topic)
        audience = self._audiences[topic.channel, topic.symbol][topic]
        return audience.picture(book) if book else ""

    def _book(self, topic: Topic) -> Book | None:
        keeper = self._player.keeper
        return (keeper.l3 if topic.channel == LEVEL3 else keeper.l2).get(topic.symbol)

    def _proven(self, topic: Topic) -> Book | None:
        """The topic's book, if it can be trusted."""
        if topic.channel not in _ROLES or _ROLES[topic.channel] in self._down:
            return None
        book = self._book(topic)
        return book if book is not None and book.verified else None

    def _alike(self, channel: str, symbol: str = "") -> Iterable[TopicAudience]:
        """Everyone who listens to this, whatever the variety."""
        return self._audiences.get((channel, symbol), {}).values()

    # --- what is played ---------------------------------------------------------------

    def recall(self, told: Iterable[events.Event]) -> None:
        """Know what had been told, and where the feed was lost, before the tape begins."""
        for event in told:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._latest.remember(event)
                case events.Reconnecting(connection=connection) if _role(connection) == "public":
                    self._latest.pause()

    def tell(self, moment: Moment) -> None:
        """Pass on one moment of the tape, which the player's books hold already."""
        if moment.connection:
            if self._seq and moment.seq > self._seq + 1:
                self.hang_up(MISSING)
            self._seq = moment.seq
        for event in moment.stood:
            if type(event) in _WORDED:
                self._pass_on((event,), encode.message(event).encode())
        self._pass_on(moment.events, moment.data)
        # A book that stood is pictured last: by now it holds what the message says of it.
        self._pass_on([event for event in moment.stood if type(event) not in _WORDED], b"")

    def _pass_on(self, happened: Iterable[events.Event], data: bytes) -> None:
        """Tell of events; `data` is the message that told them, empty where there is none."""
        heard: dict[ClientSession, None] = {}
        for event in happened:
            match event:
                case events.Ticker() | events.Trades() | events.Candles():
                    self._latest.remember(event)
                    heard |= dict.fromkeys(self._listeners(event))
                case events.Instruments():
                    heard |= dict.fromkeys(self._relist(event, data))
                case _:
                    self._keep(event, data)
        for conversation in heard:
            conversation.send(data)

    def _keep(self, event: events.Event, data: bytes) -> None:
        """What concerns books, connections and the exchange itself."""
        match event:
            case events.BookUpdate() | events.L3Update():
                for audience in self._alike(_CHANNELS[type(event)], event.symbol):
                    audience.update(event, data)
            case events.BookSnapshot() | events.L3Snapshot():
                self._replace(event, data)
            case events.Resync(channel=channel, symbol=symbol):
                self._doubt(channel, (symbol,))
            case events.Gap(channel=""):
                self.hang_up(MISSING)
            case events.Gap(channel=channel, symbols=symbols):
                self._doubt(channel, symbols)
            case events.Reconnecting() | events.Connected():
                self._follow(event)
            case events.Status(system=system):
                self._announce(system)

    def _listeners(
        self, event: events.Ticker | events.Trades | events.Candles
    ) -> Iterable[ClientSession]:
        """Who is told of it; a recorded snapshot is not for those who declined one."""
        candles = event.candles if isinstance(event, events.Candles) else ()
        intervals = {candle.interval for candle in candles}
        for audience in self._alike(_CHANNELS[type(event)], event.symbol):
            if intervals and audience.topic.variety not in intervals:
                continue
            for listener in audience.begun:
                if not event.snapshot or listener.wants_snapshot(audience.topic):
                    yield listener

    def _relist(self, event: events.Instruments, data: bytes) -> Iterable[ClientSession]:
        """Follow the list; a snapshot of it everyone has got already."""
        self.listing.learn(data)
        if not event.snapshot:
            for audience in self._alike("instrument"):
                yield from audience.begun

    def _replace(self, event: events.BookSnapshot | events.L3Snapshot, data: bytes) -> None:
        for audience in self._alike(_CHANNELS[type(event)], event.symbol):
            book = self._book(audience.topic)
            assert book is not None
            audience.replace(book, data)

    def _doubt(self, channel: str, symbols: Iterable[str]) -> None:
        for symbol in symbols:
            for audience in self._alike(channel, symbol):
                if channel in _ROLES and self._proven(audience.topic) is None:
                    audience.doubt()

    def _follow(self, event: events.Reconnecting | events.Connected) -> None:
        """The recorder's connection was lost, or is back."""
        role = _role(event.connection)
        if isinstance(event, events.Connected):
            self._down.discard(role)
        elif role in _SOCKETS and role not in self._down:
            self._down.add(role)
            if role == "public":
                self._latest.pause()
            self.hang_up(LOST, _SOCKETS[role])

    def _announce(self, system: str) -> None:
        """Every connection of the recorder begins with a status; only changes are news."""
        if system != self.system:
            self.system = system
            for conversation in self._clients:
                conversation.tell_status(system)


def _role(connection: str) -> str:
    """What one of the recorder's connections brings."""
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
