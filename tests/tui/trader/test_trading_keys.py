"""No key moves money unless a pane has the focus; read-only there is no such key at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from textual.widgets import Input

from kracked.orders import ActionKind, OrderState
from kracked.orders.outbox.outbox import PreparedAction, StateChange
from kracked_tui import keys
from kracked_tui.config import Settings
from kracked_tui.view.chrome import layout
from tests.tui.conftest import Opened
from tests.tui.keyboard import key_event
from tests.tui.trading_monitor import SYMBOL, Trading, trading

ORDER_KEYS = [key for key in keys.KEYS if key.group in keys.MONEY]
NAMES = sorted({name for key in ORDER_KEYS for name in key.keys.split(",")} - {"enter"})
PLACES = {
    "the picker": ("slash",),
    "the help": ("question_mark",),
    "a question": ("X",),
    "a word to type": ("ctrl+x",),
    "the palette": ("ctrl+p",),
}


@asynccontextmanager
async def holding_an_order(folder: Path) -> AsyncIterator[Trading]:
    """Armed, with one order resting out of reach: all that a stray key could harm is there."""
    async with trading(folder, settings=Settings(fps=60)) as found:
        await found.armed()
        await found.pilot.press("b", *["pagedown"] * 9, "enter", "y")
        await found.until(lambda: found.screen.frame_state().account.order_rows)
        yield found


def is_open(found: Trading) -> bool:
    """Whether there is something over the panes."""
    return bool(found.screen.panels.top) or found.monitor.screen is not found.screen


@pytest.mark.parametrize("place", PLACES)
async def test_no_order_key_acts_while_something_else_has_the_focus(
    tmp_path: Path, place: str
) -> None:
    answers = set("yab") if place == "a question" else set()
    async with holding_an_order(tmp_path) as found:
        for name in NAMES:
            if name in answers:
                continue
            if not is_open(found):  # or not any more: the last key closed it
                await found.pilot.press(*PLACES[place])
            assert is_open(found)
            await found.pilot.press(name)
        assert len(found.open) == 1, found.log_text()
        assert len(found.received) == 1
        assert found.monitor.view_model.trader is not None
        assert found.monitor.view_model.trader.armed


async def test_the_keys_of_the_ladder_do_nothing_to_orders_while_the_ticket_is_open(
    tmp_path: Path,
) -> None:
    async with holding_an_order(tmp_path) as found:
        await found.pilot.press("b", "x", "X", "e", "B", "S", "ctrl+x")
        assert found.screen.ticket_keys.ticket is not None
        assert (len(found.open), len(found.received)) == (1, 1)


async def test_read_only_has_no_order_key_and_no_order_action(tmp_path: Path) -> None:
    async with trading(tmp_path, read_only=True) as found:
        actions = {key.action.partition("(")[0] for key in ORDER_KEYS} - {"back"}
        bound = {one.id for _, one in found.monitor.trade._bindings}
        assert not bound & {key.id for key in ORDER_KEYS}
        assert not any(hasattr(found.monitor.trade, f"action_{name}") for name in actions)
        assert found.monitor.view_model.trader is None
        titles = {name for name, _, _ in found.monitor.trade.command_keys.actions()}
        assert not titles & {"Buy", "Send", "Arm", "Panic"}
        await found.until(lambda: "No order of yours is open." in found.text())
        await found.pilot.press(*NAMES)
        assert not found.received
        assert "READ-ONLY" in found.text()
        assert "A" not in {name for name, _ in found.monitor.trade._bindings}


async def test_without_a_key_every_order_key_says_what_a_key_would_add(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        for name in ("b", "s", "B", "S", "A", "x", "X", "ctrl+x", "K", "e"):
            monitor.store.log_entries.clear()
            await pilot.press(name)
            text = " ".join(each.text for each in monitor.store.log_entries)
            assert "KRAKEN_API_KEY" in text
            if name == "A":
                await pilot.press("escape")


async def test_the_pair_typed_after_an_arm_key_that_was_refused_acts_as_no_key(
    opened: Opened,
) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("A")
        before = (monitor.view_model.symbol, monitor.trade.ladder.scroll)
        await pilot.press(*"btc/usd")
        assert monitor.trade.panels.top == layout.PROMPT
        assert monitor.trade.query_one("#prompt-input", Input).value == "btc/usd"
        await pilot.press("enter")
        assert monitor.trade.panels.top is None
        assert (monitor.view_model.symbol, monitor.trade.ladder.scroll) == before


async def test_every_order_action_is_in_the_palette_too(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        titles = {name for name, _, _ in found.monitor.trade.command_keys.actions()}
        assert {"Buy", "Sell", "Arm", "Join bid", "Amend", "Cancel pair", "Panic", "Send"} <= titles


async def test_a_held_key_is_one_order_however_the_market_moves(tmp_path: Path) -> None:
    """The key is held for ten seconds by the terminal's own times of arrival."""
    async with trading(tmp_path, rate=1.0) as found:
        await found.armed()
        await found.until(lambda: found.screen.header.showed_size_at(monotonic()))
        begun = monotonic()
        for repeat in range(129):
            event = key_event("B")
            event.time = begun + (0.0 if repeat == 0 else 0.66 + repeat * 0.077)
            found.monitor.post_message(event)
            await asyncio.sleep(0.01)
        await found.until(lambda: found.received and not found.trader._busy, found.log_text())
        assert len(found.received) == 1
        assert "one press, one order" in found.log_text()
        event = key_event("B")
        event.time = begun + 1_000.0
        found.monitor.post_message(event)
        await found.until(lambda: len(found.received) == 2 or "The same order" in found.log_text())


async def test_a_key_pressed_before_its_size_was_painted_sends_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        early = key_event("B")  # it waits, as in one piece of input with the word that arms
        await found.armed()
        await found.until(lambda: found.screen.header.shows_size, found.log_text())
        found.monitor.post_message(early)
        await found.until(lambda: "the size was not on the screen yet" in found.log_text())
        assert not found.received


def under_way(found: Trading, *states: OrderState, symbol: str = SYMBOL) -> None:
    """Let a bid of this session be in the last of these states."""
    assert found.trader.life.manager is not None
    outbox = found.trader.life.manager.outbox
    request = {"type": "buy", "volume": "0.0003", "price": "60000", "ordertype": "limit"}
    now = found.server.exchange.time
    outbox.prepare(
        PreparedAction(
            at=now, id="mine", kind=ActionKind.ADD, symbol=symbol, deadline=now, request=request
        )
    )
    for state in states:
        outbox.learn(StateChange(at=now, id="mine", state=state))


SENT, ACKNOWLEDGED, LIVE = OrderState.SENT, OrderState.ACKNOWLEDGED, OrderState.LIVE


@pytest.mark.parametrize("states", [(), (SENT,), (SENT, ACKNOWLEDGED)], ids=str)
async def test_a_side_takes_no_key_while_its_last_order_is_not_live(
    tmp_path: Path, states: tuple[OrderState, ...]
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        under_way(found, *states)
        await found.pilot.press("B")
        await found.until(lambda: "the last order of this side is not live yet" in found.log_text())
        assert not found.received


@pytest.mark.parametrize(
    ("states", "symbol", "key"),
    [
        ((SENT, LIVE), SYMBOL, "B"),
        ((SENT, OrderState.REFUSED), SYMBOL, "B"),
        ((SENT, ACKNOWLEDGED), SYMBOL, "S"),
        ((SENT, ACKNOWLEDGED), "ETH/USD", "B"),
    ],
    ids=["live", "ended", "the other side", "another pair"],
)
async def test_what_is_no_order_of_this_side_that_is_not_live_keeps_no_key_back(
    tmp_path: Path, states: tuple[OrderState, ...], symbol: str, key: str
) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        under_way(found, *states, symbol=symbol)
        await found.pilot.press(key)
        await found.until(lambda: found.received, found.log_text())
        assert len(found.received) == 1


async def test_the_size_stands_beside_armed_at_every_width(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        for width in (200, 120, 80, 60):
            await found.pilot.resize_terminal(width, 40)
            await found.pilot.pause()
            found.monitor.trade.draw()
            assert "SIZE 0." in found.screen.header.lines[0].text


async def test_a_size_that_is_not_on_the_screen_is_not_sent(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.resize_terminal(20, 10)
        await found.pilot.pause()
        await found.pilot.press("B")
        await found.until(lambda: "the size is not on the screen" in found.log_text())
        assert not found.received


async def test_no_key_that_moves_the_focus_changes_the_size_of_a_key(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        found.monitor.trade.draw()
        before = found.screen.frame_state().account.status.size
        for name in (*"1234567890", "dollar_sign", "tab", "shift+tab"):
            await found.pilot.press(name)
            assert found.screen.frame_state().account.status.size == before
        await found.pilot.press("greater_than_sign")
        assert found.screen.frame_state().account.status.size != before
        await found.pilot.press("less_than_sign")
        assert found.screen.frame_state().account.status.size == before
