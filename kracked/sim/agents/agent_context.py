"""The context that the agents of one instrument share, and their way to its engine.

Agents know this and nothing of each other. Model time (`moment`) runs `rate` times as
fast as the time stamped on batches (`now`); the market sets both before it calls an agent.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import Protocol, TypeAlias

from kracked.gateway.exchange_ids import ExchangeIds
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.agents.fair_price import FairPrice
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import AmendTerms, EngineBatch, NewOrder
from kracked.sim.listings import Listing

SPENT = (10, 20, 25, 50, 100, 200, 250, 500, 1_000)
"""Amounts of the quote currency that people spend at a time."""
ROUND = (1, 2, 2.5, 5, 10)


class Sizes:
    """Draws order quantities for one instrument, scaled and above its minimum.

    They are the mixture that recorded trades show: programs repeat a few uneven sizes to the
    last digit, people type round numbers or spend a round amount of money, and the rest has a
    heavy tail.
    """

    def __init__(self, listing: Listing, random: Random) -> None:
        """Draw the sizes that this instrument's programs repeat."""
        precision = listing.instrument.precision
        self.least = listing.instrument.qty_min
        scale: int = 10 ** (precision.price + precision.qty)
        self._unit_cost = scale
        typical = max(self.least, listing.nature.typical_value * scale // listing.opening_price)
        self.typical = typical
        """The median order."""
        self._random = random
        self._programs = [self._program_size() for _ in range(10)]
        magnitude = 10 ** (len(str(typical)) - 1)
        self._rounds = [max(self.least, int(step * magnitude)) for step in ROUND]

    def draw(self) -> int:
        """Return a resting order's quantity."""
        random = self._random
        kind = random.random()
        if kind < 0.35:
            return self._programs[int(random.random() * 10)]
        if kind < 0.50:
            return self._rounds[int(random.random() * 5)]
        return self.heavy_tailed(1.0)

    def heavy_tailed(self, scale: float) -> int:
        """Return a heavy-tailed quantity to the last digit, `scale` times the typical one."""
        qty = int(self.typical * scale * self._random.lognormvariate(-0.4, 1.3))
        return qty if qty > self.least else self.least

    def program(self, place: int) -> int:
        """Return one of the sizes that programs repeat."""
        return self._programs[place % 10]

    def small(self, price: int) -> int:
        """Return a small taker's: a round amount of money, or the least a program may send."""
        random = self._random
        if random.random() < 0.3:
            return self.least + self._programs[0] % (self.least // 8 + 1)
        spent = SPENT[int(random.random() * len(SPENT))]
        return max(self.least, spent * self._unit_cost // price)

    def _program_size(self) -> int:
        """Return a size of three to five leading digits."""
        qty = self.heavy_tailed(1.0)
        step: int = 10 ** max(0, len(str(qty)) - self._random.randint(3, 5))
        return max(self.least, qty - qty % step)


NS = 1e9
BUSY_MAKERS_PER_S = 15.0
"""From this pace on, a pair's fair price jumps as often as that of the busiest pair."""


class AgentStep(Protocol):
    """One step of an agent, taken at its time, about an order or another subject."""

    def __call__(self, subject: str, /) -> EngineBatch | None: ...


Appointment: TypeAlias = "tuple[int, int, AgentContext, AgentStep, str]"
"""Moment, serial, context, act, subject; the serial orders appointments of one moment."""


class Agenda:
    """Every agent's next step for every instrument, soonest first."""

    def __init__(self) -> None:
        self._heap: list[Appointment] = []
        self._serial = 0

    def add(self, moment: int, context: AgentContext, act: AgentStep, subject: str) -> None:
        """Make an appointment, in ns of model time."""
        self._serial += 1
        heappush(self._heap, (moment, self._serial, context, act, subject))

    def soonest(self) -> int | None:
        """Return the moment of the next step, in ns of model time; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Appointment:
        """Take out the next step."""
        return heappop(self._heap)

    def __len__(self) -> int:
        return len(self._heap)


class AgentContext:
    """Engine, fair price, sizes, randomness and agenda of one instrument."""

    def __init__(
        self,
        listing: Listing,
        place: int,
        seed: int,
        agenda: Agenda,
        *,
        changing_owners: bool = False,
    ) -> None:
        """Open an instrument with an empty book.

        Args:
            listing: The instrument.
            place: Its place among the listings, which keeps order ids apart.
            seed: The same seed gives the same orders.
            agenda: The appointments of all instruments.
            changing_owners: Whether owners raise quantities, let orders expire, and limit more
                of what they take.
        """
        self._habits = Random(f"{seed}/{listing.symbol}/habits") if changing_owners else None
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
        """Model time, ns."""
        self.now = 0
        """Time of the next batch, ns since the Unix epoch."""
        self._ids = ExchangeIds("O", start=(place + 1) << 40)
        self._agenda = agenda

    def now_and_then(self, share: float) -> bool:
        """Whether an owner follows a habit this time; never where owners have none."""
        return self._habits is not None and self._habits.random() < share

    # --- time -----------------------------------------------------------------------

    def after(self, seconds: float, act: AgentStep, subject: str = "") -> None:
        """Call `act` that many seconds of model time from now."""
        self._agenda.add(self.moment + int(seconds * NS) + 1, self, act, subject)

    # --- orders ---------------------------------------------------------------------

    def quote(
        self,
        side: Side,
        price: int,
        qty: int,
        display_qty: int | None = None,
        expire_at: int | None = None,
    ) -> EngineBatch:
        """Rest an order at a price, or as near to it as does not take."""
        price = self.passive(side, price)
        order = NewOrder(
            self._ids.take(),
            side,
            qty,
            price,
            TimeInForce.GTC if expire_at is None else TimeInForce.GTD,
            expire_at,
            display_qty=display_qty,
        )
        return self.matcher.submit(order, self.now)

    def requote(self, order_id: str, side: Side, price: int) -> EngineBatch:
        """Move an order to a price, or as near to it as does not take."""
        return self.matcher.amend(AmendTerms(order_id, None, self.passive(side, price)), self.now)

    def cancel(self, order_id: str) -> EngineBatch | None:
        """Cancel an order, if it still rests."""
        return self.matcher.cancel(order_id, self.now) if order_id in self.matcher else None

    def take(
        self,
        side: Side,
        qty: int,
        price: int | None = None,
        tif: TimeInForce = TimeInForce.IOC,
    ) -> EngineBatch:
        """Take at once: at any price, or up to one."""
        return self.matcher.submit(NewOrder(self._ids.take(), side, qty, price, tif), self.now)

    def expire(self, expiry: str) -> EngineBatch:
        """End the orders whose time has come; `expiry` is a time as text."""
        return self.matcher.expire(max(self.now, int(expiry)))

    # --- prices ---------------------------------------------------------------------

    def best(self, side: Side) -> int:
        """Return a side's best price, or where it would be if nobody quoted."""
        price = self.matcher.best_price(side)
        if price is not None:
            return price
        away = int(self.gap) + 1
        return max(1, int(self.fair.price) + (-away if side is Side.BID else away))

    def passive(self, side: Side, price: int) -> int:
        """Return a price, kept one tick short of the other side, and above zero."""
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
        """Return either side by chance."""
        return Side.BID if self.random.random() < 0.5 else Side.ASK
