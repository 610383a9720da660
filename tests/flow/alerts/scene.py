"""Events of one symbol with right checksums, a second apart unless told otherwise."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kracked.book.l2 import L2Book
from kracked.flow.alerts import Alert, AlertMemory, AlertWatch, parse_alert
from kracked.instruments import Precision
from kracked.protocol import events
from kracked.protocol.events import BookSnapshot, BookUpdate, Event, Side, Trade, Trades
from kracked.times import NS_PER_S, to_rfc3339

BTC = "BTC/USD"
S = NS_PER_S
START = 1_731_393_840 * S
PRECISION = Precision(1, 8)


class Scene:
    """A market whose messages are made one by one; `events` has them all."""

    def __init__(self) -> None:
        self.now = START
        self.events: list[Event] = []
        self.book = L2Book(BTC, PRECISION, 10)
        self.trades: list[Trade] = []

    def _add(self, event: Event) -> Event:
        self.events.append(event)
        return event

    def passes(self, seconds: float) -> None:
        self.now += int(seconds * S)

    def heartbeat(self, after: float = 1) -> Event:
        self.passes(after)
        return self._add(events.Heartbeat(self.now))

    def snapshot(self, *levels: tuple[str, str, str]) -> Event:
        """Tell the whole book anew: side, price, quantity; without any as it stands."""
        if levels:
            bids, asks = _sides(levels)
            shown = BookSnapshot(self.now, BTC, PRECISION, bids, asks, 0, to_rfc3339(self.now))
            self.book.apply(shown)
        bids, asks = (tuple(map(tuple, side)) for side in (self.book.bids, self.book.asks))
        time = to_rfc3339(self.now)
        return self._add(
            BookSnapshot(self.now, BTC, PRECISION, bids, asks, self.book.computed, time)
        )

    def update(self, *levels: tuple[str, str, str], after: float = 1) -> Event:
        self.passes(after)
        bids, asks = _sides(levels)
        update = BookUpdate(self.now, BTC, PRECISION, bids, asks, 0, to_rfc3339(self.now))
        self.book.apply(update)
        return self._add(replace(update, checksum=self.book.computed))

    def trade(self, price: str, qty: str = "0.1", side: Side = Side.BID, after: float = 1) -> Event:
        self.passes(after)
        number = len(self.trades) + 1
        values = (int(Decimal(price) * 10), int(Decimal(qty) * 10**8))
        made = Trade(side, *values, "limit", number, to_rfc3339(self.now, 9))
        self.trades.append(made)
        return self._add(Trades(self.now, BTC, PRECISION, (made,)))

    def recent(self) -> Event:
        """Tell the last fifty trades, as a new subscription does."""
        return self._add(Trades(self.now, BTC, PRECISION, tuple(self.trades[-50:]), snapshot=True))


def _sides(levels: tuple[tuple[str, str, str], ...]) -> tuple[tuple, tuple]:
    scaled = [
        (side, (int(Decimal(price) * 10), int(Decimal(qty) * 10**8))) for side, price, qty in levels
    ]
    return tuple(tuple(level for side, level in scaled if side == name) for name in ("bid", "ask"))


def opened(*levels: tuple[str, str, str]) -> Scene:
    """Return a scene with a book of 64000 to 64010 and what is given besides."""
    scene = Scene()
    scene.snapshot(("bid", "64000", "1"), ("ask", "64010", "1"), *levels)
    return scene


def watching(*texts: str, memory: AlertMemory | None = None) -> AlertWatch:
    return AlertWatch(map(parse_alert, texts), [BTC], memory or AlertMemory())


def fired(watch: AlertWatch, events: list[Event]) -> list[Alert]:
    return [alert for event in events for alert in watch.apply(event)]
