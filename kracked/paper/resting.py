"""The resting orders of an account in one symbol: ghosts that share what the market leaves them.

A ghost alone takes all the volume that no order ahead of it explains. Two of one account would
take the same volume twice, so each outcome is given to them in the order in which a matching
engine would fill them, less what the ones before took of it.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from kracked.flow import Fact, FillReason, Ghost, GhostFill, Link, Taker, What
from kracked.paper.visible import Visible
from kracked.protocol.events import Side

_BID, _ASK = Side.BID, Side.ASK
_JOINS = frozenset((What.NEW, What.MOVED_IN, What.REFILLED))


class _Stay(NamedTuple):
    """A ghost, the order it stands for, and its number among all that ever rested."""

    number: int
    order_id: str
    ghost: Ghost


Fills = list[tuple[str, GhostFill]]
"""Fills with the order ids they belong to."""


class Resting:
    """Owner of the ghosts of one symbol."""

    def __init__(self, visible: Visible) -> None:
        self._visible = visible
        self._stays: dict[str, _Stay] = {}
        self._retired: list[tuple[int, _Stay]] = []
        """Ghosts that rest no more, until the takers of before that time are decided."""
        self._numbers = 0
        self._ordered: list[_Stay] | None = None
        """All ghosts in the order in which one taker fills them; None once it may be another."""
        self._reach: dict[Side, int] = {}
        """The best price of the ghosts of each side, while `_ordered` is right."""
        self._crossed = False
        """Whether an order came to rest across a ghost since the last time all were decided."""
        self._met: set[tuple[str, str]] = set()
        """Own order and market order that have met across the spread."""

    def __contains__(self, order_id: object) -> bool:
        """Whether an order rests."""
        return order_id in self._stays

    @property
    def idle(self) -> bool:
        """Whether nothing rests, and nothing that did may still be filled."""
        return not self._stays and not self._retired

    def __getitem__(self, order_id: str) -> Ghost:
        """Return the ghost of an order that rests."""
        return self._stays[order_id].ghost

    def first(self, side: Side) -> str | None:
        """Return the own order of a side that fills first; None when there are none."""
        stays = [stay for stay in self._stays.values() if stay.ghost.side is side]
        return min(stays, key=_priority).order_id if stays else None

    def rest(self, order_id: str, ghost: Ghost) -> None:
        """Let an order rest."""
        self._numbers += 1
        self._ordered = None
        self._stays[order_id] = _Stay(self._numbers, order_id, ghost)

    def retire(self, order_id: str, time: int) -> None:
        """Let an order rest no more from an exchange time on; takers of before still fill it."""
        stay = self._stays.pop(order_id, None)
        if stay is not None:
            self._ordered = None
            stay.ghost.cancel(time)
            self._retired.append((time, stay))

    def drop(self, order_id: str) -> None:
        """Forget an order that is over, or whose outcome is unknown."""
        self._ordered = None
        self._stays.pop(order_id, None)
        self._retired = [one for one in self._retired if one[1].order_id != order_id]
        self._met = {pair for pair in self._met if pair[0] != order_id}

    def apply(self, outcome: Fact | Taker) -> Fills:
        """Follow the market by one outcome; return what was filled, first to fill first."""
        if not self._stays and not self._retired:
            return []
        if isinstance(outcome, Taker):
            return self._share(outcome)
        if outcome.what in _JOINS:
            self._meet(outcome)
        return []

    def settle(self, decided: int) -> Fills:
        """Decide what orders that came to rest across own ones have filled.

        Args:
            decided: `Ledger.decided`, after each event.
        """
        found: Fills = []
        if self._crossed:
            stays = self._in_order()
            found = [(s.order_id, fill) for s in stays for fill in s.ghost.settle(decided)]
            self._crossed = any(stay.ghost.crossed for stay in stays)
            self._changed_by(found)
        if self._retired:
            self._retired = [one for one in self._retired if one[0] > decided]
            self._ordered = None
        return found

    def _in_order(self) -> list[_Stay]:
        """Return all ghosts in the order in which one taker would fill them."""
        if self._ordered is None:
            stays = [*self._stays.values(), *(stay for _, stay in self._retired)]
            self._ordered = sorted(stays, key=_priority)
            self._reach = {s.ghost.side: s.ghost.price for s in reversed(self._ordered)}
        return self._ordered

    def _changed_by(self, fills: Fills) -> None:
        """Forget the order of the ghosts after fills: an iceberg's next part joins the back."""
        if fills:
            self._ordered = None

    def _share(self, taker: Taker) -> Fills:
        """Give a taker to each ghost, less what the ones before took of it."""
        found: Fills = []
        for stay in self._in_order():
            fills = stay.ghost.take(taker)
            for fill in fills:
                taker = _less(taker, fill)
            found += [(stay.order_id, fill) for fill in fills]
        self._changed_by(found)
        return found

    def _meet(self, fact: Fact) -> None:
        """Give an order that joins across own ones to each, less what the ones before want."""
        stays, bid = self._in_order(), fact.side is _BID
        best = self._reach.get(_ASK if bid else _BID)
        if best is None or (fact.price < best if bid else fact.price > best):
            return
        for stay in stays:
            ghost, pair = stay.ghost, (stay.order_id, fact.order_id)
            reached = fact.price >= ghost.price if bid else fact.price <= ghost.price
            if fact.side is ghost.side or not reached or pair in self._met:
                continue
            qty = min(ghost.left, self._visible.unused(fact.order_id, fact.qty))
            if qty:
                self._met.add(pair)
                self._visible.use(fact.order_id, qty)
                ghost.apply(replace(fact, qty=qty))
                self._crossed = True


def _priority(stay: _Stay) -> tuple[int, int, int]:
    """Return the key of price, then time."""
    ghost = stay.ghost
    price = -ghost.price if ghost.side is Side.BID else ghost.price
    return price, ghost.standing.entered, stay.number


def _less(taker: Taker, fill: GhostFill) -> Taker:
    """Return a taker without the volume of a fill."""
    if fill.reason is FillReason.REMAINDER:
        return replace(taker, killed=(taker.killed or 0) - fill.qty)
    if fill.trade_id is None:
        return taker
    qty, links = fill.qty, list[Link]()
    for link in taker.links:
        part = min(qty, link.qty) if link.trade_id == fill.trade_id else 0
        qty -= part
        if link.qty > part:
            links.append(replace(link, qty=link.qty - part) if part else link)
    return replace(taker, links=tuple(links))
