"""The situation of an order in its queue, as numbers that odds can be fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kracked.flow.ledger import Ledger
from kracked.flow.odds.recent import RecentMarket
from kracked.protocol.events import Side

DEEPEST = 10
"""Levels before an order's own, at most, for which odds are fitted."""
BEST = 5
"""Levels of the wider imbalance."""


class Situation(NamedTuple):
    """An order's place and the market around it.

    Its own side is the order's, the other one that of the takers who could fill it. Quantities
    are in the base currency, distances in basis points of the mid. Arrays of many situations
    have the same members.
    """

    rank: float
    """Better levels of its own side."""
    distance: float
    """From the best price of its own side to its own."""
    spread: float
    ahead: float
    """Quantity ahead at its price."""
    orders: float
    """Orders ahead at its price."""
    before: float
    """Quantity at better prices."""
    own_touch: float
    """Quantity at the best price of its own side."""
    other_touch: float
    own_best: float
    """Quantity of the five best levels of its own side."""
    other_best: float
    taken_10: float
    """Quantity that takers took of its own side in 10 s."""
    taken_60: float
    taken_300: float
    lifted_60: float
    """Quantity that takers took of the other side in 60 s."""
    moved_60: float
    """Sum of the mid's absolute moves in 60 s."""
    towards_10: float
    """How far the mid came towards the order in 10 s; negative away from it."""
    towards_60: float


class Around(NamedTuple):
    """The market around an order of one side: what all its places have in common."""

    side: Side
    bp: float
    """Basis points that a scaled unit of price is."""
    qty: float
    """What a scaled unit of quantity is in the base currency."""
    spread: float
    own_touch: float
    other_touch: float
    own_best: float
    other_best: float
    recent: tuple[float, ...]
    """The members of `Situation` from `taken_10` on."""


def around(ledger: Ledger, recent: RecentMarket, side: Side, decimals: int) -> Around | None:
    """Return the market around an order of a side; None while a side is empty or they cross.

    Args:
        ledger: The symbol's ledger.
        recent: The symbol's last minutes.
        side: The order's side.
        decimals: Decimals of quantities.
    """
    own, other = ledger.side(side), ledger.side(side.opposite)
    if not own.keys or not other.keys or own.keys[-1] + other.keys[-1] >= 0:
        return None
    bp, qty = 2e4 / abs(own.keys[-1] - other.keys[-1]), 10.0**-decimals
    own_sizes, other_sizes = (
        [each.levels[each.sign * key].qty * qty for key in each.keys[-BEST:]]
        for each in (own, other)
    )
    away = own.sign * bp / 2  # a bid is met by a falling mid
    return Around(
        side=side,
        bp=bp,
        qty=qty,
        spread=-(own.keys[-1] + other.keys[-1]) * bp,
        own_touch=own_sizes[-1],
        other_touch=other_sizes[-1],
        own_best=sum(own_sizes),
        other_best=sum(other_sizes),
        recent=(
            *(recent.taken(side.opposite, seconds) * qty for seconds in (10, 60, 300)),
            recent.taken(side, 60) * qty,
            recent.moved(60) * bp / 2,
            -recent.drift(10) * away,
            -recent.drift(60) * away,
        ),
    )


def situation(
    ledger: Ledger, market: Around, price: int, ahead: int, orders: int
) -> Situation | None:
    """Return an order's situation; None for one with too many levels before it.

    Args:
        ledger: The symbol's ledger.
        market: The market around orders of its side.
        price: Its price, scaled.
        ahead: Quantity ahead at its price, scaled.
        orders: Orders ahead at its price.
    """
    own = ledger.side(market.side)
    keys, key, before = own.keys, own.sign * price, 0
    rank, at = 0, len(keys) - 1
    while at >= 0 and keys[at] > key:
        rank += 1
        if rank > DEEPEST:
            return None
        before += own.levels[own.sign * keys[at]].qty
        at -= 1
    qty = market.qty
    place = (rank, max(0, keys[-1] - key) * market.bp, market.spread)
    queue = (ahead * qty, orders, before * qty)
    sizes = (market.own_touch, market.other_touch, market.own_best, market.other_best)
    return Situation._make((*place, *queue, *sizes, *market.recent))


def terms(of: Situation, unit: float, log1p: Callable[[Any], Any], asinh: Any) -> list[Any]:
    """Return the terms of the fit, for one situation or for arrays of many.

    Args:
        of: The situation, or arrays of its members.
        unit: A usual order's quantity in the base currency.
        log1p: `math.log1p`, or that of numpy.
        asinh: `math.asinh`, or that of numpy: a logarithm that keeps the sign.
    """
    all_ahead = of.ahead + of.before
    per_second = of.taken_300 / 300
    return [
        log1p(of.rank),
        log1p(of.distance),
        log1p(of.spread),
        log1p(of.ahead / unit),
        log1p(of.orders),
        log1p(of.before / unit),
        log1p(of.own_touch / unit),
        log1p(of.other_touch / unit),
        (of.own_touch - of.other_touch) / (of.own_touch + of.other_touch),
        (of.own_best - of.other_best) / (of.own_best + of.other_best),
        log1p(of.taken_10 / unit),
        log1p(of.taken_60 / unit),
        log1p(of.taken_300 / unit),
        log1p(of.lifted_60 / unit),
        log1p(of.moved_60),
        asinh(of.towards_10),
        asinh(of.towards_60),
        log1p((of.distance + of.spread / 2) / (of.moved_60 + 0.1)),
        log1p(all_ahead / (of.taken_60 + unit)),
        log1p(all_ahead / (60 * per_second + unit)),
        log1p(all_ahead / unit),
    ]


NAMES = (
    "rank",
    "distance",
    "spread",
    "ahead",
    "orders",
    "before",
    "own_touch",
    "other_touch",
    "touch_imbalance",
    "best_imbalance",
    "taken_10",
    "taken_60",
    "taken_300",
    "lifted_60",
    "moved_60",
    "towards_10",
    "towards_60",
    "distance_over_moved",
    "ahead_over_taken_60",
    "ahead_over_taken_300",
    "all_ahead",
)
"""The terms, in their order."""
