"""Patterns that are planted on request, with the truth about each: to try what looks for them.

Each has a source of chance of its own, from the market's seed. Every act is one request to the
engine, as of any other agent.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch, OrderFilled, Rested
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


class Pattern(StrEnum):
    """A kind of pattern that can be planted."""

    ICEBERG = "iceberg"
    """A native iceberg at the best price, of 6 to 15 parts."""
    OWN_ICEBERG = "own-iceberg"
    """The same size again 5 to 250 ms after each fill, 4 to 12 times."""
    LOOSE_ICEBERG = "loose-iceberg"
    """The same with sizes up to 20 % apart."""
    REQUOTER = "requoter"
    """The same size once or twice 20 to 400 ms after a fill."""
    PULLED_LAYERS = "pulled-layers"
    """Three walls 8 to 16 gaps away, gone when the best price is 3.5 gaps away."""
    TIMED_LAYERS = "timed-layers"
    """The same, gone after 25 s wherever the price is."""
    STAYING_WALL = "staying-wall"
    """A wall as far away that stays until it is filled."""
    JUMP = "jump"
    """All makers leave one side at once."""
    SAME_SIZE = "same-size"
    """A taker of an odd size 8 to 20 times, 2 to 8 s apart."""
    SWEEP = "sweep"
    """One taker through 2 to 9 levels."""
    ABSORPTION = "absorption"
    """200 times the typical order behind 6 shown, hit 12 to 20 times in 10 s."""
    SILENT_WINDOW = "silent-window"
    """A better level that comes and goes 20 times a second for 10 s."""


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


class Patterns:
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
        self._context, self._desert, self._told = context, desert, told
        self._random = Random(f"{seed}/{context.symbol}/patterns")
        self._numbers = 0
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
            Pattern.ABSORPTION: self._absorption,
            Pattern.SILENT_WINDOW: self._silent_window,
        }

    def plant(self, pattern: Pattern, count: int = 1, within_s: float = 0.0) -> None:
        """Begin a pattern so many times, at instants by chance within so many seconds."""
        for _ in range(count):
            self._context.after(self._random.random() * within_s, self._work[pattern])

    # --- what they share --------------------------------------------------------------------

    def _row(self, pattern: Pattern, side: Side, price: int) -> PlantedRow:
        self._numbers += 1
        context = self._context
        return PlantedRow(
            symbol=context.symbol,
            pattern=pattern.value,
            number=self._numbers,
            side=side,
            price=price,
            start=context.now,
        )

    def _tell(self, row: PlantedRow, **members: object) -> None:
        self._told(row.grown(end=self._context.now, **members))

    def _qty(self, low: float, high: float) -> int:
        """Return a quantity between multiples of the typical one, odd to the last digit."""
        sizes = self._context.sizes
        qty = int(sizes.typical * self._random.uniform(low, high))
        return max(10 * sizes.least, qty) | 1

    def _near(self, side: Side) -> int:
        """Return the best price of a side, or one better where there is room."""
        context = self._context
        best, other = context.best(side), context.best(side.opposite)
        inward = 1 if side is Side.BID else -1
        return best + inward if abs(other - best) > 1 else best

    # --- hidden size ------------------------------------------------------------------------

    def _iceberg(self, _: str) -> EngineBatch:
        context, side = self._context, self._side()
        shown = self._qty(0.4, 1.2)
        qty = shown * self._random.randint(6, 15)
        batch = context.quote(side, self._near(side), qty, shown)
        order_id = batch.steps[0].order_id
        row = self._row(Pattern.ICEBERG, side, _price(batch))

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
        price = _price(batch)
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

    # --- takers -----------------------------------------------------------------------------

    def _same_size(self, _: str) -> None:
        context, random, side = self._context, self._random, self._side()
        size = int(context.sizes.typical * random.uniform(0.5, 2))
        size = max(size, 10_000 * 10) // 10 * 10 + random.choice((1, 3, 7, 9))
        row = self._row(Pattern.SAME_SIZE, side, context.best(side.opposite))
        left = random.randint(8, 20)
        times: list[int] = []

        def take(_: str) -> EngineBatch | None:
            if context.matcher.best_price(side.opposite) is None:
                return None
            times.append(context.now)
            if len(times) < left:
                context.after(random.uniform(2, 8), take)
            else:
                self._tell(row, qty=size, count=len(times), times=tuple(times))
            return context.take(side, size)

        context.after(0.0, take)

    def _sweep(self, _: str) -> EngineBatch | None:
        context, side = self._context, self._side()
        levels = [
            level
            for place in range(self._random.randint(2, 9))
            if (level := context.matcher.level_at(side.opposite, place)) is not None
        ]
        if not levels:
            return None
        row = self._row(Pattern.SWEEP, side, levels[0].price)
        batch = context.take(side, sum(level.qty for level in levels), levels[-1].price)
        fills = [step for step in batch.steps if type(step) is OrderFilled]
        prices = list(dict.fromkeys(step.price for step in fills))
        self._told(
            row.grown(
                start=batch.time,
                end=batch.time,
                price=prices[0],
                count=len(prices),
                qty=sum(step.qty for step in fills),
                last_price=prices[-1],
            )
        )
        return batch

    def _absorption(self, _: str) -> EngineBatch:
        context, random, side = self._context, self._random, self._side()
        typical = context.sizes.typical
        batch = context.quote(side, self._near(side), 200 * typical, 6 * typical)
        order_id = batch.steps[0].order_id
        price = _price(batch)
        row = self._row(Pattern.ABSORPTION, side, price)
        hits = random.randint(12, 20)
        traded: list[int] = []

        def hit(_: str) -> EngineBatch | None:
            qty = self._qty(4, 12)
            taken = context.take(side.opposite, qty, price, TimeInForce.IOC)
            traded.append(
                sum(
                    step.qty
                    for step in taken.steps
                    if type(step) is OrderFilled and step.price == price
                )
            )
            return taken

        for at in sorted(random.uniform(0.2, 10) for _ in range(hits)):
            context.after(at, hit)

        def end(_: str) -> EngineBatch | None:
            self._tell(row, ids=(order_id,), qty=sum(traded), count=sum(map(bool, traded)))
            return context.cancel(order_id)

        context.after(11.0, end)
        return batch

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

    def _side(self) -> Side:
        return Side.BID if self._random.random() < 0.5 else Side.ASK


def _price(batch: EngineBatch) -> int:
    """Return the price at which a quote came to rest."""
    rested = batch.steps[0]
    assert isinstance(rested, Rested)
    return rested.price
