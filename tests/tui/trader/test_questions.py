"""Every question is on the terminal before it takes a key, however busy the monitor is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from kracked_tui.config import Settings
from kracked_tui.screens.order import OrderScreen
from tests.tui.keyboard import soon, tap
from tests.tui.painted import PaintedScreen
from tests.tui.trading_monitor import Trading, trading

ARMED = {
    "cancel the pair": (("X",), "Cancel orders of BTC/USD?"),
    "cancel everything": (("ctrl+x",), "Cancel EVERY order of the account"),
    "quit": (("ctrl+q",), "Quit now?"),
    "quantity": (("b", "q"), "The exact quantity, then enter."),
}
TIMES = 20


@asynccontextmanager
async def busy(found: Trading) -> AsyncIterator[PaintedScreen]:
    """Draw frames without a pause, as a burst of the market does."""
    painted = PaintedScreen(found.monitor)
    found.screen.panels.place()

    async def draw() -> None:
        while True:
            found.monitor.pump.mark()
            await asyncio.sleep(0.002)

    task = asyncio.create_task(draw())
    try:
        yield painted
    finally:
        task.cancel()


def takes_focus(found: Trading) -> bool:
    """Whether the panel that a key opened has the focus."""
    focused = found.screen.focused
    return focused is not None and focused.has_focus and found.screen.panels.top is not None


def asked(found: Trading, painted: PaintedScreen) -> str:
    """Return the words at the place of the question, on the terminal."""
    return painted.words(found.screen.questions.prompt)


@pytest.mark.parametrize("question", ARMED)
async def test_a_question_is_painted_every_time_it_opens(tmp_path: Path, question: str) -> None:
    keys, words = ARMED[question]
    async with trading(tmp_path, settings=Settings(fps=60)) as found:
        await found.armed()
        async with busy(found) as painted:
            for _ in range(TIMES):
                for key in keys:
                    tap(found.monitor, key)
                    assert await soon(lambda: takes_focus(found))
                assert await soon(lambda: words in asked(found, painted)), painted.text
                tap(found.monitor, "escape", "escape")
                assert await soon(lambda: found.screen.panels.top is None)
                assert await soon(lambda: words not in asked(found, painted)), painted.text


async def test_the_question_before_arming_is_painted_every_time_it_opens(tmp_path: Path) -> None:
    async with trading(tmp_path, settings=Settings(fps=60)) as found, busy(found) as painted:
        for _ in range(TIMES):
            tap(found.monitor, "A")
            assert await soon(lambda: "Type BTC/USD, then enter." in asked(found, painted)), (
                painted.text
            )
            tap(found.monitor, "escape")
            assert await soon(lambda: found.screen.panels.top is None)


async def test_a_question_that_is_not_painted_yet_takes_no_answer(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("ctrl+q")
        found.screen.questions.prompt._rows.invalidate()
        found.screen.questions.prompt.action_answer("l")
        await found.until(lambda: "not on the screen yet" in found.log_text())
        assert found.screen.panels.top == "prompt"
        assert found.monitor.return_code is None


async def test_a_question_that_does_not_fit_takes_no_answer_and_says_why(tmp_path: Path) -> None:
    async with trading(tmp_path) as found:
        await found.armed()
        await found.pilot.press("X")
        await found.pilot.resize_terminal(30, 6)
        await found.pilot.pause()
        painted = PaintedScreen(found.monitor)
        found.screen.panels.place()
        assert "Make the window larger" in asked(found, painted)
        await found.pilot.press("y")
        await found.until(lambda: "Make the window larger" in found.log_text())
        assert found.screen.panels.top == "prompt"
        await found.pilot.press("escape")
        assert found.screen.panels.top is None


async def test_a_field_has_no_focus_while_its_question_does_not_fit(tmp_path: Path) -> None:
    async with trading(tmp_path, size=(30, 6)) as found:
        await found.pilot.press("ctrl+x", *"all", "enter")
        assert isinstance(found.screen, OrderScreen)
        assert found.screen.questions.prompt.query_one(Input).value == ""
        assert found.screen.panels.top == "prompt"


async def test_a_question_that_a_panel_hides_takes_no_answer(tmp_path: Path) -> None:
    """The key that opens the panel and the answer may come together."""
    async with trading(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await found.pilot.press("X")
        prompt = found.screen.questions.prompt
        found.screen.panels.toggle("picker")
        prompt.action_answer("a")
        await found.pilot.pause()
        assert prompt.question is not None
        assert len(found.open) == 1
