"""The agents' order flow over every listed instrument, repeatable to the last digit.

Pure: the caller says how far time has come, and iterates what happened until then. The
same seed gives the same batches however finely time is cut. Agents live in model time,
which runs `rate` times as fast as the batches' times.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kracked.sim.agents.agent_context import Agenda, AgentContext
from kracked.sim.agents.market_makers import MarketMakers
from kracked.sim.agents.noise_traders import NoiseTraders
from kracked.sim.agents.takers import Takers
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import EngineBatch
from kracked.sim.listings import Listing
from kracked.sim.market_data.trade_history import TradeHistory
from kracked.sim.market_data.warmup import MarketWarmup

SEEDING_NS = 20 * 60 * 10**9
"""How old the oldest order is when the market opens."""


class TradeHistories(dict[str, TradeHistory]):
    """Tapes by symbol, each made when first asked for: opening hundreds would take seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._pasts: dict[str, MarketWarmup] = {}

    def await_first_look(self, symbol: str, past: MarketWarmup) -> None:
        self._pasts[symbol] = past

    def __missing__(self, symbol: str) -> TradeHistory:
        history = self[symbol] = self._pasts.pop(symbol).history()
        return history


class SimulatedMarket:
    """Several instruments' engines, and everybody who trades on them.

    Clients trade through `matcher(symbol)`. `histories` holds what each instrument traded;
    whoever publishes a batch, the agents' or a client's, applies it there first.
    """

    def __init__(self, listings: Sequence[Listing], *, seed: int, rate: float = 1.0) -> None:
        self.histories = TradeHistories()
        self.rate = rate
        self._seed = seed
        self._agenda = Agenda()
        self._floors = {
            listing.symbol: AgentContext(listing, place, seed, self._agenda)
            for place, listing in enumerate(listings)
        }
        self._origin = 0
        self._time = 0

    @property
    def listings(self) -> tuple[Listing, ...]:
        return tuple(floor.listing for floor in self._floors.values())

    def matcher(self, symbol: str) -> Matcher:
        """The engine of one instrument."""
        return self._floors[symbol].matcher

    def opened(self, now: int) -> SimulatedMarket:
        """Fill every book and every tape as if trade had gone on for long; returns itself."""
        self._origin = self._time = now
        with _collector_resting():
            for floor in self._floors.values():
                _Agents(floor).open(now)
                past = MarketWarmup(
                    floor.listing,
                    now,
                    floor.matcher.last_trade_id,
                    f"{self._seed}/{floor.symbol}/past",
                )
                self.histories.await_first_look(floor.symbol, past)
        return self

    def advance(self, to: int) -> Iterator[tuple[str, EngineBatch]]:
        """Everything up to an instant, in order of time, no two batches at the same one.

        Lazy: when a batch is yielded, every engine stands exactly as the batch left it.
        Iterate to the end before the next call or a client's order.
        """
        self._await_expiries(to)
        agenda = self._agenda
        while (moment := agenda.soonest()) is not None:
            time = max(self._time + 1, self._origin + int(moment / self.rate))
            if time > to:
                return
            _, _, floor, act, subject = agenda.pop()
            floor.moment, floor.now = moment, time
            batch = act(subject)
            if batch is not None and batch.steps:
                self._time = batch.time
                yield floor.symbol, batch

    def pause(self, ns: int) -> None:
        """Nobody trades for so long, real time; what was to happen happens that much later."""
        self._origin += max(0, ns)

    def _await_expiries(self, to: int) -> None:
        """Make appointments for clients' GTD orders that end within this stretch."""
        for floor in self._floors.values():
            expiry = floor.matcher.next_expiry
            if expiry is not None and expiry <= to:
                moment = int((expiry - self._origin) * self.rate) + 1
                self._agenda.add(moment, floor, floor.expire, str(expiry))


@contextmanager
def _collector_resting() -> Iterator[None]:
    """No garbage collection meanwhile.

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
    """The agents of one floor, and the news that stirs them."""

    def __init__(self, floor: AgentContext) -> None:
        self._floor = floor
        self._makers, self._crowd, self._takers = (
            MarketMakers(floor),
            NoiseTraders(floor),
            Takers(floor),
        )
        self._await_news()

    def open(self, now: int) -> None:
        """Leave the book as hours of trade would have."""
        start = self._floor.now = now - SEEDING_NS
        self._makers.open()
        self._crowd.open(start, now)

    def _news(self, _: str) -> None:
        """Fair price jumps: makers requote, and the quick take what they leave standing."""
        size = self._floor.fair.jump(self._waited_s)
        self._makers.rush(size)
        self._crowd.scatter()
        self._takers.chase()
        self._await_news()

    def _await_news(self) -> None:
        self._waited_s = self._floor.fair.wait_s()
        self._floor.after(self._waited_s, self._news)
