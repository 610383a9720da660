"""What all detectors of a market look at: its orders, best prices, usual sizes, and each other.

`Sightings` numbers what they report and keeps their budgets.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Hashable

from msgspec.structs import replace

from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.detectors.sighting import Evidence, Kind, Sighting, Sureness
from kracked.flow.facts import Fact
from kracked.flow.ledger import Ledger
from kracked.flow.measures.sizes import LARGE_ORDER, LARGE_TAKER, AdaptiveSizes
from kracked.flow.measures.touch import Touch
from kracked.protocol.events import Executions, Side
from kracked.times import NS_PER_S

KEPT = 2_000
"""Sightings that are kept, the oldest go."""
HOUR_NS = 3_600 * NS_PER_S
TOUCHES = 512
LEVELS_SAMPLED = 50
MOST_OWN = 10_000
SPREADS = 300


class Sightings:
    """The reports of a market's detectors, oldest first.

    Attributes:
        by_number: The newest revision of each, by number.
        raised: By how many notches the limits of size are raised, by kind.
        reports: How often something was reported, or grew: who shows them compares it.
    """

    def __init__(self, symbol: str, numbers: DetectorNumbers) -> None:
        self.symbol = symbol
        self.numbers = numbers
        self.by_number: dict[int, Sighting] = {}
        self.raised: dict[Kind, int] = {}
        self._keys: dict[Hashable, int] = {}
        self.reports = self._count = 0
        self._news: deque[Sighting] = deque(maxlen=KEPT)
        """Not taken yet; the oldest go where nobody takes them."""
        self._times: dict[Kind, deque[int]] = {}

    def take_news(self) -> list[Sighting]:
        """Return what was reported or grew since the last call."""
        news = list(self._news)
        self._news.clear()
        return news

    def report(self, key: Hashable, sighting: Sighting) -> None:
        """Report a sighting, or that the one of the same kind and key has grown.

        Args:
            key: What makes it the same one.
            sighting: What was seen; its number, revision and symbol are given here.
        """
        self.reports += 1
        kind = sighting.kind
        number = self._keys.get((kind, key), 0)
        before = self.by_number.get(number)
        if before is None:
            self._count += 1
            number = self._keys[kind, key] = self._count
            self._spend(kind, sighting.last, sighting.sureness)
        revision = before.revision + 1 if before is not None else 0
        sighting = replace(sighting, number=number, revision=revision, symbol=self.symbol)
        self.by_number[number] = sighting
        self._news.append(sighting)
        if len(self.by_number) > KEPT:
            del self.by_number[next(iter(self.by_number))]
        if len(self._keys) > 2 * KEPT:
            del self._keys[next(iter(self._keys))]

    def has(self, kind: Kind, key: Hashable) -> bool:
        """Whether a sighting of a key was reported."""
        return self._keys.get((kind, key)) in self.by_number

    def raise_limit(self, kind: Kind, limit: int) -> int:
        """Return a limit of size as the budget of its kind has raised it: a quarter a notch."""
        return limit * (4 + self.raised.get(kind, 0)) // 4

    def _spend(self, kind: Kind, time: int, sureness: Sureness) -> None:
        """Count a sighting of a pattern; raise the limits of its kind above the budget."""
        budget = (self.numbers.budget or {}).get(kind)
        if budget is None or sureness is not Sureness.PATTERN:
            return
        times = self._times.setdefault(kind, deque())
        times.append(time)
        while times[0] <= time - HOUR_NS:
            times.popleft()
        notches = max(0, len(times) - budget + 4) // 4
        if notches:
            self.raised[kind] = notches
        else:
            self.raised.pop(kind, None)


class OwnIds:
    """Ids of own orders, the newest of them: detectors must not report the account to itself.

    Attributes:
        ids: The symbol of each order by its id, oldest first; empty where no report named it.
        taken: Symbol and id of the trades in which an own order was the taker, oldest first.
    """

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.taken: dict[tuple[str, int], None] = {}

    def __contains__(self, order_id: object) -> bool:
        return order_id in self.ids

    def learn(self, event: Executions) -> None:
        """Take the ids of the account's reports; those of trades only of its takers."""
        for report in event.reports:
            order_id, symbol = report.get("order_id"), report.get("symbol")
            if not isinstance(order_id, str):
                continue
            if not isinstance(symbol, str):  # later reports of an order may leave it out
                symbol = self.ids.get(order_id, "")
            self.ids[order_id] = symbol
            trade_id = report.get("trade_id")
            if report.get("liquidity_ind") == "t" and isinstance(trade_id, int):
                self.taken[symbol, trade_id] = None
        while len(self.ids) > MOST_OWN:
            del self.ids[next(iter(self.ids))]
        while len(self.taken) > MOST_OWN:
            del self.taken[next(iter(self.taken))]


class MarketContext:
    """The market as detectors see it. `Detectors` keeps it current.

    Attributes:
        numbers: The limits in force.
        ledger: The orders; None without level 3.
        touch: The best prices after the message before the present one; None while unknown.
        time: The newest exchange time.
        orders: Sizes of new orders.
        levels: Sizes of levels near the best prices.
        takers: Sizes of takers.
        least_qty: The pair's smallest order; 0 while unknown.
        own: Ids of own orders, which never count; the newest are kept.
        ready_at: From when on the book is known for long enough.
        sampled_at: The second in which levels and spread were sampled last.
    """

    def __init__(self, numbers: DetectorNumbers) -> None:
        self.numbers = numbers
        self.ledger: Ledger | None = None
        self.touch: Touch | None = None
        self.time = 0
        self.orders = AdaptiveSizes(LARGE_ORDER)
        self.levels = AdaptiveSizes()
        self.takers = AdaptiveSizes(LARGE_TAKER)
        self.least_qty = 0
        self.own = OwnIds()
        self.ready_at: int | None = None
        self._touches: deque[tuple[int, Touch]] = deque(maxlen=TOUCHES)
        self._spreads: deque[int] = deque(maxlen=SPREADS)
        self.sampled_at = 0

    @property
    def ready(self) -> bool:
        """Whether the book has been known for long enough."""
        return self.ready_at is not None and self.time >= self.ready_at

    def lose(self) -> None:
        """Say that data are missing: nothing is known of the book."""
        self.touch, self.ready_at = None, None
        self._touches.clear()

    def see(self, touch: Touch, time: int) -> None:
        """Take the best prices after a message; sample levels and spread once a second."""
        if touch != self.touch:
            self._touches.append((time, touch))
        self.touch = touch
        if time - self.sampled_at >= NS_PER_S:
            self.sampled_at = time // NS_PER_S * NS_PER_S
            self._spreads.append(touch.ask - touch.bid)
            if self.ledger is not None:
                for side in (self.ledger.bids, self.ledger.asks):
                    levels, sign = side.levels, side.sign
                    sizes = [levels[sign * key].qty for key in side.keys[-LEVELS_SAMPLED:]]
                    self.levels.add_all(sizes, time)

    def touch_at(self, time: int) -> Touch | None:
        """Return the best prices at an instant of the last seconds; None when it is too old."""
        for at, touch in reversed(self._touches):
            if at <= time:
                return touch
        return None

    @property
    def median_spread(self) -> int | None:
        """The median spread of the last five minutes; None before the first sample."""
        spreads = sorted(self._spreads)
        return spreads[len(spreads) // 2] if spreads else None

    def distance(self, side: Side, price: int) -> int | None:
        """Return how far a price is from the best one of its side, before this message."""
        if self.touch is None:
            return None
        return self.touch.distance(side, price)

    def better_levels(self, side: Side, price: int) -> int:
        """Return how many levels of a side are better than a price."""
        if self.ledger is None:
            return 0
        queues = self.ledger.side(side)
        return len(queues.keys) - bisect_right(queues.keys, queues.sign * price)

    def note(self, fact: Fact) -> Evidence:
        """Return a fact as evidence, with its distance from the best price."""
        return Evidence(
            fact.time,
            fact.what.value,
            fact.order_id,
            fact.price,
            fact.qty,
            self.distance(fact.side, fact.price),
        )
