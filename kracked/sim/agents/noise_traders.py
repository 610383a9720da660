"""Noise traders: everybody who rests orders and is no market maker.

Joiners crowd the touch and leave within seconds, patient orders wait further out, deep
ones stay for many minutes. Now and then somebody builds a wall and pulls it when the price
comes near, or works a large order as an iceberg.
"""

from __future__ import annotations

from collections import deque

from kracked.protocol.events import Side
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch
from kracked.times import NS_PER_S

JOINERS = 0.25
PATIENT = 0.30
"""The parts of the orders that are joiners' and patient; the rest are deep."""
DEEP_ORDERS_PER_LEVEL = 2.4
"""Deep orders that rest, both sides, for each level a side is meant to have."""
PATIENT_LIFE_S = 25.0
JOINERS_WATCHING = 14
"""How many of the newest joiners are programs that leave when the fair price jumps."""
WALL_EVERY_S = 45.0
ICEBERG_EVERY_S = 40.0


class NoiseTraders:
    """One instrument's many small resting orders, and its few large ones."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._random = context.random
        self._reach = max(context.listing.opening_price * 0.05, context.nature.depth * 2.6)
        """How far out deep orders are, in ticks: enough for as many levels as are meant."""
        self._deep_orders = int(DEEP_ORDERS_PER_LEVEL * context.nature.depth)
        self._deep: list[str] = []
        pace = context.nature.orders_per_s / 18
        self._between_walls_s = WALL_EVERY_S / pace
        self._between_icebergs_s = ICEBERG_EVERY_S / pace
        self._between_orders_s = 1 / context.nature.orders_per_s
        self._joined: deque[str] = deque(maxlen=JOINERS_WATCHING)
        self._wall = ""
        self._wall_price = 0
        self._wall_side = Side.BID
        context.after(self._random.expovariate(context.nature.orders_per_s), self._arrive)
        context.after(self._random.expovariate(1 / self._between_walls_s), self._build_wall)
        context.after(self._random.expovariate(1 / self._between_icebergs_s), self._work_iceberg)

    def open(self, start: int, now: int) -> None:
        """Fill the book with what hours would have left in it, entered from `start` to `now`."""
        context = self._context
        step = (now - start) // (4 * self._deep_orders)
        context.now = start
        for _ in range(self._deep_orders):
            context.now += step
            self._rest_deep(context.any_side())
        for _ in range(self._deep_orders):
            if (thin := self._thin_side()) is None:
                break
            context.now += step
            self._rest_deep(thin)
        for _ in range(int(context.nature.orders_per_s * PATIENT * PATIENT_LIFE_S)):
            context.now += step
            self._rest_patient(context.any_side())

    def scatter(self) -> None:
        """Let the programs among the joiners pull out at once: the fair price jumped."""
        delay_s = 0.0
        for order_id in self._joined:
            delay_s += self._random.expovariate(400)
            self._context.after(delay_s, self._context.cancel, order_id)
        self._joined.clear()

    # --- arrivals -------------------------------------------------------------------

    def _arrive(self, _: str) -> EngineBatch:
        random, context = self._random, self._context
        context.after(random.expovariate(1.0) * self._between_orders_s, self._arrive)
        side = context.any_side()
        kind = random.random()
        if kind < JOINERS:
            return self._join(side)
        thin = self._thin_side()
        if kind < JOINERS + PATIENT and thin is None:
            return self._rest_patient(side)
        if thin is not None:
            self._drop_gone()
            return self._rest_deep(thin)
        # One deep order comes and, a little later, another goes: their number stays level.
        context.after(random.expovariate(0.5), self._cancel_deep)
        return self._rest_deep(side)

    def _thin_side(self) -> Side | None:
        """Return the side with fewer levels, if one has fewer than the market is meant to have."""
        matcher = self._context.matcher
        bids, asks = matcher.depth(Side.BID), matcher.depth(Side.ASK)
        if min(bids, asks) >= self._context.nature.depth:
            return None
        return Side.BID if bids < asks else Side.ASK

    def _join(self, side: Side) -> EngineBatch:
        """Rest an order at the touch, better while there is room, or just behind; briefly."""
        random, context = self._random, self._context
        best, other = context.best(side), context.best(side.opposite)
        inward = 1 if side is Side.BID else -1
        room = abs(other - best)
        choice = random.random()
        if room > 1 and choice < 0.55:
            price = best + inward * (1 if choice < 0.35 else random.randrange(1, room))
        elif choice < 0.72:
            price = best
        else:
            price = best - inward * (1 + int(random.expovariate(1 / context.gap)))
        life_s = 0.3 if random.random() < 0.3 else 1.5 if random.random() < 0.7 else 12.0
        batch = self._rest(side, price, context.sizes.draw(), life_s)
        self._joined.append(batch.steps[0].order_id)
        return batch

    def _rest_patient(self, side: Side) -> EngineBatch:
        """Rest an order within a few dozen levels of the touch, for half a minute."""
        random, context = self._random, self._context
        away = int(7 * context.gap + random.expovariate(1 / (18 * context.gap)))
        price = self._rounded(context.best(side), -away if side is Side.BID else away)
        return self._rest(side, price, context.sizes.draw(), PATIENT_LIFE_S)

    def _rest_deep(self, side: Side) -> EngineBatch:
        """Rest one deep order: they are densest near the touch, and thin out to the reach."""
        random, context = self._random, self._context
        spread = random.random()
        away = self._reach * spread * spread**0.3 + 10 * context.gap
        fair = context.fair.price
        if side is Side.BID and away >= fair:
            away = fair * random.random()
        price = self._rounded(fair, -away if side is Side.BID else away)
        batch = context.quote(side, price, context.sizes.draw())
        self._deep.append(batch.steps[0].order_id)
        return batch

    def _cancel_deep(self, _: str) -> EngineBatch | None:
        """Cancel any one deep order, or find that it is gone already."""
        return self._context.cancel(self._take_id(int(self._random.random() * len(self._deep))))

    def _drop_gone(self) -> None:
        """Drop ids of orders long filled, so that the list stays as long as there are orders."""
        for _ in range(2):
            place = int(self._random.random() * len(self._deep))
            if self._deep[place] not in self._context.matcher:
                self._take_id(place)

    def _take_id(self, place: int) -> str:
        """Take one id out of the deep orders; their sequence means nothing."""
        deep = self._deep
        order_id, deep[place] = deep[place], deep[-1]
        deep.pop()
        return order_id

    def _rest(
        self, side: Side, price: int, qty: int, life_s: float, display_qty: int | None = None
    ) -> EngineBatch:
        """Rest an order that is cancelled, or expires, after `life_s` in the mean."""
        context = self._context
        if context.now_and_then(0.1):
            expire_at = context.now + int(NS_PER_S * self._random.expovariate(1 / life_s))
            return context.quote(side, price, qty, display_qty, expire_at)
        batch = context.quote(side, price, qty, display_qty)
        life_s = self._random.expovariate(1 / life_s)
        context.after(life_s, context.cancel, batch.steps[0].order_id)
        return batch

    # --- the large ones -------------------------------------------------------------

    def _build_wall(self, _: str) -> EngineBatch | None:
        random, context = self._random, self._context
        context.after(random.expovariate(1 / self._between_walls_s), self._build_wall)
        if self._wall in context.matcher:
            return None
        side = context.any_side()
        away = random.uniform(5, 30) * context.gap
        price = self._rounded(context.best(side), -away if side is Side.BID else away)
        qty = int(context.sizes.typical * random.uniform(25, 80))
        batch = self._rest(side, price, qty, 25.0)
        self._wall = batch.steps[0].order_id
        self._wall_side, self._wall_price = side, price
        context.after(0.2, self._guard_wall, self._wall)
        return batch

    def _guard_wall(self, wall: str) -> EngineBatch | None:
        """Pull the wall, as most are, when the touch comes within two levels of it."""
        context = self._context
        if wall not in context.matcher:
            return None
        if abs(context.best(self._wall_side) - self._wall_price) < 2 * context.gap:
            return context.cancel(wall) if self._random.random() < 0.85 else None
        context.after(0.2, self._guard_wall, wall)
        return None

    def _work_iceberg(self, _: str) -> EngineBatch:
        random, context = self._random, self._context
        context.after(random.expovariate(1 / self._between_icebergs_s), self._work_iceberg)
        side = context.any_side()
        away = random.uniform(0, 3) * context.gap
        price = int(context.best(side) + (-away if side is Side.BID else away))
        qty = int(context.sizes.typical * random.uniform(8, 30))
        shown = max(context.sizes.least, qty // random.randint(6, 15))
        return self._rest(side, price, max(qty, shown), 60.0, shown)

    def _rounded(self, base: float, away: float) -> int:
        """Return a price that far from `base`; one in three is round, the further the rounder."""
        price = int(base + away)
        random = self._random.random()
        if random > 0.3:
            return price
        step = 10 ** max(1, len(str(int(abs(away)))) - 2)
        if random < 0.1:
            step //= 2
        rounded = price - price % step
        return rounded if rounded > 0 else price
