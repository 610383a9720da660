"""Joins the trades of takers with the orders they filled, on the exchange's own clock.

Two sockets tell of one taker, in any order: `trade` names price, quantity and instant without
orders, `level3` the orders without trades. A trade's instant is the taker's, cut to
microseconds; a fill's own time is never earlier. So the unit of work is the taker: its trades
in the order of their ids, beside the reductions of its instant in array order. Arrival decides
nothing but how long to wait. What no reduction explains stays unknown and is never forced on
an order.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable

from kracked.flow.assignment import Shares, assign
from kracked.flow.facts import Certainty, Link, Outcome, Settled, State, Taker
from kracked.flow.life import Life, Reduction
from kracked.protocol.events import Side, Trade

HOLD_NS = 250_000_000
"""How long to wait for the other feed."""
SLACK_NS = 50_000
"""How long after its instant a taker may still fill: a sweep takes 12 to 18 ns an order."""
EARLY_NS = 1_000
"""How much a fill may be earlier than a trade's instant, and a taker's own entry apart from it:
the clocks agree to a microsecond."""
MEMORY_NS = 60_000_000_000
"""How long an unclaimed reduction, and a taker's own order, wait for a late trade."""

IDS_KNOWN = 4_096
"""Trades, and orders that entered, that are remembered."""

_WORST = {Certainty.EXACT: 0, Certainty.LIKELY: 1, Certainty.GUESS: 2, Certainty.UNKNOWN: 3}
_Pending = tuple[int, int, "_Group"]


class _Group:
    """The trades of one taker, until their orders are found."""

    __slots__ = ("arrived", "instant", "side", "trades")

    def __init__(self, instant: int, side: Side, trades: list[Trade], arrived: int) -> None:
        self.instant, self.side, self.trades, self.arrived = instant, side, trades, arrived

    def __lt__(self, other: object) -> bool:
        """Order what has the same instant and first id, which no two takers have."""
        return False


class Linker:
    """Holds trades and reductions of one symbol until both feeds have passed them.

    Attributes:
        level3_time: The newest exchange time that level 3 has shown.
        trade_time: The newest instant of a trade.
        decided: The exchange time up to which every taker is decided.
        prints_missing: Fills that level 3 told and no trade did.
    """

    def __init__(self, symbol: str, *, hold_ns: int = HOLD_NS, slack_ns: int = SLACK_NS) -> None:
        self.symbol = symbol
        self.level3_time = self.trade_time = 0
        self.decided = 0
        self.prints_missing = 0
        self._seen: deque[tuple[int, int]] = deque()
        """When each newer time of level 3 came; those of the last 250 ms."""
        self._hold, self._slack = hold_ns, slack_ns
        self._takers: list[_Pending] = []
        """Undecided takers by (instant, first trade id)."""
        self._open: dict[tuple[Side, int], list[Reduction]] = {}
        """Unclaimed reductions by side and price, in order of arrival."""
        self._unsettled: deque[Reduction] = deque()
        """Reductions in place that may be an amend, in order of arrival."""
        self._remembered: deque[Reduction] = deque()
        """All of `_open`, and claimed ones, in order of arrival."""
        self._trade_ids: dict[int, None] = {}
        self._crossers: deque[Life] = deque(maxlen=IDS_KNOWN)
        """Orders that entered lately: a taker's own may be among them."""

    # --- what the feeds tell ----------------------------------------------------------------

    def reduced(self, reduction: Reduction) -> None:
        """Take a reduction that level 3 told."""
        key = (reduction.life.side, reduction.price)
        self._open.setdefault(key, []).append(reduction)
        self._remembered.append(reduction)
        if not reduction.whole:
            self._unsettled.append(reduction)

    def entered(self, life: Life) -> None:
        """Take an order that just entered the book: it may be what is left of a taker."""
        self._crossers.append(life)

    def traded(self, trades: Iterable[tuple[int, Trade]], arrived: int) -> None:
        """Take the trades of one message, with their instants, in order; each counts once."""
        group: _Group | None = None
        known = self._trade_ids
        for instant, trade in trades:
            if trade.trade_id in known:
                continue
            known[trade.trade_id] = None
            if len(known) > IDS_KNOWN:
                del known[next(iter(known))]
            if group is None or instant != group.instant or trade.side is not group.side:
                group = _Group(instant, trade.side, [], arrived)
                insort(self._takers, (instant, trade.trade_id, group))
                self.trade_time = max(self.trade_time, instant)
            group.trades.append(trade)

    # --- decisions --------------------------------------------------------------------------

    def settle(self, now: int, found: list[Outcome]) -> None:
        """Decide what can be decided at `now`, the time of arrival, and add it to `found`."""
        if self._takers:
            self._decide_takers(now, found)
        if self._unsettled:
            self._settle_amends(now, found)
        seen, level3_time, horizon = self._seen, self.level3_time, now - self._hold
        if not seen or seen[-1][1] != level3_time:
            seen.append((now, level3_time))
        decided = self.trade_time - EARLY_NS
        while seen and seen[0][0] <= horizon:
            if (passed := seen.popleft()[1]) > decided:
                decided = passed
        if self._takers and self._takers[0][0] <= decided:
            decided = self._takers[0][0] - 1
        self.decided = max(self.decided, decided)
        remembered = self._remembered
        while remembered and now - remembered[0].arrived > MEMORY_NS:
            self._drop(old := remembered.popleft())
            self.prints_missing += old.whole and old.left > 0

    def _decide_takers(self, now: int, found: list[Outcome]) -> None:
        """Decide the takers that both feeds have passed, or that have waited long enough."""
        takers = self._takers
        passed = min(self.level3_time, self.trade_time) - self._slack
        while takers and (
            passed > takers[0][0] or any(now - t[2].arrived >= self._hold for t in takers)
        ):
            _, _, group = takers.pop(0)
            later = next((t[0] for t in takers if t[0] > group.instant), 0)
            self._decide(group, later, found)

    def _settle_amends(self, now: int, found: list[Outcome]) -> None:
        """Settle the reductions in place that no taker can claim any more."""
        unsettled, takers = self._unsettled, self._takers
        first_taker = takers[0][0] - EARLY_NS if takers else 0
        while unsettled:
            reduction = unsettled[0]
            if reduction.left:
                if first_taker and reduction.time >= first_taker:
                    break
                if not (
                    now - reduction.arrived >= self._hold
                    or self.trade_time > reduction.time + self._slack
                ):
                    break
                reduction.amended = True
                life = reduction.life
                life.resized += 1
                found.append(
                    Settled(
                        symbol=self.symbol,
                        order_id=life.order_id,
                        side=life.side,
                        price=reduction.price,
                        qty=reduction.left,
                        time=reduction.time,
                    )
                )
            unsettled.popleft()

    @property
    def waiting(self) -> bool:
        """Whether something is still undecided."""
        return bool(self._takers or self._unsettled)

    @property
    def undecided(self) -> tuple[Trade, ...]:
        """The trades of the takers that are not decided yet, by their instants."""
        return tuple(trade for _, _, group in self._takers for trade in group.trades)

    @property
    def due_at(self) -> int | None:
        """The time when the first of what waits has waited long enough; None while nothing waits.

        On the clock of arrivals. Decisions made at these times do not depend on how often anybody
        looks.
        """
        takers, unsettled = self._takers, self._unsettled
        if takers:
            first = takers[0][2].arrived
            if len(takers) > 1:
                first = min(group.arrived for _, _, group in takers)
            if not unsettled or unsettled[0].time >= takers[0][0] - EARLY_NS:
                return first + self._hold
            return min(first, unsettled[0].arrived) + self._hold
        return unsettled[0].arrived + self._hold if unsettled else None

    def _decide(self, group: _Group, later: int, found: list[Outcome]) -> None:
        """Find the orders that a taker filled; `later` is the next later taker's instant."""
        start, end = group.instant - EARLY_NS, group.instant + self._slack
        if later:
            end = min(end, later)
        maker_side = group.side.opposite
        own = self._own(group)
        candidates: dict[int, list[Reduction]] = {}
        for price in {trade.price for trade in group.trades}:
            fitting = [
                reduction
                for reduction in self._open.get((maker_side, price), ())
                if start <= reduction.time < end
            ]
            # What was settled as an amend, before a late trade came, is the last choice.
            candidates[price] = sorted(fitting, key=lambda reduction: reduction.amended)
        shares = self.assign(group.instant, group.side, group.trades, candidates)
        made = tuple(
            self._link(group, trade, reduction, qty, certainty, own)
            for trade in group.trades
            for reduction, qty, certainty in shares[trade.trade_id]
        )
        found += made
        killed = own.qty if own is not None and own.state is State.TAKER else None
        own_id, limit = (own.order_id, own.price) if own is not None else (None, None)
        found.append(
            Taker(
                symbol=self.symbol,
                instant=group.instant,
                side=group.side,
                trades=tuple(group.trades),
                links=made,
                order_id=own_id,
                killed=killed,
                limit=limit,
            )
        )

    def assign(
        self,
        _instant: int,
        _side: Side,
        trades: list[Trade],
        candidates: dict[int, list[Reduction]],
    ) -> Shares:
        """Return who filled each trade of a taker; for a subclass that looks on."""
        return assign(trades, candidates)

    def _link(
        self,
        group: _Group,
        trade: Trade,
        reduction: Reduction | None,
        qty: int,
        certainty: Certainty,
        own: Life | None,
    ) -> Link:
        """Return a link, and tell the order's life of it."""
        order_id = None
        if reduction is not None:
            life = reduction.life
            order_id = life.order_id
            reduction.left -= qty
            if not reduction.left:
                self._drop(reduction)
            if not reduction.whole:
                life.filled += qty
                if reduction.amended:
                    life.resized -= 1
                    reduction.amended = False
            if life.trades:
                if life.trades[-1] != trade.trade_id:
                    life.trades.append(trade.trade_id)  # type: ignore[union-attr]
            else:
                life.trades = [trade.trade_id]
            if life.certainty is None or _WORST[certainty] > _WORST[life.certainty]:
                life.certainty = certainty
        return Link(
            symbol=self.symbol,
            trade_id=trade.trade_id,
            instant=group.instant,
            side=group.side.opposite,
            price=trade.price,
            qty=qty,
            order_id=order_id,
            certainty=certainty,
            taker_side=group.side,
            taker_order_id=own.order_id if own else None,
            standing=reduction.standing if reduction is not None else None,
        )

    def _own(self, group: _Group) -> Life | None:
        """Return the taker's own order, if what was left of it was shown."""
        last, found = group.trades[-1].price, None
        for life in reversed(self._crossers):
            if life.entered < group.instant - EARLY_NS:
                break
            beyond = (life.price >= last) if group.side is Side.BID else (life.price <= last)
            if life.side is group.side and beyond and life.entered < group.instant + EARLY_NS:
                found = life  # it entered before its first fill: the earliest is it
        return found

    def _drop(self, reduction: Reduction) -> None:
        """Offer a reduction to no more trades."""
        key = (reduction.life.side, reduction.price)
        reductions = self._open.get(key)
        if reductions is not None and reduction in reductions:
            reductions.remove(reduction)
            if not reductions:
                del self._open[key]
