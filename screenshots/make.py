"""Draw the pictures of this folder: `python screenshots/make.py`.

A seeded simulated market is traded for some minutes of its own time, without sockets or
a clock, then looked at: the same pictures every time, on every machine.
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
from kracked.protocol.events import Connected, Event
from kracked.protocol.requests import Subscribe, encode
from kracked.record.write.session import record_into
from kracked.record.write.session_folder import SessionInfo
from kracked.sim import listings as listed
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.auth import Accounts, ApiKey, new_key
from kracked.sim.channels import Socket
from kracked.sim.exchange import Exchange
from kracked.times import NS_PER_S, parse_ns, to_rfc3339
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.sources.base import Counters
from kracked_tui.sources.open import opened
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
    """What a feed would have heard of a market between two instants, all at once."""

    mode = "DEMO"
    transport = None
    name = "simulated exchange"
    level3 = ""
    access = None

    feed = None

    def __init__(self) -> None:
        self.keeper = BookKeeper()
        self.time = OPENED
        self.raw: list[tuple[int, bytes]] = []
        """The messages themselves, each with its time."""
        self.heard: list[Event] = [Connected(OPENED, "public", "ws://127.0.0.1/public/v2")]
        listings = listed.listings(SYMBOLS)
        accounts, self._account = Accounts(), ApiKey(*new_key())
        accounts.add(self._account)
        market = SimulatedMarket(listings, seed=SEED).opened(OPENED)
        self.exchange = Exchange(market, accounts, OPENED)
        self._trade()

    def _trade(self) -> None:
        talk = self.exchange.connect(Socket.PUBLIC, self._hear, OPENED)
        symbols = list(SYMBOLS)
        wanted = [
            Subscribe(channel="instrument"),
            Subscribe(channel="trade", symbol=symbols),
            Subscribe(channel="ticker", symbol=symbols),
            Subscribe(channel="ohlc", symbol=symbols[:1], interval=1),
        ]
        for number, request in enumerate(wanted, 1):
            talk.receive(encode(request, number), OPENED)
        self._pass(OPENED + WATCHED_NS)
        # The books of the last minute are all that is seen of them.
        book = Subscribe(channel="book", symbol=symbols[:1], depth=100)
        talk.receive(encode(book, 9), self.time)
        token = self.exchange.accounts.issue(self._account, self.time)
        orders = Subscribe(channel="level3", symbol=symbols[:1], depth=100, token=token)
        level3 = self.exchange.connect(Socket.LEVEL3, self._hear, self.time)
        level3.receive(encode(orders, 1), self.time)
        self._pass(self.time + 60 * NS_PER_S)

    def _pass(self, until: int) -> None:
        while self.time < until:
            self.time += NS_PER_S
            self.exchange.advance(self.time)

    def _hear(self, data: bytes) -> None:
        self.heard += self.keeper.receive(data, self.time)
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
        """It has been heard."""

    async def candles(self, symbol: str, timeframe_s: int) -> None:
        """They have been heard."""


async def draw(past: PastMarket, size: tuple[int, int], theme: str) -> bytes:
    """The screen at this size as PNG."""
    monitor = Monitor(past, Settings(theme=theme), SYMBOLS)
    for event in past.heard:
        monitor.store.apply(event)
    async with monitor.run_test(size=size) as pilot:
        await rested(monitor, pilot)
        return picture(monitor, ".png")


async def draw_replay(past: PastMarket, size: tuple[int, int]) -> bytes:
    """The same market recorded, halfway through one message of its last minute."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "20261123T132000Z-ws.kraken.com"
        record(past.raw, path)
        source = ReplaySource(opened(path))
        source.toggle()
        monitor = Monitor(source, Settings(), SYMBOLS)
        async with monitor.run_test(size=size) as pilot:
            await source.seek(past.time - 20 * NS_PER_S)
            while not source.view().step.endswith("(2/3)"):
                await source.step(SYMBOLS[0], 1)
            await rested(monitor, pilot)
            return picture(monitor, ".png")


async def rested(monitor: Monitor, pilot: Pilot[None]) -> None:
    """Nothing more is heard, and all that was is drawn, the candles too."""
    chart, heard, rounds = monitor.trade.chart, -1, 0
    while rounds < RESTED_ROUNDS:
        await pilot.pause(0.02)
        monitor.trade.draw()
        still = heard == monitor.store.messages and (chart.newest or not chart.display)
        rounds, heard = rounds + 1 if still else 0, monitor.store.messages
    await pilot.pause()


def record(raw: list[tuple[int, bytes]], path: Path) -> None:
    """Write the messages into a session, as a recorder would have."""
    keeper, start = BookKeeper(), raw[0][0]
    with record_into(path, SessionInfo(start=to_rfc3339(start, 9)), clock=lambda: start) as session:
        for received, data in raw:
            session.intake.message("public", received, data)
            for event in keeper.receive(data, received):
                session.intake.event(event)
            session.hand_over([*keeper.l2.values(), *keeper.l3.values()], received)


def main() -> int:
    past = PastMarket()
    for name, size, theme in PICTURES:
        (FOLDER / f"{name}.png").write_bytes(asyncio.run(draw(past, size, theme)))
    (FOLDER / "replay.png").write_bytes(asyncio.run(draw_replay(past, (120, 40))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
