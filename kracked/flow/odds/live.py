"""The odds of one symbol's orders on a live market, and the score of what was given."""

from __future__ import annotations

from kracked.flow.facts import Fact, Outcome, Place, PlaceKnown, What
from kracked.flow.ledger import Ledger
from kracked.flow.odds.recent import RecentMarket
from kracked.flow.odds.samples import GhostField
from kracked.flow.odds.scoring import OddsScore, OwnOrderScorer
from kracked.flow.odds.situation import DEEPEST, around, situation
from kracked.flow.odds.table import NoOdds, Odds, OddsTable
from kracked.protocol.events import Side
from kracked.times import NS_PER_S

_JOINS = {What.NEW, What.MOVED_IN, What.REFILLED}
_ENDS = {What.CANCELLED, What.MOVED_AWAY, What.LEFT_VIEW, What.LOST, What.TAKEN}
MOST_OWN = 10_000
"""Own orders that are known by id; the oldest one is let go for one more."""
OBSERVED_EVERY_NS = 20 * NS_PER_S
"""Time between two instants at which ghosts are placed to keep score."""


class LiveOdds:
    """Follows a symbol's ledger and says how likely an order of it is filled.

    Let it follow every event that the ledger took; ask it once a frame.

    Attributes:
        table: The fitted table, or why there is none.
        score: What was given and what happened; None without a table.
        own: Keeps the score of own orders; None without a table.
    """

    def __init__(
        self,
        table: OddsTable | NoOdds,
        decimals: int,
        *,
        score: OddsScore | None = None,
        observed_every_ns: int = OBSERVED_EVERY_NS,
    ) -> None:
        """Begin before the first event.

        Args:
            table: The fitted table, or why there is none.
            decimals: Decimals of the symbol's quantities.
            score: An earlier score, which goes on if it is this table's.
            observed_every_ns: Time between two instants of ghosts.
        """
        self.table = table
        self.score: OddsScore | None = None
        self.own: OwnOrderScorer | None = None
        self._decimals = decimals
        self._recent = RecentMarket()
        self._ghosts: GhostField | None = None
        self._own_ids: dict[str, None] = {}
        if isinstance(table, OddsTable):
            kept = score is not None and score.fitted == table.fitted
            self.score = score if kept else OddsScore.of(table)
            assert self.score is not None
            self.own = OwnOrderScorer(self.score)
            self._ghosts = GhostField(self._recent, decimals, every_ns=observed_every_ns)

    def follow(self, ledger: Ledger, outcomes: list[Outcome]) -> None:
        """Follow one event, after the ledger has applied it."""
        self._recent.follow(ledger, outcomes)
        if self._ghosts is None:
            return
        for sample in self._ghosts.follow(ledger, outcomes):
            assert self.score is not None
            assert isinstance(self.table, OddsTable)
            self.score.saw(self.table.odds(sample.situation, sample.placed), sample)
        if self._own_ids or (self.own is not None and len(self.own)):
            self._follow_own(ledger, outcomes)

    def own_order(self, ledger: Ledger | None, order_id: str) -> None:
        """Keep the score of an own order, from here on or from when it joins a queue.

        Args:
            ledger: The symbol's ledger; None while there is none.
            order_id: The order. To tell of it again changes nothing.
        """
        if self.own is None or order_id in self._own_ids:
            return
        self._own_ids[order_id] = None
        if len(self._own_ids) > MOST_OWN:
            del self._own_ids[next(iter(self._own_ids))]
        if ledger is not None:
            self._joined(ledger, order_id)

    def _follow_own(self, ledger: Ledger, outcomes: list[Outcome]) -> None:
        """Score the own orders that joined a queue, or left one."""
        assert self.own is not None
        for one in outcomes:
            if type(one) is not Fact or one.order_id not in self._own_ids:
                continue
            if one.what in _JOINS:
                self._joined(ledger, one.order_id)
            elif one.what is What.FILLED:
                self.own.filled(one.order_id, one.time)
            elif one.what in _ENDS:
                self.own.ended(one.order_id, one.time)
        now = ledger.linker.level3_time
        if ledger.lost:
            self.own.lose(now)
        self.own.pass_time(now)

    def _joined(self, ledger: Ledger, order_id: str) -> None:
        """Take the odds of an own order from where it stands now, if it has any."""
        place, now = ledger.place(order_id), ledger.linker.level3_time
        if place is None or self.own is None:
            return
        odds = self.of_order(ledger, place, now)
        if not isinstance(odds, NoOdds):
            self.own.joined(order_id, odds, now)

    def lose_trades(self) -> None:
        """Take that trades may be missing: the connection of the `trade` channel was lost."""
        self._recent.lose_trades()

    def of_order(self, ledger: Ledger, place: Place, now: int) -> Odds | NoOdds:
        """Return the odds that all of a resting order is filled, from where it stands now.

        Args:
            ledger: The symbol's ledger.
            place: The order's place: `Ledger.place`.
            now: On the exchange's clock.
        """
        if place.known is PlaceKnown.UNKNOWN:
            return NoOdds("its place in the queue is not known")
        life = ledger.lives.known[place.order_id]
        ahead, orders = place.qty_ahead + life.qty, place.position - 1
        return self.at(ledger, place.side, place.price, ahead, orders, now)

    def of_new(self, ledger: Ledger, side: Side, price: int, qty: int, now: int) -> Odds | NoOdds:
        """Return the odds that all of a new order is filled, from the back of its level.

        Args:
            ledger: The symbol's ledger.
            side: Its side.
            price: Its price, scaled.
            qty: Its quantity, scaled.
            now: On the exchange's clock.
        """
        level = ledger.side(side).levels.get(price)
        ahead, orders = (0, 0) if level is None else (level.qty, len(level.orders))
        return self.at(ledger, side, price, ahead + qty, orders, now)

    def at(
        self, ledger: Ledger, side: Side, price: int, ahead: int, orders: int, now: int
    ) -> Odds | NoOdds:
        """Return the odds that all of a quantity at a price is filled, and the least after it.

        Args:
            ledger: The symbol's ledger.
            side: The order's side.
            price: Its price, scaled.
            ahead: Quantity ahead at its price, and what it wants itself, scaled.
            orders: Orders ahead at its price.
            now: On the exchange's clock.
        """
        if isinstance(self.table, NoOdds):
            return self.table
        if why := self._unknown(ledger, side, price, now):
            return NoOdds(why)
        self._recent.pass_time(now)
        market = around(ledger, self._recent, side, self._decimals)
        found = None if market is None else situation(ledger, market, price, ahead, orders)
        if found is None:
            return NoOdds(f"not fitted: more than {DEEPEST} levels from the touch")
        return self.table.odds(found, now)

    def _unknown(self, ledger: Ledger, side: Side, price: int, now: int) -> str:
        """Return why nothing can be said of a price just now, in words; empty if it can."""
        own, other = ledger.side(side), ledger.side(side.opposite)
        if ledger.lost:
            return "the book is not known just now"
        if not own.keys or not other.keys or own.keys[-1] + other.keys[-1] >= 0:
            return "the book has no two sides just now"
        if lacks := self._recent.lacks_ns(now):
            return f"watched too short: in {-(-lacks // NS_PER_S)} s"
        if own.sign * price + other.keys[-1] >= 0:
            return "it would meet the other side at once"
        return ""
