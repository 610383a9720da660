"""Patterns that are planted on request, with the truth about each: to try what looks for them.

Each has a source of chance of its own, from the market's seed. Every act is one request to the
engine, as of any other agent.
"""

from __future__ import annotations

from collections.abc import Callable

from kracked.protocol.events import Side
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.agents.planter import Pattern, price_of
from kracked.sim.agents.taker_patterns import TakerPatterns
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.truth import PlantedRow

WATCH_S = 0.005
"""How often the owner of an own-made iceberg looks whether it was filled."""
GUARD_S = 0.05
"""How often the owner of a wall looks at the price."""
CHAIN_LIFE_S = 90.0
"""How long an iceberg goes on, own-made or native."""
WALL_LIFE_S = 180.0
"""How long a wall waits for the price."""
PULLED_AT_GAPS = 3.5


class _Chain:
    """An own-made iceberg at work."""

    def __init__(self, row: PlantedRow, side: Side, price: int, qtys: list[int]) -> None:
        self.row, self.side, self.price, self.qtys = row, side, price, qtys
        self.ids: list[str] = []
        self.order_id = ""
        self.at = 0
        """Where its last part came to rest."""
        self.run = self.refills = 0
        """Refills at that price, and the most at any."""
        self.left = len(qtys)
        self.until = 0


class Patterns(TakerPatterns):
    """Plants patterns in one market."""

    def __init__(
        self,
        context: AgentContext,
        seed: str,
        *,
        desert: Callable[[Side], None],
        told: Callable[[PlantedRow], None],
    ) -> None:
        """Prepare to plant.

        Args:
            context: The market.
            seed: The same seed plants the same patterns.
            desert: Lets all makers leave a side.
            told: Takes the truth about each pattern when it is over.
        """
        super().__init__(context, seed, told)
        self._desert = desert
        self._work: dict[Pattern, Callable[[str], EngineBatch | None]] = {
            Pattern.ICEBERG: self._iceberg,
            Pattern.OWN_ICEBERG: lambda _: self._own_iceberg(Pattern.OWN_ICEBERG),
            Pattern.LOOSE_ICEBERG: lambda _: self._own_iceberg(Pattern.LOOSE_ICEBERG),
            Pattern.REQUOTER: lambda _: self._own_iceberg(Pattern.REQUOTER),
            Pattern.PULLED_LAYERS: lambda _: self._layers(Pattern.PULLED_LAYERS),
            Pattern.TIMED_LAYERS: lambda _: self._layers(Pattern.TIMED_LAYERS),
            Pattern.STAYING_WALL: lambda _: self._layers(Pattern.STAYING_WALL),
            Pattern.JUMP: self._jump,
            Pattern.SAME_SIZE: self._same_size,
            Pattern.SWEEP: self._sweep,
            Pattern.BURST: self._burst,
            Pattern.ABSORPTION: self._absorption,
            Pattern.SILENT_WINDOW: self._silent_window,
        }

    def plant(self, pattern: Pattern, count: int = 1, within_s: float = 0.0) -> None:
        """Begin a pattern so many times, at instants by chance within so many seconds."""
        for _ in range(count):
            self._context.after(self._random.random() * within_s, self._work[pattern])

    # --- hidden size ------------------------------------------------------------------------

    def _iceberg(self, _: str) -> EngineBatch:
        context, side = self._context, self._side()
        shown = self._qty(0.4, 1.2)
        qty = shown * self._random.randint(6, 15)
        batch = context.quote(side, self._near(side), qty, shown)
        order_id = batch.steps[0].order_id
        row = self._row(Pattern.ICEBERG, side, price_of(batch))

        def end(_: str) -> EngineBatch | None:
            self._tell(row, ids=(order_id,), qty=shown)
            return context.cancel(order_id)

        context.after(CHAIN_LIFE_S, end)
        return batch

    def _own_iceberg(self, pattern: Pattern) -> EngineBatch:
        random, side = self._random, self._side()
        size = self._qty(0.3, 0.9)
        count = random.randint(1, 2) if pattern is Pattern.REQUOTER else random.randint(4, 12)
        qtys = [size] * (count + 1)
        if pattern is Pattern.LOOSE_ICEBERG:
            qtys = [size, *(int(size * random.uniform(0.85, 1.15)) for _ in range(count))]
        price = self._near(side)
        chain = _Chain(self._row(pattern, side, price), side, price, qtys)
        chain.until = self._context.moment + int(CHAIN_LIFE_S * 1e9)
        return self._show(chain)

    def _show(self, chain: _Chain) -> EngineBatch:
        """Show the next part of an own-made iceberg, and watch it."""
        qty = chain.qtys[len(chain.ids)]
        batch = self._context.quote(chain.side, chain.price, qty)
        chain.order_id = batch.steps[0].order_id
        price = price_of(batch)
        chain.run = chain.run + 1 if chain.ids and price == chain.at else 0
        chain.refills, chain.at = max(chain.refills, chain.run), price
        chain.ids.append(chain.order_id)
        chain.left -= 1
        self._context.after(WATCH_S, lambda _: self._watch(chain))
        return batch

    def _watch(self, chain: _Chain) -> EngineBatch | None:
        context = self._context
        if chain.order_id in context.matcher:
            if context.moment < chain.until:
                context.after(WATCH_S, lambda _: self._watch(chain))
                return None
            self._end_chain(chain)
            return context.cancel(chain.order_id)
        if not chain.left or context.moment >= chain.until:
            self._end_chain(chain)
            return None
        slow = chain.row.pattern == Pattern.REQUOTER
        low, high = (0.02, 0.4) if slow else (0.005, 0.25)
        delay_s = max(0.0, self._random.uniform(low, high) - WATCH_S)
        context.after(delay_s, lambda _: self._show(chain))
        return None

    def _end_chain(self, chain: _Chain) -> None:
        self._tell(chain.row, ids=tuple(chain.ids), count=chain.refills, qty=chain.qtys[0])

    # --- walls ------------------------------------------------------------------------------

    def _layers(self, pattern: Pattern) -> EngineBatch:
        """Rest three walls, nearest first, or one; watch them."""
        context, random, side = self._context, self._random, self._side()
        outward = -1 if side is Side.BID else 1
        first = random.uniform(8, 12)
        count = 1 if pattern is Pattern.STAYING_WALL else 3
        best = context.best(side)
        prices = [best + outward * int((first + 2 * place) * context.gap) for place in range(count)]
        row = self._row(pattern, side, prices[0])
        ids: list[str] = []

        def rest(place: str) -> EngineBatch:
            batch = context.quote(side, prices[int(place)], self._qty(30, 60))
            ids.append(batch.steps[0].order_id)
            return batch

        for place in range(1, count):
            context.after(0.2 * place, rest, str(place))
        watch = {
            Pattern.PULLED_LAYERS: self._guard,
            Pattern.TIMED_LAYERS: self._time_out,
            Pattern.STAYING_WALL: self._stay,
        }[pattern]
        context.after(1.0 if pattern is not Pattern.TIMED_LAYERS else 25.0, watch(row, ids, side))
        return rest("0")

    def _guard(
        self, row: PlantedRow, ids: list[str], side: Side
    ) -> Callable[[str], EngineBatch | None]:
        """Pull the walls when the best price is near the first, or give up."""
        context = self._context

        def look(_: str) -> EngineBatch | None:
            gaps = abs(context.best(side) - row.price) / context.gap
            hit = any((order := context.matcher.order(one)) is None or order.filled for one in ids)
            late = context.now - row.start > WALL_LIFE_S * 1e9
            if hit or late:
                self._tell(row, ids=tuple(ids), outcome="traded" if hit else "timed out")
            elif gaps <= PULLED_AT_GAPS:
                self._tell(row, ids=tuple(ids), outcome="pulled")
            else:
                context.after(GUARD_S, look)
                return None
            for place, one in enumerate(ids[1:], 1):
                context.after(0.01 * place, context.cancel, one)
            return context.cancel(ids[0])

        return look

    def _time_out(
        self, row: PlantedRow, ids: list[str], _: Side
    ) -> Callable[[str], EngineBatch | None]:
        """Take the walls away, wherever the price is."""
        context = self._context

        def leave(_: str) -> EngineBatch | None:
            self._tell(row, ids=tuple(ids), outcome="timed out")
            for place, one in enumerate(ids[1:], 1):
                context.after(0.01 * place, context.cancel, one)
            return context.cancel(ids[0])

        return leave

    def _stay(self, row: PlantedRow, ids: list[str], _: Side) -> Callable[[str], None]:
        context = self._context

        def look(_: str) -> None:
            order = context.matcher.order(ids[0])
            if order is None or context.now - row.start > 10 * WALL_LIFE_S * 1e9:
                self._tell(row, ids=tuple(ids), outcome="traded" if order is None else "stays")
            else:
                context.after(1.0, look)

        return look

    def _jump(self, _: str) -> None:
        side = self._side()
        self._desert(side)
        self._tell(self._row(Pattern.JUMP, side, self._context.best(side)))

    # --- quotes -----------------------------------------------------------------------------

    def _silent_window(self, _: str) -> EngineBatch | None:
        """Quote and remove a level near the best price, so that the farthest ones flap."""
        context, side = self._context, self._side()
        row = self._row(Pattern.SILENT_WINDOW, side, context.best(side))
        ids: list[str] = []

        def flap(step: str) -> EngineBatch | None:
            if int(step) < 400:
                context.after(0.025, flap, str(int(step) + 1))
            else:
                self._tell(row, ids=tuple(ids), count=len(ids))
            if int(step) % 2:
                return context.cancel(ids[-1])
            batch = context.quote(side, self._near(side), context.sizes.least)
            ids.append(batch.steps[0].order_id)
            return batch

        return flap("0")
