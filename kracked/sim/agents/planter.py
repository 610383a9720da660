"""The kinds of patterns that can be planted, and what all that plant them share."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random

from kracked.protocol.events import Side
from kracked.sim.agents.agent_context import AgentContext
from kracked.sim.engine.orders import EngineBatch, Rested
from kracked.sim.truth import PlantedRow


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
    BURST = "burst"
    """4 to 8 large takers of one side within 0.6 s."""
    ABSORPTION = "absorption"
    """200 times the typical order behind 6 shown, hit 12 to 20 times in 10 s."""
    SILENT_WINDOW = "silent-window"
    """A better level that comes and goes 20 times a second for 10 s."""


class Planter:
    """A source of chance of its own in one market, and the truth about what it plants."""

    def __init__(
        self, context: AgentContext, seed: str, told: Callable[[PlantedRow], None]
    ) -> None:
        """Prepare to plant.

        Args:
            context: The market.
            seed: The same seed plants the same patterns.
            told: Takes the truth about each pattern when it is over.
        """
        self._context, self._told = context, told
        self._random = Random(f"{seed}/{context.symbol}/patterns")
        self._numbers = 0

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

    def _side(self) -> Side:
        return Side.BID if self._random.random() < 0.5 else Side.ASK


def price_of(batch: EngineBatch) -> int:
    """Return the price at which a quote came to rest."""
    rested = batch.steps[0]
    assert isinstance(rested, Rested)
    return rested.price
