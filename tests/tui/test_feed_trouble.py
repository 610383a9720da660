"""Trouble with the feed is on the screen in words: header, banner over the ladder, log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.protocol import events
from kracked.protocol.events import Event
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.sources.live import LiveSource
from kracked_tui.view.format import clock
from tests.patience import until
from tests.tui.conftest import Opened
from tests.tui.frozen_market import NOW, SYMBOL, ScriptedSource

LOST = events.Reconnecting(NOW, "public", "wss://ws.kraken.com/v2", "connection reset", 1, 0.5)


@asynccontextmanager
async def received(
    opened: Opened, *happened: Event, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Monitor, ScriptedSource]]:
    """Open a monitor that has just received these events."""
    source = ScriptedSource()
    async with opened(size, source=source) as (monitor, _):
        await publish(monitor, source, *happened)
        yield monitor, source


async def publish(monitor: Monitor, source: ScriptedSource, *happened: Event) -> None:
    before = monitor.store.messages
    source.say(*happened)
    await until(lambda: monitor.store.messages == before + len(happened))
    monitor.trade.draw()


def header(monitor: Monitor) -> str:
    return monitor.trade.header.lines[0].text


def ladder(monitor: Monitor) -> str:
    return " ".join(line.text.strip("┃ ") for line in monitor.trade.ladder.lines)


def log(monitor: Monitor) -> str:
    return monitor.trade.log_row.lines[0].text


async def test_a_lost_connection_is_the_word_the_banner_and_the_log(opened: Opened) -> None:
    async with received(opened, LOST) as (monitor, _):
        assert "○ RECONNECTING unverified" in header(monitor)
        since = clock(NOW)
        told = f"cannot reach ws.kraken.com since {since} (connection reset); trying again"
        assert told in ladder(monitor)
        assert "public lost: connection reset" in log(monitor)


async def test_the_time_of_a_loss_is_that_of_the_first_and_not_of_the_last_try(
    opened: Opened,
) -> None:
    again = events.Reconnecting(NOW + 9 * NS_PER_S, "public", LOST.url, "refused", 5, 0.5)
    async with received(opened, LOST, again) as (monitor, _):
        assert f"since {clock(NOW)} (refused); trying again" in ladder(monitor)


async def test_a_connection_that_is_back_is_logged_too(opened: Opened) -> None:
    back = events.Connected(NOW, "public", LOST.url)
    async with received(opened, LOST, back) as (monitor, _):
        assert "● LIVE" in header(monitor)
        assert "public connected" in log(monitor)


async def test_a_resync_says_what_it_waits_for(opened: Opened) -> None:
    async with received(opened, events.Resync(NOW, SYMBOL, "book", "checksum")) as (monitor, _):
        assert "○ RESYNC unverified" in header(monitor)
        assert "checksum; waiting for a fresh snapshot" in ladder(monitor)
        assert f"{SYMBOL} book resync: checksum" in log(monitor)


async def test_a_feed_that_falls_silent_is_stale_with_the_time_since(opened: Opened) -> None:
    async with received(opened, events.Stale(NOW, SYMBOL, "book", 9)) as (monitor, source):
        source.time = NOW + 8 * NS_PER_S
        monitor.trade.draw()
        assert "○ STALE 8s unverified" in header(monitor)
        assert "no message for 8s" in ladder(monitor)
        assert f"{SYMBOL} book is stale" in log(monitor)


async def test_a_gap_is_counted_and_logged_with_its_length(opened: Opened) -> None:
    gap = events.Gap(NOW, "book", (SYMBOL,), NOW - 3 * NS_PER_S, NOW, "reconnect")
    async with received(opened, gap) as (monitor, _):
        assert "1 gap" in monitor.trade.status.lines[0].text
        assert "gap of 3.0s in book: reconnect" in log(monitor)


async def test_a_failed_cancel_is_not_pushed_away_by_gaps_on_a_small_screen(
    opened: Opened,
) -> None:
    async with received(opened, size=(80, 24)) as (monitor, source):
        monitor.view_model.tell("order not cancelled: unknown order", "warn")
        for number in range(12):
            await publish(
                monitor, source, events.Gap(NOW, "book", (f"X{number}/USD",), NOW, NOW, "")
            )
        assert "order not cancelled: unknown order" in log(monitor)
        source.time = NOW + 11 * NS_PER_S
        monitor.trade.draw()
        assert "order not cancelled" not in log(monitor)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_queue_that_cannot_be_trusted_is_stale_in_a_word(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with received(opened, size=size) as (monitor, source):
        source.orders_held[SYMBOL].verified = False
        monitor.trade.draw()
        queue = next(pane for pane in monitor.trade.panes if pane.id == "queue")
        assert "STALE" in queue.lines[0].text


# --- the trading engine -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "word", "words"),
    [
        ("cancel_only", "● CANCEL ONLY", "orders can be cancelled, and none placed"),
        ("post_only", "● POST ONLY", "only post-only orders are taken"),
        ("limit_only", "● LIMIT ONLY", "only limit orders are taken"),
        ("maintenance", "○ MAINTENANCE", "down for maintenance: nothing trades"),
        ("dancing", "● DANCING", "the exchange says it is in dancing"),
    ],
)
async def test_a_restricted_engine_is_in_the_header_and_in_the_log(
    opened: Opened, system: str, word: str, words: str
) -> None:
    async with received(opened, events.Status(NOW, system)) as (monitor, _):
        assert word in header(monitor)
        assert words in log(monitor)


async def test_an_engine_that_is_online_again_is_logged_once(opened: Opened) -> None:
    online = events.Status(NOW, "online")
    async with received(opened, events.Status(NOW, "post_only"), online, online) as (monitor, _):
        assert "● LIVE" in header(monitor)
        assert log(monitor).count("the exchange is online again") == 1


# --- a key that is refused ----------------------------------------------------------------


async def test_a_refused_key_is_shown_in_the_exchanges_words_and_public_data_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with SimServer(SimOptions(seed=3, symbols=(SYMBOL,))) as sim:
        key = Credentials("not-a-key-of-this-exchange", sim.api_secret)
        source = LiveSource((SYMBOL,), Endpoints.at(sim.endpoints.rest), key)
        monitor = Monitor(source, Settings(), (SYMBOL,))
        async with monitor.run_test(size=(120, 40)):
            await until(lambda: source.no_level3_reason and source.l2)
            monitor.trade.draw()
            assert "● LIVE" in header(monitor)
            queue = next(pane for pane in monitor.trade.panes if pane.id == "queue")
            words = " ".join(line.text.strip("│ ") for line in queue.lines)
            assert "EAPI:Invalid key" in words
            assert "Public data go on without the key" in words
            assert any("EAPI:Invalid key" in each.text for each in monitor.view_model.recent_log())
