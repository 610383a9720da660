"""A small frozen market for the screen's tests: the same books, trades and clock every time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from random import Random
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.feed_manager import FeedManager
from kracked.instruments import Instrument, Precision
from kracked.protocol import events
from kracked.protocol.events import Event, OrderAction, OrderChange, Side, Trade
from kracked.times import NS_PER_S, parse_ns, to_rfc3339
from kracked_tui.sources.base import Counters

SYMBOL = "BTC/USD"
PRECISION = Precision(1, 8)
NOW = parse_ns("2026-11-22T14:03:21Z")
BEST_BID, BEST_ASK = 642_100, 642_105
"""Scaled: 64210.0 and 64210.5."""


def levels(side: Side, count: int = 60, seed: int = 7) -> list[tuple[int, int]]:
    """Return levels, best first; prices 0.5 apart with gaps, quantities from 0.0005 to 3."""
    random = Random(seed + (side is Side.ASK))
    step = -5 if side is Side.BID else 5
    price = BEST_BID if side is Side.BID else BEST_ASK
    found = []
    for _ in range(count):
        found.append(
            (price, random.choice((51_00, 2_500_000, 15_000_000, 42_000_000, 110_000_000)))
        )
        price += step * random.choice((1, 1, 1, 2))
    return found


def book(
    bids: list[tuple[int, int]] | None = None, asks: list[tuple[int, int]] | None = None
) -> L2Book:
    """Return a verified level 2 book of these levels, or of the frozen ones."""
    bids = levels(Side.BID) if bids is None else bids
    asks = levels(Side.ASK) if asks is None else asks
    made = L2Book(SYMBOL, PRECISION, 100)
    for checksum in (0, None):  # what it hashes to is known after the first
        stated = made.computed if checksum is None else checksum
        made.apply(
            events.BookSnapshot(
                NOW,
                SYMBOL,
                PRECISION,
                tuple(bids),
                tuple(asks),
                stated,
                to_rfc3339(NOW - 38_000_000),
            )
        )
    assert made.verified
    return made


def order(number: int, price: int, qty: int, age_s: int = 60) -> OrderChange:
    return OrderChange(
        OrderAction.ADD,
        f"OABCDE-FGHIJ-K{number:05d}",
        price,
        qty,
        to_rfc3339(NOW - age_s * NS_PER_S),
    )


def orders() -> L3Book:
    """Return a level 3 book of the same levels, each split into one to four orders."""
    random = Random(11)
    sides: dict[Side, list[OrderChange]] = {Side.BID: [], Side.ASK: []}
    number = 0
    for side, found in sides.items():
        for price, qty in levels(side):
            parts = random.randint(1, 4)
            for part in range(parts):
                number += 1
                share = qty // parts if part else qty - qty // parts * (parts - 1)
                found.append(order(number, price, share, random.choice((1, 9, 44, 252, 4000))))
    made = L3Book(SYMBOL, PRECISION, 100)
    for checksum in (0, None):
        stated = made.computed if checksum is None else checksum
        made.apply(
            events.L3Snapshot(
                NOW, SYMBOL, PRECISION, tuple(sides[Side.BID]), tuple(sides[Side.ASK]), stated
            )
        )
    assert made.verified
    return made


def trade(number: int, side: Side, price: int, qty: int, ago_s: float) -> Trade:
    time = to_rfc3339(NOW - int(ago_s * NS_PER_S))
    return Trade(side, price, qty, "market", 1000 + number, time)


def trades(count: int = 80) -> list[Event]:
    """Return the taker orders of the last minutes, oldest first."""
    random = Random(5)
    found: list[Event] = []
    for number in range(count):
        side = random.choice((Side.BID, Side.BID, Side.ASK))
        price = (BEST_ASK if side is Side.BID else BEST_BID) + 5 * random.randint(-6, 6)
        ago = (count - number) * 2.5
        first = number + (number + 8) // 9  # every ninth taker has two fills
        fills = [trade(first, side, price, random.choice((5_100, 800_000, 31_000_000)), ago)]
        if number % 9 == 0:
            further = price + (5 if side is Side.BID else -5)
            fills.append(trade(first + 1, side, further, 120_000_000, ago))
        found.append(events.Trades(NOW, SYMBOL, PRECISION, tuple(fills)))
    return found


def candles(count: int = 90) -> Event:
    random = Random(3)
    price, found = 641_000, []
    first = NOW // (60 * NS_PER_S) - count + 1
    for number in range(count):
        close = price + random.randint(-300, 310)
        found.append(
            events.Candle(
                interval=1,
                begin=(first + number) * 60 * NS_PER_S,
                open=price,
                high=max(price, close) + random.randint(0, 90),
                low=min(price, close) - random.randint(0, 90),
                close=close,
                vwap=close,
                volume=random.randint(1, 900) * 1_000_000,
                trades=9,
            )
        )
        price = close
    return events.Candles(NOW, SYMBOL, PRECISION, tuple(found), True)


def ticker(symbol: str = SYMBOL, last: int = BEST_ASK, change: str = "1.24") -> Event:
    return events.Ticker(
        NOW, symbol, PRECISION,
        bid=BEST_BID, bid_qty=1, ask=BEST_ASK, ask_qty=1, last=last,
        volume=184_200_000_000, vwap=641_880, low=631_205, high=649_800,
        change=7_870, change_pct=Decimal(change),
    )  # fmt: skip


INSTRUMENT = Instrument(
    symbol=SYMBOL, base="BTC", quote="USD", precision=PRECISION,
    price_increment=1, qty_increment=1, qty_min=5000,
)  # fmt: skip


def opening() -> list[Event]:
    """Return the events that a live screen has received."""
    rules = [INSTRUMENT, *(_rules(symbol) for symbol in ("ETH/USD", "SOL/USD", "ETH/EUR"))]
    return [
        events.Connected(NOW, "public", "ws://127.0.0.1/public/v2"),
        events.Instruments(NOW, tuple(rules), (), True),
        events.Verified(NOW, SYMBOL, "book"),
        ticker(),
        ticker("ETH/USD", 34_124, "-0.83"),
        candles(),
        *trades(),
    ]


def _rules(symbol: str) -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol, base=base, quote=quote, precision=PRECISION,
        price_increment=1, qty_increment=1, qty_min=1,
    )  # fmt: skip


class ScriptedSource:
    """A source that publishes what the test gives it; its clock stands still."""

    mode = "LIVE"
    playback = None
    name = "ws.example"
    no_level3_reason = ""
    access = None

    def __init__(self, *, with_book: bool = True) -> None:
        self.books_held: dict[str, L2Book] = {SYMBOL: book()} if with_book else {}
        self.orders_held: dict[str, L3Book] = {SYMBOL: orders()} if with_book else {}
        self.time = NOW
        self.requests: list[tuple[str, object]] = []
        self._queue: asyncio.Queue[list[Event]] = asyncio.Queue()

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self.books_held

    @property
    def l3(self) -> Mapping[str, L3Book]:
        return self.orders_held

    feed: FeedManager | None = None

    def counters(self) -> Counters:
        return Counters(41_204, 0)

    def now(self) -> int:
        return self.time

    def say(self, *happened: Event) -> None:
        self._queue.put_nowait(list(happened))

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
        while True:
            yield await self._queue.get()

    async def show(self, symbol: str) -> None:
        self.requests.append(("show", symbol))

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        self.requests.append(("follow", needed))

    async def candles(self, symbol: str, timeframe_s: int) -> events.Candles | None:
        self.requests.append((symbol, timeframe_s))
        return None
