"""Trading by keyboard at the simulated exchange: what is pressed, and what reaches the books."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.config import Settings, Trading
from tests.tui.trading_monitor import QUIET, SYMBOL, trading


async def test_before_the_key_is_known_nothing_says_that_orders_can_be_placed(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        assert "b buys and s sells" in found.text()
        found.trader.life.unchecked = "Asking the exchange."
        assert "b buys and s sells" not in found.text()
        assert "Asking the exchange." in found.text()


async def test_a_ticket_is_opened_previewed_and_sent_by_three_different_keys(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b")
        assert "BUY" in found.text()
        await found.pilot.press("b", "b", "enter")
        assert "PREVIEW" in found.text()
        assert not found.received
        await found.pilot.press("enter", "b", "n", "enter", "y")
        await found.until(lambda: found.open, "the order never came")
        assert len(found.received) == 1
        await found.until(lambda: "live" in found.text())


async def test_what_is_sent_is_what_the_preview_said(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "2", "down", "down", "shift+down", "enter")
        ticket = found.screen.ticket_keys.ticket
        assert ticket is not None
        await found.pilot.press("y")
        await found.until(lambda: found.open)
        (order,) = found.open
        assert (order.qty, order.price, order.side) == (ticket.qty, ticket.price, ticket.side)
        assert order.request.post_only


async def test_disarmed_the_ticket_opens_and_its_send_does_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("b", "enter")
        assert "DISARMED: press A" in found.text()
        await found.pilot.press("y")
        await found.until(lambda: "not sent: DISARMED" in found.log_text())
        assert not found.received


async def test_joining_needs_no_ticket_while_armed_and_is_refused_otherwise(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("B")
        await found.until(lambda: "not sent: DISARMED" in found.log_text())
        await found.armed()
        await found.joined("B", "S")
        book = found.monitor.source.l2[SYMBOL]
        assert book.best_bid is not None
        found.text()
        assert any("▸B." in line.text and " q" in line.text for line in found.screen.ladder.lines)


async def test_the_same_order_twice_is_refused_until_it_is_confirmed(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "enter", "y")
        await found.placed()
        await found.pilot.press("b", "enter", "y")
        await found.until(lambda: "The same order" in found.log_text())
        await found.pilot.press("w", "y")
        await found.until(lambda: len(found.open) == 2)


async def test_an_amend_predicts_the_place_before_it_is_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("greater_than_sign", "greater_than_sign", "B")
        await found.placed()
        await found.until(lambda: found.screen.order_keys.selected() is not None)
        await found.pilot.press("e")
        assert "keeps place" in found.text()
        await found.pilot.press("down")
        assert "goes to the tail" in found.text()
        await found.pilot.press("up", "q", *"0.0005", "enter")
        assert "keeps place" in found.text()
        before = found.place()
        await found.pilot.press("enter", "y")
        await found.until(lambda: found.open[0].qty == 50_000)
        assert found.place() == before
        assert len(found.received) == 1
        await found.until(
            lambda: f"amended order kept {before}" in found.log_text(), found.log_text()
        )
        await found.pilot.press("e", "pagedown", "enter", "y")
        await found.until(lambda: "amended order went to" in found.log_text(), found.log_text())
        assert ", predicted " in found.log_text()


async def test_a_cancelled_order_is_shown_as_it_was_amended(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", *["down"] * 9, "enter", "y")
        await found.placed()
        await found.pilot.press("9")
        await found.until(lambda: found.screen.order_keys.selected() is not None)
        await found.pilot.press("e", "down", "right", "enter", "y")
        await found.until(lambda: "amended order" in found.log_text())
        (order,) = found.open
        await found.pilot.press("x")
        await found.until(lambda: not found.open)
        await found.until(lambda: found.screen.frame_state().account.order_rows[0].ended)
        (row,) = found.screen.frame_state().account.order_rows
        precision = found.monitor.source.l2[SYMBOL].precision
        assert order.price is not None
        assert row.price == precision.price_text(order.price)
        assert row.qty == precision.qty_text(order.qty).rstrip("0")


async def test_an_order_is_cancelled_at_once_while_armed_and_after_a_yes_otherwise(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("B")
        await found.until(lambda: found.screen.order_keys.selected() is not None)
        await found.pilot.press("x")
        await found.until(lambda: not found.open)
        await found.joined("S")
        await found.pilot.press("A", "9")
        await found.until(lambda: found.screen.order_keys.selected() is not None)
        await found.pilot.press("x")
        assert "Cancel SELL" in found.text()
        await found.pilot.press("x")
        assert found.open
        await found.pilot.press("y")
        await found.until(lambda: not found.open)


async def test_cancelling_the_pair_asks_for_bids_asks_or_all(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B", "S")
        await found.pilot.press("X", "a")
        await found.until(lambda: len(found.open) == 1)
        assert found.open[0].side == "bid"
        await found.pilot.press("X", "y")
        await found.until(lambda: not found.open)


async def test_cancelling_everything_needs_the_typed_word(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("B")
        await found.until(lambda: found.open)
        await found.pilot.press("ctrl+x", "enter", "y", "enter")
        assert found.open
        await found.pilot.press("backspace", *"all", "enter")
        await found.until(lambda: not found.open)


async def test_panic_cancels_the_pair_and_disarms_without_a_question(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B", "S")
        await found.pilot.press("b", "K")
        await found.until(lambda: not found.open)
        trader = found.trader
        assert not trader.armed
        await found.until(lambda: found.switch_at is None, "the switch stayed on")


async def test_an_order_key_that_the_end_cancels_never_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as found:
        begun: list[str] = []
        monkeypatch.setattr(found.trader.panic, "cancel", begun.append)
        found.screen.action_panic()
        found.monitor.workers.cancel_all()
    assert begun == []


async def test_a_panic_that_is_refused_lets_the_switch_run_out_and_says_when(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("B")
        await found.until(lambda: found.open and not found.trader.unknown)
        found.fails(OrderFault.THROTTLED, "CancelOrder")
        await found.pilot.press("K")
        await found.until(lambda: "cancels everything in" in found.log_text())
        assert (found.trader.armed, len(found.open)) == (False, 1)
        renewals = [task for task in asyncio.all_tasks() if "switch" in task.get_name()]
        assert (renewals, found.switch_at is None) == ([], False)


async def test_a_switch_that_runs_out_is_turned_off_when_the_orders_are_left(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.until(lambda: found.switch_at)
        found.fails(OrderFault.THROTTLED, "CancelOrder")
        await found.pilot.press("B")
        await found.until(lambda: found.open and not found.trader.unknown)
        await found.pilot.press("K")
        await found.until(lambda: "cancels everything in" in found.log_text())
        assert await found.trader.leave(cancel=False)
        assert found.switch_at is None


async def test_an_order_whose_reply_is_lost_is_resolved_by_the_stream(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        found.fails(OrderFault.REPLY_LOST, "AddOrder")
        await found.pilot.press("B")
        await found.until(lambda: found.open and not found.trader.unknown)
        await found.until(lambda: "live" in found.text())
        assert len(found.received) == 1


async def test_an_order_of_unknown_outcome_stops_the_next_one(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        found.fails(OrderFault.REQUEST_LOST, "AddOrder")
        await found.pilot.press("B")
        await found.until(lambda: "UNKNOWN" in found.log_text())
        await found.pilot.press("S")
        await found.until(lambda: "not sent: The outcome of" in found.log_text())
        assert "UNKNOWN" in found.text()
        assert not found.received


async def test_arming_needs_the_pair_typed_once_and_a_yes_later(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        trader = found.trader
        await found.pilot.press("A", *"eth/usd", "enter")
        assert not trader.armed
        await found.pilot.press("escape")
        await found.armed()
        assert found.switch_at is not None
        assert "╔" in found.text()
        assert "ARMED 1" in found.text()
        await found.pilot.press("A")
        await found.until(lambda: not trader.armed)
        await found.until(lambda: found.switch_at is None)
        await found.pilot.press("A", "A")
        assert not trader.armed
        await found.pilot.press("y")
        assert trader.armed


async def test_quitting_asks_whether_my_orders_are_left_or_cancelled(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B", "S")
        await found.until(lambda: len(found.trader.own()) == 2)
        await found.pilot.press("ctrl+q")
        assert "Leave or cancel my 2 orders?" in found.text()
        await found.pilot.press("escape")
        assert found.monitor.return_code is None
        await found.pilot.press("ctrl+q", "c")
        await found.until(lambda: found.monitor.return_code == 0)
        assert not found.open
        assert found.switch_at is None


async def test_leaving_orders_turns_the_dead_mans_switch_off(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("B")
        await found.until(found.trader.own)
        await found.pilot.press("ctrl+q", "l")
        await found.until(lambda: found.monitor.return_code == 0)
        assert len(found.open) == 1
        assert found.switch_at is None


async def test_a_restart_takes_up_what_the_last_run_left_open(tmp_path: Path) -> None:
    async with SimServer(SimOptions(seed=7, symbols=(SYMBOL,), rate=QUIET)) as server:
        async with trading(tmp_path, server=server) as found:
            await found.armed()
            await found.pilot.press("B")
            await found.until(lambda: found.open)
        async with trading(tmp_path, server=server) as found:
            await found.until(found.trader.own)
            assert "(elsewhere)" not in found.text()
            assert len(found.received) == 1


async def test_a_stale_book_stops_orders_and_says_so(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        found.monitor.source.l2[SYMBOL].verified = False
        await found.pilot.press("B")
        await found.until(lambda: "The book is not verified" in found.log_text())
        assert not found.received


async def test_no_secret_is_on_the_screen_in_the_log_or_in_the_outbox(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("B")
        await found.until(lambda: found.open)
        contents = await asyncio.to_thread(
            lambda: [each.read_text() for each in tmp_path.iterdir()]
        )
        for secret in (found.server.api_key, found.server.api_secret):
            assert secret not in "".join([found.text(), found.log_text(), *contents])


async def test_arming_ends_by_itself_and_turns_the_switch_off(tmp_path: Path) -> None:
    at_once = Settings(trading=Trading(armed_min=0))
    async with trading(tmp_path, settings=at_once) as found:
        await found.pilot.press("A", *"btc/usd", "enter")
        await found.until(
            lambda: "DISARMED: its time is over" in found.log_text(), found.log_text()
        )
        await found.until(lambda: found.switch_at is None, "the switch stayed on")
        assert not found.trader.armed
        assert "╔" not in found.text()


async def test_orders_are_sent_of_the_pair_that_was_typed_and_of_no_other(tmp_path: Path) -> None:
    server = SimServer(SimOptions(seed=7, symbols=(SYMBOL, "ETH/USD"), rate=QUIET))
    async with server, trading(tmp_path, server=server) as found:
        await found.armed()
        found.screen.show_symbol("ETH/USD")
        await found.until(lambda: found.monitor.view_model.ticket_market("ETH/USD"))
        await found.until(lambda: found.monitor.source.l2.get("ETH/USD"))
        assert not found.screen.frame_state().armed
        await found.pilot.press("B")
        await found.until(lambda: "Armed for BTC/USD alone" in found.log_text(), found.log_text())
        assert not found.received
        await found.pilot.press("A")
        assert "Type ETH/USD" in found.text()
        await found.pilot.press(*"eth/usd", "enter")
        await found.joined("B")
        assert found.open[0].symbol == "ETH/USD"
        found.screen.show_symbol(SYMBOL)
        assert "ARMED ETH/USD ONLY" in found.text()
        await found.until(lambda: found.monitor.view_model.ticket_market(SYMBOL))
        await found.pilot.press("S")
        await found.until(lambda: "Armed for ETH/USD alone" in found.log_text())


async def test_a_market_order_is_shown_with_all_that_it_takes_from_the_book(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "t", "q", *"1", "enter", "enter")
        assert " levels, slippage 0." in found.written()
        await found.pilot.press("n", "q", *"900000", "enter", "enter")
        assert "known levels hold" in found.written()


async def test_an_order_of_the_last_run_is_told_of_and_then_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with SimServer(SimOptions(seed=7, symbols=(SYMBOL,), rate=QUIET)) as server:
        async with trading(tmp_path, server=server) as found:
            await found.armed()
            found.fails(OrderFault.REQUEST_LOST, "AddOrder")
            await found.pilot.press("B")
            await found.until(lambda: found.trader.unknown, found.log_text())
        async with trading(tmp_path, server=server) as found:
            text = "1 order of the last run: looking up what became of them"
            await found.until(lambda: text in found.log_text(), found.log_text())


async def test_a_fill_and_the_outcome_of_a_cancel_are_told(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "t", "enter", "y")
        await found.until(lambda: "fill BUY" in found.log_text(), found.log_text())
        await found.joined("B")
        await found.until(lambda: found.screen.order_keys.selected() is not None)
        await found.pilot.press("x")
        await found.until(lambda: "cancel: 1 cancelled" in found.log_text(), found.log_text())


async def test_a_panic_names_the_reason_why_it_is_not_over(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        access = found.monitor.source.access
        assert access is not None
        access.account.distrust("executions")
        await found.pilot.press("K")
        words = "(own orders are not all known)"
        await found.until(lambda: words in found.log_text(), found.log_text())
        assert "not all confirmed" not in found.log_text()


async def test_an_order_that_the_account_cannot_pay_for_is_not_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "q", *"100", "enter", "enter")
        assert "are free; lower the quantity" in found.written()
        await found.pilot.press("y")
        assert not found.received
