"""The order that leaves a position or turns it round: a limit not far beyond the book. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import walk_levels
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked_tui.view.queue.own_place import exact
from kracked_tui.view.ticket.ticket import TicketMarket
from kracked_tui.view.words import verb

BEYOND_BP = 10
"""How far beyond the worst price of the known book the limit is."""


class Exit(NamedTuple):
    """The exit that a key asks for."""

    symbol: str
    times: int
    """1 leaves the position, 2 turns it round."""
    position: Callable[[], Decimal | str]
    """Returns what the session's fills have made of the pair, or why that is not known."""
    market: Callable[[], TicketMarket | None]
    """Returns the market of this moment."""

    @property
    def name(self) -> str:
        """The act in a word."""
        return "flatten" if self.times == 1 else "reverse"

    def draft(self) -> Draft | str:
        """Return the order for the position and the market of this moment, or why there is none."""
        qty, market = self.position(), self.market()
        if isinstance(qty, str):
            return f"the position is not known: {qty}"
        if market is None or not market.verified:
            return "the book is not verified"
        return exit_draft(qty, market, times=self.times)

    def still(self, confirmed: Draft) -> Draft | str:
        """Return the order of this moment, or why it is not what was confirmed.

        Args:
            confirmed: The order of the moment in which it was asked for.
        """
        now, market = self.draft(), self.market()
        if isinstance(now, str) or market is None:
            return now
        if now.side is confirmed.side and now.qty <= confirmed.qty:
            return now
        precision, base = market.instrument.precision, self.symbol.partition("/")[0]
        would, asked = (
            f"{verb(each.side)} {exact(each.qty, precision)}" for each in (now, confirmed)
        )
        qty, key = self.position(), "Z" if self.times == 1 else "ctrl+r"
        held = qty if isinstance(qty, str) else f"{qty.normalize():f} {base}"
        return (
            f"the position is now {held}: that takes {would}, and {asked} was confirmed; "
            f"press {key} again"
        )


def exit_draft(qty: Decimal, market: TicketMarket, *, times: int = 1) -> Draft | str:
    """Return a limit order, immediate or cancel, that takes a position off; or why there is none.

    Args:
        qty: The position in the base currency, negative when short.
        market: The market.
        times: How many times the position is traded: 2 turns it round.
    """
    instrument = market.instrument
    wanted = times * int(abs(qty).scaleb(instrument.precision.qty))
    wanted -= wanted % instrument.qty_increment
    side = Side.ASK if qty > 0 else Side.BID
    taken = walk_levels((market.bids if side is Side.ASK else market.asks) or (), wanted)
    if not wanted:
        return "there is no position of this session"
    if taken is None:
        return "nobody is on the other side of the book"
    tick, whole = instrument.price_increment, 10_000
    if side is Side.ASK:
        bound = taken.worst * (whole - BEYOND_BP) // whole // tick * tick
    else:
        bound = -(-taken.worst * (whole + BEYOND_BP) // (whole * tick)) * tick
    return Draft(
        symbol=instrument.symbol,
        side=side,
        qty=wanted,
        price=max(tick, bound),
        time_in_force=TimeInForce.IOC,
    )
