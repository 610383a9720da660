"""Own orders and fills of a pair, as the tape and the chart mark them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side
from kracked.protocol.own_orders import Fill
from kracked_tui.view.account.own_levels import OwnLevel


class FillMark(NamedTuple):
    """One own fill as the chart marks it."""

    time: int
    side: Side
    price: int
    """Scaled."""


class OwnMarks(NamedTuple):
    """Own orders and fills of one pair."""

    trade_ids: frozenset[int] = frozenset()
    """Trades in which an own order had a part."""
    fills: tuple[FillMark, ...] = ()
    """Oldest first."""
    orders: Mapping[int, Side] = {}
    """Sides of resting orders by scaled price."""


class OwnMarksCache:
    """Owner of one pane's marks: fills are searched again only when there is a new one."""

    def __init__(self) -> None:
        self._made_of: tuple[str, int, str] = ("", 0, "")
        """Symbol, number of fills, and id of the last one."""
        self._marks = OwnMarks()

    def marks(
        self,
        symbol: str,
        precision: Precision,
        fills: Sequence[Fill],
        levels: Mapping[int, OwnLevel],
    ) -> OwnMarks:
        """Return the marks of a pair.

        Args:
            symbol: The pair.
            precision: Its decimals.
            fills: The account's fills of every pair, oldest first.
            levels: The pair's own orders by scaled price.
        """
        made_of = (symbol, len(fills), fills[-1].exec_id if fills else "")
        if made_of != self._made_of:
            own = [fill for fill in fills if fill.symbol == symbol]
            ids = frozenset(fill.trade_id for fill in own if fill.trade_id is not None)
            marks = (
                FillMark(
                    fill.exchange_time, fill.side, int(fill.last_price.scaleb(precision.price))
                )
                for fill in own
            )
            self._marks, self._made_of = OwnMarks(ids, tuple(marks)), made_of
        return self._marks._replace(orders={price: level.side for price, level in levels.items()})
