"""The public messages about one instrument: books, trades, ticker, candles.

A message is worded once per topic, and only while somebody is subscribed to it. Who is
subscribed is the exchange's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
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
from kracked.sim.realism import PLAIN, Realism

SNAPSHOT_TRADES = 50
SNAPSHOT_CANDLES = 10
MOST_SPREADS = 200
_CENT = Decimal("0.01")


class Spread(NamedTuple):
    """The best prices from an instant on; None where a side is empty."""

    time: int
    bid: int | None
    ask: int | None


class MarketDataPublisher:
    """Words one instrument's messages; changes by `apply` alone."""

    def __init__(
        self,
        listing: Listing,
        matcher: Matcher,
        history: TradeHistory,
        now: int,
        habits: Realism = PLAIN,
    ) -> None:
        """Publish an instrument.

        Args:
            listing: The instrument; the exchange replaces it when its status changes.
            matcher: Its engine.
            history: What it traded; this publisher applies each batch to it.
            now: Time, ns since the Unix epoch.
            habits: How takers are told.
        """
        self.listing = listing
        self._habits = habits
        self.matcher, self.history = matcher, history
        self.spreads: deque[Spread] = deque(maxlen=MOST_SPREADS)
        """The history of best prices, oldest first."""
        self._time = now
        self._books: BookPublisher | None = None
        """None while no book is subscribed to."""
        self._watched: dict[tuple[str, Variety], Topic] = {}
        self._note_spread()

    # --- who is subscribed ------------------------------------------------------------

    def watch(self, topic: Topic) -> None:
        """Word the messages of a topic from now on."""
        self._watched[topic.channel, topic.variety] = topic
        if topic.channel in (BOOK, LEVEL3):
            self._open_books().watch(topic.channel, _number(topic))

    def unwatch(self, topic: Topic) -> None:
        """Word the messages of a topic no more."""
        self._watched.pop((topic.channel, topic.variety), None)
        if self._books is None or topic.channel not in (BOOK, LEVEL3):
            return
        self._books.unwatch(topic.channel, _number(topic))
        if not self._books.watched:
            self._books = None

    def last_update(self, channel: str, depth: int) -> int | None:
        """Return when the last update of a book was worded; None when none has been."""
        return self._books.last_updates.get((channel, depth)) if self._books else None

    @property
    def watched(self) -> frozenset[Topic]:
        """The topics whose messages are worded."""
        return frozenset(self._watched.values())

    def _open_books(self) -> BookPublisher:
        """Return the book publisher, begun from the engine's book if there is none yet."""
        if self._books is None:
            instrument = self.listing.instrument
            book = VisibleBook(instrument.precision)
            for side in Side:
                for level in self.matcher.levels(side):
                    book.fill(side, self.matcher.queue(side, level.price))
            self._books = BookPublisher(instrument, book, self._time, self._habits)
        return self._books

    # --- messages ---------------------------------------------------------------------

    def snapshot(self, topic: Topic, now: int) -> str:
        """Return the message that a new subscriber starts from."""
        match topic.channel:
            case "book" | "level3":
                return self._open_books().snapshot(topic.channel, _number(topic), now)
            case "trade":
                return self._trades(list(self.history.trades)[-SNAPSHOT_TRADES:], snapshot=True)
            case "ohlc":
                candles, last = self.history.series[_number(topic)].traded, self.history.last
                newest = list(islice(candles, max(0, len(candles) - SNAPSHOT_CANDLES), None))
                time = self._time if last is None else last.time
                return self._candles(topic, newest, time, snapshot=True)
            case _:
                return self._ticker(now, snapshot=True)

    def apply(self, batch: EngineBatch) -> Iterator[tuple[Topic, str]]:
        """Follow the engine by one batch, and iterate topics with the message for each."""
        self._time = batch.time
        trades = self.history.apply(batch)
        moved = self._note_spread()
        if not self._watched:
            return
        if trades:
            yield from self._trade_messages(trades, batch.time)
        if moved and (topic := self._watched.get(("ticker", "bbo"))):
            yield topic, self._ticker(batch.time)
        if self._books is not None:
            for channel, depth, text in self._books.apply(batch):
                yield self._watched[channel, depth], text

    def _trade_messages(
        self, trades: tuple[PastTrade, ...], time: int
    ) -> Iterator[tuple[Topic, str]]:
        """Iterate the messages that trades bring: trades, candles, tickers."""
        for (channel, variety), topic in self._watched.items():
            if channel == "trade":
                yield topic, self._trades(trades)
            elif channel == "ohlc":
                forming = self.history.series[_number(topic)].traded[-1]
                yield topic, self._candles(topic, [forming], time)
            elif variety == "trades":
                yield topic, self._ticker(time)

    def _note_spread(self) -> bool:
        """Add to the history of best prices; return whether they moved."""
        bid, ask = self.matcher.touch
        last = self.spreads[-1] if self.spreads else None
        if last is not None and last.bid == bid and last.ask == ask:
            return False
        self.spreads.append(Spread(self._time, bid, ask))
        return True

    # --- wording ----------------------------------------------------------------------

    def _trades(self, trades: Sequence[PastTrade], *, snapshot: bool = False) -> str:
        rows = tuple(
            events.Trade(
                side=trade.side,
                price=trade.price,
                qty=trade.qty,
                ord_type=trade.taker_type.value,
                trade_id=trade.trade_id,
                timestamp=encode.micros(trade.time),
            )
            for trade in trades
        )
        instrument = self.listing.instrument
        return encode.trades(
            events.Trades(0, instrument.symbol, instrument.precision, rows, snapshot)
        )

    def _candles(
        self, topic: Topic, candles: Sequence[PastCandle], time: int, *, snapshot: bool = False
    ) -> str:
        rows = tuple(
            events.Candle(
                interval=_number(topic),
                begin=candle.begin,
                open=candle.open,
                high=candle.high,
                low=candle.low,
                close=candle.close,
                vwap=candle.vwap,
                volume=candle.volume,
                trades=candle.trades,
            )
            for candle in candles
        )
        instrument, stamp = self.listing.instrument, encode.nanos(time)
        return encode.candles(
            events.Candles(0, instrument.symbol, instrument.precision, rows, snapshot, stamp)
        )

    def _ticker(self, time: int, *, snapshot: bool = False) -> str:
        day = self.history.day
        day.forget(time - DAY_NS)
        bid, ask = self.matcher.best_bid, self.matcher.best_ask
        traded = day.trades > 0
        change_pct = (Decimal(100 * day.change) / day.open).quantize(_CENT) if day.open else _ZERO
        return encode.ticker(
            events.Ticker(
                0,
                self.listing.symbol,
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
                change_pct=change_pct if traded else None,
                trades=day.trades,
                timestamp=encode.micros(time),
                snapshot=snapshot,
            )
        )


_ZERO = _CENT * 0


def _number(topic: Topic) -> int:
    """Return the depth or the interval of a topic."""
    assert isinstance(topic.variety, int)
    return topic.variety
