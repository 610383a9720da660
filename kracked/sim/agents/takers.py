"""Those who trade at once: clustered arrivals, heavy tails, and the quick who pick off the stale.

Every taker may draw others after it, most of them the same way within a second: a
self-exciting (Hawkes) process, written as the family tree it is.
"""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch, OrderFilled

DRAWN = 0.6
"""Mean number of takers each one draws; 1 / (1 - DRAWN) come for each by itself."""
LEAST_HEAT = 0.2
CHASED = 0.5
"""Share of the fair price's moves somebody is quick enough to profit from."""


class Takers:
    """The floor's takers."""

    def __init__(self, floor: AgentContext) -> None:
        self._floor = floor
        self._random = floor.random
        floor.after(self._wait_s(), self._arrive)

    def chase(self) -> None:
        """Fair price moved: after a moment somebody takes what stands on its wrong side."""
        if self._random.random() < CHASED:
            self._floor.after(0.01 + self._random.expovariate(12), self._pick_off)

    def _arrive(self, _: str) -> EngineBatch | None:
        self._floor.after(self._wait_s(), self._arrive)
        return self._take(self._leaning())

    def _take(self, side: str) -> EngineBatch | None:
        """One taker, and the appointments of those it draws."""
        random, taking = self._random, Side(side)
        while random.random() < DRAWN / (1 + DRAWN):
            follower = taking if random.random() < 0.8 else taking.opposite
            delay_s = random.expovariate(8.0 if random.random() < 0.6 else 0.6)
            self._floor.after(delay_s, self._take, follower)
        return self._trade(taking)

    def _trade(self, side: Side) -> EngineBatch | None:
        random, floor = self._random, self._floor
        against = floor.matcher.level_at(side.opposite, 0)
        if against is None:
            return None
        kind = random.random()
        if kind < 0.02:
            return self._learn(side, self._sweep(side))
        if kind < 0.70:
            qty = floor.sizes.small(against.price)
        elif kind < 0.85:
            qty = floor.sizes.program(int(random.random() * 10))
        else:
            qty = floor.sizes.odd(0.6)
        if random.random() < 0.35:
            return self._learn(side, floor.take(side, qty))
        tif = TimeInForce.GTC if qty < 2 * against.qty else TimeInForce.IOC
        return self._learn(side, floor.take(side, qty, against.price, tif))

    def _sweep(self, side: Side) -> EngineBatch:
        """Through several levels at once."""
        floor = self._floor
        deep = self._random.randint(2, 9)
        levels = [floor.matcher.level_at(side.opposite, place) for place in range(deep)]
        qty = sum(level.qty for level in levels if level is not None)
        return floor.take(side, max(1, int(qty * self._random.uniform(0.7, 1.0))))

    def _pick_off(self, _: str) -> EngineBatch | None:
        """Take everything better than fair that is still there, until nothing is."""
        floor = self._floor
        fair = int(floor.fair.price)
        for side, edge in ((Side.BID, fair), (Side.ASK, fair + 1)):
            qty = self._stale(side, edge)
            if qty:
                self.chase()
                return floor.take(side, qty, edge)
        return None

    def _stale(self, side: Side, edge: int) -> int:
        """How much a taker of that side gets up to the edge, over four levels at most."""
        qty, sign = 0, 1 if side is Side.BID else -1
        for place in range(4):
            level = self._floor.matcher.level_at(side.opposite, place)
            if level is None or (edge - level.price) * sign < 0:
                break
            qty += level.qty
        return qty

    def _learn(self, side: Side, batch: EngineBatch) -> EngineBatch:
        """Trades carry news: fair price follows them a little."""
        filled = sum(step.qty for step in batch.steps if type(step) is OrderFilled)
        size = min(1.0, filled / (20 * self._floor.sizes.typical))
        self._floor.fair.nudge((0.04 + size) * (0.25 if side is Side.BID else -0.25))
        return batch

    def _leaning(self) -> Side:
        """Which way the next one goes: with a burst, else towards fair."""
        floor = self._floor
        bid, ask = floor.best(Side.BID), floor.best(Side.ASK)
        lean = (floor.fair.price - (bid + ask) / 2) / (8 * floor.gap)
        buys = 0.5 + 0.32 * floor.fair.direction + max(-0.25, min(0.25, lean))
        return Side.BID if self._random.random() < buys else Side.ASK

    def _wait_s(self) -> float:
        heat = max(LEAST_HEAT, self._floor.fair.heat)
        return self._random.expovariate(self._floor.nature.takers_per_s * heat)
