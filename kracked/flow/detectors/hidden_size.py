"""Hidden size: orders that show a part of themselves and refill it.

Three proofs, the strongest first. The same order comes back after all it showed was filled
(exact, if the exchange keeps ids). More was traded at a price than orders there explain
(matched). A new order of the same size comes right after a full fill, again and again (a
pattern). At least 1/15 of an order is shown, which bounds the whole of it.

Sources: support.kraken.com/hc/en-us/articles/iceberg-orders; Zotikov and Antonov,
"CME Iceberg Order Detection and Prediction" (arxiv.org/abs/1909.09495).
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from kracked.flow.detectors.context import MarketContext, Sightings
from kracked.flow.detectors.sighting import Evidence, Kind, Notes, Sighting, Sureness
from kracked.flow.facts import Birth, Fact, Taker
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

MOST_SLICES = 15
"""An order shows at least one part in so many."""
CHAIN_NS = 60 * NS_PER_S
"""A price where nothing was refilled for so long begins another sighting."""
CHAINS = 4_096
EARLY_NS = 1_000

Place = tuple[Side, int]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class _Chain:
    """Refills at one price that may be of one order."""

    __slots__ = ("first", "last", "notes", "number", "place", "proved", "refills", "size", "traded")

    def __init__(self, number: int, place: Place, size: int, time: int) -> None:
        self.number, self.place, self.size = number, place, size
        self.first = self.last = time
        self.refills = self.traded = 0
        self.proved = False
        self.notes = Notes()


class _Fill:
    """An order of which all was filled, and whose size may come again."""

    __slots__ = ("chain", "loose", "loose_used", "note", "place", "size", "time", "used")

    def __init__(self, fact: Fact, size: int, note: Evidence) -> None:
        self.time, self.place = fact.time, (fact.side, fact.price)
        self.size, self.note = size, note
        self.chain: _Chain | None = None
        self.loose: _Chain | None = None
        self.used = self.loose_used = False


class HiddenSize:
    """Follows fills and what comes after them, price by price.

    Attributes:
        recent: Orders of which all was filled of late, whose size may come again.
        children: The chains that a live order may belong to: of one size, and of about one.
    """

    def __init__(self, context: MarketContext, sightings: Sightings) -> None:
        self._context, self._sightings = context, sightings
        self._same: dict[str, _Chain] = {}
        """Orders that came back, by id."""
        self._notes: dict[str, Evidence] = {}
        """The last full fill of each order that may come back."""
        self.recent: deque[_Fill] = deque()
        self.children: dict[str, tuple[_Chain | None, _Chain | None]] = {}
        self._at: dict[Place, _Chain] = {}
        self._loose_at: dict[Place, _Chain] = {}
        self._chains = 0

    def lose(self) -> None:
        """Forget all that a hole may have interrupted."""
        for each in (self._same, self._notes, self.recent, self.children, self._at):
            each.clear()
        self._loose_at.clear()

    def is_maybe(self, side: Side, price: int) -> bool:
        """Whether refills at a price look like hidden size, but too few for a sighting."""
        loose = self._loose_at.get((side, price))
        few = self._at.get((side, price))
        now = self._context.time
        return (
            loose is not None
            and now - loose.last < CHAIN_NS
            and loose.refills >= self._context.numbers.loose_refills
        ) or (few is not None and now - few.last < CHAIN_NS and few.refills >= 2)

    # --- the same order ----------------------------------------------------------------------

    def filled(self, fact: Fact) -> None:
        """Take an order that was filled by all it showed."""
        note = self._context.note(fact)
        chain = self._same.get(fact.order_id)
        if chain is not None:
            chain.notes.add(note)
            chain.traded += fact.qty
            chain.last = fact.time
            self._report_same(fact.order_id, chain)
            return
        _put(self._notes, fact.order_id, note)
        ledger = self._context.ledger
        life = ledger.lives.known.get(fact.order_id) if ledger is not None else None
        if life is None or life.birth is not Birth.SEEN:
            self.children.pop(fact.order_id, None)
            return
        fill = _Fill(fact, life.first_qty, note)
        fill.chain, fill.loose = self.children.pop(fact.order_id, (None, None))
        self.recent.append(fill)

    def refilled(self, fact: Fact) -> None:
        """Take the next part of an order that was filled."""
        chain = self._same.get(fact.order_id)
        if chain is None:
            place = (fact.side, fact.price)
            chain = _Chain(0, place, fact.qty, fact.time)
            before = self._notes.pop(fact.order_id, None)
            if before is not None:
                chain.notes.add(before)
                chain.traded, chain.first = before.qty, before.time
            _put(self._same, fact.order_id, chain)
            for fill in self.recent:  # it is not for a new order to follow
                fill.used = fill.used or fill.note is before
                fill.loose_used = fill.loose_used or fill.note is before
        chain.refills += 1
        chain.size = max(chain.size, fact.qty)
        chain.last = fact.time
        chain.notes.add(self._context.note(fact))
        self._report_same(fact.order_id, chain)

    def _report_same(self, order_id: str, chain: _Chain) -> None:
        side, price = chain.place
        ledger = self._context.ledger
        life = ledger.lives.known.get(order_id) if ledger is not None else None
        self._sightings.report(
            order_id,
            Sighting(
                kind=Kind.HIDDEN,
                side=side,
                price=price,
                last_price=price,
                first=chain.first,
                last=chain.last,
                qty=chain.traded,
                count=chain.refills,
                sureness=Sureness.EXACT,
                evidence=chain.notes.facts,
                detail={"shown": chain.size, "at most": MOST_SLICES * chain.size},
                arrival_seen=life is not None and life.birth is Birth.SEEN,
            ),
        )

    # --- another order -----------------------------------------------------------------------

    def came(self, fact: Fact) -> None:
        """Take a new order, that may follow one of the `recent` fills."""
        recent, place = self.recent, (fact.side, fact.price)
        while recent and fact.time - recent[0].time > self._context.numbers.refill_ns:
            recent.popleft()
        exact: _Chain | None = None
        loose: _Chain | None = None
        percent = self._context.numbers.loose_percent
        for fill in reversed(recent):
            if fill.place != place or fact.time < fill.time - EARLY_NS:
                continue
            if fill.size == fact.qty and not fill.used and exact is None:
                fill.used = True
                exact = self._grown(fill.chain, fill, fact, self._at)
            base = fill.loose.size if fill.loose is not None else fill.size
            about = abs(fact.qty - base) * 100 <= percent * base
            if about and loose is None and not fill.loose_used:
                fill.loose_used = True
                loose = self._grown(fill.loose, fill, fact, self._loose_at)
        if exact is not None or loose is not None:
            _put(self.children, fact.order_id, (exact, loose))
        if exact is not None:
            self._report_pattern(exact)

    def _grown(
        self, chain: _Chain | None, fill: _Fill, fact: Fact, at: dict[Place, _Chain]
    ) -> _Chain:
        """Return the chain of a fill with a refill more; the first refill begins it."""
        if chain is None:
            known = at.get(fill.place)
            if known is not None and known.proved and fact.time - known.last < CHAIN_NS:
                chain = known
                chain.size = fill.size
            else:
                self._chains += 1
                chain = _Chain(self._chains, fill.place, fill.size, fill.time)
                _put(at, fill.place, chain)
        chain.notes.add(fill.note)
        chain.notes.add(self._context.note(fact))
        chain.refills += 1
        chain.traded += fill.size
        chain.last = fact.time
        return chain

    def _report_pattern(self, chain: _Chain) -> None:
        numbers = self._context.numbers
        dull = len(str(chain.size).rstrip("0")) <= 2
        least = numbers.dull_refills if dull else numbers.refills
        least += self._sightings.raised.get(Kind.HIDDEN, 0)
        if (chain.refills < least and not chain.proved) or not self._context.ready:
            return
        side, price = chain.place
        self._sightings.report(
            (chain.number, chain.place),
            Sighting(
                kind=Kind.HIDDEN,
                side=side,
                price=price,
                last_price=price,
                first=chain.first,
                last=chain.last,
                qty=chain.traded,
                count=chain.refills,
                sureness=Sureness.MATCHED if chain.proved else Sureness.PATTERN,
                evidence=chain.notes.facts,
                detail={"shown": chain.size},
                numbers={"refills": least, "refill ns": numbers.refill_ns},
            ),
        )

    # --- more than was shown -----------------------------------------------------------------

    def taker(self, taker: Taker) -> None:
        """Look for volume that no order in view explains."""
        unseen: dict[int, int] = {}
        for link in taker.links:
            if link.order_id is None:
                unseen[link.price] = unseen.get(link.price, 0) + link.qty
        ledger = self._context.ledger
        if not unseen or ledger is None or ledger.lost or not self._context.ready:
            return
        side = taker.side.opposite
        queues = ledger.side(side)
        for price, qty in unseen.items():
            if not queues.keys or queues.sign * price < queues.keys[0]:
                continue  # below the view
            place = (side, price)
            chain = self._at.get(place)
            if chain is None or taker.instant - chain.last >= CHAIN_NS:
                self._chains += 1
                chain = _Chain(self._chains, place, 0, taker.instant)
                _put(self._at, place, chain)
            chain.proved = True
            chain.traded += qty
            chain.last = max(chain.last, taker.instant)
            chain.notes.add(Evidence(taker.instant, "traded unseen", "", price, qty))
            self._report_pattern(chain)


def _put(found: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Put a value into a dict that keeps no more than the newest ones."""
    found.pop(key, None)
    found[key] = value
    if len(found) > CHAINS:
        del found[next(iter(found))]
