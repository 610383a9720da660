"""Draw the pictures of this folder: `python screenshots/make.py`.

A seeded simulated market trades for some minutes of its own time, without sockets or a
clock, and is then drawn: the same pictures every time, on every machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from textual.pilot import Pilot

from kracked.book.keeper import BookKeeper
from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.gateway.auth import ApiKey, ApiKeys, new_key
from kracked.gateway.channels import Socket
from kracked.protocol.events import Connected, Event
from kracked.protocol.requests import Subscribe, encode
from kracked.record.write.session import record_into
from kracked.record.write.session_folder import SessionInfo
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.sources.base import Counters
from kracked_tui.sources.open import open_playable
from kracked_tui.sources.replay import ReplaySource

FOLDER = Path(__file__).parent
SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
OPENED = parse_ns("2026-11-23T13:20:00Z")
WATCHED_NS = 40 * 60 * NS_PER_S
SEED = 8
RESTED_ROUNDS = 10
PICTURES = (
    ("80x24", (80, 24), "night"),
    ("120x40", (120, 40), "night"),
    ("200x60", (200, 60), "night"),
    ("day", (120, 40), "day"),
    ("blue-orange", (120, 40), "blue-orange"),
)


class PastMarket:
    """A source with everything a feed would have received between two instants."""

    mode = "DEMO"
    playback = None
    name = "simulated exchange"
    no_level3_reason = ""
    access = None

    feed = None

    def __init__(self) -> None:
        self.keeper = BookKeeper()
        self.time = OPENED
        self.raw: list[tuple[int, bytes]] = []
        """The messages, each with its time."""
        self.events: list[Event] = [Connected(OPENED, "public", "ws://127.0.0.1/public/v2")]
        listings = listed.listings(SYMBOLS)
        accounts, self._account = ApiKeys(), ApiKey(*new_key())
        accounts.add(self._account)
        market = SimulatedMarket(listings, seed=SEED).opened(OPENED)
        self.exchange = Exchange(market, accounts, OPENED)
        self._trade()

    def _trade(self) -> None:
        connection = self.exchange.connect(Socket.PUBLIC, self._receive, OPENED)
        symbols = list(SYMBOLS)
        requests = [
            Subscribe(channel="instrument"),
            Subscribe(channel="trade", symbol=symbols),
            Subscribe(channel="ticker", symbol=symbols),
            Subscribe(channel="ohlc", symbol=symbols[:1], interval=1),
        ]
        for number, request in enumerate(requests, 1):
            connection.receive(encode(request, number), OPENED)
        self._pass(OPENED + WATCHED_NS)
        # Books are subscribed for the last minute alone, which is all that is drawn of them.
        book = Subscribe(channel="book", symbol=symbols[:1], depth=100)
        connection.receive(encode(book, 9), self.time)
        token = self.exchange.keys.issue(self._account, self.time)
        orders = Subscribe(channel="level3", symbol=symbols[:1], depth=100, token=token)
        level3 = self.exchange.connect(Socket.LEVEL3, self._receive, self.time)
        level3.receive(encode(orders, 1), self.time)
        self._pass(self.time + 60 * NS_PER_S)

    def _pass(self, until: int) -> None:
        while self.time < until:
            self.time += NS_PER_S
            self.exchange.advance(self.time)

    def _receive(self, data: bytes) -> None:
        self.events += self.keeper.receive(data, self.time)
        self.raw.append((self.time, data))

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self.keeper.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        return self.keeper.l3

    def counters(self) -> Counters:
        tallies = self.keeper.stats.values()
        return Counters(sum(t.verified for t in tallies), sum(t.mismatched for t in tallies))

    def now(self) -> int:
        return self.time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def batches(self) -> AsyncIterator[list[Event]]:
        yield []
        await asyncio.Event().wait()

    async def show(self, symbol: str) -> None:
        """Subscribe nothing: everything has been received."""

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        """Subscribe nothing: all of it has been received."""

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        """Return nothing: the candles have been received."""


async def draw(past: PastMarket, size: tuple[int, int], theme: str) -> bytes:
    """Draw the screen at this size as PNG."""
    monitor = Monitor(past, Settings(theme=theme), SYMBOLS)
    for event in past.events:
        monitor.store.apply(event)
    async with monitor.run_test(size=size) as pilot:
        await rested(monitor, pilot)
        return picture(monitor, ".png")


async def draw_replay(past: PastMarket, size: tuple[int, int]) -> bytes:
    """Draw a replay of the same market, between the order events of one message."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "20261123T132000Z-ws.kraken.com"
        record(past.raw, path)
        source = ReplaySource(open_playable(path))
        source.toggle()
        monitor = Monitor(source, Settings(), SYMBOLS)
        async with monitor.run_test(size=size) as pilot:
            await source.seek(past.time - 20 * NS_PER_S)
            while not source.view().step.endswith("(2/3)"):
                await source.step(SYMBOLS[0], 1)
            await rested(monitor, pilot)
            return picture(monitor, ".png")


async def rested(monitor: Monitor, pilot: Pilot[None]) -> None:
    """Wait until no more events come, and all are drawn, the candles too."""
    chart, received, rounds = monitor.trade.chart, -1, 0
    while rounds < RESTED_ROUNDS:
        await pilot.pause(0.02)
        monitor.trade.draw()
        still = received == monitor.store.messages and (chart.up_to_date or not chart.display)
        rounds, received = rounds + 1 if still else 0, monitor.store.messages
    await pilot.pause()


def record(raw: list[tuple[int, bytes]], path: Path) -> None:
    """Write the messages into a session, as a recorder would have."""
    keeper, start = BookKeeper(), raw[0][0]
    with record_into(path, SessionInfo(start=to_rfc3339(start, 9)), clock=lambda: start) as session:
        for received, data in raw:
            session.ingest.take_message("public", received, data)
            for event in keeper.receive(data, received):
                session.ingest.take_event(event)
            session.hand_over([*keeper.l2.values(), *keeper.l3.values()], received)


def main() -> int:
    past = PastMarket()
    for name, size, theme in PICTURES:
        (FOLDER / f"{name}.png").write_bytes(asyncio.run(draw(past, size, theme)))
    (FOLDER / "replay.png").write_bytes(asyncio.run(draw_replay(past, (120, 40))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
