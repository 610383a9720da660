"""Flatten and reverse: cancels first, waits for each, then one bounded order, and never two."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kracked.orders.draft import Draft
from kracked.protocol.events import Side
from kracked.protocol.order_terms import TimeInForce
from kracked.sim.faults.order_faults import OrderFault
from kracked_tui.view.ticket.exit_order import exit_draft
from kracked_tui.view.ticket.ticket import TicketMarket
from kracked_tui.widgets.bindings import Presses
from tests.tui.frozen_market import BEST_ASK, BEST_BID, INSTRUMENT
from tests.tui.trading_monitor import SYMBOL, Trading, trading

BIDS = ((642_100, 50_000_000), (642_000, 100_000_000))
ASKS = ((642_105, 50_000_000),)
MARKET = TicketMarket(INSTRUMENT, BEST_BID, BEST_ASK, verified=True, bids=BIDS, asks=ASKS)


def test_the_limit_is_ten_basis_points_beyond_the_worst_price_of_the_walk() -> None:
    sells = exit_draft(Decimal("0.6"), MARKET)
    assert not isinstance(sells, str)
    assert (sells.side, sells.qty, sells.price) == (Side.ASK, 60_000_000, 641_358)
    assert sells.time_in_force is TimeInForce.IOC
    buys = exit_draft(Decimal("-0.1"), MARKET)
    assert not isinstance(buys, str)
    assert (buys.side, buys.qty, buys.price) == (Side.BID, 10_000_000, 642_748)


def test_turning_round_trades_twice_the_position_in_one_order() -> None:
    turned = exit_draft(Decimal("0.25"), MARKET, times=2)
    assert not isinstance(turned, str)
    assert (turned.side, turned.qty) == (Side.ASK, 50_000_000)


def test_nothing_is_made_of_no_position_or_of_an_empty_book() -> None:
    assert exit_draft(Decimal(0), MARKET) == "there is no position of this session"
    empty = MARKET._replace(bids=())
    assert exit_draft(Decimal(1), empty) == "nobody is on the other side of the book"


async def bought(found: Trading) -> None:
    """Buy the size in use at market, and wait until the screen knows the position."""
    await found.armed()
    await found.pilot.press("b", "t", "enter")
    await found.until(lambda: "SENDS IT" in found.text())
    await found.pilot.press("y")
    await found.until(lambda: held(found) > 0, found.log_text())


def held(found: Trading) -> Decimal:
    qty = found.monitor.view_model.session_position(SYMBOL)
    assert isinstance(qty, Decimal)
    return qty


async def test_flatten_cancels_first_and_sells_what_the_session_bought(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        await found.joined("B")
        found.screen.presses = Presses()
        await found.pilot.press("Z")
        await found.until(lambda: "Flatten" in found.text())
        question = found.screen.questions.prompt.question
        assert question is not None
        assert "Cancels 1 order, waits until each is confirmed" in question.sentences[0]
        await found.pilot.press("y")
        await found.until(lambda: not held(found), found.log_text())
        await found.until(lambda: not found.trader._busy, found.log_text())
        assert not found.open
        sold = [order for order in found.received if order.request.side is Side.ASK]
        assert len(sold) == 1
        assert sold[0].request.price is not None
        assert "flatten: flat" in found.log_text()
        assert "session FLAT" in found.text()


async def test_reverse_sells_twice_with_one_order(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        before = held(found)
        found.screen.presses = Presses()
        await found.pilot.press("ctrl+r", "y")
        await found.until(lambda: held(found) == -before, found.log_text())
        assert sum(order.request.side is Side.ASK for order in found.received) == 1


async def test_disarmed_nothing_is_asked_and_nothing_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("Z")
        assert "DISARMED: press A to arm first" in found.log_text()
        assert found.screen.panels.top is None
        assert not found.received


async def test_without_a_position_of_the_session_nothing_is_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("Z")
        assert "there is no position of this session" in found.log_text()
        assert not found.received


@pytest.mark.parametrize("key", ["Z", "ctrl+r"])
async def test_a_position_that_may_lack_fills_is_not_left(tmp_path: Path, key: str) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        received = len(found.received)
        found.monitor.view_model.positions._missed = True
        found.screen.presses = Presses()
        await found.pilot.press(key)
        assert "the position is not known: fills may be missing since" in found.log_text()
        assert len(found.received) == received


async def test_an_order_of_unknown_outcome_stops_it(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        found.fails(OrderFault.REQUEST_LOST, "AddOrder")
        await found.pilot.press("b", "enter")
        await found.until(lambda: "SENDS IT" in found.text())
        manager = found.trader._manager
        assert manager is not None
        await found.pilot.press("y")
        await found.until(manager.outbox.unknown, found.log_text())
        received = len(found.received)
        found.screen.presses = Presses()
        await found.pilot.press("Z", "y")
        await found.until(lambda: "flatten not begun" in found.log_text(), found.log_text())
        assert len(found.received) == received


@pytest.mark.parametrize("fault", [OrderFault.REQUEST_LOST, OrderFault.GATEWAY_BEFORE])
async def test_a_lost_answer_to_its_order_is_unknown_and_sends_nothing_more(
    tmp_path: Path, fault: OrderFault
) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        received = len(found.received)
        found.fails(fault, "AddOrder")
        found.screen.presses = Presses()
        await found.pilot.press("Z", "y")
        await found.until(lambda: "UNKNOWN" in found.log_text(), found.log_text())
        await found.until(lambda: not found.trader._busy)
        assert len(found.received) <= received + 1


async def test_no_other_order_goes_out_while_it_is_under_way(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        found.trader._busy = True
        found.screen.presses = Presses()
        await found.pilot.press("Z", "y")
        await found.until(lambda: "the last order is still on its way" in found.log_text())
        found.trader._busy = False
        assert held(found) > 0


async def test_a_cancel_that_is_not_confirmed_stops_it_and_nothing_is_sold(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        await found.joined("B")
        for method in ("CancelOrder", "CancelOrderBatch"):
            for _ in range(8):
                found.fails(OrderFault.GATEWAY_BEFORE, method)
        found.screen.presses = Presses()
        await found.pilot.press("Z", "y")
        await found.until(lambda: "stopped, nothing sent" in found.log_text(), found.log_text())
        assert not [order for order in found.received if order.request.side is Side.ASK]
        assert held(found) > 0


async def traded_elsewhere(found: Trading, qty: Decimal) -> None:
    """Trade past the screen, as another program does, and wait until the screen knows it."""
    market, manager = found.monitor.view_model.ticket_market(SYMBOL), found.trader._manager
    assert market is not None
    assert manager is not None
    assert market.bid is not None
    assert market.ask is not None
    before, instrument = held(found), market.instrument
    draft = Draft(
        symbol=SYMBOL,
        side=Side.BID if qty > 0 else Side.ASK,
        qty=int(abs(qty).scaleb(instrument.precision.qty)),
        price=market.ask * 101 // 100 if qty > 0 else market.bid * 99 // 100,
        time_in_force=TimeInForce.IOC,
    )
    context = found.trader._reviewer.context(market)
    await manager.place(draft, context, manager.limits)
    await found.until(lambda: held(found) == before + qty, found.log_text())


@pytest.mark.parametrize("key", ["Z", "ctrl+r"])
@pytest.mark.parametrize(("times", "now"), [(-3, "the other side"), (1, "more")])
async def test_another_side_or_a_larger_size_than_was_confirmed_is_never_sent(
    tmp_path: Path, key: str, times: int, now: str
) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        found.screen.presses = Presses()
        await found.pilot.press(key)
        await traded_elsewhere(found, times * held(found))
        received = len(found.received)
        await found.pilot.press("y")
        await found.until(lambda: "stopped, nothing sent" in found.log_text(), found.log_text())
        position = f"the position is now {held(found).normalize():f} BTC"
        assert position in found.log_text(), now
        assert f"press {key} again" in found.log_text()
        assert len(found.received) == received


async def test_a_smaller_size_of_the_same_side_than_was_confirmed_goes_on(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await bought(found)
        await traded_elsewhere(found, held(found))
        found.screen.presses = Presses()
        await found.pilot.press("Z")
        await traded_elsewhere(found, -held(found) / 2)
        await found.pilot.press("y")
        await found.until(lambda: not held(found), found.log_text())
