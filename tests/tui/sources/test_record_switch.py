"""Recording while watching: a switch that never leaves half a recording behind."""

from __future__ import annotations

import re
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import kracked
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.sim.server import SimOptions, SimServer
from kracked_tui import launch, options
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.options import Options
from kracked_tui.remembered import Memory
from kracked_tui.sources.live import LiveSource
from kracked_tui.sources.opening import Destination
from kracked_tui.sources.record_switch import session_name, sessions_folder
from kracked_tui.view.chrome.status import FeedView, status_line
from kracked_tui.view.replay.record_status import RecordView, banner_line, record_facts
from tests.patience import until
from tests.tui.conftest import Opened
from tests.tui.frozen_market import NOW, SYMBOL

GOING = RecordView(3_100_000, 41_204, 120, 0, 0, 212_000_000_000)


def test_stopped_tables_and_a_verdict_worse_than_gaps_stand_on_the_status_line() -> None:
    stopped = GOING._replace(tables_stopped="the disk is nearly full", verdict="tables_missing")
    facts = ["".join(span.text for span in fact) for fact in record_facts(stopped)]
    assert {"TABLES STOPPED", "TABLES MISSING"} <= {*facts}
    banner = banner_line(stopped, 100)
    assert banner is not None
    assert "no tables, raw messages alone: the disk is nearly full" in "".join(
        span.text for span in banner.spans
    )


def test_the_status_line_begins_with_the_recording() -> None:
    line = status_line(FeedView("ws.kraken.com", verified=9), 80, GOING)
    assert line.text.startswith(" ● REC  3.100MB before packing  41.20k rows  120 a second  gaps 0")
    assert len(line.text) == 80


def test_a_failing_disk_is_a_banner_with_the_reason() -> None:
    full = GOING._replace(trouble="No space left on device", waiting_bytes=12_000_000)
    line = banner_line(full, 100)
    assert line is not None
    assert "No space left on device · 12.00MB wait in memory" in line.text
    assert line.role == "notice"


def test_messages_lost_stay_a_banner_when_the_disk_is_well_again() -> None:
    line = banner_line(GOING._replace(lost=17), 60)
    assert line is not None
    assert "17 messages lost" in line.text


def test_a_recording_without_trouble_needs_no_banner() -> None:
    assert banner_line(GOING, 80) is None
    assert banner_line(None, 80) is None


def test_recordings_are_kept_by_time_and_host() -> None:
    assert session_name("127.0.0.1:4321", NOW) == "20261122T140321Z-127.0.0.1-4321"
    assert sessions_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/kracked/rec")


def test_a_symbol_after_record_is_not_taken_for_a_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        options.parsed(["--record", "BTC/USD"])
    assert "put symbols before --record" in capsys.readouterr().err


def test_record_takes_a_folder_or_none() -> None:
    assert options.parsed(["BTC/USD"]).record is False
    alone = options.parsed(["BTC/USD", "--record"])
    assert (alone.record, alone.record_to) == (True, None)
    assert options.parsed(["--record", "night"]).record_to == Path("night")


def test_a_folder_that_cannot_be_is_refused_before_anything_is_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        options.parsed(["BTC/USD", "--record", str(tmp_path / "file" / "session")])
    assert f"{tmp_path / 'file'} is no folder that can be written to" in capsys.readouterr().err


async def test_a_source_that_cannot_be_recorded_says_why(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("R")
        assert "nothing to record: not connected yet" in monitor.view_model.recent_log()[0].text


@pytest.fixture
async def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Monitor]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with SimServer(SimOptions(seed=3, symbols=(SYMBOL,))) as sim:
        endpoints = Endpoints.at(sim.endpoints.rest)
        key = Credentials(sim.api_key, sim.api_secret)
        monitor = Monitor(LiveSource((SYMBOL,), endpoints, key), Settings(), (SYMBOL,))
        monitor.record_to = tmp_path / "session"
        yield monitor


async def recorded_some(monitor: Monitor) -> None:
    """Wait until messages have been recorded."""

    def some() -> bool:
        monitor.recording._last_view = (0, RecordView())
        view = monitor.recording.view(monitor.source.now())
        return view is not None and view.bytes > 10_000

    await until(some)


async def test_a_key_starts_and_stops_and_what_is_left_verifies(
    live: Monitor, tmp_path: Path
) -> None:
    async with live.run_test(size=(120, 40)) as pilot:
        await until(lambda: live.source.feed and live.source.l2)
        await pilot.press("R")
        await recorded_some(live)
        live.trade.draw()
        assert "● REC" in live.trade.status.lines[0].text
        await pilot.press("R")
        live.trade.draw()
        assert "REC" not in live.trade.status.lines[0].text
    recording = kracked.open_recording(tmp_path / "session")
    assert recording.info().clean_stop
    assert recording.verify().proven


@pytest.fixture
def disk() -> Iterator[Callable[[bool], None]]:
    """`disk(False)`: from now on no file takes another byte; `disk(True)`: all is well again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def takes(more: bool) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before if more else (1, before[1]))

    yield takes
    takes(True)


async def shown(monitor: Monitor, expected: Callable[[str], bool]) -> str:
    """The line the banner stands in, once it is as expected."""

    def line() -> str:
        monitor.recording._last_view = (0, RecordView())
        monitor.trade.draw()
        text = monitor.trade.log_row.lines[0].text
        return text if expected(text) else ""

    return await until(line)


async def test_a_full_disk_is_a_banner_until_it_takes_more_again(
    live: Monitor, tmp_path: Path, disk: Callable[[bool], None]
) -> None:
    async with live.run_test(size=(160, 48)) as pilot:
        await until(lambda: live.source.feed and live.source.l2)
        await pilot.press("R")
        await recorded_some(live)
        disk(False)
        banner = await shown(live, lambda line: "cannot write to the disk" in line)
        disk(True)
        assert "× REC" in banner
        assert "File too large" in banner
        assert "wait in memory" in banner
        facts = live.trade.status.lines[0].text
        assert re.search(
            r"● REC  \S+B before packing  \S+ rows +\d+ a second  gaps \d+  disk \S+B", facts
        )
        await shown(live, lambda line: "cannot write to the disk" not in line)
        await pilot.press("R")
    assert kracked.open_recording(tmp_path / "session").verify().proven


async def test_a_folder_that_cannot_be_written_to_is_refused_on_the_screen(
    live: Monitor, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    live.record_to = tmp_path / "file" / "session"
    async with live.run_test(size=(200, 60)) as pilot:
        await shown(live, lambda line: "level3 verified" in line)
        await pilot.press("R")
        line = await shown(live, lambda line: "recording: " in line)
        assert "cannot be a folder: a file is in its place" in line
        assert not live.recording.on


async def test_a_failed_recording_stays_on_the_screen_until_another_works(
    live: Monitor, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    live.record_to, live.record_at_once = tmp_path / "file", True
    async with live.run_test(size=(80, 24)) as pilot:
        await shown(live, lambda line: "level3 verified" in line)
        live.trade.draw()
        assert live.trade.status.lines[0].text.startswith(" × NOT RECORDING")
        live.record_to = tmp_path / "session"
        await pilot.press("R")
        await recorded_some(live)
        live.trade.draw()
        assert live.trade.status.lines[0].text.startswith(" ● REC")


async def test_quitting_ends_a_recording_cleanly(live: Monitor, tmp_path: Path) -> None:
    live.record_at_once = True
    async with live.run_test(size=(120, 40)) as pilot:
        await recorded_some(live)
        await pilot.press("ctrl+q")
    assert kracked.open_recording(tmp_path / "session").info().clean_stop


def test_a_recording_that_a_replay_ended_begins_anew_on_the_way_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    night, other = tmp_path / "night", tmp_path / "other"
    ways = iter((Destination(night, ends_recording=True), Destination(other), Destination(None)))
    opened: list[tuple[str, bool]] = []

    def run(self: Monitor, *, mouse: bool) -> None:
        assert mouse
        opened.append((self.source.name, self.record_at_once))
        self.destination = next(ways, None)

    monkeypatch.setattr(Monitor, "run", run)
    launch.run(Options(demo=True), Settings(), Memory())
    demo = "simulated exchange"
    assert opened == [(demo, False), ("night", False), ("other", False), (demo, True)]


async def test_a_folder_of_something_else_is_refused_in_the_log(
    live: Monitor, tmp_path: Path
) -> None:
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "thesis.tex").touch()
    live.record_at_once = True
    async with live.run_test(size=(120, 40)):

        def refused() -> bool:
            return any("is not a recording" in each.text for each in live.view_model.recent_log())

        await until(refused)
        assert not live.recording.on
