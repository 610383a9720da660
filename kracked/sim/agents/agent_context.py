"""One instrument's trading floor: what its agents share, and how they reach the engine.

Agents know this and nothing of each other. Model time (`moment`) runs `rate` times as
fast as the time stamped on batches (`now`); the market sets both before it calls one.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import Protocol, TypeAlias

from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.fair_price import FairPrice
from kracked.sim.agents.order_sizes import Sizes
from kracked.sim.engine.exchange_ids import ExchangeIds
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import AmendTerms, EngineBatch, NewOrder
from kracked.sim.listings import Listing

NS = 1e9
BUSY_MAKERS_PER_S = 15.0
"""From here on a pair's fair price jumps as often as that of the busiest."""


class AgentStep(Protocol):
    """What an agent does when its time comes, about an order or some other subject."""

    def __call__(self, subject: str, /) -> EngineBatch | None: ...


Appointment: TypeAlias = "tuple[int, int, AgentContext, AgentStep, str]"
"""Moment, serial, floor, act, subject: the serial keeps equal moments in the order made."""


class Agenda:
    """Every agent's next step on every floor, soonest first."""

    def __init__(self) -> None:
        self._heap: list[Appointment] = []
        self._serial = 0

    def add(self, moment: int, floor: AgentContext, act: AgentStep, subject: str) -> None:
        self._serial += 1
        heappush(self._heap, (moment, self._serial, floor, act, subject))

    def soonest(self) -> int | None:
        """The moment of the next step, in ns of model time."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Appointment:
        return heappop(self._heap)

    def __len__(self) -> int:
        return len(self._heap)


class AgentContext:
    """Engine, fair price, sizes, randomness and agenda of one instrument."""

    def __init__(self, listing: Listing, place: int, seed: int, agenda: Agenda) -> None:
        self.listing = listing
        self.symbol = listing.symbol
        self.nature = listing.nature
        self.random = Random(f"{seed}/{listing.symbol}")
        self.matcher = Matcher(first_trade_id=self.random.randint(10**6, 10**8))
        self.fair = FairPrice(
            listing.opening_price,
            listing.nature.daily_volatility,
            self.random,
            pace=min(1.0, listing.nature.makers_per_s / BUSY_MAKERS_PER_S),
        )
        self.sizes = Sizes(listing, self.random)
        self.gap = max(1.0, listing.opening_price * listing.nature.gap_bps / 1e4)
        """Mean distance of two levels near the touch, in ticks."""
        self.moment = 0
        self.now = 0
        self._ids = ExchangeIds("O", start=(place + 1) << 40)
        self._agenda = agenda

    # --- time -----------------------------------------------------------------------

    def after(self, seconds: float, act: AgentStep, subject: str = "") -> None:
        """Call `act` that many seconds of model time from now."""
        self._agenda.add(self.moment + int(seconds * NS) + 1, self, act, subject)

    # --- orders ---------------------------------------------------------------------

    def quote(
        self, side: Side, price: int, qty: int, display_qty: int | None = None
    ) -> EngineBatch:
        """Rest an order at the price, or as near to it as does not take."""
        return self.matcher.submit(
            NewOrder(self._ids.take(), side, qty, self.shy(side, price), display_qty=display_qty),
            self.now,
        )

    def requote(self, order_id: str, side: Side, price: int) -> EngineBatch:
        return self.matcher.amend(AmendTerms(order_id, None, self.shy(side, price)), self.now)

    def cancel(self, order_id: str) -> EngineBatch | None:
        """Cancel the order, if it still rests."""
        return self.matcher.cancel(order_id, self.now) if order_id in self.matcher else None

    def take(
        self,
        side: Side,
        qty: int,
        price: int | None = None,
        tif: TimeInForce = TimeInForce.IOC,
    ) -> EngineBatch:
        return self.matcher.submit(NewOrder(self._ids.take(), side, qty, price, tif), self.now)

    def expire(self, expiry: str) -> EngineBatch:
        """End the clients' orders whose time has come."""
        return self.matcher.expire(max(self.now, int(expiry)))

    # --- prices ---------------------------------------------------------------------

    def best(self, side: Side) -> int:
        """The side's best price, or where it would be if nobody quoted."""
        price = self.matcher.best_price(side)
        if price is not None:
            return price
        away = int(self.gap) + 1
        return max(1, int(self.fair.price) + (-away if side is Side.BID else away))

    def shy(self, side: Side, price: int) -> int:
        """The price, held one tick short of the other side, and above zero."""
        if side is Side.BID:
            ask = self.matcher.best_price(Side.ASK)
            if ask is not None and price >= ask:
                price = ask - 1
        else:
            bid = self.matcher.best_price(Side.BID)
            if bid is not None and price <= bid:
                price = bid + 1
        return price if price > 0 else 1

    def any_side(self) -> Side:
        return Side.BID if self.random.random() < 0.5 else Side.ASK
