"""What is ours of a pair, as the tape and the chart mark it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fill
from kracked_tui.view.account.orders import OwnLevel


class FillMark(NamedTuple):
    """One own fill as the chart marks it."""

    time: int
    side: Side
    price: int
    """Scaled."""


class OwnMarks(NamedTuple):
    """What is ours of one pair."""

    trade_ids: frozenset[int] = frozenset()
    fills: tuple[FillMark, ...] = ()
    """Oldest first."""
    orders: Mapping[int, Side] = {}
    """Sides of resting orders by scaled price."""


class OwnMarksCache:
    """Owner of one pane's marks: fills are looked through again only when there is a new one."""

    def __init__(self) -> None:
        self._told: tuple[str, int, str] = ("", 0, "")
        self._marks = OwnMarks()

    def marks(
        self, symbol: str, precision: Precision, fills: Sequence[Fill], mine: Mapping[int, OwnLevel]
    ) -> OwnMarks:
        """Of this pair. `fills` are the account's, of every pair; `mine` the pair's orders."""
        told = (symbol, len(fills), fills[-1].exec_id if fills else "")
        if told != self._told:
            own = [fill for fill in fills if fill.symbol == symbol]
            ids = frozenset(fill.trade_id for fill in own if fill.trade_id is not None)
            self._marks = OwnMarks(ids, tuple(_filled(fill, precision) for fill in own))
            self._told = told
        return self._marks._replace(orders={price: one.side for price, one in mine.items()})


def _filled(fill: Fill, precision: Precision) -> FillMark:
    return FillMark(fill.exchange_time, fill.side, int(fill.last_price.scaleb(precision.price)))
