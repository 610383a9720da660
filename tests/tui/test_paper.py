"""Paper money in the monitor: the real market, an account of its own, PAPER in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.sim.server import SimOptions, SimServer
from kracked_tui import launch, source_factories
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.options import Options, parsed
from kracked_tui.remembered import Memory
from kracked_tui.sources.opening import Destination
from kracked_tui.view.chrome import questions
from tests.patience import until

SYMBOL = "BTC/USD"


@asynccontextmanager
async def on_paper(
    folder: Path, patch: pytest.MonkeyPatch, *, with_key: bool = True
) -> AsyncIterator[tuple[Monitor, object]]:
    patch.setenv("XDG_STATE_HOME", str(folder))
    async with asyncio.timeout(60), SimServer(SimOptions(seed=3, symbols=(SYMBOL,))) as sim:
        source = source_factories.paper(
            (SYMBOL,),
            Endpoints.at(sim.endpoints.rest),
            Credentials(sim.api_key, sim.api_secret) if with_key else None,
            trades=True,
        )
        monitor = Monitor(source, Settings(), (SYMBOL,))
        async with monitor.run_test(size=(120, 40)) as pilot:
            await until(lambda: monitor.view_model.trader and monitor.view_model.trader.ready)
            books = lambda: monitor.source.l3 if with_key else monitor.source.l2  # noqa: E731
            await until(lambda: SYMBOL in books() and books()[SYMBOL].verified)
            yield monitor, pilot


def text(monitor: Monitor) -> str:
    monitor.trade.draw()
    return picture(monitor, ".txt").decode()


async def test_the_header_and_the_strip_say_paper_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch) as (monitor, _):
        header, strip, *_ = text(monitor).splitlines()
        assert "● PAPER" in header
        assert "PAPER  DISARMED" in header
        assert strip.startswith(" PAPER BTC/USD")


async def test_an_order_on_paper_rests_in_the_real_queue_and_never_at_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch) as (monitor, pilot):
        trader = monitor.view_model.trader
        await pilot.press("A", *"btc/usd", "enter")
        await until(lambda: not trader.why_not(SYMBOL))
        await pilot.press("end", "b", "enter")
        await until(lambda: "On PAPER: Buy" in " ".join(text(monitor).split()))
        await pilot.press("y")
        rows = lambda: monitor.trade.frame_state().account.order_rows  # noqa: E731
        await until(lambda: rows() and rows()[0].place)
        assert rows()[0].state == "live"


async def test_p_goes_on_with_the_other_account_once_disarmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch) as (monitor, pilot):
        await pilot.press("A", *"btc/usd", "enter")
        await until(lambda: monitor.view_model.trader.armed)
        await pilot.press("p")
        assert monitor.destination is None
        await pilot.press("A")
        await until(lambda: not monitor.view_model.trader.armed)
        await pilot.press("p")
        await until(lambda: monitor.destination)
    assert monitor.destination == Destination(None, other_account=True)


@pytest.mark.parametrize("other", ["--demo", "--replay"])
def test_paper_is_for_the_live_market(
    other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "messages.jsonl"
    log.write_text('{"channel":"heartbeat"}\n')
    with pytest.raises(SystemExit):
        parsed(["--paper", other, *([str(log)] if other == "--replay" else [])])
    assert "--paper trades on the live market" in capsys.readouterr().err


async def test_a_question_that_is_left_leads_to_no_other_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch) as (monitor, pilot):
        trader = monitor.view_model.trader
        await pilot.press("A", *"btc/usd", "enter")
        await until(lambda: not trader.why_not(SYMBOL))
        assert "an account inside this program" in " ".join(
            questions.arm(SYMBOL, 15, before=False, paper=True).sentences
        )
        await pilot.press("p", "escape")
        assert monitor.destination is None


async def test_a_source_that_fails_ends_the_program_whatever_was_chosen() -> None:
    class Failed:
        destination, return_code = Destination(None, other_account=True), 1
        source = SimpleNamespace(name="paper")

        def run(self, **_: object) -> None: ...

    opened: list[bool] = []

    def made(options: Options, *_: object) -> Failed:
        opened.append(options.paper)
        return Failed()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "_monitor", made)
        assert launch.run(Options(paper=True), Settings(), Memory()) == 1
    assert opened == [True]


async def test_without_a_key_of_the_exchange_the_queue_says_what_level_3_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch, with_key=False) as (monitor, _):
        assert "KRAKEN_API_KEY" in " ".join(text(monitor).split())
        assert "not supported" not in monitor.source.no_level3_reason


async def test_without_level_3_the_queue_shows_the_bounds_of_an_order_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_paper(tmp_path, monkeypatch, with_key=False) as (monitor, pilot):
        await pilot.press("A", *"btc/usd", "enter")
        await until(lambda: not monitor.view_model.trader.why_not(SYMBOL))
        await pilot.press("end", "b", "enter")
        await until(lambda: "On PAPER: Buy" in " ".join(text(monitor).split()))
        assert "odds if it joins now" in " ".join(text(monitor).split())
        await pilot.press("y")
        await until(lambda: "by level 2" in " ".join(text(monitor).split()))
        [row] = monitor.trade.frame_state().account.order_rows
        assert row.place == "?"
        assert row.ahead
