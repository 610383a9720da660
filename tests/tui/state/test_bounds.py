"""Nothing that the monitor holds of a market grows with the day: every structure has a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sized
from decimal import Decimal

import pytest

from kracked.flow.detectors.numbers import DetectorNumbers
from kracked.flow.facts import Birth
from kracked.flow.ledger import Ledger
from kracked.flow.life import Life
from kracked.flow.lives import REMEMBERED
from kracked.flow.review.fill_review import MOST_DUE
from kracked.protocol import events
from kracked.protocol.events import OrderAction, OrderChange, Side, Trade
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.state.store import Store
from tests.tui.frozen_market import NOW, PRECISION, SYMBOL

MOST = 20_000
"""Entries of the largest structure besides the orders out of view: prices that traded."""
MOSTS = {"store.reviews._reviews[]._due": MOST_DUE}
_PLAIN = (int, float, str, bytes, bool, type(None), Decimal)


def structures(root: object) -> Iterator[tuple[str, int]]:
    """Yield where each container of an object is, and its entries."""
    seen: set[int] = set()
    waiting: deque[tuple[str, object]] = deque([("store", root)])
    while waiting:
        path, one = waiting.popleft()
        if isinstance(one, (*_PLAIN, type)) or callable(one) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Sized) and isinstance(one, Mapping | list | set | deque | tuple):
            yield path, len(one)
            inside = one.values() if isinstance(one, Mapping) else one
            waiting += [(f"{path}[]", each) for each in inside]
        names = [name for kind in type(one).__mro__ for name in _slots(kind)]
        waiting += [(f"{path}.{name}", getattr(one, name, None)) for name in names]
        waiting += [(f"{path}.{name}", each) for name, each in getattr(one, "__dict__", {}).items()]


def _slots(kind: type) -> tuple[str, ...]:
    """Return the names of the fields that a class keeps outside its dict."""
    found = kind.__dict__.get("__slots__", ())
    return (found,) if isinstance(found, str) else tuple(found)


def trade(number: int, time: int) -> events.Trades:
    """Return a taker of an uneven size of its own, at a price of its own."""
    side = Side.BID if number % 2 else Side.ASK
    one = Trade(side, 600_000 + number, 10_001 + 3 * number, "limit", number, to_rfc3339(time, 9))
    return events.Trades(time, SYMBOL, PRECISION, (one,))


def order(number: int, time: int) -> events.L3Update:
    """Return an order that comes, and the end of the one before."""
    text = to_rfc3339(time, 9)
    came = OrderChange(OrderAction.ADD, f"O{number}", 600_000 + number % 7, 10_001, text)
    gone = OrderChange(OrderAction.DELETE, f"O{number - 1}", 600_000 + (number - 1) % 7, 0, text)
    bids = (gone, came) if number > 1 else (came,)
    return events.L3Update(time, SYMBOL, PRECISION, bids, (), 0, text)


def fill(number: int, time: int) -> events.Executions:
    """Return a fill of an own order."""
    report = {
        "order_id": f"OWN{number}",
        "exec_id": f"E{number}",
        "exec_type": "trade",
        "order_status": "filled",
        "symbol": SYMBOL,
        "side": "buy",
        "last_qty": Decimal("0.1"),
        "last_price": Decimal(60_000),
        "timestamp": to_rfc3339(time, 9),
    }
    return events.Executions(time, (report,), snapshot=number == 1)


def gap(number: int, time: int) -> events.Gap:
    """Return a gap with a reason of its own."""
    return events.Gap(time, "trade", (SYMBOL,), time - 1, time, f"reason {number}")


@pytest.mark.parametrize("event", [trade, order, fill, gap], ids=lambda made: made.__name__)
def test_no_structure_grows_with_the_events_of_a_day(
    event: Callable[[int, int], events.Event],
) -> None:
    store, time = Store("LIVE"), NOW
    opening = events.L3Snapshot(time, SYMBOL, PRECISION, (), (), 0, to_rfc3339(time, 9))
    store.apply(opening)
    for number in range(1, MOST + 2_000):
        time += NS_PER_S // 100
        store.apply(event(number, time))
    store.flows[SYMBOL].advance(time)
    grown = {path: count for path, count in structures(store) if count > MOSTS.get(path, MOST)}
    assert grown == {}


def test_orders_out_of_view_are_remembered_up_to_their_bound() -> None:
    lives, side = Ledger(SYMBOL, 10).lives, Side.BID
    for number in range(REMEMBERED + 100):
        life = Life(f"O{number}", side, 1, 1, 0, 0, Birth.SEEN, 1, 1)
        lives.known[life.order_id] = life
        lives.depart(life, NOW)
    assert len(lives.away) == len(lives.known) == REMEMBERED


def test_sizes_of_takers_are_remembered_as_long_as_another_could_make_a_run() -> None:
    store, time = Store("LIVE"), NOW
    for number in range(2_000):
        time += NS_PER_S
        store.apply(trade(number, time))
    same = store.flows[SYMBOL].detectors._same_size
    assert 100 < len(same._runs) <= 1 + DetectorNumbers().same_ns // NS_PER_S
