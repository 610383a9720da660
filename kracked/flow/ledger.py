"""The ledger of one symbol: what happened to each of its orders, and who filled it.

It takes level 3 messages in their own order and trades in any, and holds queues of its own: a
fact belongs to the moment of its message. It verifies nothing: whoever feeds it says when data
are missing (`lose`), and the next snapshot ends the hole. Times come with the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from kracked.flow.facts import Birth, Fact, Outcome, Place, PlaceKnown, Standing, State, What
from kracked.flow.life import Life, QueueLevel, QueueSide
from kracked.flow.links import HOLD_NS, MEMORY_NS, SLACK_NS, Linker
from kracked.flow.lives import REMEMBERED, Crossing, Lives
from kracked.protocol.events import OrderAction, Side, Trade
from kracked.times import NS_PER_S

# To look a member up in its enum costs 70 ns each time, a name in the module 5.
ADD, MODIFY, DELETE = OrderAction.ADD, OrderAction.MODIFY, OrderAction.DELETE
LIVE, FILLED, CANCELLED, OBSERVED = State.LIVE, State.FILLED, State.CANCELLED, PlaceKnown.OBSERVED
NEW, CAME, RETURNED, LEFT_VIEW = What.NEW, What.CAME, What.RETURNED, What.LEFT_VIEW
REENTRY, UNKNOWN = PlaceKnown.REENTRY, PlaceKnown.UNKNOWN
MOVED_AWAY, WAS_CANCELLED = What.MOVED_AWAY, What.CANCELLED

Row = tuple[OrderAction, str, int, int, int]
"""A change of an order: action, order id, price, quantity, the order's own time."""

FOREVER = 1 << 63
OWN_NS = 1_000
"""An order that is gone this soon after it entered was the remainder of a taker."""


class Ledger:
    """Every order of one symbol, its place, its fills, its end.

    Attributes:
        symbol: The pair.
        depth: Price levels a side that the subscription shows.
        bids: The queues of the bids.
        asks: The queues of the asks.
        lives: Every order that is live, or that may still be heard of.
        told: The newest time of a message, on the exchange's clock.
        lost: Whether data are missing until the next snapshot.
        contradictions: Statements that cannot be true of the orders held.
        linker: Joins trades and orders.
    """

    def __init__(
        self,
        symbol: str,
        depth: int,
        *,
        hold_ns: int = HOLD_NS,
        slack_ns: int = SLACK_NS,
        remembered: int = REMEMBERED,
        finished: Callable[[Life], None] | None = None,
    ) -> None:
        """Begin without a book: the first snapshot brings it.

        Args:
            symbol: The pair.
            depth: Price levels a side that the subscription shows.
            hold_ns: How long to wait for the other feed before a decision.
            slack_ns: How long after its instant a taker may still fill.
            remembered: Orders out of view that are remembered.
            finished: Takes each order once no more is to be expected of it.
        """
        self.symbol, self.depth = symbol, depth
        self.bids, self.asks = QueueSide(Side.BID), QueueSide(Side.ASK)
        self.lives = Lives(remembered, finished)
        self.lost = True
        self.told = self.contradictions = 0
        self.linker = Linker(symbol, hold_ns=hold_ns, slack_ns=slack_ns)
        self._slack = slack_ns
        self._messages = 0
        self._time = 0
        """The newest exchange time of an event, before this message."""
        self._facts: list[Outcome] = []
        self._crossing = Crossing(slack_ns)
        self._arrived = 0

    # --- level 3 ----------------------------------------------------------------------------

    def update(
        self, bids: Sequence[Row], asks: Sequence[Row], at: int, received: int
    ) -> list[Outcome]:
        """Apply one message; return what happened, then what could be decided.

        Args:
            bids: Changes of bids, in array order.
            asks: Changes of asks, in array order.
            at: The exchange's time of the message; 0 without one.
            received: When it came.
        """
        self.told = max(self.told, at)
        if self.lost:
            return self.elapse(received)
        self._messages += 1
        facts = self._begin(received)
        before = newest = self._time
        if bids:
            newest = self._apply(self.bids, bids, at, before)
        if asks:
            newest = max(newest, self._apply(self.asks, asks, at, before))
        self._time = newest
        if self.lives.moving:
            for life in self.lives.give_up_moving(self._messages, at or newest):
                self._tell(What.MOVED_OUT, life, 0, at or newest)
        if self._crossing.lives:
            shown, rested = self._crossing.review(self.bids, self.asks, newest)
            for life in shown:  # they entered across the spread
                self._reword(life)
            for life in rested:
                self._tell(What.RESTED, life, 0, newest)
        linker = self.linker
        linker.level3_time = newest
        linker.settle(received, facts)
        self.lives.settle(received)
        return facts

    def _apply(self, side: QueueSide, rows: Sequence[Row], at: int, before: int) -> int:
        """Apply one side's changes; return the newest time of an event among them."""
        newest = floor = before
        known, own_side = self.lives.known, side.side
        limit = at + NS_PER_S if at else FOREVER
        for row in rows:
            action, order_id, price, qty, own_time = row
            life = known.get(order_id)
            if action is ADD:
                self._added(side, life, row, floor, at or newest)
                if newest < own_time < limit:
                    newest = floor = own_time
                continue
            if life is None or life.state is not LIVE or life.side is not own_side:
                self.contradictions += 1
                continue
            if action is MODIFY and price == life.price:
                self._modified(side, life, qty, at or newest)
            elif action is DELETE:
                if qty and own_time == life.entered:
                    self._left(side, life, MOVED_AWAY, at or newest)
                    floor = max(floor, at)  # what this uncovers is older than the message
                else:
                    self._deleted(side, life, qty, own_time)
                    if newest < own_time < limit:
                        newest = floor = own_time
            else:  # an order of another price loses its place; never seen
                self.contradictions += 1
                self._left(side, life, MOVED_AWAY, at or newest)
                self._added(side, life, row, floor, at or newest)
        if len(side.keys) > self.depth:
            self._cut(side, at or newest)
        return newest

    def _added(self, side: QueueSide, life: Life | None, row: Row, newest: int, at: int) -> None:
        """Put an order at the back of its level, and say why it comes."""
        _, _, price, qty, entered = row
        fresh = entered > newest - self._slack
        if life is None:
            what, birth = (NEW, Birth.SEEN) if fresh else (CAME, Birth.CAME_INTO_VIEW)
            life = self._first_seen(side, row, at, birth)
            if fresh:
                self.linker.entered(life)
        else:
            if life.state is LIVE:  # it is there already
                self.contradictions += 1
                self._left(self.side(life.side), life, What.LOST, entered)
            what = self.lives.come_back(life, side.side, price, qty, entered)
            fresh = what is not RETURNED
        message = self._messages
        level = side.levels.get(price) or side.new_level(price, message)
        seen_as = REENTRY if level.made == message else UNKNOWN
        level.join(life, message, OBSERVED if fresh else seen_as)
        self._tell(what, life, qty, entered if fresh else at)
        if fresh:
            other = self.asks if side is self.bids else self.bids
            if other.keys and level.key + other.keys[-1] >= 0:
                self._crossing.lives.append(life)

    def _first_seen(self, side: QueueSide, row: Row, at: int, birth: Birth) -> Life:
        _, order_id, price, qty, entered = row
        life = Life(order_id, side.side, price, qty, entered, at, birth, price, qty)
        self.lives.known[order_id] = life
        return life

    def _modified(self, side: QueueSide, life: Life, qty: int, at: int) -> None:
        """Change an order in place: a fill of a part, or an amend."""
        by = qty - life.qty
        level = side.levels[life.price]
        life.qty = qty
        level.qty += by
        if by > 0:
            life.resized += 1
            self._tell(What.RAISED, life, by, at)
        elif by < 0:
            if self._is_taker(life):
                self._tell(What.TAKEN, life, -by, at)
                return
            reduction = level.reduced(life, -by, at, self._arrived, whole=False)
            self.linker.reduced(reduction)
            self._tell(What.REDUCED, life, -by, at)

    def _deleted(self, side: QueueSide, life: Life, qty: int, time: int) -> None:
        """End an order: filled when nothing was left, else cancelled."""
        at_once = time - life.entered < OWN_NS
        if self._is_taker(life) or (at_once and qty and life.known is OBSERVED):
            self._end(side, life, State.TAKER, What.TAKEN, time)
            self._reword(life)
        elif qty:
            level = self._end(side, life, CANCELLED, WAS_CANCELLED, time)
            level.note((life.number, life.qty, True))
        else:
            level = side.levels[life.price]
            reduction = level.reduced(life, life.qty, time, self._arrived, whole=True)
            life.filled += life.qty
            self._end(side, life, FILLED, What.FILLED, time)
            self.linker.reduced(reduction)

    def _is_taker(self, life: Life) -> bool:
        """Whether an order that shrinks is a taker at work, and no maker.

        No maker enters and is filled within one message, but for the next part of an iceberg
        and for what the message has just uncovered.
        """
        if life.message != self._messages:
            return life.taking
        return life.taking or (life.known is OBSERVED and not life.slices)

    def _end(self, side: QueueSide, life: Life, state: State, what: What, time: int) -> QueueLevel:
        """Take an order out of its level for good; return the level."""
        level = side.leave(life)
        self.lives.end(life, state, time, self._arrived)
        self._tell(what, life, life.qty, time)
        return level

    def _left(self, side: QueueSide, life: Life, what: What, at: int) -> None:
        """Take an order out of its level that will join another one."""
        level = side.leave(life)
        level.note((life.number, life.qty, False))
        self.lives.move(life, self._messages)
        self._tell(what, life, life.qty, at)

    def _begin(self, received: int) -> list[Outcome]:
        """Return the list for what is told of the message that came at `received`."""
        self._arrived, self._facts = received, []
        return self._facts

    def _tell(self, what: What, life: Life, qty: int, time: int) -> None:
        self._facts.append(
            Fact(self.symbol, what, time, life.side, life.price, qty, life.order_id, life.number)
        )

    # --- after the changes ------------------------------------------------------------------

    def _cut(self, side: QueueSide, at: int) -> None:
        """Let the levels below the depth leave view, as the exchange does without a word."""
        for level in side.cut(self.depth):
            for life in level.orders.values():
                self.lives.depart(life, at)
                self._tell(LEFT_VIEW, life, life.qty, at)

    def _reword(self, life: Life) -> None:
        """Say in this message's facts that an order is shown, and does not rest."""
        for at, fact in enumerate(self._facts):
            if isinstance(fact, Fact) and fact.order_id == life.order_id and fact.what is What.NEW:
                self._facts[at] = replace(fact, what=What.SHOWN)

    def _settle(self, received: int) -> None:
        """Decide what can be decided, and let go of what ended long ago."""
        self.linker.settle(received, self._facts)
        self.lives.settle(received)

    # --- holes ------------------------------------------------------------------------------

    def lose(self, received: int) -> list[Outcome]:
        """Trust nothing until the next snapshot: level 3 messages were lost, or may have been."""
        facts = self._begin(received)
        if not self.lost:
            self.lost = True
            facts.append(Fact.hole(self.symbol, self._time))
        self._settle(received)
        return facts

    def snapshot(
        self, bids: Iterable[Row], asks: Iterable[Row], at: int, received: int
    ) -> list[Outcome]:
        """Hold exactly these orders, best price first and in queue order.

        An order that was alive before and is not among them is lost: filled, cancelled, or out
        of view, nobody can say.
        """
        facts = self._begin(received) if self.lost else self.lose(received)
        self.told = max(self.told, at)
        self._messages += 1
        self._crossing.lives.clear()
        self.lost = False
        self._time = max(self._time, at)
        for side, rows in ((self.bids, bids), (self.asks, asks)):
            side.clear()
            for row in rows:
                self._present(side, row, self._time)
                if not at:
                    self._time = max(self._time, row[-1])
        for life in self.lives.lose_all(self._messages, self._time):
            self._tell(What.LOST, life, 0, self._time)
        self._cut(self.bids, self._time)
        self._cut(self.asks, self._time)
        self.linker.level3_time = self._time
        self._settle(received)
        return facts

    def _present(self, side: QueueSide, row: Row, at: int) -> None:
        """Put an order of a snapshot at the back of its level."""
        _, order_id, price, qty, entered = row
        life = self.lives.known.get(order_id)
        if life is None:
            life = self._first_seen(side, row, at, Birth.SNAPSHOT)
        else:
            self.lives.come(life)
            life.holes += 1
            life.amended += entered != life.entered and not life.slices
            life.side, life.price, life.qty, life.entered = side.side, price, qty, entered
            life.taking = False
        level = side.levels.get(price) or side.new_level(price, self._messages)
        level.join(life, self._messages, PlaceKnown.SNAPSHOT)
        self._tell(What.PRESENT, life, qty, at)

    # --- trades and time ---------------------------------------------------------------------

    def traded(self, trades: Iterable[tuple[int, Trade]], received: int) -> list[Outcome]:
        """Take trades with their instants, in any order of arrival; each counts once."""
        facts = self._begin(received)
        self.linker.traded(trades, received)
        self._settle(received)
        return facts

    def elapse(self, now: int) -> list[Outcome]:
        """Decide what has waited long enough; `now` is on the clock of arrivals."""
        return self.traded((), now)

    def finish(self) -> list[Outcome]:
        """Decide everything now, and give every order to `finished`: the data end here."""
        facts = self._begin(self._arrived)
        self.linker.settle(self._arrived + MEMORY_NS + 1, facts)
        self.lives.finish()
        return facts

    # --- reading ------------------------------------------------------------------------------

    @property
    def decided(self) -> int:
        """The exchange time up to which every taker is decided."""
        return self.linker.decided

    def side(self, side: Side) -> QueueSide:
        """Return the queues of a side."""
        return self.bids if side is Side.BID else self.asks

    def queue(self, side: Side, price: int) -> Iterator[Life]:
        """Iterate the orders at a price, first to fill first."""
        level = self.side(side).levels.get(price)
        return iter(level.orders.values()) if level is not None else iter(())

    def ahead_of(self, side: Side, price: int, standing: Standing) -> list[Life]:
        """Return the orders at a price that are filled before one that stands there."""
        level = self.side(side).levels.get(price)
        return [] if level is None else level.ahead_of(standing)

    def back_of(self, side: Side, price: int, time: int) -> Standing:
        """Return where an order would stand that joined a price at an instant."""
        level = self.side(side).levels.get(price)
        made, number = (-1, 0) if level is None else (level.made, level.joined + 1)
        return Standing(made, number, time)

    def place(self, order_id: str) -> Place | None:
        """Return the place of an order; None when it does not rest in view."""
        life = self.lives.known.get(order_id)
        if life is None or life.state is not State.LIVE or life.taking:
            return None
        place = self.side(life.side).levels[life.price].place(life)
        return replace(place, known=UNKNOWN) if self.lost else place
