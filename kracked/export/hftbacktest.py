"""hftbacktest: one `.npz` of level 3 events, its key `data`.

Source: hftbacktest.readthedocs.io/en/latest/data.html, types.py of hftbacktest 2.4
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from kracked.export.rows import Action, NormalRow, Why
from kracked.export.writing import Target, Written
from kracked.protocol.events import Side

EVENT = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ],
    align=True,
)
EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
_KINDS = {
    Action.TRADE: 2,
    Action.CLEAR: 3,
    Action.ADD: 10,
    Action.CANCEL: 11,
    Action.MODIFY: 12,
    Action.FILL: 13,
}
_WHYS = {why: number for number, why in enumerate(Why)}
_BATCH = 1 << 16
_EXACT = 1 << 53
_HIDDEN = "fills without an order, left out: their trades tell them"
_SHIFTED = "nanoseconds added to every local time, which was before the exchange's"
_ROUNDED = "prices and quantities that doubles do not hold"

Events = npt.NDArray[Any]


class HftbacktestWriter:
    """Gathers events as arrays; the file needs all of them at once."""

    def __init__(self, target: Target) -> None:
        """Begin without events."""
        self._target = target
        self._pending: list[tuple[int, int, int, int, int, int, int, int]] = []
        self._batches: list[Events] = []
        self._told: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()

    def write(self, rows: Iterable[NormalRow]) -> None:
        """Take rows, in order."""
        for row in rows:
            if row.action is Action.FILL and not row.order:
                self._told[_HIDDEN] += 1
                continue
            event = _KINDS[row.action]
            if row.action is not Action.CLEAR:
                event |= BUY if row.side is Side.BID else SELL
            self._lost[_ROUNDED] += (row.price > _EXACT) + (row.qty > _EXACT)
            self._pending.append(
                (event, row.ts_engine, row.ts_recv, row.price, row.qty, row.order,
                 _WHYS[row.why], 0)
            )  # fmt: skip
            if len(self._pending) >= _BATCH:
                self._pack()

    def finish(self) -> Written:
        """Order the events for both clocks, and write the file."""
        self._pack()
        none = np.zeros(0, EVENT)
        events = np.concatenate(self._batches) if self._batches else none
        behind = int((events["exch_ts"] - events["local_ts"]).max(initial=0))
        if behind > 0:
            events["local_ts"] += behind
            self._told[_SHIFTED] = behind
        events = in_both_orders(events)
        file = self._target.folder / f"{self._target.name}.npz"
        np.savez_compressed(file, data=events)
        precision = self._target.precision
        words = ", ".join(f"{number} {why}" for why, number in _WHYS.items())
        readme = _README.format(
            tick=f"1e-{precision.price}", lot=f"1e-{precision.qty}", words=words
        )
        return Written([file], len(events), self._told, self._lost, readme)

    def close(self) -> None:
        """Have nothing open."""

    def _pack(self) -> None:
        batch = np.array(self._pending, dtype=EVENT)
        batch["px"] /= 10.0**self._target.precision.price
        batch["qty"] /= 10.0**self._target.precision.qty
        self._batches.append(batch)
        self._pending.clear()


def in_both_orders(events: Events) -> Events:
    """Flag events for the exchange and the local clock; double those that the two order otherwise.

    Events come in the exchange's order. Where they arrived in another one, as level 3 and trades
    do over two connections, an event is there once for each clock.
    """
    local = np.argsort(events["local_ts"], kind="stable")
    ranks = np.arange(len(events))
    if (local == ranks).all():
        both = events.copy()
        both["ev"] |= EXCHANGE | LOCAL
        return both
    chosen: list[int] = []
    flags: list[int] = []
    mine, theirs, count = 0, 0, len(events)
    order = local.tolist()
    while mine < count or theirs < count:
        arrived = order[theirs] if theirs < count else count
        if mine == arrived:
            chosen.append(mine)
            flags.append(EXCHANGE | LOCAL)
            mine, theirs = mine + 1, theirs + 1
        elif mine < arrived:
            chosen.append(mine)
            flags.append(EXCHANGE)
            mine += 1
        else:
            chosen.append(arrived)
            flags.append(LOCAL)
            theirs += 1
    both = events[chosen]
    both["ev"] |= np.array(flags, dtype="u8")
    return both


_README = """\
- One array, key `data`: ev, exch_ts, local_ts (ns), px, qty, order_id, ival, fval.
- Tick size {tick}, lot size {lot}. Level 3: use `l3_fifo_queue_model`, depth by order.
- `ival` has the reason of each event: {words}.
- An event that arrived in another order than it happened is there twice, for each clock once.
- hftbacktest fills an order of yours on the fill of an order behind it at the same price, or when
  the opposite best crosses it. It does not fill one that is traded through at a worse price, and
  it does not see a level that holds only yours: no file can cure that.
- An order that grows keeps its place on Kraken, and loses it in hftbacktest.
"""
