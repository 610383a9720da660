"""Gives the trades of one taker their makers: one to one, then by volume, and never by force."""

from __future__ import annotations

from kracked.flow.facts import Certainty
from kracked.flow.life import Reduction
from kracked.protocol.events import Trade

Shares = dict[int, list[tuple[Reduction | None, int, Certainty]]]
"""By trade id: what each maker gave; None for volume that no candidate explains."""


def assign(trades: list[Trade], candidates: dict[int, list[Reduction]]) -> Shares:
    """Return who filled each trade.

    Args:
        trades: The trades of one taker, in the order of their ids.
        candidates: The unclaimed reductions of its time by price, in array order.
    """
    shares: Shares = {}
    rest = _one_to_one(trades, candidates, shares)
    if rest:
        _by_volume(rest, candidates, shares)
    return shares


def _one_to_one(
    trades: list[Trade],
    candidates: dict[int, list[Reduction]],
    shares: Shares,
) -> list[Trade]:
    """Give each trade the first reduction of its price and quantity; return the trades without.

    The first of several is right: level 3 tells fills in the order of the queue, and trades
    are numbered in it.
    """
    rest: list[Trade] = []
    taken: set[int] = set()
    alike: dict[tuple[int, int], int] = {}
    for trade in trades:
        key = (trade.price, trade.qty)
        alike[key] = alike.get(key, 0) + 1
    for trade in trades:
        fitting = [
            one
            for one in candidates[trade.price]
            if one.left == one.qty == trade.qty and id(one) not in taken
        ]
        key = (trade.price, trade.qty)
        if fitting:
            sure = len(fitting) == alike[key]
            certainty = Certainty.EXACT if sure else Certainty.LIKELY
            shares[trade.trade_id] = [(fitting[0], trade.qty, certainty)]
            taken.add(id(fitting[0]))
        else:
            shares[trade.trade_id] = []
            rest.append(trade)
        alike[key] -= 1
    for price, found in candidates.items():
        candidates[price] = [one for one in found if id(one) not in taken]
    return rest


def _by_volume(
    rest: list[Trade],
    candidates: dict[int, list[Reduction]],
    shares: Shares,
) -> None:
    """Lay what is left of trades and reductions at each price along each other, in order.

    A reduction of more than the volume left is no fill of this taker. Volume without a
    reduction is of an unknown maker.
    """
    for price in {trade.price for trade in rest}:
        trades = [trade for trade in rest if trade.price == price]
        chosen: list[Reduction] = []
        unclaimed = sum(trade.qty for trade in trades)
        for reduction in candidates[price]:
            if reduction.left <= unclaimed:
                chosen.append(reduction)
                unclaimed -= reduction.left
        certainty = Certainty.GUESS if unclaimed else Certainty.LIKELY
        makers = iter([(one, one.left) for one in chosen])
        maker, open_qty = next(makers, (None, 0))
        for trade in trades:
            wanted = trade.qty
            while wanted and maker is not None:
                qty = min(wanted, open_qty)
                shares[trade.trade_id].append((maker, qty, certainty))
                wanted, open_qty = wanted - qty, open_qty - qty
                if not open_qty:
                    maker, open_qty = next(makers, (None, 0))
            if wanted:
                shares[trade.trade_id].append((None, wanted, Certainty.UNKNOWN))
