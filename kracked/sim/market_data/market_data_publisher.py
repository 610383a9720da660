"""Everything the public is told about one instrument: books, trades, ticker, candles.

Words are made once per topic and only while somebody listens; who listens is the
exchange's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from kracked.gateway.channels import Topic, Variety
from kracked.protocol import encode, events
from kracked.protocol.events import Side
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.listings import Listing
from kracked.sim.market_data.book_publisher import BOOK, LEVEL3, BookPublisher
from kracked.sim.market_data.public_book import VisibleBook
from kracked.sim.market_data.trade_history import DAY_NS, PastCandle, PastTrade, TradeHistory

TRADES_TOLD = 50
CANDLES_TOLD = 10
"""How much of the past a snapshot holds."""
SPREADS_KEPT = 200
_CENT = Decimal("0.01")


class Spread(NamedTuple):
    """The best prices from an instant on; None where a side is empty."""

    time: int
    bid: int | None
    ask: int | None


class MarketDataPublisher:
    """One instrument's public face."""

    def __init__(self, listing: Listing, matcher: Matcher, history: TradeHistory, now: int) -> None:
        self.listing = listing
        self.matcher, self.history = matcher, history
        self.spreads: deque[Spread] = deque(maxlen=SPREADS_KEPT)
        self._time = now
        self._book_publisher: BookPublisher | None = None
        self._watched: dict[tuple[str, Variety], Topic] = {}
        self._note_spread()

    @property
    def symbol(self) -> str:
        return self.listing.symbol

    # --- who listens ------------------------------------------------------------------

    def watch(self, topic: Topic) -> None:
        """Make words for this topic from now on."""
        self._watched[topic.channel, topic.variety] = topic
        if topic.channel in (BOOK, LEVEL3):
            self._books().watch(topic.channel, _depth(topic))

    def unwatch(self, topic: Topic) -> None:
        self._watched.pop((topic.channel, topic.variety), None)
        if self._book_publisher is None or topic.channel not in (BOOK, LEVEL3):
            return
        self._book_publisher.unwatch(topic.channel, _depth(topic))
        if not self._book_publisher.watched:
            self._book_publisher = None

    def last_update(self, channel: str, depth: int) -> int | None:
        """When the last update of a book was worded; None when none has been."""
        return (
            self._book_publisher.last_updates.get((channel, depth))
            if self._book_publisher
            else None
        )

    @property
    def watched(self) -> frozenset[Topic]:
        """What words are made for now."""
        return frozenset(self._watched.values())

    def _books(self) -> BookPublisher:
        """The publisher, begun from the engine's book when the first one asks."""
        if self._book_publisher is None:
            instrument = self.listing.instrument
            book = VisibleBook(instrument.precision)
            for side in Side:
                for level in self.matcher.levels(side):
                    book.fill(side, self.matcher.queue(side, level.price))
            self._book_publisher = BookPublisher(instrument, book, self._time)
        return self._book_publisher

    # --- what is told -----------------------------------------------------------------

    def snapshot(self, topic: Topic, now: int) -> str:
        """The state a new subscriber starts from."""
        match topic.channel:
            case "book" | "level3":
                return self._books().snapshot(topic.channel, _depth(topic), now)
            case "trade":
                return self._trades(list(self.history.trades)[-TRADES_TOLD:], snapshot=True)
            case "ohlc":
                return self._candles_snapshot(topic)
            case _:
                return self._ticker(now, snapshot=True)

    def apply(self, batch: EngineBatch) -> Iterator[tuple[Topic, str]]:
        """Follow the engine by one batch: what to tell the listeners of which topic."""
        self._time = batch.time
        trades = self.history.apply(batch)
        moved = self._note_spread()
        if not self._watched:
            return
        if trades:
            yield from self._traded(trades, batch.time)
        if moved and (topic := self._watched.get(("ticker", "bbo"))):
            yield topic, self._ticker(batch.time)
        if self._book_publisher is not None:
            for channel, depth, text in self._book_publisher.apply(batch):
                yield self._watched[channel, depth], text

    def _traded(self, trades: tuple[PastTrade, ...], time: int) -> Iterator[tuple[Topic, str]]:
        for (channel, variety), topic in self._watched.items():
            if channel == "trade":
                yield topic, self._trades(trades)
            elif channel == "ohlc":
                yield topic, self._candles(topic, [self._series(topic)[-1]], time)
            elif variety == "trades":
                yield topic, self._ticker(time)

    def _note_spread(self) -> bool:
        """Keep the history of best prices; whether they moved."""
        bid, ask = self.matcher.touch
        last = self.spreads[-1] if self.spreads else None
        if last is not None and last.bid == bid and last.ask == ask:
            return False
        self.spreads.append(Spread(self._time, bid, ask))
        return True

    # --- words ------------------------------------------------------------------------

    def _trades(
        self, trades: list[PastTrade] | tuple[PastTrade, ...], *, snapshot: bool = False
    ) -> str:
        rows = tuple(
            events.Trade(
                trade.side,
                trade.price,
                trade.qty,
                trade.taker_type.value,
                trade.trade_id,
                encode.micros(trade.time),
            )
            for trade in trades
        )
        precision = self.listing.instrument.precision
        return encode.trades(events.Trades(0, self.symbol, precision, rows, snapshot))

    def _series(self, topic: Topic) -> deque[PastCandle]:
        assert isinstance(topic.variety, int)
        return self.history.series[topic.variety].traded

    def _candles_snapshot(self, topic: Topic) -> str:
        series = self._series(topic)
        last = self.history.last
        time = self._time if last is None else last.time
        rows = list(islice(series, max(0, len(series) - CANDLES_TOLD), None))
        return self._candles(topic, rows, time, snapshot=True)

    def _candles(
        self, topic: Topic, candles: list[PastCandle], time: int, *, snapshot: bool = False
    ) -> str:
        assert isinstance(topic.variety, int)
        minutes = topic.variety
        rows = tuple(
            events.Candle(
                minutes,
                candle.begin,
                candle.open,
                candle.high,
                candle.low,
                candle.close,
                candle.vwap,
                candle.volume,
                candle.trades,
            )
            for candle in candles
        )
        precision = self.listing.instrument.precision
        return encode.candles(
            events.Candles(0, self.symbol, precision, rows, snapshot, encode.nanos(time))
        )

    def _ticker(self, time: int, *, snapshot: bool = False) -> str:
        day = self.history.day
        day.forget(time - DAY_NS)
        bid, ask = self.matcher.best_bid, self.matcher.best_ask
        traded = day.trades > 0
        return encode.ticker(
            events.Ticker(
                0,
                self.symbol,
                self.listing.instrument.precision,
                bid=bid.price if bid else None,
                bid_qty=bid.qty if bid else 0,
                ask=ask.price if ask else None,
                ask_qty=ask.qty if ask else 0,
                last=day.last if traded else None,
                volume=day.volume,
                vwap=day.vwap if traded else None,
                low=day.low if traded else None,
                high=day.high if traded else None,
                change=day.change if traded else None,
                change_pct=_percent(day.change, day.open) if traded else None,
                trades=day.trades,
                timestamp=encode.micros(time),
                snapshot=snapshot,
            )
        )


def _depth(topic: Topic) -> int:
    assert isinstance(topic.variety, int)
    return topic.variety


def _percent(change: int, base: int) -> Decimal:
    return (Decimal(100 * change) / base).quantize(_CENT) if base else _CENT * 0
