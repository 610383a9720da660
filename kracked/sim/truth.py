"""The engine's knowledge that no public message tells: which order each trade filled, and why
each order left; and what was planted. For tests of whatever infers it from public data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from kracked.protocol.events import Side
from kracked.sim.engine.orders import (
    Done,
    EngineBatch,
    LeaveCause,
    LeftLevel,
    OrderFilled,
    Resized,
    Rested,
)


class TruthRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened to one order. Prices and quantities are scaled."""

    symbol: str
    time: int
    """The engine's time, ns since the Unix epoch: that of the batch."""
    what: Literal["rested", "filled", "amended", "left", "ended"]
    order_id: str
    side: Side
    price: int = 0
    qty: int = 0
    """Filled: of this trade. Rested, amended in place: what it shows now. Left: what it showed.
    Ended: all that was filled of it."""
    cause: str = ""
    """Left: filled, cancelled, amended, expired. Ended: filled, cancelled, expired."""
    trade_id: int = 0
    taker: str = ""
    """Filled: the id of the taker's order."""


class PlantedRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A pattern that was planted, told when it is over. Prices and quantities are scaled."""

    what: Literal["planted"] = "planted"
    symbol: str
    pattern: str
    number: int
    side: Side
    """The side of the book; of takers, the side they took."""
    price: int
    start: int
    """When its first order came, ns since the Unix epoch."""
    end: int = 0
    last_price: int = 0
    ids: tuple[str, ...] = ()
    """Its orders, in the order in which they came."""
    qty: int = 0
    """Own-made icebergs: the first part. Same size: each taker. Else what was traded."""
    count: int = 0
    """Refills at one price, takers, levels or orders."""
    times: tuple[int, ...] = ()
    """When each taker came."""
    outcome: str = ""
    """Of walls: pulled, timed out, traded, stays."""

    def grown(self, **members: object) -> PlantedRow:
        """Return the row with further members."""
        return replace(self, **members)


def truth_rows(symbol: str, batch: EngineBatch) -> Iterator[TruthRow]:
    """Iterate what one batch did, in order. A fill is told of the resting order alone."""
    filled = ""
    for step in batch.steps:
        match step:
            case OrderFilled():
                filled = step.maker_order_id
                yield TruthRow(
                    symbol,
                    batch.time,
                    "filled",
                    order_id=filled,
                    side=step.side.opposite,
                    price=step.price,
                    qty=step.qty,
                    trade_id=step.trade_id,
                    taker=step.order_id,
                )
            case Rested():
                told = (step.order_id, step.side, step.price, step.visible_qty)
                yield TruthRow(symbol, batch.time, "rested", *told)
            case Resized() if step.order_id == filled:
                filled = ""  # a part was filled, which the row before has told
            case Resized():
                told = (step.order_id, step.side, step.price, step.visible_qty)
                yield TruthRow(symbol, batch.time, "amended", *told)
            case LeftLevel(cause=LeaveCause.FILLED):
                pass
            case LeftLevel():
                told = (step.order_id, step.side, step.price, step.visible_qty_left)
                yield TruthRow(symbol, batch.time, "left", *told, step.cause.value)
            case Done():
                told = (step.order_id, step.side, 0, step.cum_qty)
                yield TruthRow(symbol, batch.time, "ended", *told, step.status.value)
