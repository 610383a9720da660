"""A whole feed and a whole exchange in one process, without sockets, tasks or clocks.

The rig is the shell around the feed's sessions, and spoils what passes between. Beside
the feed a twin hears every message as it was sent: what a book may ever have looked like.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.feed.clock import Clock
from kracked.feed.managed_connection import ManagedConnection
from kracked.feed_manager import FeedManager
from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.gateway.client_session import ClientSession
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.control_api import ControlApi
from kracked.sim.exchange import Exchange
from kracked.sim.injection.injector import FaultInjector
from kracked.times import NS_PER_S
from tests.benchmarks.truth import account_differences, rows

START = 1_790_000_000 * NS_PER_S
TICK_NS = NS_PER_S // 10
SYMBOLS = ("BTC/USD", "ETH/USD")
KEPT = 50
"""Old messages that may come again."""


class Line:
    """One connection: the frames under way to the feed, and a twin that gets them intact."""

    session: ClientSession

    def __init__(self, link: ManagedConnection) -> None:
        self.link = link
        self.waiting: list[bytes] = []
        self.twin = BookKeeper()
        self.seen: dict[tuple[str, str], set[str]] = defaultdict(set)
        """Every look the twin's books ever had."""

    def put(self, message: bytes) -> None:
        self.waiting.append(message)
        self.twin.receive(message)
        for book in kept(self.twin):
            if book.verified:
                self.seen[key(book)].add(look(book))


class Rig:
    """The driver of the feed: it moves messages and time."""

    def __init__(self, seed: int, faults: Sequence[str] = (), *, ticker: str = "bbo") -> None:
        self.now, self.random = START, Random(seed)
        self.faults = faults
        """What happens to one message in ten; see `_spoil`."""
        self.dropped: tuple[bytes, ...] = ()
        """Messages that hold one of these texts never arrive."""
        self.closed = False
        """Nobody trades: only heartbeats go on."""
        market = SimulatedMarket(listings.listings(SYMBOLS), seed=seed, rate=0.2).opened(START)
        self.api_key, self.keys = ApiKey(*new_key()), ApiKeys()
        self.keys.add(self.api_key)
        self.exchange = Exchange(market, self.keys, START)
        self.bench = ControlApi(
            self.exchange, FaultInjector(self.exchange, (), seed=seed, now=START)
        )
        self.feed = FeedManager(
            SYMBOLS,
            book=10,
            level3=10,
            trade=True,
            ticker=ticker,
            ohlc=1,
            account=True,
            token=self._never_asked,
            clock=Clock(lambda: self.now, lambda: self.now),
        )
        self._old: list[bytes] = []
        self._trader = self.exchange.connect(Socket.PRIVATE, lambda _: None, START)
        self.lines = [Line(link) for link in self.feed._connections]
        for line in self.lines:
            self._connect(line)

    async def _never_asked(self) -> str:
        raise AssertionError("nothing connects by itself here")

    # --- connections ------------------------------------------------------------------

    def _connect(self, line: Line) -> None:
        role = line.link.role
        token = self.keys.issue(self.api_key, self.now) if role != "public" else None
        line.waiting.clear()
        line.twin = BookKeeper()
        line.link.connection._begin(token)
        line.session = self.exchange.connect(Socket(role), line.put, self.now)

    def cut(self, line: Line, reason: str = "cut") -> None:
        """The connection is lost, with what is on its way, and made anew."""
        self.exchange.disconnect(line.session)
        line.link.connection._lose(reason)
        self._connect(line)

    # --- time ---------------------------------------------------------------------------

    def live(self, seconds: float) -> None:
        """Let both sides talk for some seconds."""
        for tick in range(round(seconds * NS_PER_S / TICK_NS)):
            self.now += TICK_NS
            if self.closed:
                self.exchange.pause(self.now)
            else:
                self.exchange.advance(self.now)
                if tick % 5 == 0:
                    self._trade()
            for line in self.lines:
                line.session.send_heartbeats(self.now)
                self._talk(line)

    def _talk(self, line: Line) -> None:
        link, session = line.link, line.link.session
        arrived, line.waiting = line.waiting, []
        for message in self._spoilt(arrived):
            self.feed.on_frame(link.connection, message, self.now)
        self.feed.on_events(session.elapse(self.now, self.now))
        if session.broken is not None:
            self.cut(line, session.broken)
        for request in session.to_send(self.now):
            line.session.receive(request, self.now)

    def _trade(self) -> None:
        """Place a small order, at the touch or far from it."""
        token = self.keys.issue(self.api_key, self.now)
        order: dict[str, object] = {
            "order_type": self.random.choice(("market", "limit")),
            "side": self.random.choice(("buy", "sell")),
            "symbol": SYMBOLS[0],
            "order_qty": 0.001,
            "token": token,
        }
        if order["order_type"] == "limit":
            order["limit_price"] = 20_000 if order["side"] == "buy" else 200_000
        request = {"method": "add_order", "params": order, "req_id": 1}
        self._trader.receive(json.dumps(request), self.now)

    # --- spoiling -------------------------------------------------------------------------

    def _spoilt(self, messages: list[bytes]) -> list[bytes]:
        arriving: list[bytes] = []
        for message in messages:
            if any(text in message for text in self.dropped):
                continue
            self._old = [*self._old, message][-KEPT:]
            if self.faults and self.random.random() < 0.1:
                arriving += self._spoil(self.random.choice(self.faults), message)
            else:
                arriving.append(message)
        if "shuffle" in self.faults and self.random.random() < 0.05:
            self.random.shuffle(arriving)
        return arriving

    def _spoil(self, fault: str, message: bytes) -> list[bytes]:
        match fault:
            case "lose":
                return []
            case "double":
                return [message, message]
            case "cut short":
                return [message[: self.random.randrange(len(message))]]
            case "flip" if b'"executions"' in message or b'"balances"' in message:
                return [message]  # no checksum guards the account: only the line itself does
            case "flip":
                place = self.random.randrange(len(message))
                changed = bytes([message[place] ^ (1 << self.random.randrange(8))])
                return [message[:place] + changed + message[place + 1 :]]
            case "change":
                return [changed_json(message, self.random)]
            case "repeat":
                return [message, self.random.choice(self._old)]
        return [message]

    # --- truth ----------------------------------------------------------------------------

    def suspects(self) -> list[str]:
        """Return the verified books that equal no book the exchange ever had."""
        return [
            f"{key(book)} {look(book)}"
            for line in self.lines
            for book in kept(line.link.keeper)
            if book.verified and look(book) not in line.seen[key(book)]
        ]

    def unlike(self) -> list[object]:
        """Return everything that differs from the exchange's own state, or is not known."""
        found: list[object] = []
        for line in self.lines:
            twins = {key(book): look(book) for book in kept(line.twin) if book.verified}
            books = {key(book): look(book) for book in kept(line.link.keeper) if book.verified}
            found += [
                name for name in twins.keys() | books.keys() if twins.get(name) != books.get(name)
            ]
        account = self.feed.account
        truth = json.loads(self.bench.answer("GET", "/sim/account", {}) or b"", parse_float=Decimal)
        found += account_differences(account, truth["main"])
        return found + [
            name for name in ("orders_known", "balances_known") if not getattr(account, name)
        ]


def kept(keeper: BookKeeper) -> list[L2Book | L3Book]:
    return [*keeper.l2.values(), *keeper.l3.values()]


def key(book: L2Book | L3Book) -> tuple[str, str]:
    return (book.stats.channel, book.symbol)


def look(book: L2Book | L3Book) -> str:
    """Return what a checksum covers at depth 10: no ids, no times."""
    level3 = isinstance(book, L3Book)
    sides = [rows(side) for side in (book.bids, book.asks)]
    return str([[row[1:3] if level3 else row for row in side] for side in sides])


VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1.5,
    2**70,
    "",
    "BTC/USD",
    "x",
    [],
    {},
    [[]],
    "1e9",
)


def changed_json(message: bytes, random: Random) -> bytes:
    """Return the message with one value removed or replaced."""
    body = json.loads(message, parse_float=Decimal)
    place: Any = body
    while True:
        names = list(place) if isinstance(place, dict) else range(len(place))
        if not names:
            break
        name = random.choice(list(names))
        inner = place[name]
        if isinstance(inner, dict | list) and inner and random.random() < 0.8:
            place = inner
            continue
        if random.random() < 0.3:
            del place[name]
        else:
            place[name] = random.choice(VALUES)
        break
    return json.dumps(body, default=float).encode()
