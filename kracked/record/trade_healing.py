"""Trades that a recording lacks, fetched by REST: within limits, and again while they can come.

It knows no REST client: whoever joins both gives it a function that fetches a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from kracked import times, units
from kracked.errors import KrackedError, RecordError, says
from kracked.format.trade_holes import TradeHole, TradeHoles
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import HealedTrades, Side, Trade
from kracked.times import NS_PER_S

MOST_TRADES = 200_000
"""Trades of the longest hole that is fetched: 200 pages, one a second."""
ANSWERS = 5
"""Times that the exchange may answer without the trades before they are given up."""
LONGEST_PAUSE_S = 60.0
LOOK_EVERY_S = 0.5
"""How often holes are looked for."""
_MARGIN_NS = 1_000_000
"""The stream's times have six decimals, and `since` may leave out what was at that time."""
_MICROSECOND = 6
_MOST_DIGITS = 20
"""Digits before the point. Real numbers have eleven."""
_LAST_TIME_NS = 2**63
_SIDES = {"b": Side.BID, "s": Side.ASK}
_ORDER_TYPES = {"m": "market", "l": "limit"}


@says("{reason}")
class NoPage(RecordError):
    """A page of trades that did not come."""

    reason: str
    final: bool
    """Whether asking again is of no use."""


class RestTrade(Protocol):
    """A trade as REST gives it."""

    @property
    def trade_id(self) -> int:
        """Its number."""

    @property
    def price(self) -> Decimal:
        """Its price."""

    @property
    def qty(self) -> Decimal:
        """Its quantity."""

    @property
    def traded(self) -> int:
        """Its time by the exchange, ns since the Unix epoch."""

    @property
    def side(self) -> str:
        """The taker's side: `b` or `s`."""

    @property
    def order_type(self) -> str:
        """The taker's order type: `m` or `l`."""


class TradePage(NamedTuple):
    """Trades after a time, oldest first."""

    rows: Sequence[RestTrade]
    last: int
    """The time to ask from for those after them, ns since the Unix epoch."""


Fetch = Callable[[str, int], Awaitable[TradePage]]
"""Fetches a symbol's trades after a time, ns since the Unix epoch. Raises `NoPage`."""


class _Attempts(NamedTuple):
    due: float
    """When to try again, by the steady clock, ns."""
    failures: int = 0
    answers: int = 0
    """Failures at which the exchange answered."""


class TradeHealer:
    """Fills the holes of a recording, one after the other; `run` it, then `finish`.

    A hole is tried until its trades are there, the exchange has answered several times without
    them, or says that it never will.
    """

    def __init__(
        self,
        holes: TradeHoles,
        fetch: Fetch,
        deliver: Callable[[HealedTrades], None],
        *,
        instruments: Mapping[str, Instrument],
        wall: Callable[[], int],
        steady: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Begin with nothing tried.

        Args:
            holes: The trades that are missing.
            fetch: Fetches a page of trades.
            deliver: Takes trades that were missing, and heals the holes with them.
            instruments: The rules of every listed symbol that is known, with its decimals.
            wall: Returns the time, ns since the Unix epoch.
            steady: Returns ns that only rise.
            sleep: Waits for some seconds.
        """
        self._holes, self._fetch, self._deliver = holes, fetch, deliver
        self._instruments, self._wall = instruments, wall
        self._steady, self._sleep = steady, sleep
        self._attempts: dict[tuple[str, int], _Attempts] = {}
        """By symbol and last number of a hole: it shrinks from its beginning."""

    async def run(self) -> None:
        """Fill holes as they appear, until cancelled."""
        while True:
            if not await self.heal_due():
                await self._sleep(LOOK_EVERY_S)

    async def heal_due(self) -> bool:
        """Try one hole that is due; return whether there was one."""
        now = self._steady()
        for hole in self._holes.fetchable():
            if self._attempts.get(_key(hole), _Attempts(0)).due <= now:
                await self._heal(hole)
                return True
        return False

    async def finish(self) -> None:
        """Try every hole once more that has not been given up, due or not."""
        for hole in self._holes.fetchable():
            if self._attempts.get(_key(hole), _Attempts(0)).due < float("inf"):
                await self._heal(hole)

    async def _heal(self, hole: TradeHole) -> None:
        """Fetch the trades of a hole; note why if they do not come, and when to try again."""
        before = self._attempts.pop(_key(hole), _Attempts(0))
        failures, answers = before.failures + 1, before.answers
        try:
            # Nearly always they follow the trade before; else look further back.
            since = hole.since - (LONGEST_PAUSE_S * answers * NS_PER_S or _MARGIN_NS)
            await self._fetch_pages(hole, int(since))
            left = [each for each in self._holes.fetchable(hole.symbol) if _inside(each, hole)]
            if not left:
                return
            answers += 1
            reason, final = "REST does not have them", answers >= ANSWERS
        except NoPage as error:
            reason, final = error.reason, error.final
        pause_s = float("inf") if final else min(LONGEST_PAUSE_S, 2.0 ** (failures - 1))
        due = self._steady() + pause_s * NS_PER_S
        self._holes.explain(hole, reason)
        for each in self._holes.fetchable(hole.symbol):
            if _inside(each, hole):
                self._attempts[_key(each)] = _Attempts(due, failures, answers)

    async def _fetch_pages(self, hole: TradeHole, since: int) -> None:
        if hole.count > MOST_TRADES:
            raise NoPage(f"more than {MOST_TRADES} are not fetched", final=True)
        while True:
            page = await self._fetch(hole.symbol, since)
            self._take(page.rows, hole)
            newest = max((row.trade_id for row in page.rows), default=0)
            if newest >= hole.last or page.last <= since or not page.rows:
                return
            since = page.last

    def _take(self, rows: Iterable[RestTrade], hole: TradeHole) -> None:
        """Deliver the trades of a page that are missing."""
        missing = self._holes.fetchable(hole.symbol)
        wanted = {
            row.trade_id: row
            for row in rows
            if _is_sound(row) and any(each.first <= row.trade_id <= each.last for each in missing)
        }
        if wanted:
            found = [wanted[number] for number in sorted(wanted)]
            known = self._instruments.get(hole.symbol)
            precision = known.precision if known is not None else None
            self._deliver(healed_trades(hole.symbol, found, precision, self._wall()))


def healed_trades(
    symbol: str, rows: Sequence[RestTrade], precision: Precision | None, now: int
) -> HealedTrades:
    """Return trades of REST as an event, exact to the last digit.

    REST writes prices with more decimals than the pair has. Where a digit would be lost, because
    the pair had others then, the event has as many decimals as its numbers need.

    Args:
        symbol: The pair.
        rows: The trades.
        precision: The decimals that the pair has now; None if they are not known.
        now: The time, ns since the Unix epoch.
    """
    least = precision or Precision(0, 0)
    price = max(least.price, *(_decimals(row.price) for row in rows))
    qty = max(least.qty, *(_decimals(row.qty) for row in rows))
    trades = tuple(
        Trade(
            side=_SIDES[row.side],
            price=units.scale(f"{row.price:f}".encode(), price),
            qty=units.scale(f"{row.qty:f}".encode(), qty),
            ord_type=_ORDER_TYPES.get(row.order_type, row.order_type),
            trade_id=row.trade_id,
            timestamp=times.to_rfc3339(row.traded, _MICROSECOND),
        )
        for row in rows
    )
    return HealedTrades(now, symbol, Precision(price, qty), trades)


def _decimals(number: Decimal) -> int:
    """Return how many decimals a number needs."""
    return len(f"{number:f}".partition(".")[2].rstrip("0"))


def _is_sound(row: RestTrade) -> bool:
    """Whether a row is a trade: one of nothing, without a side or a possible time is none."""
    try:
        possible = 0 < row.traded < _LAST_TIME_NS
    except KrackedError:
        return False
    return possible and row.side in _SIDES and _is_number(row.price) and _is_number(row.qty)


def _is_number(number: Decimal) -> bool:
    """Whether it is more than nothing, and has no more digits than a number can have."""
    if not number.is_finite() or number <= 0:
        return False
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return number.adjusted() < _MOST_DIGITS and -units.MOST_DECIMALS <= exponent < _MOST_DIGITS


def _key(hole: TradeHole) -> tuple[str, int]:
    return hole.symbol, hole.last


def _inside(hole: TradeHole, of: TradeHole) -> bool:
    return of.first <= hole.first and hole.last <= of.last
