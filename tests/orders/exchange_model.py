"""A model of the exchange, and of everything that can fail on the way to it.

No sockets, no event loop, no clock: coroutines of the manager are stepped by hand, so that a
sequence can stop one between any two of its awaits, lose its answer, deliver its
request late, or kill the program and start it again on what the disk kept.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from kracked.errors import ConnectionLost
from kracked.instruments import Instrument, Precision
from kracked.orders.draft import Draft
from kracked.orders.order_manager import OrderManager
from kracked.orders.outbox.client_ids import ClientIds
from kracked.orders.outbox.journal import decode_lines
from kracked.orders.outbox.outbox import Outbox, Record
from kracked.orders.rules.market_context import Limits, MarketContext
from kracked.protocol.events import Executions, Side
from kracked.protocol.limits import PRO
from kracked.rest.limiter import EngineLimiter
from kracked.rest.market import ServerTime
from kracked.rest.order_info import ClosedOrders, OrderDescription, OrderInfo
from kracked.rest.orders import (
    Added,
    AddOrder,
    Amended,
    AmendOrder,
    BatchAdded,
    BatchReply,
    Cancelled,
    OrderRef,
)
from kracked.rest.public_calls import ExchangeClock
from kracked.rest.replies import (
    ErrorClass,
    OutcomeUnknown,
    Refused,
    classify,
    proves_nothing_happened,
)
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S

BTC = Instrument(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    precision=Precision(1, 8),
    price_increment=1,
    qty_increment=1,
    qty_min=5000,
    cost_precision=5,
    cost_min=Decimal("0.5"),
)
NOW = MarketContext(instrument=BTC, bid=249_999, ask=250_001, book_verified=True, book_age_ns=0)
LIMITS = Limits(allow_duplicate=True)
START = 1_754_000_000 * NS_PER_S
LAG_NS = 60 * NS_PER_S
ENDED = ("closed", "canceled")


class Past(msgspec.Struct, frozen=True):
    """The state of an order from one instant on."""

    since: int
    status: str
    filled: Decimal
    vol: Decimal
    price: Decimal


class Order(msgspec.Struct):
    """One order at the exchange, with its history: the query endpoints may lag."""

    txid: str
    cl_ord_id: str
    history: list[Past]

    @property
    def now(self) -> Past:
        return self.history[-1]

    @property
    def is_open(self) -> bool:
        return self.now.status == "open"

    def seen(self, at: int) -> OrderInfo | None:
        past = [state for state in self.history if state.since <= at]
        if not past:
            return None
        return OrderInfo(
            status=past[-1].status,
            cl_ord_id=self.cl_ord_id,
            vol=past[-1].vol,
            vol_exec=past[-1].filled,
            opentm=Decimal(self.history[0].since) / NS_PER_S,
            descr=OrderDescription(side="buy", order_type="limit", price=str(past[-1].price)),
        )


class Flight(msgspec.Struct):
    """A request on its way, and whether it has reached the exchange."""

    name: str
    deadline: int | None = None
    orders: tuple[AddOrder, ...] = ()
    target: OrderRef | None = None
    change: AmendOrder | None = None
    answer: object = None


class Suspended:
    """A point at which a coroutine waits for the driver."""

    def __init__(self, what: Flight | str) -> None:
        self.what = what

    def __await__(self) -> Generator[Suspended, Any, Any]:
        return (yield self)


class Disk:
    """A disk: lines that survive the process, and those that survive a power cut."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.synced = 0
        self.torn = b""

    def records(self) -> list[Record]:
        text = b"".join(self.lines) + self.torn
        self.torn = b""
        return decode_lines(text[: text.rfind(b"\n") + 1], Path("model"))

    def cut_power(self, random: Random) -> None:
        """Lose some lines that were not synced, and tear the next one."""
        kept = random.randint(self.synced, len(self.lines))
        if kept < len(self.lines):
            line = self.lines[kept]
            self.torn = line[: random.randrange(len(line))]
        self.lines = self.lines[:kept]


class World:
    """The exchange, the network, the disk and the program of one sequence."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = START
        self.orders: dict[str, Order] = {}
        self.sends: Counter[str] = Counter()
        self.flights: list[Flight] = []
        self.running: list[tuple[Coroutine[Any, Any, Any], Suspended]] = []
        self.disk = Disk()
        self.lag_ns = self.random.randint(0, LAG_NS)
        self.fail_reads = False
        self.restarts = 0
        self.skew_ns = 0
        """How far the program's clock is ahead of the exchange's."""
        self.applied: set[tuple[str, Decimal | None, Decimal | None]] = set()
        """Every amend the exchange has carried out: order, quantity, price."""
        self.start()

    # --- the program ------------------------------------------------------------------------

    def start(self) -> None:
        self.restarts += 1
        disk, alive = self.disk, [True]
        outbox = Outbox(lambda record: self._keep(disk, alive, record), disk.records())
        outbox.recover(self.clock())
        self.alive = alive
        self.manager = OrderManager(
            self,  # type: ignore[arg-type]
            outbox,
            sync=lambda: self._sync(disk),
            engine=EngineLimiter(PRO),
            limits=LIMITS,
            ids=ClientIds(self.clock, self.random.getrandbits),
            timing=RequestTiming(self.clock, self._sleep, lambda: 0.5, lambda: self.now),
        )
        for entry in outbox.pending():
            self.manager.reconciler.recheck(entry)

    def kill(self, *, power: bool) -> None:
        """End the program between two awaits; requests in flight stay in flight."""
        self.alive[0] = False
        for coroutine, _ in self.running:
            coroutine.close()
        self.running = []
        if power:
            self.disk.cut_power(self.random)
        self.start()

    def _keep(self, disk: Disk, alive: list[bool], record: Record) -> None:
        if alive[0]:
            disk.lines.append(msgspec.json.encode(record) + b"\n")

    async def _sync(self, disk: Disk) -> None:
        await Suspended("sync")
        disk.synced = len(disk.lines)

    def clock(self) -> int:
        """The program's clock."""
        return self.now + self.skew_ns

    async def _sleep(self, seconds: float) -> None:
        await Suspended("sleep")

    def _draft(self) -> Draft:
        price = self.random.randint(249_000, 249_999)
        return Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=price)

    def place(self) -> None:
        self._step(self.manager.place(self._draft(), NOW), lambda it: it.send(None))

    def batch(self) -> None:
        drafts = [self._draft() for _ in range(self.random.randint(2, 4))]
        self._step(self.manager.place_batch(drafts, NOW), lambda it: it.send(None))

    def amend(self) -> None:
        working = list(self.manager.working)
        if not working:
            return
        change = {"price": self.random.randint(249_000, 249_999)}
        if self.random.random() < 0.5:
            change = {"qty": self.random.choice((20_000, 50_000, 120_000))}
        order = self.random.choice(working)
        self._step(self.manager.amend(order, NOW, **change), lambda it: it.send(None))

    def cancel(self) -> None:
        names: list[dict[str, str]] = [{"txid": order.order_id} for order in self.manager.working]
        names += [{"cl_ord_id": entry.id} for entry in self.manager.outbox.unknown()]
        if names:
            call = self.manager.cancel(**self.random.choice(names))
            self._step(call, lambda it: it.send(None))

    def _step(self, coroutine: Coroutine[Any, Any, Any], act: Callable[[Any], Suspended]) -> None:
        with contextlib.suppress(StopIteration):
            self.running.append((coroutine, act(coroutine)))

    def resume(self) -> None:
        """Resume one waiting coroutine: with a synced disk, an answer, or a lost answer."""
        if not self.running:
            return
        index = self.random.randrange(len(self.running))
        coroutine, point = self.running.pop(index)
        if isinstance(point.what, str):
            self._step(coroutine, lambda it: it.send(None))
            return
        flight = point.what
        if flight.answer is None or self.random.random() < 0.3:
            lost = OutcomeUnknown(flight.name, "the answer was lost")
            self._step(coroutine, lambda it: it.throw(lost))
        elif isinstance(flight.answer, Refused | OutcomeUnknown):
            self._step(coroutine, lambda it, refused=flight.answer: it.throw(refused))
        else:
            self._step(coroutine, lambda it: it.send(flight.answer))

    def settle(self) -> None:
        """Run the look-ups that are due; nothing in them waits in this model."""
        try:
            self.manager.reconciler.reconcile_due().send(None)
        except StopIteration:
            return
        raise AssertionError("a look-up waited")

    # --- the client, as the manager sees it ------------------------------------------------------

    async def add_order(self, order: AddOrder, pair: str, *, deadline: int) -> Any:
        return await self._fly(Flight("AddOrder", deadline, (order,)))

    async def add_order_batch(self, batch: Sequence[AddOrder], pair: str, *, deadline: int) -> Any:
        return await self._fly(Flight("AddOrderBatch", deadline, tuple(batch)))

    async def amend_order(self, order: OrderRef, change: AmendOrder, *, deadline: int) -> Any:
        self.sends["amend"] += 1
        return await self._fly(Flight("AmendOrder", deadline, target=order, change=change))

    async def cancel_order(self, order: OrderRef) -> Any:
        return await self._fly(Flight("CancelOrder", target=order))

    async def _fly(self, flight: Flight) -> Any:
        for order in flight.orders:
            assert order.cl_ord_id
            self.sends[order.cl_ord_id] += 1
        self.flights.append(flight)
        return await Suspended(flight)

    async def server_time(self) -> ServerTime:
        if self.fail_reads and self.random.random() < 0.3:
            raise ConnectionLost("model", "no answer")
        return ServerTime(self.now // NS_PER_S)

    async def query_orders(self, *txids: str) -> dict[str, OrderInfo]:
        return dict(self._rows([self.orders[txid] for txid in txids if txid in self.orders]))

    @property
    def exchange_clock(self) -> ExchangeClock:
        return ExchangeClock(lambda: self.now, lambda: self.now)

    async def open_orders(self, *, cl_ord_id: str) -> dict[str, OrderInfo]:
        return {txid: row for txid, row in self._seen(cl_ord_id) if row.status not in ENDED}

    async def closed_orders(
        self, *, cl_ord_id: str, userref: None, start: int, offset: int, count: bool
    ) -> ClosedOrders:
        rows = {txid: row for txid, row in self._seen(cl_ord_id) if row.status in ENDED}
        found = [(txid, row) for txid, row in rows.items() if row.opened > start]
        return ClosedOrders(dict(found[offset:]), len(found) if count else 0)

    def _seen(self, cl_ord_id: str) -> list[tuple[str, OrderInfo]]:
        return self._rows(self._of(cl_ord_id))

    def _rows(self, orders: list[Order]) -> list[tuple[str, OrderInfo]]:
        if self.fail_reads and self.random.random() < 0.5:
            raise ConnectionLost("model", "no answer")
        rows = [(order.txid, order.seen(self.now - self.lag_ns)) for order in orders]
        return [(txid, row) for txid, row in rows if row is not None]

    def _of(self, cl_ord_id: str) -> list[Order]:
        return [order for order in self.orders.values() if order.cl_ord_id == cl_ord_id]

    # --- the exchange -------------------------------------------------------------------------

    def arrive(self) -> None:
        """Let one request reach the engine, in any order, perhaps too late."""
        if not self.flights:
            return
        flight = self.flights.pop(self.random.randrange(len(self.flights)))
        error = self._refusal(flight)
        if error:
            proven = proves_nothing_happened(error) or flight.deadline is None
            refused = Refused(flight.name, error, classify(error))
            flight.answer = refused if proven else OutcomeUnknown(flight.name, error)
            return
        match flight.name:
            case "AddOrder":
                flight.answer = Added(txid=(self._take(flight.orders[0]),))
            case "AddOrderBatch":
                flight.answer = BatchReply(tuple(map(self._take_or_not, flight.orders)))
            case "AmendOrder":
                flight.answer = self._amend(flight)
            case "CancelOrder":
                flight.answer = self._cancel(flight)

    def _refusal(self, flight: Flight) -> str:
        """Return why the exchange refuses a request before it looks at any order."""
        if self.random.random() < 0.05:
            return self.random.choice(
                ("EService:Throttled: 1754000009", "EAPI:Rate limit exceeded")
            )
        if flight.deadline is None:
            return ""
        if self.now > flight.deadline:
            return "EService:Deadline elapsed"
        if flight.deadline > self.now + 60 * NS_PER_S:
            return "EGeneral:Invalid arguments:deadline"
        if flight.name != "AddOrderBatch" and self.random.random() < 0.2:
            return self.random.choice(("EOrder:Insufficient funds", "EOrder:Rate limit exceeded"))
        return ""

    def _take_or_not(self, order: AddOrder) -> BatchAdded:
        if self.random.random() < 0.2:
            return BatchAdded(error="EOrder:Insufficient funds")
        return BatchAdded(txid=self._take(order))

    def _take(self, order: AddOrder) -> str:
        txid = f"O{len(self.orders)}"
        assert order.cl_ord_id
        assert isinstance(order.price, Decimal)
        first = Past(self.now, "open", Decimal(0), order.volume, order.price)
        self.orders[txid] = Order(txid, order.cl_ord_id, [first])
        self._tell(self.orders[txid])
        return txid

    def _amend(self, flight: Flight) -> object:
        assert flight.target is not None
        assert flight.change is not None
        order, change = self.orders[str(flight.target.txid)], flight.change
        if not order.is_open:
            return Refused(flight.name, "EOrder:Unknown order", ErrorClass.GONE)
        vol = order.now.vol if change.order_qty is None else change.order_qty
        price = order.now.price if change.limit_price is None else change.limit_price
        assert isinstance(price, Decimal)
        self.applied.add((order.txid, change.order_qty, price if change.limit_price else None))
        self._change(order, "amended", vol=vol, price=price)
        if vol <= order.now.filled:
            self._change(order, "canceled", status="canceled")
        return Amended("T")

    def _cancel(self, flight: Flight) -> object:
        assert flight.target is not None
        wanted = (flight.target.txid, flight.target.cl_ord_id)
        named = [
            one for one in self.orders.values() if one.txid in wanted or one.cl_ord_id in wanted
        ]
        if not [self._change(one, "canceled", status="canceled") for one in named if one.is_open]:
            return Refused(flight.name, "EOrder:Unknown order", ErrorClass.GONE)
        return Cancelled(1)

    def trade(self) -> None:
        """Fill an open order, in part or completely, or cancel it from outside."""
        open_ = [order for order in self.orders.values() if order.is_open]
        if not open_:
            return
        order = self.random.choice(open_)
        match self.random.choice(("part", "fill", "cancel")):
            case "part":
                self._change(order, "trade", filled=(order.now.vol + order.now.filled) / 2)
            case "fill":
                self._change(order, "filled", status="closed", filled=order.now.vol)
            case _:
                self._change(order, "canceled", status="canceled")

    def _change(self, order: Order, kind: str, **changes: object) -> bool:
        order.history.append(msgspec.structs.replace(order.now, since=self.now, **changes))
        self._tell(order, kind)
        return True

    def _tell(self, order: Order, kind: str = "new") -> None:
        """Report a change on the stream, or lose it."""
        if self.random.random() < 0.5:
            self.manager.apply(Executions(self.now, (_report(order, kind),)))

    def snapshot(self) -> None:
        """Reconnect the account's stream."""
        open_ = [_report(order) for order in self.orders.values() if order.is_open]
        self.manager.apply(Executions(self.now, tuple(open_), snapshot=True))

    # --- time ---------------------------------------------------------------------------------

    def wait(self, longest_s: int) -> None:
        self.now += self.random.randint(0, longest_s * NS_PER_S)

    def jump(self) -> None:
        """Set the program's clock."""
        self.skew_ns = self.random.choice((0, 0, -600, -20, -3, 3, 40, 600)) * NS_PER_S

    def drain(self) -> None:
        """Deliver or lose everything on its way, and let time pass until every outcome is known."""
        while self.running or self.flights:
            self.arrive()
            self.resume()
            self.wait(2)
        self.fail_reads = False
        self.snapshot()
        for _ in range(50):
            self.settle()
            self.now += 15 * NS_PER_S


def _report(order: Order, kind: str = "new") -> dict[str, object]:
    now = order.now
    status = {"open": "new", "closed": "filled"}.get(now.status, now.status)
    if status == "new" and now.filled:
        status = "partially_filled"
    return {
        "order_id": order.txid,
        "cl_ord_id": order.cl_ord_id,
        "symbol": "BTC/USD",
        "side": "buy",
        "order_type": "limit",
        "exec_type": kind,
        "order_status": status,
        "cum_qty": now.filled,
        "order_qty": now.vol,
        "limit_price": now.price,
        "timestamp": "2026-01-01T00:00:00Z",
    }
