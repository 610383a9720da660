"""The exchange as a source, over a `FeedManager`; and the one inside, for the demo."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.feed.errors import NoToken
from kracked.feed.fanout import Policy
from kracked.feed.managed_connection import PUBLIC
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Candles, Event
from kracked.protocol.requests import OHLC_INTERVALS
from kracked.rest.client import RestClient
from kracked.rest.nonce import key_file, state_folder
from kracked_tui.sources.base import Access, Counters
from kracked_tui.sources.rest_candles import past_candles

BOOK_DEPTH = 100
LEVEL3_DEPTH = 100
_GATHER_S = 0.01
"""Events are taken this often and not one by one: the books are current meanwhile."""
_NO_KEY = (
    "The orders of a level come with level3, which Kraken gives to holders of an API key: "
    "set KRAKEN_API_KEY and KRAKEN_API_SECRET. The WebSocket permission is enough."
)

_WITHOUT_THE_KEY = "Public data go on without the key, which is tried again every few minutes."


class LiveSource:
    """One exchange. The shown symbol has every channel, the others their ticker and trades."""

    mode = "LIVE"
    transport = None

    def __init__(
        self,
        symbols: tuple[str, ...],
        endpoints: Endpoints,
        credentials: Credentials | None,
        *,
        state: Path | None = None,
        trades: bool = True,
    ) -> None:
        """`state`: the folder for the key's files. Without `trades` orders are only shown."""
        state = state or state_folder()
        self.name = endpoints.public.split("/")[2]
        self._shown = self._wanted = self._refusal = ""
        self._turn, self._candle_turn = asyncio.Lock(), asyncio.Lock()
        self._candles: tuple[str, int] = ("", 0)
        self._counted: dict[tuple[str, str], Counters] = {}
        """By channel and symbol, also of books that are not subscribed any more."""
        self._candles_wanted = self._candles
        self._has_key = credentials is not None
        self._rest = RestClient(credentials, endpoints, state=state)
        self.feed = FeedManager(
            symbols,
            account=self._has_key,
            trade=True,
            ticker=True,
            endpoints=endpoints,
            token=self._rest.websockets_token if credentials else None,
        )
        self._access = self._opened(credentials, state, trades) if credentials else None
        self._stack = AsyncExitStack()

    def _opened(self, credentials: Credentials, state: Path, trades: bool) -> Access:
        # From the very first report on: a display may skip, this must not.
        reports = self.feed.consumer(Policy.NEVER_SKIP) if trades else None
        name = key_file(credentials, state).name.replace("nonce", "outbox")
        outbox = state / f"{name}.jsonl"
        return Access(self._rest, self.feed.account, reports, outbox, self._silent_ns)

    @property
    def l2(self) -> Mapping[str, L2Book]:
        return self.feed.l2

    @property
    def l3(self) -> Mapping[str, L3Book]:
        return self.feed.l3

    @property
    def level3(self) -> str:
        return self._refusal if self._has_key else _NO_KEY

    @property
    def access(self) -> Access | None:
        return self._access

    def _silent_ns(self) -> int | None:
        connections = self.feed.stats().connections
        return next((one.silent_ns for one in connections if one.name == PUBLIC), None)

    def counters(self) -> Counters:
        for each in self.feed.stats().connections:
            for part in each.subscriptions:
                found = Counters(part.verified, part.mismatched)
                self._counted[part.channel, part.symbol or ""] = found
        counted = self._counted.values()
        return Counters(
            sum(one.verified for one in counted), sum(one.mismatched for one in counted)
        )

    def now(self) -> int:
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
        with self.feed.consumer(Policy.NEWEST) as consumer:
            while batch := await consumer.batch():
                yield batch
                await asyncio.sleep(_GATHER_S)

    async def show(self, symbol: str) -> None:
        self._wanted = symbol
        # One change at a time: two quick keys would else undo each other's subscriptions.
        async with self._turn:
            was = self._shown
            if symbol != self._wanted or symbol == was:
                return
            # Also when a part of it is refused: what is not, is live.
            self._shown = symbol
            try:
                await self._subscribe(symbol)
            finally:
                if was:
                    await self.feed.unsubscribe(was, "book", "level3")

    async def _subscribe(self, symbol: str) -> None:
        level3 = LEVEL3_DEPTH if self._has_key else None
        try:
            await self.feed.subscribe(
                symbol, book=BOOK_DEPTH, level3=level3, trade=True, ticker=True
            )
        except NoToken as refused:
            self._refusal = f"{refused.error} {_WITHOUT_THE_KEY}"
            raise
        self._refusal = ""

    async def candles(self, symbol: str, timeframe_s: int) -> Candles | None:
        self._candles_wanted = wanted = (symbol, timeframe_s)
        interval = timeframe_s // 60
        async with self._candle_turn:
            was = self._candles
            if wanted != self._candles_wanted or wanted == was:
                return None
            if was[0]:
                await self.feed.unsubscribe(was[0], "ohlc")
            self._candles = wanted
            if interval not in OHLC_INTERVALS:
                return None
            await self.feed.subscribe(symbol, ohlc=interval)
        known = self.feed.instruments.get(symbol)
        if known is None:
            return None
        return await past_candles(self._rest, symbol, interval, known.precision, self.now())
