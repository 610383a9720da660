"""Takers: clustered arrivals, heavy tails, and the quick who pick off stale quotes.

Every taker may draw others after it, most of them the same way within a second: a
self-exciting (Hawkes) process, written as the family tree it is.
"""

from __future__ import annotations

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch, OrderFilled

DRAWN = 0.6
"""The mean number of takers that each one draws: 1 / (1 - DRAWN) come for each by itself."""
LEAST_HEAT = 0.2
CHASED = 0.5
"""The part of the fair price's moves that somebody is quick enough to profit from."""


class Takers:
    """The takers of one instrument."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._random = context.random
        context.after(self._wait_s(), self._arrive)

    def chase(self) -> None:
        """Let somebody take what is on the wrong side of the new fair price, after a moment."""
        if self._random.random() < CHASED:
            self._context.after(0.01 + self._random.expovariate(12), self._pick_off)

    def _arrive(self, _: str) -> EngineBatch | None:
        """Trade with a burst, else towards the fair price."""
        context = self._context
        context.after(self._wait_s(), self._arrive)
        bid, ask = context.best(Side.BID), context.best(Side.ASK)
        lean = (context.fair.price - (bid + ask) / 2) / (8 * context.gap)
        buys = 0.5 + 0.32 * context.fair.direction + max(-0.25, min(0.25, lean))
        return self._take(Side.BID if self._random.random() < buys else Side.ASK)

    def _take(self, side: str) -> EngineBatch | None:
        """Trade once, and make the appointments of the takers this one draws."""
        random, taken = self._random, Side(side)
        while random.random() < DRAWN / (1 + DRAWN):
            follower = taken if random.random() < 0.8 else taken.opposite
            delay_s = random.expovariate(8.0 if random.random() < 0.6 else 0.6)
            self._context.after(delay_s, self._take, follower)
        return self._trade(taken)

    def _trade(self, side: Side) -> EngineBatch | None:
        random, context = self._random, self._context
        against = context.matcher.level_at(side.opposite, 0)
        if against is None:
            return None
        kind = random.random()
        if kind < 0.02:
            deep = random.randint(2, 9)  # several levels at once
            levels = [context.matcher.level_at(side.opposite, place) for place in range(deep)]
            qty = sum(level.qty for level in levels if level is not None)
            part = max(1, int(qty * random.uniform(0.7, 1.0)))
            return self._learn(side, context.take(side, part))
        if kind < 0.70:
            qty = context.sizes.small(against.price)
        elif kind < 0.85:
            qty = context.sizes.program(int(random.random() * 10))
        else:
            qty = context.sizes.heavy_tailed(0.6)
        if context.now_and_then(0.15):  # all that is there, up to a limit, and a little more
            qty = against.qty + max(qty, against.qty // 4)
            return self._learn(side, context.take(side, qty, against.price))
        if random.random() < 0.35:
            return self._learn(side, context.take(side, qty))
        tif = TimeInForce.GTC if qty < 2 * against.qty else TimeInForce.IOC
        return self._learn(side, context.take(side, qty, against.price, tif))

    def _pick_off(self, _: str) -> EngineBatch | None:
        """Take everything better than the fair price, until nothing is left."""
        context = self._context
        fair = int(context.fair.price)
        for side, edge in ((Side.BID, fair), (Side.ASK, fair + 1)):
            qty = self._stale(side, edge)
            if qty:
                self.chase()
                return context.take(side, qty, edge)
        return None

    def _stale(self, side: Side, edge: int) -> int:
        """Return how much a taker gets up to a price, over four levels at most."""
        qty, sign = 0, 1 if side is Side.BID else -1
        for place in range(4):
            level = self._context.matcher.level_at(side.opposite, place)
            if level is None or (edge - level.price) * sign < 0:
                break
            qty += level.qty
        return qty

    def _learn(self, side: Side, batch: EngineBatch) -> EngineBatch:
        """Let the fair price follow a trade a little: trades carry news."""
        filled = sum(step.qty for step in batch.steps if type(step) is OrderFilled)
        size = min(1.0, filled / (20 * self._context.sizes.typical))
        self._context.fair.nudge((0.04 + size) * (0.25 if side is Side.BID else -0.25))
        return batch

    def _wait_s(self) -> float:
        """Return the seconds until the next taker comes by itself."""
        heat = max(LEAST_HEAT, self._context.fair.heat)
        return self._random.expovariate(self._context.nature.takers_per_s * heat)
