"""Everybody who rests orders and is no market maker.

Joiners crowd the touch and leave within seconds, patient orders wait further out, deep
ones stand for many minutes. Now and then somebody builds a wall and pulls it
when the price comes near, or works a large order as an iceberg.
"""

from __future__ import annotations

from collections import deque

from kracked.protocol.events import Side
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch

JOINERS = 0.25
PATIENT = 0.30
"""Shares of the crowd's orders; the rest are deep."""
DEEP_ORDERS_PER_LEVEL = 2.4
"""Deep orders standing, both sides, for each level a side is meant to have."""
PATIENT_LIFE_S = 25.0
JOINERS_WATCHING = 14
"""How many of the newest joiners are programs that leave when fair price jumps."""
WALL_EVERY_S = 45.0
ICEBERG_EVERY_S = 40.0


class NoiseTraders:
    """The floor's many small resting orders, and its few large ones."""

    def __init__(self, floor: AgentContext) -> None:
        self._floor = floor
        self._random = floor.random
        self._reach = max(floor.listing.opening_price * 0.05, floor.nature.depth * 2.6)
        """How far out deep orders stand, in ticks: enough for as many levels as wanted."""
        self._deep_orders = int(DEEP_ORDERS_PER_LEVEL * floor.nature.depth)
        self._deep: list[str] = []
        pace = floor.nature.orders_per_s / 18
        self._between_walls_s = WALL_EVERY_S / pace
        self._between_icebergs_s = ICEBERG_EVERY_S / pace
        self._between_orders_s = 1 / floor.nature.orders_per_s
        self._joined: deque[str] = deque(maxlen=JOINERS_WATCHING)
        self._wall = ""
        self._wall_price = 0
        self._wall_side = Side.BID
        floor.after(self._random.expovariate(floor.nature.orders_per_s), self._arrive)
        floor.after(self._random.expovariate(1 / self._between_walls_s), self._build_wall)
        floor.after(self._random.expovariate(1 / self._between_icebergs_s), self._work_iceberg)

    def open(self, start: int, now: int) -> None:
        """Fill the book with what hours would have left in it, entered from `start` on."""
        floor = self._floor
        step = (now - start) // (4 * self._deep_orders)
        floor.now = start
        for _ in range(self._deep_orders):
            floor.now += step
            self._dig(floor.any_side())
        for _ in range(self._deep_orders):
            if (thin := self._thin_side()) is None:
                break
            floor.now += step
            self._dig(thin)
        for _ in range(int(floor.nature.orders_per_s * PATIENT * PATIENT_LIFE_S)):
            floor.now += step
            self._wait(floor.any_side())

    def scatter(self) -> None:
        """Fair price jumped: the programs among the joiners pull out at once."""
        delay_s = 0.0
        for order_id in self._joined:
            delay_s += self._random.expovariate(400)
            self._floor.after(delay_s, self._floor.cancel, order_id)
        self._joined.clear()

    # --- arrivals -------------------------------------------------------------------

    def _arrive(self, _: str) -> EngineBatch:
        random, floor = self._random, self._floor
        floor.after(random.expovariate(1.0) * self._between_orders_s, self._arrive)
        side = floor.any_side()
        kind = random.random()
        if kind < JOINERS:
            return self._join(side)
        thin = self._thin_side()
        if kind < JOINERS + PATIENT and thin is None:
            return self._wait(side)
        if thin is not None:
            self._forget_gone()
            return self._dig(thin)
        return self._turn_over(side)

    def _thin_side(self) -> Side | None:
        """A side that lost more levels than the market means it to have."""
        matcher = self._floor.matcher
        bids, asks = matcher.depth(Side.BID), matcher.depth(Side.ASK)
        if min(bids, asks) >= self._floor.nature.depth:
            return None
        return Side.BID if bids < asks else Side.ASK

    def _join(self, side: Side) -> EngineBatch:
        """At the touch, a tick better while there is room, or just behind; never for long."""
        random, floor = self._random, self._floor
        best, other = floor.best(side), floor.best(side.opposite)
        inward = 1 if side is Side.BID else -1
        room = abs(other - best)
        choice = random.random()
        if room > 1 and choice < 0.55:
            price = best + inward * (1 if choice < 0.35 else random.randrange(1, room))
        elif choice < 0.72:
            price = best
        else:
            price = best - inward * (1 + int(random.expovariate(1 / floor.gap)))
        life_s = 0.3 if random.random() < 0.3 else 1.5 if random.random() < 0.7 else 12.0
        batch = self._rest(side, price, floor.sizes.draw(), life_s)
        self._joined.append(batch.steps[0].order_id)
        return batch

    def _wait(self, side: Side) -> EngineBatch:
        """Within a few dozen levels of the touch, for half a minute."""
        random, floor = self._random, self._floor
        away = int(7 * floor.gap + random.expovariate(1 / (18 * floor.gap)))
        price = self._rounded(floor.best(side), -away if side is Side.BID else away)
        return self._rest(side, price, floor.sizes.draw(), PATIENT_LIFE_S)

    def _turn_over(self, side: Side) -> EngineBatch:
        """One deep order comes and, a little later, another goes: the stock stays level."""
        self._floor.after(self._random.expovariate(0.5), self._give_up)
        return self._dig(side)

    def _dig(self, side: Side) -> EngineBatch:
        """Rest one deep order. Densest near the touch, thinning out to the reach."""
        random, floor = self._random, self._floor
        spread = random.random()
        away = self._reach * spread * spread**0.3 + 10 * floor.gap
        fair = floor.fair.price
        if side is Side.BID and away >= fair:
            away = fair * random.random()
        price = self._rounded(fair, -away if side is Side.BID else away)
        batch = floor.quote(side, price, floor.sizes.draw())
        self._deep.append(batch.steps[0].order_id)
        return batch

    def _give_up(self, _: str) -> EngineBatch | None:
        """Any one deep order leaves, or is found to be gone already."""
        return self._floor.cancel(self._draw(int(self._random.random() * len(self._deep))))

    def _forget_gone(self) -> None:
        """Drop ids of orders long filled, so that the list stays as long as the stock."""
        for _ in range(2):
            place = int(self._random.random() * len(self._deep))
            if self._deep[place] not in self._floor.matcher:
                self._draw(place)

    def _draw(self, place: int) -> str:
        """Take one id out of the deep ones; their order means nothing."""
        deep = self._deep
        order_id, deep[place] = deep[place], deep[-1]
        deep.pop()
        return order_id

    def _rest(self, side: Side, price: int, qty: int, life_s: float) -> EngineBatch:
        batch = self._floor.quote(side, price, qty)
        self._leave_after(self._random.expovariate(1 / life_s), batch)
        return batch

    def _leave_after(self, seconds: float, batch: EngineBatch) -> None:
        self._floor.after(seconds, self._floor.cancel, batch.steps[0].order_id)

    # --- the large ones -------------------------------------------------------------

    def _build_wall(self, _: str) -> EngineBatch | None:
        random, floor = self._random, self._floor
        floor.after(random.expovariate(1 / self._between_walls_s), self._build_wall)
        if self._wall in floor.matcher:
            return None
        side = floor.any_side()
        away = random.uniform(5, 30) * floor.gap
        price = self._rounded(floor.best(side), -away if side is Side.BID else away)
        qty = int(floor.sizes.typical * random.uniform(25, 80))
        batch = self._rest(side, price, qty, 25.0)
        self._wall = batch.steps[0].order_id
        self._wall_side, self._wall_price = side, price
        floor.after(0.2, self._guard_wall, self._wall)
        return batch

    def _guard_wall(self, wall: str) -> EngineBatch | None:
        """Most walls are not meant: pull it when the touch comes within two levels."""
        floor = self._floor
        if wall not in floor.matcher:
            return None
        if abs(floor.best(self._wall_side) - self._wall_price) < 2 * floor.gap:
            return floor.cancel(wall) if self._random.random() < 0.85 else None
        floor.after(0.2, self._guard_wall, wall)
        return None

    def _work_iceberg(self, _: str) -> EngineBatch:
        random, floor = self._random, self._floor
        floor.after(random.expovariate(1 / self._between_icebergs_s), self._work_iceberg)
        side = floor.any_side()
        away = random.uniform(0, 3) * floor.gap
        price = int(floor.best(side) + (-away if side is Side.BID else away))
        qty = int(floor.sizes.typical * random.uniform(8, 30))
        shown = max(floor.sizes.least, qty // random.randint(6, 15))
        batch = floor.quote(side, price, max(qty, shown), shown)
        self._leave_after(random.expovariate(1 / 60), batch)
        return batch

    def _rounded(self, base: float, away: float) -> int:
        """A price that far from `base`; the further out, the rounder one in three is."""
        price = int(base + away)
        random = self._random.random()
        if random > 0.3:
            return price
        step = 10 ** max(1, len(str(int(abs(away)))) - 2)
        if random < 0.1:
            step //= 2
        rounded = price - price % step
        return rounded if rounded > 0 else price
