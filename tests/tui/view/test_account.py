"""Own orders, fills, balances and rates as plain data, without a terminal."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from kracked.book.queue import QueuePosition
from kracked.feed.account import Fee, Fill, OwnOrder
from kracked.orders import OrderState, OutboxEntry
from kracked.orders.outbox.outbox import ActionKind
from kracked.protocol.events import Side
from kracked.times import NS_PER_S, to_rfc3339
from kracked_tui.state.store import Store
from kracked_tui.state.view_model import ViewModel
from kracked_tui.trader.messages import resolved
from kracked_tui.view.account import balances, fills, orders, own_levels, rates
from kracked_tui.view.account.fills import FillRow
from kracked_tui.view.account.orders import OrderRow, Sent
from kracked_tui.view.account.own_levels import OwnLevel
from kracked_tui.view.chrome import trading_status
from kracked_tui.view.line import Line
from kracked_tui.view.queue import queue_effect
from kracked_tui.view.queue.own_place import own_places
from kracked_tui.view.queue.queue_effect import Effect
from kracked_tui.view.ticket.ticket import Ticket
from tests.tui import frozen_market
from tests.tui.frozen_market import BEST_BID, NOW, PRECISION, SYMBOL
from tests.tui.test_goldens import compare

TICKET = Ticket(
    symbol=SYMBOL, side=Side.BID, qty=15_000_000, price=642_090, limit=642_090, post_only=True
)


def own(number: int, price: str, qty: str = "0.15", **changes: object) -> OwnOrder:
    order = OwnOrder(
        order_id=f"OABCDE-FGHIJ-K{number:05d}",
        order_status="new",
        cl_ord_id=f"ours-{number}",
        symbol=SYMBOL,
        side=Side.BID,
        order_type="limit",
        order_qty=Decimal(qty),
        limit_price=Decimal(price),
        touched=NOW - 38 * NS_PER_S,
    )
    return msgspec.structs.replace(order, **changes)


def sent(state: str, reason: str = "", **changes: object) -> Sent:
    entry = Sent("ours-9", SYMBOL, "add", Side.ASK, "0.1", "64212.0", state, NOW, reason)
    return entry._replace(**changes)


def text(lines: list[Line]) -> str:
    return "\n".join(line.text.rstrip() for line in lines) + "\n"


# --- amends -------------------------------------------------------------------------------


def test_a_kept_place_and_a_lost_one_are_named_with_their_numbers() -> None:
    book = frozen_market.orders()
    queue = next(iter(book.bids))
    second = list(queue)[1]
    amended = replace(TICKET, amends=second.order_id, price=BEST_BID)
    keeps = queue_effect.effect_of(amended, True, book, PRECISION)
    assert (keeps.words, keeps.loses) == (f"keeps place 2/{len(queue)}", False)
    lost = queue_effect.effect_of(amended, False, book, PRECISION)
    assert lost.loses
    assert lost.words.startswith(f"goes to the tail {len(queue)}/{len(queue)} at 64210.0")
    assert queue_effect.effect_of(amended, None, book, PRECISION).loses


@pytest.mark.parametrize(
    ("predicted", "came", "text"),
    [
        (Effect("", False, 4, 6), (4, 6), ("kept 4/6", "good")),
        (Effect("", False, 4, 6), (3, 5), ("kept 3/5, predicted 4/6", "good")),
        (Effect("", False, 4, 6), (6, 6), ("LOST its place: at 6/6, predicted 4/6", "warn")),
        (Effect("", True, 9, 9), (9, 9), ("went to 9/9, predicted 9/9", "good")),
        (Effect("", True, 9, 9), (8, 10), ("went to 8/10, predicted 9/9", "good")),
        (Effect("", True), (2, 2), ("went to 2/2", "good")),
    ],
)
def test_the_measured_place_stands_beside_the_predicted_one(
    predicted: Effect, came: tuple[int, int], text: tuple[str, str]
) -> None:
    assert queue_effect.measured(predicted, QueuePosition(*came, 0, 0, 0)) == text


# --- orders -------------------------------------------------------------------------------


def test_the_orders_pane_is_the_golden_one() -> None:
    book = frozen_market.orders()
    doubtful = sent("UNKNOWN", "no answer came")
    working = [own(1, "64210.0"), own(7, "64209.0", cum_qty=Decimal("0.05"))]
    rows = orders.rows_of(
        working, [doubtful], own_places(working, {SYMBOL: book}), {SYMBOL: PRECISION}, NOW
    )
    lines = []
    for width in (44, 52, 76):
        columns = orders.columns_for(width, rows)
        lines += [orders.head_line(columns), *(orders.order_line(row, columns) for row in rows)]
    compare("orders", text(lines))


def test_unknown_orders_come_first_and_open_ones_are_not_shown_twice() -> None:
    live = sent("live")._replace(id="ours-1", txid="OABCDE-FGHIJ-K00001")
    rows = orders.rows_of([own(1, "64210.0")], [live, sent("UNKNOWN")], {}, {}, NOW)
    assert [row.state for row in rows] == ["UNKNOWN", "live"]


def test_a_short_state_stands_under_its_heading_also_without_a_place() -> None:
    columns = orders.columns_for(52)
    filled = OrderRow(SYMBOL, Side.BID, "0.15", "64209.0", age="38s", state="filled")
    placed = filled._replace(place="4/6", ahead="1.75", state="live")
    at = orders.head_line(columns).text.index("state")
    assert orders.order_line(filled, columns).text.index("filled") == at
    assert orders.order_line(placed, columns).text.index("live") == at


def test_a_long_state_takes_the_room_of_the_place() -> None:
    state = "cancelled: by the dead-man's"
    row = OrderRow(SYMBOL, Side.BID, "0.15", "64209.0", age="38s", state=state)
    assert orders.order_line(row, orders.columns_for(60)).text.rstrip().endswith(state)


def test_that_we_cancelled_it_needs_no_reason() -> None:
    (row,) = orders.rows_of([], [sent("cancelled", "User requested")], {}, {}, NOW)
    assert row.state == "cancelled"


def test_own_orders_of_a_stream_that_is_down_are_marked_on_a_narrow_screen() -> None:
    row = OrderRow(SYMBOL, Side.BID, "0.15", "64209.0", "4/6", "1.75", "38s", "live")
    stale = orders.mine_line((row,), 80, symbol=row.symbol, known=False, empty="")
    assert stale.text.startswith(" MINE  STALE  BUY")
    assert "STALE" not in orders.mine_line((row,), 80, symbol=row.symbol, known=True, empty="").text


def test_an_order_placed_elsewhere_says_so() -> None:
    (row,) = orders.rows_of([own(1, "64210.0")], [], {}, {}, NOW)
    assert "(elsewhere)" in orders.order_line(row, orders.columns_for(76)).text


def test_own_orders_at_one_price_are_summed_with_the_first_place() -> None:
    book = frozen_market.orders()
    mine = [own(1, "64210.0"), own(3, "64210.0")]
    found = own_levels.own_levels(mine, SYMBOL, own_places(mine, {SYMBOL: book}), PRECISION)
    assert found == {BEST_BID: OwnLevel(Side.BID, Decimal("0.30"), 1, 2, BEST_BID)}


def test_a_row_of_several_prices_names_the_order_that_fills_first() -> None:
    worse = OwnLevel(Side.BID, Decimal(1), 1, price=BEST_BID - 5)
    better = OwnLevel(Side.BID, Decimal(2), 3, price=BEST_BID)
    both = own_levels.joined(worse, better)
    assert both == OwnLevel(Side.BID, Decimal(3), 3, 2, BEST_BID)


def test_the_ladder_the_queue_and_the_orders_tell_one_place() -> None:
    book, mine = frozen_market.orders(), [own(2, "64210.0")]
    place = own_places(mine, {SYMBOL: book})[mine[0].order_id]
    (row,) = orders.rows_of(mine, [], {mine[0].order_id: place}, {SYMBOL: PRECISION}, NOW)
    level = own_levels.own_levels(mine, SYMBOL, {mine[0].order_id: place}, PRECISION)[BEST_BID]
    assert place.words(PRECISION) == "2nd of 4 at 64210.0, 0.0375 ahead"
    assert (row.place, row.ahead) == ("2/4", "0.0375")
    assert own_levels.own_level_text(level, 10) == "B.15 q2"


def test_a_filled_market_order_shows_its_average_price() -> None:
    entry = sent("filled", price="", txid="OX")
    filled = own(1, "0", limit_price=None, cum_qty=Decimal("0.15"), avg_price=Decimal("64210.66"))
    (row,) = orders.rows_of([], [entry], {}, {SYMBOL: PRECISION}, NOW, closed={"OX": filled})
    assert row.price == "avg 64210.7"


def test_a_number_is_whole_where_its_row_has_room() -> None:
    row = OrderRow(SYMBOL, Side.ASK, "0.00833334", "64211.5", "1/3", "front", "38s", "live")
    text = orders.order_line(row, orders.columns_for(51, [row])).text
    assert "0.00833334" in text
    assert "live" in text


def test_a_stop_without_a_place_moves_no_column_of_its_row() -> None:
    limit = OrderRow(SYMBOL, Side.BID, "0.15", "64209.0", "4/6", "1.75", "38s", "live")
    stop = limit._replace(place="", ahead="", state="stop loss limit")
    rows = [limit, stop]
    columns = orders.columns_for(52, rows)
    ages = [orders.order_line(row, columns).text.index("38s") for row in rows]
    assert ages[0] == ages[1]
    assert "stop loss limit" in orders.order_line(stop, columns).text


@pytest.mark.parametrize("width", range(30, 120))
def test_a_row_of_orders_is_as_wide_as_its_pane(width: int) -> None:
    row = OrderRow(SYMBOL, Side.BID, "123456.00012345", "avg 64209.55", "14/16", "1.75", "38s", "x")
    columns = orders.columns_for(width, [row])
    assert len(orders.order_line(row, columns).text) == width
    assert len(orders.head_line(columns).text) == width


@pytest.mark.parametrize(
    ("qty", "place", "shown"),
    [
        ("0.15", 4, "B.15 q4"),
        ("12.5", 0, "B12.5"),
        ("0.00035", 12, "B.00035q12"),
        ("1", 1, "B1 q1"),
    ],
)
def test_the_mine_column_holds_side_quantity_and_place(qty: str, place: int, shown: str) -> None:
    assert own_levels.own_level_text(OwnLevel(Side.BID, Decimal(qty), place), 10) == shown


# --- money --------------------------------------------------------------------------------


def test_money_comes_first_and_what_there_is_none_of_is_left_out() -> None:
    found = balances.balances_of(
        {"BTC": Decimal(2), "USD": Decimal(100), "ETH": Decimal(0)}, {"USD": Decimal(40)}
    )
    assert [(one.asset, one.free) for one in found] == [("USD", Decimal(60)), ("BTC", Decimal(2))]


def test_fills_are_the_golden_ones_and_their_fees_are_summed() -> None:
    made = [
        Fill(
            exec_id=str(number), order_id="O", symbol=SYMBOL, side=Side.BID,
            last_qty=Decimal("0.05"), last_price=Decimal("64205.5"), liquidity_ind="mt"[number],
            timestamp=to_rfc3339(NOW), fees=(Fee("USD", Decimal("1.50")),),
        )
        for number in range(2)
    ]  # fmt: skip
    summary = fills.summary_of(made)
    assert summary.fees == (("USD", Decimal("3.00")),)
    lines = [
        fills.head_line(60),
        *(fills.fill_line(FillRow(each), 60) for each in made),
        Line(fills.summary_spans(summary)),
    ]
    compare("fills", text(lines))


def test_the_share_as_a_maker_is_by_quantity_and_not_by_the_number_of_fills() -> None:
    def fill(kind: str, qty: str, symbol: str = SYMBOL, price: str = "100") -> Fill:
        return Fill(
            exec_id=f"{kind}{qty}{symbol}", order_id="O", symbol=symbol, side=Side.BID,
            last_qty=Decimal(qty), last_price=Decimal(price), liquidity_ind=kind,
            timestamp=to_rfc3339(NOW),
        )  # fmt: skip

    assert fills.summary_of([fill("m", "0.9"), fill("t", "0.1")]).maker_percent == 90
    of_two = [fill("m", "1", price="300"), fill("t", "100", "ETH/USD", "1")]
    assert fills.summary_of(of_two).maker_percent == 75
    assert fills.summary_of([*of_two, fill("m", "1", "ETH/EUR")]).maker_percent is None


@pytest.mark.parametrize(("width", "last"), [(36, "64205.5"), (50, "maker"), (60, "1.5 USD")])
def test_a_narrow_list_of_fills_leaves_columns_out_whole(width: int, last: str) -> None:
    made = Fill(
        exec_id="1", order_id="O", symbol=SYMBOL, side=Side.BID, last_qty=Decimal("0.05"),
        last_price=Decimal("64205.5"), liquidity_ind="m", timestamp=to_rfc3339(NOW),
        fees=(Fee("USD", Decimal("1.50")),),
    )  # fmt: skip
    text = fills.fill_line(FillRow(made), width).text
    assert text.rstrip().endswith(last)
    assert "…" not in text + fills.head_line(width).text


# --- limits and standing ------------------------------------------------------------------


def test_the_meter_says_when_cancelling_gets_cheaper() -> None:
    shown = rates.RateView(Decimal(12), 60, Decimal(36), 3 * NS_PER_S)
    assert "".join(span.text for span in rates.meter(shown)) == "rate 12/60"
    assert rates.price_spans(shown)[0].text == "amend 4 · cancel 8, 6 in 2s"
    assert rates.cheaper_in_s(400 * NS_PER_S) is None


def test_the_header_says_armed_with_both_clocks_or_that_the_switch_is_off() -> None:
    armed = trading_status.TradingStatus(trading_status.ARMED, "", 872 * NS_PER_S, 58 * NS_PER_S)
    assert trading_status.trading_spans(armed)[0].text == " ARMED 14:32 switch 58s "
    alone = armed._replace(switch_ns=None)
    assert trading_status.trading_spans(alone)[0].text == " ARMED 14:32 NO SWITCH "
    assert trading_status.trading_spans(trading_status.TradingStatus()) == ()


def test_an_account_that_is_not_known_says_why() -> None:
    model = ViewModel(frozen_market.ScriptedSource(), Store("LIVE"), (SYMBOL,))
    model.status_without_trader = trading_status.TradingStatus(reason="why")
    own = model.frame_state(lambda _: None, str).account
    assert (own.known, own.empty_reason) == (False, "why")


def test_an_order_that_was_unknown_is_logged_with_its_outcome() -> None:
    request = {"type": "buy", "volume": "0.001", "price": "63002.6"}
    entry = OutboxEntry(
        id="1",
        kind=ActionKind.ADD,
        symbol="BTC/USD",
        prepared=0,
        deadline=1,
        request=request,
        since=2,
    )
    live = msgspec.structs.replace(entry, state=OrderState.LIVE)
    assert resolved(live) == ("resolved: BUY 0.001 @ 63002.6 live", "good")
    never = msgspec.structs.replace(entry, state=OrderState.REFUSED, reason="never placed")
    assert resolved(never) == ("resolved: BUY 0.001 @ 63002.6 refused: never placed", "warn")


def test_the_line_of_own_orders_names_the_pair_of_those_that_are_of_another() -> None:
    rows = (
        OrderRow("BTC/USD", Side.BID, "0.1", "64000.0", state="live"),
        OrderRow("ETH/USD", Side.ASK, "2", "3400.0", state="live"),
    )
    shown = orders.mine_line(rows, 100, symbol="BTC/USD", known=True, empty="").text
    assert "  BUY 0.1@64000.0 live  ETH/USD SELL 2@3400.0 live" in shown
