"""What the simulator shows beside its rules, and what it knows that nobody is told."""

from __future__ import annotations

import json
from hashlib import sha256

from kracked.gateway.auth import ApiKeys
from kracked.gateway.channels import Socket
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim import listings
from kracked.sim.agents.market import SimulatedMarket
from kracked.sim.engine.matching import Matcher
from kracked.sim.engine.orders import AmendTerms, LeaveCause, LeftLevel, NewOrder, Rested
from kracked.sim.exchange import Exchange
from kracked.sim.realism import PLAIN, Realism
from kracked.sim.truth import TruthRow, truth_rows
from kracked.times import NS_PER_S
from tests.sim.session_client import NOW, Client

SYMBOL = "BTC/USD"


def market(*, changing_owners: bool) -> SimulatedMarket:
    listed = listings.listings([SYMBOL])
    return SimulatedMarket(listed, seed=3, changing_owners=changing_owners).opened(NOW)


def steps(traded: SimulatedMarket, seconds: int) -> list[object]:
    return [
        step
        for second in range(1, seconds + 1)
        for _, batch in traded.advance(NOW + second * NS_PER_S)
        for step in batch.steps
    ]


def test_owners_with_habits_let_orders_expire() -> None:
    done = steps(market(changing_owners=True), 20)
    assert any(type(one) is LeftLevel and one.cause is LeaveCause.EXPIRED for one in done)


def test_owners_with_habits_raise_quantities_and_lose_their_place() -> None:
    done = steps(market(changing_owners=True), 20)
    left = {
        one.order_id: one
        for one in done
        if type(one) is LeftLevel and one.cause is LeaveCause.AMENDED
    }
    raised = [
        one
        for one in done
        if type(one) is Rested
        and one.order_id in left
        and one.price == left[one.order_id].price
        and one.visible_qty > left[one.order_id].visible_qty_left
    ]
    assert raised


def test_without_habits_a_seed_makes_the_messages_it_always_made() -> None:
    from tests.benchmarks.streams import stream

    snapshot, updates = stream("level3", 100, 500, seed=3)
    digest = sha256(b"".join([snapshot, *updates])).hexdigest()
    assert digest == MADE_BEFORE_THE_HABITS


MADE_BEFORE_THE_HABITS = "1026cb7b6f46692e7dd3a996dd01bec458df87015acc051ba1668e835a576c32"


def exchange(habits: Realism, told: list[TruthRow] | None = None) -> Exchange:
    made = market(changing_owners=habits.changing_owners)
    return Exchange(
        made, ApiKeys(), NOW, habits=habits, truth=None if told is None else told.append
    )


def received(habits: Realism) -> list[tuple[int, bytes]]:
    """Return the book updates of ten seconds with the time at which they came."""
    opened = exchange(habits)
    client = Client(opened, Socket.PUBLIC)
    client.subscribe("book", SYMBOL, depth=10)
    came = []
    for step in range(1, 1_001):
        opened.advance(NOW + step * NS_PER_S // 100)
        updates = [raw for raw in client.raw if b'"book","type":"update"' in raw]
        came += [(opened.time, raw) for raw in updates]
        client.raw.clear()
    return came


def test_feeds_that_run_apart_bring_the_same_messages_in_the_same_order_later() -> None:
    prompt = received(PLAIN)
    late = received(Realism(**{**_fields(PLAIN), "feeds_apart_ns": NS_PER_S // 4}))
    assert len(late) > 3
    assert [raw for _, raw in late] == [raw for _, raw in prompt][: len(late)]
    waits = [after - before for (after, _), (before, _) in zip(late, prompt, strict=False)]
    assert max(waits) > NS_PER_S // 20
    assert 0 <= min(waits) <= max(waits) <= NS_PER_S // 4 + NS_PER_S // 100


def _fields(habits: Realism) -> dict[str, object]:
    return {name: getattr(habits, name) for name in habits.__struct_fields__}


def test_a_snapshot_is_not_followed_by_late_messages_of_what_it_holds() -> None:
    opened = exchange(Realism(feeds_apart_ns=NS_PER_S))
    first = Client(opened, Socket.PUBLIC)
    first.subscribe("book", SYMBOL, depth=10)
    opened.advance(NOW + 2 * NS_PER_S)
    second = Client(opened, Socket.PUBLIC)
    second.subscribe("book", SYMBOL, depth=10)
    opened.advance(NOW + 4 * NS_PER_S)
    books = [row for row in second.take() if row.get("channel") == "book"]
    stamps = [row["data"][0]["timestamp"] for row in books]
    assert stamps == sorted(stamps)


def test_the_exchange_tells_its_truth_to_who_asks_for_it() -> None:
    told: list[TruthRow] = []
    exchange(PLAIN, told).advance(NOW + 20 * NS_PER_S)
    assert {row.what for row in told} == {"rested", "filled", "amended", "left", "ended"}
    assert {row.symbol for row in told} == {SYMBOL}


def truth(*requests: NewOrder | AmendTerms | str) -> list[tuple[str, str, int, str]]:
    matcher, rows = Matcher(), []
    for now, request in enumerate(requests, 1):
        match request:
            case NewOrder():
                batch = matcher.submit(request, now)
            case AmendTerms():
                batch = matcher.amend(request, now)
            case _:
                batch = matcher.cancel(request, now)
        rows += [(row.what, row.order_id, row.qty, row.cause) for row in truth_rows("X", batch)]
    return rows


MAKER = NewOrder("OM", Side.BID, 10, 100)


def test_a_fill_is_told_of_the_resting_order() -> None:
    taker = NewOrder("OT", Side.ASK, 4, 100, tif=TimeInForce.IOC)
    assert truth(MAKER, taker) == [
        ("rested", "OM", 10, ""),
        ("filled", "OM", 4, ""),
        ("ended", "OT", 4, "filled"),
    ]


def test_a_fill_of_all_is_told_once_with_the_end() -> None:
    taker = NewOrder("OT", Side.ASK, 10, 100, tif=TimeInForce.IOC)
    assert truth(MAKER, taker)[1:] == [
        ("filled", "OM", 10, ""),
        ("ended", "OM", 10, "filled"),
        ("ended", "OT", 10, "filled"),
    ]


def test_a_quantity_lowered_in_place_is_told_as_an_amend() -> None:
    assert truth(MAKER, AmendTerms("OM", 7))[1:] == [("amended", "OM", 7, "")]


def test_a_cancel_is_told_with_what_was_shown() -> None:
    assert truth(MAKER, "OM")[1:] == [
        ("left", "OM", 10, "cancelled"),
        ("ended", "OM", 0, "cancelled"),
    ]


def test_truth_can_be_written_as_json() -> None:
    import msgspec

    row = TruthRow(SYMBOL, 1, "left", "OM", Side.BID, 100, 10, "cancelled")
    assert json.loads(msgspec.json.encode(row))["cause"] == "cancelled"
