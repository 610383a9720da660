"""Everything in the monitor that can move money, and the only module that reaches for it.

The trader owns the desk with its outbox, the dead-man's switch and whether the monitor is
armed. It takes what the screen wrote, checks it against the market of this moment, and
says in words what became of it. It draws nothing and knows no key.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from kracked.actions import (
    CancelOutcome,
    Check,
    Declined,
    Desk,
    Draft,
    Entry,
    Fees,
    Kind,
    Limits,
    Refusal,
    Situation,
    State,
    Switch,
    WorkingOrder,
    open_desk,
)
from kracked.actions.fees import of_account, of_pair
from kracked.actions.funds import feed_code
from kracked.actions.working import keeps_place
from kracked.errors import ConnectionLost, KrackedError, RequestRejected
from kracked.instruments import Instrument
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.protocol.limits import tier_of
from kracked.rest.account import KeyInfo
from kracked.rest.limiter import EngineLimiter
from kracked.rest.market import PairInfo
from kracked.times import NS_PER_S
from kracked_tui.config import Trading
from kracked_tui.source import Access
from kracked_tui.view import standing as words
from kracked_tui.view.balances import balances_of, held
from kracked_tui.view.orders import Sent
from kracked_tui.view.rates import RateView
from kracked_tui.view.standing import Standing
from kracked_tui.view.ticket import Ticket, verb

log = logging.getLogger(__name__)

_RETRY_S = 5.0
_SWITCH_ATTEMPTS = 3
_FOREVER_NS = 1 << 62
_SHOWN_ENDED = 6
_ENDED_FOR_NS = 60 * NS_PER_S
"""How long an order that has ended stays on the screen with its outcome."""
_WAIVABLE = frozenset({Check.DUPLICATE, Check.DISTANCE})
_WORTH = (10, 25, 100, 250, 1000)
"""What the five sizes cost, in the quote currency, unless the configuration names sizes."""

Tell = Callable[[str, str], None]


class Moment(NamedTuple):
    """The market as the screen has it now. Prices scaled; None where a side is empty."""

    instrument: Instrument
    bid: int | None
    ask: int | None
    verified: bool


class Reviewed(NamedTuple):
    """A ticket as it would be sent."""

    words: str = ""
    problems: tuple[str, ...] = ()
    waivable: bool = False


class Trader:
    """One per program. `run` lives as long as the source; everything else may be called always."""

    def __init__(self, settings: Trading, *, tell: Tell, now: Callable[[], int]) -> None:
        self._settings, self._tell, self._now = settings, tell, now
        self._access: Access | None = None
        self._desk: Desk | None = None
        self._switch: Switch | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._holding: asyncio.Task[None] | None = None
        self._expiring: asyncio.Task[None] | None = None
        self._closed = words.HOW_TO_GIVE_A_KEY
        """Why there is no desk."""
        self._armed_until = 0
        self.armed_before = False
        self._busy = False
        self._pairs: dict[str, str] = {}
        self._listed: dict[str, tuple[str, PairInfo]] = {}
        self._fees: dict[str, Fees] = {}
        self._sizes: dict[str, tuple[int, ...]] = {}
        self._preset = 0
        self._pending: frozenset[str] = frozenset()
        self._ended: deque[str] = deque(maxlen=_SHOWN_ENDED)

    # --- life -----------------------------------------------------------------------------

    async def run(self, access: Access) -> None:
        """Opens the desk and keeps it until cancelled. What it cannot do, `standing` says."""
        self._access, self._closed = access, "Asking the exchange what the key may do."
        try:
            await self._learn_key(access)
            limits = Limits(
                max_qty=self._settings.max_qty,
                max_notional=self._settings.max_notional,
                max_distance_percent=self._settings.max_distance_percent,
            )
            with open_desk(access.client, access.outbox, limits=limits, pairs=self._pairs) as desk:
                await self._trade(desk, access)
        except _Unfit as unfit:
            self._closed = str(unfit)
        except KrackedError as error:
            self._closed = str(error)
            self._tell(str(error), "warn")

    async def _trade(self, desk: Desk, access: Access) -> None:
        self._switch = Switch(access.client)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(desk.settler.run(), name="settler")
                tasks.create_task(self._listen(desk, access), name="own reports")
                self._tasks, self._desk, self._closed = tasks, desk, ""
                self._tell_unsettled(desk)
        finally:
            self._desk, self._tasks, self._armed_until = None, None, 0
            self._closed = "The desk is closed."

    def _tell_unsettled(self, desk: Desk) -> None:
        count = len(desk.outbox.unknown())
        if count:
            noun = "order" if count == 1 else "orders"
            self._tell(f"{count} {noun} of the last run: looking up what became of them", "warn")

    async def _learn_key(self, access: Access) -> None:
        """What the key may do, and what the exchange calls its pairs."""
        while True:
            try:
                _check_fit(await access.client.api_key_info())
                assets, pairs = await access.client.assets(), await access.client.asset_pairs()
                break
            except ConnectionLost as error:
                self._closed = f"The exchange does not answer: {error}"
                await asyncio.sleep(_RETRY_S)
        for id_, pair in pairs.items():
            symbol = f"{feed_code(pair.base, assets)}/{feed_code(pair.quote, assets)}"
            self._listed[symbol] = (id_, pair)
            self._pairs[symbol] = pair.altname

    async def _listen(self, desk: Desk, access: Access) -> None:
        """Every report of the account to the desk, in order and none left out."""
        assert access.reports is not None
        with access.reports as reports:
            while batch := await reports.batch():
                for event in batch:
                    self._hear(desk, event)

    def _hear(self, desk: Desk, event: events.Event) -> None:
        match event:
            case events.Executions():
                desk.apply(event)
            case events.Subscribed(channel="executions", max_rate_count=int(most)):
                desk.engine = _limiter(desk.engine, most)
            case events.Overflow():
                for entry in desk.outbox.pending():
                    desk.settler.doubt(entry)

    # --- whether it can -------------------------------------------------------------------

    @property
    def armed(self) -> bool:
        return self._desk is not None and self._now() < self._armed_until

    @property
    def open(self) -> bool:
        """Whether orders can be cancelled, armed or not."""
        return self._desk is not None

    @property
    def why_closed(self) -> str:
        return self._closed

    def standing(self) -> Standing:
        if self._access is None:
            return Standing(words.NO_KEY, self._closed)
        left = self._armed_until - self._now()
        switch_ns = self._switch.remaining_ns() if self._switch else None
        word = words.ARMED if self.armed else words.DISARMED
        return Standing(word, self.why_not(), max(0, left), switch_ns)

    def why_not(self) -> str:
        """Why no order at all would be sent now; empty when one would."""
        if self._closed or self._access is None:
            return self._closed
        if not self._access.account.orders_known:
            return "The account's stream is down; new orders wait for it, cancels do not."
        if not self.armed:
            return "DISARMED: press A to arm first."
        if self._switch is None or not self._switch.remaining_ns():
            failure = self._switch.failure if self._switch else ""
            return f"The dead-man's switch is not set yet. {failure}".strip()
        return ""

    def arm(self) -> None:
        """From now on keys send orders, for as long as the settings say."""
        if self._desk is None or self._tasks is None or self._switch is None:
            self._tell(self._closed, "warn")
            return
        minutes = self._settings.armed_min
        self._armed_until = self._now() + minutes * 60 * NS_PER_S
        self.armed_before = True
        if self._holding is None:
            self._holding = self._tasks.create_task(self._switch.hold(), name="dead-man's switch")
        if self._expiring is not None:
            self._expiring.cancel()
        self._expiring = self._tasks.create_task(self._expire(minutes * 60), name="disarm in time")
        self._tell(f"ARMED for {minutes} minutes; the dead-man's switch is on", "warn")

    async def _expire(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._expiring = None
        await self.disarm("its time is over")

    async def disarm(self, why: str = "") -> bool:
        """No key sends an order any more; orders stay. False while the switch may still fire."""
        self._armed_until = 0
        if self._expiring is not None:
            self._expiring.cancel()
            self._expiring = None
        self._tell(f"DISARMED{': ' + why if why else ''}", "good")
        return await self._release_switch()

    async def _release_switch(self) -> bool:
        if self._holding is None or self._switch is None:
            return True
        self._holding.cancel()
        self._holding = None
        for _ in range(_SWITCH_ATTEMPTS):
            try:
                await self._switch.disarm()
            except KrackedError as error:
                log.warning("dead-man's switch not disarmed", extra={"reason": str(error)})
            else:
                return True
        left = (self._switch.remaining_ns() or 0) // NS_PER_S
        self._tell(f"the dead-man's switch is still on: orders go in {left} s; arm again", "warn")
        return False

    # --- reviewing and sending ------------------------------------------------------------

    def review(self, ticket: Ticket, moment: Moment) -> Reviewed:
        """The ticket in words as it would be sent, and everything that speaks against it."""
        if self._desk is None:
            return Reviewed(problems=(self._closed,))
        draft, now = _draft(ticket), self._situation(moment)
        against = self._limits(ticket)
        if ticket.amends:
            now = msgspec.structs.replace(now, available=None)  # its own funds are held
            against = msgspec.structs.replace(against, allow_duplicate=True)
        review = self._desk.review(draft, now, against)
        blocked = self.why_not()
        problems = [blocked] if blocked else []
        problems += [refusal.sentence for refusal in review.refusals]
        return Reviewed(review.words, tuple(problems), _waivable(review.refusals))

    async def send(self, ticket: Ticket, moment: Moment) -> bool:
        """One request at most, whatever is pressed meanwhile; says whether one went out."""
        blocked = self.why_not()
        if self._desk is None or blocked:
            self._tell(f"not sent: {blocked}", "warn")
            return False
        if self._busy:
            self._tell("not sent: the last order is still on its way", "warn")
            return False
        self._busy = True
        try:
            result = await self._deliver(self._desk, ticket, moment)
        except KrackedError as error:
            self._tell(f"not sent: {error}", "warn")
            return False
        finally:
            self._busy = False
        return self._told(ticket, moment.instrument, result)

    async def _deliver(self, desk: Desk, ticket: Ticket, moment: Moment) -> Entry | Declined:
        now = self._situation(moment)
        if not ticket.amends:
            return await desk.place(_draft(ticket), now, self._limits(ticket))
        order = desk.working.get(ticket.amends)
        if order is None:
            sentence = "The order is not open any more."
            return Declined((Refusal(Check.FORM, sentence),))
        return await desk.amend(order, now, **_changes(ticket, order, moment.instrument))

    def _told(self, ticket: Ticket, instrument: Instrument, result: Entry | Declined) -> bool:
        what = _in_short(ticket, instrument)
        if isinstance(result, Declined):
            self._tell(f"{what} not sent: {result.sentence}", "warn")
            return False
        bad = result.state in (State.UNKNOWN, State.REFUSED)
        reason = f": {result.reason}" if bad and result.reason else ""
        self._tell(f"{what} {result.state}{reason}", "warn" if bad else "good")
        return True

    def _situation(self, moment: Moment) -> Situation:
        assert self._access is not None
        silent = self._access.silent_ns()
        instrument = moment.instrument
        return Situation(
            instrument=instrument,
            bid=moment.bid,
            ask=moment.ask,
            book_verified=moment.verified,
            book_age_ns=_FOREVER_NS if silent is None else silent,
            available=self._available(),
            fees=self._fees.get(instrument.symbol),
        )

    def _available(self) -> Mapping[str, Decimal] | None:
        account = self._access.account if self._access else None
        if account is None or not account.balances_known:
            return None
        holds = held(account.orders.values(), self.dearest_fee)
        return {one.asset: one.free for one in balances_of(account.balances, holds)}

    @property
    def dearest_fee(self) -> Decimal:
        """Per cent; what open orders are taken to hold for their fees."""
        return max((fees.taker for fees in self._fees.values()), default=Decimal(0))

    def _limits(self, ticket: Ticket) -> Limits:
        assert self._desk is not None
        limits = self._desk.limits
        if not ticket.waived:
            return limits
        return msgspec.structs.replace(limits, allow_duplicate=True, max_distance_percent=None)

    async def learn_fees(self, symbol: str) -> None:
        """What the account pays on this pair; the pair's own table where it may not ask."""
        id_, pair = self._listed.get(symbol, ("", None))
        if self._access is None or pair is None or symbol in self._fees:
            return
        try:
            found = of_account(await self._access.client.trade_volume(pair.altname), id_)
        except (RequestRejected, ConnectionLost) as error:
            log.info("fees not told", extra={"symbol": symbol, "reason": str(error)})
            found = None
        found = found or of_pair(pair, Decimal(0))
        if found is not None:
            self._fees[symbol] = found

    # --- cancelling -----------------------------------------------------------------------

    async def cancel(self, *, order_id: str, cl_ord_id: str) -> None:
        """One order, also one of unknown outcome."""
        if self._desk is None:
            return
        outcome = await self._desk.cancel(txid=order_id or None, cl_ord_id=cl_ord_id or None)
        self._tell_cancelled("cancel", outcome)

    async def cancel_pair(self, symbol: str, side: Side | None = None) -> bool:
        """All of a pair, or of one side of it; whether the exchange has answered."""
        if self._desk is None:
            return False
        outcome = await self._desk.cancel_pair(symbol, side)
        what = {None: "orders", Side.BID: "bids", Side.ASK: "asks"}[side]
        return self._tell_cancelled(f"cancel all {what} of {symbol}", outcome)

    async def cancel_everything(self) -> None:
        if self._desk is not None:
            self._tell_cancelled("cancel everything", await self._desk.cancel_all())

    async def panic(self, symbol: str) -> None:
        """Cancel the pair at once and disarm. A switch that may still be needed stays on."""
        self._armed_until = 0
        if await self.cancel_pair(symbol):
            await self.disarm("panic")
        else:
            self._tell("PANIC unanswered: the dead-man's switch will cancel the rest", "warn")

    async def leave(self, *, cancel: bool) -> bool:
        """Before the program ends: whether all that was asked for is confirmed."""
        if self._desk is None:
            return True
        self._armed_until = 0
        done = True
        for order in self.own() if cancel else ():
            outcome = await self._desk.cancel(txid=order.order_id)
            done = self._tell_cancelled("cancel", outcome) and done
        return done and await self._release_switch()

    def _tell_cancelled(self, what: str, outcome: CancelOutcome) -> bool:
        """Says it; whether the exchange has answered."""
        answered = not outcome.error or outcome.gone or outcome.error.startswith("EOrder:")
        if outcome.error and not outcome.gone:
            self._tell(f"{what}: {outcome.error}", "warn")
        else:
            number = "gone already" if outcome.gone else f"{outcome.count} cancelled"
            pending = ", on the way" if outcome.pending else ""
            self._tell(f"{what}: {number}{pending}", "good")
        return answered

    # --- what the screen asks -------------------------------------------------------------

    def moment(
        self, instrument: Instrument, bid: int | None, ask: int | None, *, trusted: bool
    ) -> Moment:
        return Moment(instrument, bid, ask, trusted)

    @property
    def unknown(self) -> int:
        """How many actions have an outcome that is not known."""
        return len(self._desk.outbox.unknown()) if self._desk else 0

    def own(self) -> list[WorkingOrder]:
        """Open orders this program placed."""
        if self._desk is None:
            return []
        outbox = self._desk.outbox
        return [order for order in self._desk.working if (order.cl_ord_id or "") in outbox]

    def sent(self) -> tuple[Sent, ...]:
        """All of the outbox that has not ended, and what has just ended; oldest first."""
        if self._desk is None:
            return ()
        outbox, now = self._desk.outbox, self._now()
        pending = {entry.id: entry for entry in outbox.pending()}
        self._ended.extend(sorted(self._pending - pending.keys()))
        self._pending = frozenset(pending)
        ended = [outbox[id_] for id_ in self._ended]
        fresh = [entry for entry in ended if now - entry.since < _ENDED_FOR_NS]
        return tuple(_shown(entry) for entry in (*fresh, *pending.values()))

    def rates(self, symbol: str, touched: int | None) -> RateView | None:
        """The pair's rate counter, with the age of the selected order."""
        if self._desk is None:
            return None
        engine, now = self._desk.engine, self._now()
        age = None if touched is None else max(0, now - touched)
        return RateView(
            engine.count(symbol, now), engine.tier.threshold, engine.room(symbol, now), age
        )

    def sizes(self, moment: Moment) -> tuple[int, ...]:
        """The five sizes of the keys 1 to 5, scaled; the same for as long as the program runs."""
        instrument = moment.instrument
        found = self._sizes.get(instrument.symbol)
        if found is None:
            named = self._settings.sizes.get(instrument.symbol)
            found = _named_sizes(named, instrument) if named else _usual_sizes(moment)
            self._sizes[instrument.symbol] = found
        return found

    def size(self, moment: Moment) -> int:
        """The size in use."""
        sizes = self.sizes(moment)
        return sizes[min(self._preset, len(sizes) - 1)]

    def choose_size(self, number: int) -> None:
        """From 1."""
        self._preset = number - 1

    def keeps_place(self, ticket: Ticket, instrument: Instrument) -> bool | None:
        """Whether the amend on the ticket leaves the order where it queues; None: not open."""
        order = self._desk.working.get(ticket.amends) if self._desk else None
        return None if order is None else keeps_place(order, **_wanted(ticket, instrument))


class _Unfit(KrackedError):
    """A key that will not be traded with."""


def _check_fit(key: KeyInfo) -> None:
    if key.may_withdraw:
        raise _Unfit("This key may withdraw funds; make one that may only query and trade.")
    if not key.may_trade:
        raise _Unfit("This key may not place orders: it lacks 'Create & modify orders'.")


def _limiter(was: EngineLimiter, threshold: int) -> EngineLimiter:
    """A limiter of the account's tier; the counters are kept when it is the same one."""
    tier = tier_of(threshold)
    return was if was.tier == tier else EngineLimiter(tier)


def _draft(ticket: Ticket) -> Draft:
    price, limit = ticket.prices
    return Draft(
        symbol=ticket.symbol,
        side=ticket.side,
        qty=ticket.qty,
        order_type=ticket.order_type,
        price=price,
        price2=limit,
        post_only=ticket.posts,
        time_in_force=ticket.time_in_force,
    )


def _wanted(ticket: Ticket, instrument: Instrument) -> dict[str, Decimal | None]:
    """An amending ticket's quantity and price as decimals."""
    price, limit = ticket.prices
    last = price if limit is None else limit
    precision = instrument.precision
    return {
        "qty": precision.qty_decimal(ticket.qty),
        "price": None if last is None else precision.price_decimal(last),
    }


def _changes(ticket: Ticket, order: WorkingOrder, instrument: Instrument) -> dict[str, int | None]:
    """Only what differs from the order: an amend that names a price anew may lose the place."""
    wanted = _wanted(ticket, instrument)
    price, limit = ticket.prices
    stands = order.limit_price if order.limit_price is not None else order.trigger_price
    return {
        "qty": None if wanted["qty"] == order.order_qty else ticket.qty,
        "price": None if wanted["price"] == stands else (price if limit is None else limit),
    }


def _waivable(refusals: Iterable[Refusal]) -> bool:
    checks = {refusal.check for refusal in refusals}
    return bool(checks) and checks <= _WAIVABLE


def _in_short(ticket: Ticket, instrument: Instrument) -> str:
    price = ticket.prices[0]
    at = "" if price is None else f" @ {instrument.precision.price_text(price)}"
    qty = instrument.precision.qty_text(ticket.qty).rstrip("0").rstrip(".")
    return f"{'amend to ' if ticket.amends else ''}{verb(ticket.side)} {qty}{at}"


def _shown(entry: Entry) -> Sent:
    request = entry.request
    adds = entry.kind is Kind.ADD
    side = {"buy": Side.BID, "sell": Side.ASK}.get(request.get("type", ""))
    return Sent(
        entry.id,
        entry.symbol,
        str(entry.kind),
        side,
        request.get("volume" if adds else "order_qty", ""),
        request.get("price" if adds else "limit_price", ""),
        str(entry.state),
        entry.since,
        entry.reason,
        entry.txid if adds else entry.target,
        entry.ended,
    )


def _named_sizes(texts: Iterable[str], instrument: Instrument) -> tuple[int, ...]:
    digits = instrument.precision.qty
    return tuple(int(Decimal(text).scaleb(digits)) for text in texts)


def _usual_sizes(moment: Moment) -> tuple[int, ...]:
    """Round quantities that cost about as much as `_WORTH` says."""
    instrument = moment.instrument
    price = moment.ask or moment.bid
    least = max(1, instrument.qty_min, instrument.qty_increment)
    if price is None:
        return (least,)
    unit = instrument.precision.price_decimal(price)
    sizes = []
    for worth in _WORTH:
        exact = int((worth / unit).scaleb(instrument.precision.qty))
        power = int(10 ** max(0, len(str(exact)) - 1))
        sizes.append(max(least, exact // power * power))
    return tuple(sizes)
