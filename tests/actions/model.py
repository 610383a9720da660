"""A model of the exchange and of everything that can go wrong on the way to it.

No sockets, no event loop, no clock: coroutines of the desk are stepped by hand, so that a
sequence can stop one between any two of its awaits, lose its answer, deliver its
request late, or kill the program and start it again on what the disk kept.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from kracked.actions.desk import Desk
from kracked.actions.draft import Draft
from kracked.actions.ids import ClientIds
from kracked.actions.journal import decode_lines
from kracked.actions.outbox import Outbox, Record
from kracked.actions.situation import Limits, Situation
from kracked.errors import ConnectionLost
from kracked.instruments import Instrument, Precision
from kracked.protocol.events import Executions, Side
from kracked.protocol.limits import PRO
from kracked.rest.account import ClosedOrders, OrderDescription, OrderInfo
from kracked.rest.caller import Pace
from kracked.rest.limiter import EngineLimiter
from kracked.rest.orders import Added, AddOrder
from kracked.rest.replies import OutcomeUnknown, Refused, classify
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
NOW = Situation(instrument=BTC, bid=249_999, ask=250_001, book_verified=True, book_age_ns=0)
LIMITS = Limits(allow_duplicate=True)
START = 1_754_000_000 * NS_PER_S
LAG_NS = 60 * NS_PER_S
ENDED = ("closed", "canceled")


class Order(msgspec.Struct):
    """One order at the exchange, with its past: the query endpoints may lag behind."""

    txid: str
    cl_ord_id: str
    vol: Decimal
    history: list[tuple[int, str, Decimal]]

    @property
    def status(self) -> str:
        return self.history[-1][1]

    @property
    def filled(self) -> Decimal:
        return self.history[-1][2]

    def seen(self, at: int) -> OrderInfo | None:
        past = [state for state in self.history if state[0] <= at]
        if not past:
            return None
        return OrderInfo(
            status=past[-1][1],
            cl_ord_id=self.cl_ord_id,
            vol=self.vol,
            vol_exec=past[-1][2],
            opentm=Decimal(self.history[0][0]) / NS_PER_S,
            descr=OrderDescription(side="buy", order_type="limit"),
        )


class Flight(msgspec.Struct):
    """A request on its way, and whether the exchange has had it."""

    order: AddOrder
    deadline: int
    answer: Added | Refused | None = None


class Suspended:
    """Where a coroutine waits for the driver."""

    def __init__(self, what: Flight | str) -> None:
        self.what = what

    def __await__(self) -> Generator[Suspended, Any, Any]:
        return (yield self)


class Disk:
    """Lines that survive the process, and those of them that survive a power cut."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.synced = 0
        self.torn = b""

    def records(self) -> list[Record]:
        text = b"".join(self.lines) + self.torn
        self.torn = b""
        return decode_lines(text[: text.rfind(b"\n") + 1], Path("model"))

    def cut_power(self, random: Random) -> None:
        """Some of what was not synced is gone, and the next line is torn."""
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
        self.start()

    # --- the program ------------------------------------------------------------------------

    def start(self) -> None:
        self.restarts += 1
        disk, alive = self.disk, [True]
        outbox = Outbox(lambda record: self._keep(disk, alive, record), disk.records())
        outbox.recover(self.now)
        self.alive = alive
        self.desk = Desk(
            self,  # type: ignore[arg-type]
            outbox,
            sync=lambda: self._sync(disk),
            engine=EngineLimiter(PRO),
            limits=LIMITS,
            ids=ClientIds(lambda: self.now, self.random.getrandbits),
            pace=Pace(lambda: self.now),
        )
        for entry in outbox.pending():
            self.desk.settler.doubt(entry)

    def kill(self, *, power: bool) -> None:
        """The program is gone between two awaits; what is in flight stays in flight."""
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

    def place(self) -> None:
        price = self.random.randint(249_000, 249_999)
        draft = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=price)
        self._step(self.desk.place(draft, NOW), lambda it: it.send(None))

    def _step(self, coroutine: Coroutine[Any, Any, Any], act: Callable[[Any], Suspended]) -> None:
        with contextlib.suppress(StopIteration):
            self.running.append((coroutine, act(coroutine)))

    def resume(self) -> None:
        """One waiting coroutine gets something: a synced disk, an answer, or the lack of one."""
        if not self.running:
            return
        index = self.random.randrange(len(self.running))
        coroutine, point = self.running.pop(index)
        if isinstance(point.what, str):
            self._step(coroutine, lambda it: it.send(None))
            return
        flight = point.what
        if flight.answer is None or self.random.random() < 0.3:
            lost = OutcomeUnknown("AddOrder", "the answer was lost")
            self._step(coroutine, lambda it: it.throw(lost))
        elif isinstance(flight.answer, Refused):
            self._step(coroutine, lambda it, refused=flight.answer: it.throw(refused))
        else:
            self._step(coroutine, lambda it: it.send(flight.answer))

    def settle(self) -> None:
        """Runs the look-ups that are due; nothing in them waits in this model."""
        try:
            self.desk.settler.settle_due().send(None)
        except StopIteration:
            return
        raise AssertionError("a look-up waited")

    # --- the client, as the desk sees it ------------------------------------------------------

    async def add_order(self, order: AddOrder, pair: str, *, deadline: int) -> Added:
        assert order.cl_ord_id
        self.sends[order.cl_ord_id] += 1
        flight = Flight(order, deadline)
        self.flights.append(flight)
        answer = await Suspended(flight)
        assert isinstance(answer, Added)
        return answer

    async def open_orders(self, *, cl_ord_id: str) -> dict[str, OrderInfo]:
        return {txid: row for txid, row in self._seen(cl_ord_id) if row.status not in ENDED}

    async def closed_orders(self, *, cl_ord_id: str, start: int) -> ClosedOrders:
        rows = {txid: row for txid, row in self._seen(cl_ord_id) if row.status in ENDED}
        return ClosedOrders({txid: row for txid, row in rows.items() if row.opened > start})

    def _seen(self, cl_ord_id: str) -> list[tuple[str, OrderInfo]]:
        if self.fail_reads and self.random.random() < 0.5:
            raise ConnectionLost("model", "no answer")
        rows = [(order.txid, order.seen(self.now - self.lag_ns)) for order in self._of(cl_ord_id)]
        return [(txid, row) for txid, row in rows if row is not None]

    def _of(self, cl_ord_id: str) -> list[Order]:
        return [order for order in self.orders.values() if order.cl_ord_id == cl_ord_id]

    # --- the exchange -------------------------------------------------------------------------

    def arrive(self) -> None:
        """One request reaches the engine, in any order, perhaps too late."""
        if not self.flights:
            return
        flight = self.flights.pop(self.random.randrange(len(self.flights)))
        error = "EService:Deadline elapsed" if self.now > flight.deadline else ""
        if not error and self.random.random() < 0.2:
            error = "EOrder:Insufficient funds"
        if error:
            flight.answer = Refused("AddOrder", error, classify(error))
            return
        txid = f"O{len(self.orders)}"
        assert flight.order.cl_ord_id
        self.orders[txid] = Order(txid, flight.order.cl_ord_id, flight.order.volume, [])
        self._change(self.orders[txid], "open", Decimal(0))
        flight.answer = Added(txid=(txid,))

    def trade(self) -> None:
        """An open order fills, in part or whole, or is cancelled."""
        open_ = [order for order in self.orders.values() if order.status == "open"]
        if not open_:
            return
        order = self.random.choice(open_)
        what = self.random.choice(("part", "fill", "cancel"))
        filled = order.vol if what == "fill" else (order.vol + order.filled) / 2
        status = {"part": "open", "fill": "closed", "cancel": "canceled"}[what]
        self._change(order, status, order.filled if what == "cancel" else filled)

    def _change(self, order: Order, status: str, filled: Decimal) -> None:
        order.history.append((self.now, status, filled))
        if self.random.random() < 0.5:
            self.desk.apply(Executions(self.now, (_report(order),)))

    def snapshot(self) -> None:
        """The account's stream came back."""
        open_ = [order for order in self.orders.values() if order.status == "open"]
        self.desk.apply(Executions(self.now, tuple(map(_report, open_)), snapshot=True))

    # --- time ---------------------------------------------------------------------------------

    def wait(self, longest_s: int) -> None:
        self.now += self.random.randint(0, longest_s * NS_PER_S)

    def drain(self) -> None:
        """Everything still on its way arrives or is lost, and time goes on until all is known."""
        while self.running or self.flights:
            self.arrive()
            self.resume()
            self.wait(2)
        self.fail_reads = False
        self.snapshot()
        for _ in range(40):
            self.settle()
            self.now += 15 * NS_PER_S


def _report(order: Order) -> dict[str, object]:
    status = {"open": "new", "closed": "filled"}.get(order.status, order.status)
    if status == "new" and order.filled:
        status = "partially_filled"
    return {
        "order_id": order.txid,
        "cl_ord_id": order.cl_ord_id,
        "symbol": "BTC/USD",
        "side": "buy",
        "order_type": "limit",
        "exec_type": "new",
        "order_status": status,
        "cum_qty": order.filled,
        "order_qty": order.vol,
        "timestamp": "2026-01-01T00:00:00Z",
    }
