"""Rows of the normal form, from literal messages and from a market of the simulator."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kracked.book.keeper import BookKeeper
from kracked.export import NormalForm, NormalRow
from kracked.flow import OrderFlow, Outcome
from kracked.flow.ledger import Ledger
from kracked.protocol import events
from kracked.protocol.events import Side
from kracked.sim.realism import Realism
from tests.benchmarks.queue_truth import Market
from tests.export.rebuilt_book import RebuiltBook
from tests.flow.scripted_feed import ScriptedFeed


class Exporting(ScriptedFeed):
    """A scripted feed whose outcomes become rows."""

    def __init__(self, depth: int = 10) -> None:
        super().__init__(depth)
        self.form = NormalForm()
        self.rows: list[NormalRow] = []

    def receive(self, message: str, now: int) -> list[Outcome]:
        self.now = max(self.now, now)
        for event in self.codec.decode(message.encode(), self.now):
            self.rows += rows_of(self.form, event, self.flow.apply(event))
        return []

    def finish(self) -> list[str]:
        """Return the rows after the snapshot, short."""
        self.rows += self.form.finish(self.ledger.finish())
        return [short(row, self.form) for row in self.rows if not row.flags & 32]


def rows_of(form: NormalForm, event: events.Event, told: list[Outcome]) -> Iterable[NormalRow]:
    match event:
        case events.L3Snapshot() | events.L3Update():
            snapshot = isinstance(event, events.L3Snapshot)
            return form.message(told, event.exchange_time or 0, event.received, snapshot=snapshot)
        case events.Trades():
            return form.traded(told, event.trades, event.received)
    return ()


def short(row: NormalRow, form: NormalForm) -> str:
    names = {number: name for name, number in form.ids.items()}
    last = " |" if row.flags & 128 else ""
    name = names.get(row.order, "-")
    return f"{row.action} {name} {row.qty / 1e8:g} {row.why}{last}"


def opened(depth: int = 10) -> Exporting:
    feed = Exporting(depth)
    feed.snapshot(
        bids=["OA 100.0 1.0 11.0", "OB 100.0 2.0 12.0", "OC 99.0 3.0 13.0"],
        asks=["OZ 200.0 1.0 10.0"],
    )
    return feed


def test_a_snapshot_is_a_clear_and_its_orders_in_queue_order() -> None:
    feed = opened()
    feed.finish()
    told = [(row.action, row.price, row.order, row.flags, row.why) for row in feed.rows]
    assert told == [
        ("R", 0, 0, 32, "snapshot"),
        ("A", 1000, 1, 32, "snapshot"),
        ("A", 1000, 2, 32, "snapshot"),
        ("A", 990, 3, 32, "snapshot"),
        ("A", 2000, 4, 32 | 128, "snapshot"),
    ]


def test_a_taker_is_its_trades_then_each_fill_before_its_change() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 0.0 25.00000001", "modify OB 100.0 1.5 12.0"], time="25.0")
    feed.trades("7 sell 100.0 1.0 25.0", "8 sell 100.0 0.5 25.0")
    assert feed.finish() == [
        "T - 1 fill",
        "T - 0.5 fill",
        "F OA 1 fill",
        "C OA 1 fill",
        "F OB 0.5 fill",
        "M OB 1.5 fill |",
    ]


def test_trades_that_came_first_stand_at_the_same_place() -> None:
    feed = opened()
    feed.trades("7 sell 100.0 1.0 25.0")
    feed.update(bids=["delete OA 100.0 0.0 25.00000001"], time="25.0")
    assert feed.finish() == ["T - 1 fill", "F OA 1 fill", "C OA 1 fill |"]


def test_a_trade_has_the_taker_s_side_and_its_own_time_of_arrival() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 0.0 25.00000001"], time="25.0")
    feed.now += 1_000_000
    feed.trades("7 sell 100.0 1.0 25.0")
    feed.finish()
    trade, fill, cancel = feed.rows[-3:]
    assert (trade.side, fill.side, cancel.side) == (Side.ASK, Side.BID, Side.BID)
    assert trade.ts_recv - fill.ts_recv == 1_000_000
    assert trade.ts_engine == fill.ts_engine == cancel.ts_engine


def test_a_sweep_over_two_messages_is_one_taker_before_the_first_fill() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 0.0 25.00000001"], time="25.0")
    feed.update(bids=["delete OB 100.0 0.0 25.00000002"], time="25.0000001")
    feed.trades("7 sell 100.0 1.0 25.0", "8 sell 100.0 2.0 25.0")
    assert feed.finish() == [
        "T - 1 fill",
        "T - 2 fill",
        "F OA 1 fill",
        "C OA 1 fill |",
        "F OB 2 fill",
        "C OB 2 fill |",
    ]


def test_what_falls_below_the_depth_is_cancelled_as_left_view_and_comes_back() -> None:
    feed = opened(depth=2)
    feed.update(bids=["add ON 101.0 1.0 25.0"], time="25.0")
    feed.update(bids=["delete ON 101.0 1.0 26.0", "add OC 99.0 3.0 13.0"], time="26.0")
    assert feed.finish() == [
        "A ON 1 new",
        "C OC 3 left view |",
        "C ON 1 cancel",
        "A OC 3 back |",
    ]


def test_a_smaller_order_without_a_trade_was_amended() -> None:
    feed = opened()
    feed.update(bids=["modify OA 100.0 0.4 11.0"], time="25.0")
    assert feed.finish() == ["M OA 0.4 amend |"]


def test_an_amend_of_the_price_leaves_and_joins() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 1.0 11.0", "add OA 98.0 1.0 25.0"], time="25.0")
    assert feed.finish() == ["C OA 1 amend", "A OA 1 amend |"]


def test_a_trade_that_no_order_explains_is_a_fill_without_an_order() -> None:
    feed = opened()
    feed.trades("7 buy 150.0 1.0 25.0")
    feed.update(bids=["add ON 99.5 1.0 26.0"], time="26.0")
    assert feed.finish() == ["T - 1 fill", "F - 1 hidden", "A ON 1 new |"]
    assert feed.form.counts["fills that no visible order explains"] == 1


def test_a_fill_without_a_trade_is_a_fill_and_counted() -> None:
    feed = opened()
    feed.update(bids=["delete OA 100.0 0.0 25.0"], time="25.0")
    assert feed.finish() == ["F OA 1 fill", "C OA 1 fill |"]
    assert feed.form.counts["fills without a recorded trade"] == 1


def test_the_remainder_of_a_killed_taker_is_no_row() -> None:
    feed = opened()
    feed.update(
        bids=["add OT 200.0 0.5 25.0", "delete OT 200.0 0.5 25.00000003"],
        asks=["delete OZ 200.0 0.0 25.00000001"],
        time="25.00000003",
    )
    feed.trades("7 buy 200.0 1.0 25.0")
    assert feed.finish() == ["T - 1 fill", "F OZ 1 fill", "C OZ 1 fill |"]


def test_an_order_that_is_told_anew_while_it_is_there_leaves_and_joins() -> None:
    feed = opened()
    feed.update(bids=["add OA 98.0 1.0 25.0"], time="25.0")
    assert feed.finish() == ["C OA 1 amend", "A OA 1 amend |"]


def test_a_shown_taker_of_more_than_a_minute_is_cancelled() -> None:
    feed = opened()
    feed.update(bids=["add OT 200.0 0.5 25.0"], time="25.0")
    feed.now += 70 * 10**9
    feed.trades("7 buy 150.0 1.0 25.0")
    feed.update(bids=["delete OT 200.0 0.5 25.00000003"], time="25.00000003")
    assert [line for line in feed.finish() if "OT" in line] == [
        "A OT 0.5 new |",
        "C OT 0.5 taker |",
    ]


def test_trades_from_before_the_first_book_are_counted_and_left_out() -> None:
    feed = Exporting()
    feed.trades("7 buy 200.0 1.0 15.0", kind="snapshot")
    feed.snapshot(bids=["OA 100.0 1.0 11.0"])
    assert feed.finish() == []
    assert feed.form.counts["trades before the first book, left out"] == 1


def test_a_second_snapshot_clears_the_book() -> None:
    feed = opened()
    feed.snapshot(bids=["OB 100.0 2.0 12.0"], time="30.0")
    feed.finish()
    assert [(row.action, row.order) for row in feed.rows[-2:]] == [("R", 0), ("A", 2)]
    assert feed.form.counts["holes in level 3"] == 1


def test_a_message_that_cannot_be_trusted_clears_the_book_until_the_next_snapshot() -> None:
    feed = opened()
    feed.rows += feed.form.message(feed.ledger.lose(feed.now), 0, feed.now, snapshot=False)
    feed.update(bids=["add ON 99.5 1.0 25.0"], time="25.0")
    assert feed.finish() == ["R - 0 hole |"]


@pytest.mark.parametrize(
    ("depth", "seed", "outage_ns"), [(10, 3, 0), (100, 4, 0), (10, 5, 3 * 10**9)]
)
def test_a_book_rebuilt_from_the_rows_is_the_ledger_s(
    depth: int, seed: int, outage_ns: int
) -> None:
    market = Market("BTC/USD", seed, 2.5, [depth], Realism())
    keeper = BookKeeper(precisions={market.symbol: market.listing.instrument.precision})
    flow, form = OrderFlow(depth), NormalForm()
    ledger = flow.ledgers[market.symbol] = Ledger(market.symbol, depth)
    rows: list[NormalRow] = []
    for message in market.feed(depth, 250_000_000, outage_ns, seed):
        for event in keeper.receive(message.raw, message.received):
            rows += rows_of(form, event, flow.apply(event))
    rows += form.finish(ledger.finish())
    at_the_end = {
        (side, price): [(form.ids[life.order_id], life.qty) for life in level.orders.values()]
        for side in Side
        for price, level in ledger.side(side).levels.items()
    }
    book = RebuiltBook()
    for row in rows:
        book.apply(row)
    assert book.levels() == at_the_end
    assert book.fills > 100
    assert book.fills_at_the_front == book.fills
    assert [row.ts_engine for row in rows] == sorted(row.ts_engine for row in rows)
    truth = {row.trade_id for row in market.truth if row.what == "filled"}
    assert {row.trade for row in rows if row.action == "T"} == truth
