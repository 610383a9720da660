"""The exchange as a source, over a `FeedManager`; the demo uses it for the simulated one too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.errors import NoToken
from kracked.feed.fanout import Policy
from kracked.feed_manager import FeedManager
from kracked.instruments import Precision
from kracked.protocol.events import Candle, Candles, Event
from kracked.protocol.requests import OHLC_INTERVALS
from kracked.rest.client import RestClient
from kracked.rest.nonce import key_file
from kracked.state_files import state_folder
from kracked.times import NS_PER_S
from kracked_tui.sources.base import Access, Counters, PaperMoney

BOOK_DEPTH = 100
LEVEL3_DEPTH = 100
_GATHER_S = 0.01
"""How often events are taken, many at a time; the books are current meanwhile."""
_NO_KEY = (
    "The orders of a level come with level3, which Kraken gives to holders of an API key: "
    "set KRAKEN_API_KEY and KRAKEN_API_SECRET. The WebSocket permission is enough."
)

_WITHOUT_THE_KEY = "Public data go on without the key, which is tried again every few minutes."


class LiveSource:
    """One exchange. The shown symbol has every channel, the others their ticker and trades."""

    playback = None

    def __init__(
        self,
        symbols: tuple[str, ...],
        endpoints: Endpoints,
        credentials: Credentials | None,
        *,
        state: Path | None = None,
        trades: bool = True,
        mode: str = "LIVE",
        name: str = "",
        paper: PaperMoney | None = None,
    ) -> None:
        """
        Args:
            symbols: Pairs to watch from the start.
            endpoints: The exchange's addresses.
            credentials: The API key; without one there is no level 3 and no account.
            state: Folder for the key's files.
            trades: Whether orders may be placed; otherwise they are only shown.
            mode: LIVE; DEMO where the exchange is simulated; PAPER with an account on paper.
            name: The exchange's name for people; its host by default.
            paper: The account on paper, where the key is that of one.
        """
        state = state or state_folder()
        self.mode, self.name = mode, name or endpoints.public.split("/")[2]
        self._shown = self._requested = self._level3_error = ""
        self._needed: Mapping[str, frozenset[str]] = {}
        """The channels that alerts need, by symbol."""
        self._show_lock, self._candles_lock = asyncio.Lock(), asyncio.Lock()
        self._candles = self._requested_candles = ("", 0)
        """Symbol and timeframe of the candles subscribed, and of those requested last."""
        self._counted: dict[tuple[str, str], Counters] = {}
        """By channel and symbol, also of books that are not subscribed any more."""
        self._has_key = credentials is not None
        self._has_level3 = self._has_key and (paper is None or paper.level3)
        self._rest = RestClient(credentials, endpoints, state=state)
        self.feed = FeedManager(
            symbols,
            account=self._has_key,
            trade=True,
            ticker=True,
            endpoints=endpoints,
            token=self._rest.websockets_token if credentials else None,
        )
        self.access: Access | None = None
        if credentials is not None:
            # From the very first report on: a display may skip events, the trader must not.
            reports = self.feed.consumer(Policy.NEVER_SKIP) if trades else None
            outbox = key_file(credentials, state).name.replace("nonce", "outbox") + ".jsonl"
            self.access = Access(
                self._rest,
                self.feed.account,
                reports,
                state / outbox,
                self.feed.freshness,
                self.feed.maintenance,
                paper=paper is not None,
                paper_place=paper.place if paper is not None else None,
            )
        self._stack = AsyncExitStack()

    @property
    def l2(self) -> Mapping[str, L2Book]:
        """The level 2 books by symbol."""
        return self.feed.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        """The level 3 books by symbol."""
        return self.feed.l3

    @property
    def no_level3_reason(self) -> str:
        """The reason for no level 3 book, for people."""
        return self._level3_error if self._has_level3 else _NO_KEY

    def counters(self) -> Counters:
        """Return the checksum counts of all books since the start."""
        for connection in self.feed.stats().connections:
            for book in connection.subscriptions:
                found = Counters(book.verified, book.mismatched)
                self._counted[book.channel, book.symbol or ""] = found
        counted = self._counted.values()
        return Counters(
            sum(one.verified for one in counted), sum(one.mismatched for one in counted)
        )

    def now(self) -> int:
        """Return the wall clock, ns."""
        return time.time_ns()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._rest)
        await self._stack.enter_async_context(self.feed)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def batches(self) -> AsyncIterator[list[Event]]:
        """Yield the events in order, each time all that have arrived; the newest where late."""
        with self.feed.consumer(Policy.NEWEST) as consumer:
            while batch := await consumer.batch():
                yield batch
                await asyncio.sleep(_GATHER_S)

    async def show(self, symbol: str) -> None:
        """Subscribe the books of this symbol, and unsubscribe those of the one before.

        Raises:
            RequestRejected: The exchange refuses a channel.
        """
        if not symbol:
            return  # an order whose pair is not known yet names none
        self._requested = symbol
        # One change at a time: two quick keys would else undo each other's subscriptions.
        async with self._show_lock:
            before = self._shown
            if symbol != self._requested or symbol == before:
                return
            # Even when a part of it is refused: the rest is subscribed.
            self._shown = symbol
            try:
                await self._subscribe(symbol)
            finally:
                if before:
                    await self._drop_books(before)

    async def _drop_books(self, symbol: str) -> None:
        """Unsubscribe the books of a symbol that is not shown, but for those that alerts need."""
        if dropped := {"book", "level3"} - self._needed.get(symbol, frozenset()):
            await self.feed.unsubscribe(symbol, *dropped)

    async def follow(self, needed: Mapping[str, frozenset[str]]) -> None:
        """Subscribe what alerts need besides what is shown, and no more of what they needed before.

        Args:
            needed: The channels `book`, `trade` and `level3`, by symbol.

        Raises:
            RequestRejected: The exchange refuses a channel.
        """
        async with self._show_lock:
            before, self._needed = self._needed, needed
            for symbol, channels in before.items():
                if symbol != self._shown and channels - needed.get(symbol, frozenset()):
                    await self._drop_books(symbol)
            for symbol, channels in needed.items():
                if symbol != self._shown and channels - before.get(symbol, frozenset()):
                    await self.feed.subscribe(
                        symbol,
                        book=BOOK_DEPTH if "book" in channels else None,
                        level3=LEVEL3_DEPTH if "level3" in channels and self._has_level3 else None,
                        trade=True,
                        ticker=True,
                    )

    async def _subscribe(self, symbol: str) -> None:
        level3 = LEVEL3_DEPTH if self._has_level3 else None
        try:
            await self.feed.subscribe(
                symbol, book=BOOK_DEPTH, level3=level3, trade=True, ticker=True
            )
        except NoToken as error:
            self._level3_error = f"{error.error} {_WITHOUT_THE_KEY}"
            raise
        self._level3_error = ""

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        """Subscribe the exchange's own candles of this length, where it makes them.

        Returns:
            Past candles, once; None where they are there already or not made.

        Raises:
            KrackedError: The candles could not be fetched.
        """
        self._requested_candles = requested = (symbol, timeframe_s)
        interval = timeframe_s // 60
        async with self._candles_lock:
            before = self._candles
            if requested != self._requested_candles or requested == before:
                return None
            if before[0]:
                await self.feed.unsubscribe(before[0], "ohlc")
            self._candles = requested
            if interval not in OHLC_INTERVALS:
                return None
            await self.feed.subscribe(symbol, ohlc=interval)
        instrument = self.feed.instruments.get(symbol)
        if instrument is None:
            return None
        return await past_candles(self._rest, symbol, interval, instrument.precision, self.now())


async def past_candles(
    rest: RestClient, symbol: str, interval: int, precision: Precision, now: int
) -> Candles:
    """Fetch up to 720 candles of `interval` minutes, the last one still forming.

    The stream alone would begin with an empty chart.

    Raises:
        KrackedError: The exchange cannot be reached or refuses.
    """
    rows, _ = await rest.ohlc(symbol, interval=interval)
    candles = tuple(
        Candle(
            interval=interval,
            begin=row.begin_s * NS_PER_S,
            open=_scaled(row.open, precision.price),
            high=_scaled(row.high, precision.price),
            low=_scaled(row.low, precision.price),
            close=_scaled(row.close, precision.price),
            vwap=_scaled(row.vwap, precision.price),
            volume=_scaled(row.volume, precision.qty),
            trades=row.trades,
        )
        for row in rows
    )
    return Candles(now, symbol, precision, candles, snapshot=True)


def _scaled(value: Decimal, decimals: int) -> int:
    """Scale a REST number, which has more decimals than the pair: zeros, except in an average."""
    return int(value.scaleb(decimals).to_integral_value())
