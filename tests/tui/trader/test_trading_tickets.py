"""Tickets of every type at the simulated exchange: what was pressed is what it received."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

import pytest
from textual import events

from kracked.protocol.events import Side
from kracked.times import NS_PER_S
from kracked_tui.config import Settings
from kracked_tui.config import Trading as TradingSettings
from tests.tui.keyboard import tap
from tests.tui.trading_monitor import trading

PRESSED = {
    "market": ("b", "t"),
    "stop-loss": ("s", "t", "t", "pagedown"),
    "stop-loss-limit": ("s", "t", "t", "t", "pagedown", "tab", "pagedown", "pagedown"),
    "take-profit": ("s", "t", "t", "t", "t", "pageup", "pageup"),
    "take-profit-limit": ("s", "t", "t", "t", "t", "t", "pageup", "pageup"),
    "iceberg": ("b", "T", "4"),
}


@pytest.mark.parametrize("kind", PRESSED)
async def test_an_order_of_every_type_is_received_as_the_preview_said(
    tmp_path: Path, kind: str
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press(*PRESSED[kind], "enter")
        ticket = found.screen.ticket_keys.ticket
        assert ticket is not None
        assert "SENDS IT" in found.text()
        await found.pilot.press("y")
        await found.until(lambda: found.received, found.log_text())
        (order,) = found.received
        assert order.request.order_type.value == kind
        triggered = order.request.trigger_price is not None
        first, second = ticket.prices
        expected = (first, second) if triggered else (None, first)
        assert (order.request.trigger_price, order.request.price) == expected
        assert (order.qty, order.display_qty) == (ticket.qty, ticket.shows)


async def test_the_distance_of_a_trailing_stop_is_sent_as_one(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("s", *["t"] * 6, "p", *"1.5%", "enter", "enter")
        assert "by trailing stop, 1.50 % behind the best price" in found.written()
        await found.pilot.press("y")
        await found.until(found.trader.sent, "nothing written down")
        (outbox,) = await asyncio.to_thread(lambda: [*tmp_path.glob("outbox-*.jsonl")])
        lines = await asyncio.to_thread(outbox.read_text)
        assert '"ordertype":"trailing-stop"' in lines
        assert '"price":"+1.50%"' in lines


async def test_an_order_good_for_ten_minutes_ends_at_the_exchange_by_itself(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "pagedown", "u", *"10m", "enter", "enter")
        assert "good for 10 min" in found.written()
        await found.pilot.press("y")
        await found.until(lambda: found.open, found.log_text())
        (order,) = found.open
        assert order.request.expire_at is not None
        left_ns = order.request.expire_at - found.server.exchange.time
        assert 500 * NS_PER_S < left_ns <= 601 * NS_PER_S


async def test_an_expiry_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("b", "u", *"soon", "enter")
        assert "'soon' is no expiry" in found.log_text()
        await found.pilot.press("escape", "u", *"2s", "enter")
        assert "It must expire between 5 s and 30 days" in found.written()


async def test_a_quantity_typed_in_one_chunk_with_its_key_is_on_the_ticket(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        tap(found.monitor, "b", "q", *"0.0005", "enter")
        written = found.screen.ticket_keys
        await found.until(lambda: written.ticket and written.ticket.qty == 50_000, found.log_text())
        assert found.screen.panels.top == "ticket"


async def test_a_y_that_was_pressed_before_the_preview_was_painted_sends_nothing(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b")
        early = events.Key("y", "y")  # it waits, as in one piece of input with enter
        await found.pilot.press("enter")
        panel = found.screen.ticket_keys.panel
        await found.until(lambda: not panel.unread(monotonic()), found.log_text())
        found.monitor.post_message(early)
        await found.until(lambda: "not on the screen yet" in found.log_text())
        assert found.screen.ticket_keys.ticket is not None
        assert not found.screen.model.trader.sent()


async def test_a_wrong_number_is_asked_for_again_and_a_fast_enter_and_y_send_nothing(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "q", *"0.5x", "enter")
        assert found.screen.panels.top == "prompt"
        await found.pilot.press("enter", "y", "enter", "y")
        assert found.screen.panels.top == "prompt"
        assert not found.received
        await found.pilot.press("escape", "q", *"0.0005", "enter")
        assert found.screen.ticket_keys.ticket is not None
        assert found.screen.ticket_keys.ticket.qty == 50_000


async def test_an_order_whose_preview_does_not_fit_is_not_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "enter")
        for size, reason in (((10, 3), "make the window larger"), ((30, 8), "goes on below")):
            await found.pilot.resize_terminal(*size)
            await found.pilot.press("y")
            await found.until(lambda reason=reason: reason in found.log_text())  # type: ignore[misc]
            found.monitor.store.log_entries.clear()
        assert not found.received
        await found.pilot.resize_terminal(120, 40)
        await found.pilot.press("y")
        await found.placed()


@pytest.mark.parametrize("size", [(60, 20), (40, 12)])
async def test_on_a_small_screen_a_ticket_is_scrolled_and_says_that_it_goes_on(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.resize_terminal(*size)
        await found.pilot.press("b", "T", "enter")
        panel = found.screen.ticket_keys.panel
        rows = " ".join(line.text for line in panel.lines)
        if "▼" in rows:
            assert "SENDS IT" not in rows
            await found.pilot.press("y")
            await found.until(lambda: "goes on below" in found.log_text(), found.text())
            assert not found.received
        while "▼" in panel.lines[0].text:
            await found.pilot.press("j")
            await found.pilot.pause()
        await found.until(lambda: "SENDS IT" in found.text(), "never read to its end")
        await found.pilot.press("y")
        await found.placed()


async def test_the_fields_of_a_ticket_that_are_out_of_sight_are_told(tmp_path: Path) -> None:
    async with trading(tmp_path, size=(40, 12)) as found:
        await found.pilot.press("b", "T")
        panel = found.screen.ticket_keys.panel
        assert "▼" in panel.lines[0].text
        await found.pilot.press("j")
        await found.until(lambda: "▲" in panel.lines[0].text)


async def test_typing_nothing_leaves_the_field_as_it_was(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("b")
        before = found.screen.ticket_keys.ticket
        await found.pilot.press("p", "enter")
        assert (found.screen.ticket_keys.ticket, "not a decimal" in found.log_text()) == (
            before,
            False,
        )


async def test_a_sale_opened_on_the_best_bid_joins_the_best_ask_until_it_may_take(
    tmp_path: Path,
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("s")
        joined = found.screen.ticket_keys.ticket
        assert joined is not None
        assert joined.crossing_price is not None
        assert (joined.side, joined.post_only) == (Side.ASK, True)
        assert joined.price > joined.crossing_price
        assert "would trade at once" in found.written()
        await found.pilot.press("o")
        assert "TAKES LIQUIDITY" in found.written()
        await found.pilot.press("enter", "y")
        await found.until(lambda: "fill SELL" in found.log_text(), found.log_text())
        (order,) = found.received
        assert order.price == joined.crossing_price


async def test_every_size_key_and_plus_and_minus_set_the_quantity(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("b", "1")
        first = found.screen.ticket_keys.ticket
        await found.pilot.press("plus", "plus", "minus")
        doubled = found.screen.ticket_keys.ticket
        assert first is not None
        assert doubled is not None
        assert doubled.qty == 2 * first.qty
        seen = set()
        for key in "12345":
            await found.pilot.press(key)
            assert found.screen.ticket_keys.ticket is not None
            seen.add(found.screen.ticket_keys.ticket.qty)
        assert len(seen) == 5


async def test_what_changes_a_ticket_is_in_the_palette_too(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.pilot.press("b")
        before = found.screen.ticket_keys.ticket
        found_in_palette = {
            name: run for name, _, run in found.monitor.trade.command_keys.actions()
        }
        await found_in_palette["Price down"]()  # type: ignore[misc]
        after = found.screen.ticket_keys.ticket
        assert before is not None
        assert after is not None
        assert after.price == before.price - 1


async def test_a_preset_size_that_is_rounded_is_told_in_the_log_and_on_the_ticket(
    tmp_path: Path,
) -> None:
    named = TradingSettings(sizes={"BTC/USD": ("0.0001", "0.000100001999")})
    async with trading(tmp_path, settings=Settings(trading=named)) as found:
        words = "0.000100001999, finer than the steps of 0.00000001 that the pair has"
        await found.armed()
        await found.until(lambda: words in found.log_text())
        await found.pilot.press("b", "2")
        assert "0.00010000 is used" in found.written()
        ticket = found.screen.ticket_keys.ticket
        assert ticket is not None
        assert ticket.qty == 10_000
        await found.pilot.press("enter")
        assert "is used" not in found.written()


async def test_a_second_y_sends_nothing_before_the_panel_is_closed(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("b", "enter")
        found.screen.presses.hear("y", monotonic())
        for _ in range(2):  # between them the loop takes no turn: the panel is still open
            await found.screen.run_action("send")
        assert found.screen.ticket_keys.ticket is None
        await found.until(lambda: found.received, found.log_text())
        await found.pilot.pause()
        assert found.screen.panels.top is None
    assert len(found.received) == 1
