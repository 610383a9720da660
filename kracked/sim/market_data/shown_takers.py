"""Takers as `level3` of the live exchange tells them.

A taker with a limit that is not filled wholly is seen as a resting order for some thirty
nanoseconds: added on its own side at its own price, with what is left after the fills so far,
changed as it fills on, deleted with the remainder. Seen in four of eight takers of a recording
of 12 November 2024. Their events are 12 to 18 ns apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from kracked.sim.engine.orders import (
    EngineBatch,
    EngineStep,
    LeaveCause,
    LeftLevel,
    OrderFilled,
    Resized,
    Rested,
)


def with_remainder(batch: EngineBatch) -> Iterator[EngineStep]:
    """Iterate the steps of a batch, with those that show what is left of its taker.

    The taker is added after any one of its fills, or before the first. Which one depends on its
    id, so the same market is told in the same way.
    """
    killed = batch.killed
    if killed is None:
        yield from batch.steps
        return
    fills = [step for step in batch.steps if type(step) is OrderFilled]
    first = chance(killed.order_id, "first", len(fills) + 1)
    left = killed.qty + sum(step.qty for step in fills)
    told = (killed.order_id, killed.side, killed.price)
    begun = -1
    for step in batch.steps:
        if type(step) is OrderFilled:
            begun += 1
            if begun == first:
                yield Rested(*told, left, batch.time)
            elif begun > first:
                yield Resized(*told, left, batch.time)
            left -= step.qty
        yield step
    shown = Rested if begun < first else Resized
    yield shown(*told, left, batch.time)
    yield LeftLevel(*told, left, batch.time, LeaveCause.CANCELLED)


def is_split(batch: EngineBatch) -> bool:
    """Whether a batch is a taker that is told in several messages: two in five are."""
    first = batch.steps[0] if batch.steps else None
    return type(first) is OrderFilled and chance(first.order_id, "split", 5) < 2


def chance(order_id: str, purpose: str, count: int) -> int:
    """Return a number below `count` that depends on an order and a purpose alone."""
    return crc32(f"{order_id}/{purpose}".encode()) % count
