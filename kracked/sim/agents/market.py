"""The agents' order flow over every listed instrument, repeatable to the last digit.

Pure: the caller says how far time has come, and iterates what was done until then. The
same seed gives the same batches however finely time is cut. Agents live in model time,
which runs `rate` times as fast as the batches' times.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kracked.gateway.exchange_ids import ExchangeIds
from kracked.sim.agents.agent_context import Agenda, AgentContext
from kracked.sim.agents.market_makers import MarketMakers
from kracked.sim.agents.noise_traders import NoiseTraders
from kracked.sim.agents.patterns import Patterns
from kracked.sim.agents.planter import Pattern
from kracked.sim.agents.takers import Takers
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.listings import Listing
from kracked.sim.market_data.trade_history import TradeHistory
from kracked.sim.market_data.warmup import MarketWarmup
from kracked.sim.truth import PlantedRow

SEEDING_NS = 20 * 60 * 10**9
"""How old the oldest order is when the market opens."""


class TradeHistories(dict[str, TradeHistory]):
    """Histories by symbol, each made when it is first asked for.

    Making those of hundreds of pairs at once would take seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.warmups: dict[str, MarketWarmup] = {}
        """What makes the histories that nobody has asked for yet."""

    def __missing__(self, symbol: str) -> TradeHistory:
        history = self[symbol] = self.warmups.pop(symbol).history()
        return history


class SimulatedMarket:
    """Several instruments' engines, and the agents who trade on them.

    Clients trade through `matcher(symbol)`. `histories` holds what each instrument traded;
    the publisher of a batch, the agents' or a client's, applies it there first.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        *,
        seed: int,
        rate: float = 1.0,
        changing_owners: bool = False,
    ) -> None:
        """Prepare a market; `opened` fills its books.

        Args:
            listings: The instruments.
            seed: The same seed gives the same market.
            rate: How many times faster than life the agents trade.
            changing_owners: Whether owners raise quantities, let orders expire, and limit more
                of what they take.
        """
        self.histories = TradeHistories()
        self.rate = rate
        self._seed = seed
        self._agenda = Agenda()
        self._contexts = {
            listing.symbol: AgentContext(
                listing, place, seed, self._agenda, changing_owners=changing_owners
            )
            for place, listing in enumerate(listings)
        }
        self._origin = 0
        self._time = 0
        self._agents: dict[str, _Agents] = {}
        self._patterns: dict[str, Patterns] = {}
        self.told: Callable[[PlantedRow], None] = lambda _: None
        """Takes the truth about each planted pattern when it is over; set it before planting."""

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The instruments."""
        return tuple(context.listing for context in self._contexts.values())

    def matcher(self, symbol: str) -> Matcher:
        """Return the engine of one instrument."""
        return self._contexts[symbol].matcher

    def opened(self, now: int) -> SimulatedMarket:
        """Fill every book and history as if trade had gone on for long; return the market."""
        self._origin = self._time = now
        with _without_garbage_collection():
            for symbol, context in self._contexts.items():
                agents = self._agents[symbol] = _Agents(context)
                agents.open(now)
                self.histories.warmups[symbol] = MarketWarmup(
                    context.listing,
                    now,
                    context.matcher.last_trade_id,
                    f"{self._seed}/{symbol}/past",
                )
        return self

    def advance(self, to: int) -> Iterator[tuple[str, EngineBatch]]:
        """Iterate the batches up to an instant with their symbols, no two at the same time.

        Lazy: when a batch is yielded, every engine is exactly as the batch left it.
        Iterate to the end before the next call or a client's order.
        """
        for context in self._contexts.values():  # GTD orders that end up to then
            expiry = context.matcher.next_expiry
            if expiry is not None and expiry <= to:
                after = int((expiry - self._origin) * self.rate) + 1
                self._agenda.add(after, context, context.expire, str(expiry))
        agenda = self._agenda
        while (moment := agenda.soonest()) is not None:
            time = max(self._time + 1, self._origin + int(moment / self.rate))
            if time > to:
                return
            _, _, context, act, subject = agenda.pop()
            context.moment, context.now = moment, time
            batch = act(subject)
            if batch is not None and batch.steps:
                self._time = batch.time
                yield context.symbol, batch

    def plant(self, symbol: str, pattern: Pattern, count: int = 1, within_s: float = 0.0) -> None:
        """Plant a pattern so many times, at instants by chance within so many seconds.

        The market's seed decides all of it; `told` gets the truth.
        """
        patterns = self._patterns.get(symbol)
        if patterns is None:
            patterns = self._patterns[symbol] = Patterns(
                self._contexts[symbol],
                str(self._seed),
                desert=self._agents[symbol].makers.desert,
                told=self.told,
            )
        patterns.plant(pattern, count, within_s)

    def hide_ids(self, symbol: str) -> None:
        """Give each next part of the agents' icebergs an id of its own, from now on."""
        self.matcher(symbol).part_ids = ExchangeIds("O", start=1 << 56)

    def pause(self, ns: int) -> None:
        """Let nobody trade for so long, in real time: everything happens that much later."""
        self._origin += max(0, ns)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collect no garbage within the block.

    Opening makes a hundred thousand objects and drops none: looking for garbage among
    them would take a quarter of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Agents:
    """The agents of one instrument, and the news that moves them."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self.makers = MarketMakers(context)
        self._noise_traders = NoiseTraders(context)
        self._takers = Takers(context)
        self._await_jump()

    def open(self, now: int) -> None:
        """Leave the book as hours of trade would have."""
        start = self._context.now = now - SEEDING_NS
        self.makers.open()
        self._noise_traders.open(start, now)

    def _await_jump(self) -> None:
        self._waited_s = self._context.fair.wait_s()
        self._context.after(self._waited_s, self._jump)

    def _jump(self, _: str) -> None:
        """Let the fair price jump: makers requote, and the quick take what they leave behind."""
        size = self._context.fair.jump(self._waited_s)
        self.makers.rush(size)
        self._noise_traders.scatter()
        self._takers.chase()
        self._await_jump()
