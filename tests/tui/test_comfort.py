"""Hints, commands, help, jumping, layouts, copying: what makes the keys easy to live with."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from textual.widgets import Input

from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import picture
from kracked_tui.remembered import Memory, recalled
from kracked_tui.screens.command_keys import ActionProvider
from kracked_tui.sources.log_file import LogRecording
from kracked_tui.sources.replay import ReplaySource
from kracked_tui.view.chrome import layout, layouts
from kracked_tui.view.replay.sessions import SessionRow
from tests.patience import until
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import NOW, SYMBOL
from tests.tui.keyboard import soon, tap
from tests.tui.painted import PaintedScreen


def hints(monitor: Monitor) -> str:
    monitor.trade.draw()
    return monitor.trade.hints.lines[0].text


def log(monitor: Monitor) -> list[str]:
    return [each.text for each in monitor.store.log_entries]


# --- hints ------------------------------------------------------------------------------------


async def test_hints_have_the_keys_as_they_are_set(opened: Opened) -> None:
    settings = Settings(keys={"recentre": "v", "coarser": "m", "finer": "n"})
    async with opened((200, 60), settings=settings) as (monitor, _):
        assert " v centre " in hints(monitor)
        assert " m/n group " in hints(monitor)


async def test_a_hint_is_shown_only_where_its_key_has_an_effect(opened: Opened) -> None:
    async with opened((200, 60)) as (monitor, pilot):
        assert "candles" in hints(monitor)
        await pilot.press("z")  # the ladder alone
        assert "candles" not in hints(monitor)
        assert "group" in hints(monitor)


async def test_while_something_is_typed_the_hints_are_those_of_the_field(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("slash")
        await pilot.pause()
        assert hints(monitor).split() == ["enter", "take", "it", "esc", "close"]


@pytest.mark.parametrize(("starts", "told"), [(1, True), (3, True), (4, False), (0, False)])
async def test_the_first_starts_say_where_to_begin_with_the_keys_as_set(
    opened: Opened, starts: int, told: bool
) -> None:
    memory = Memory()
    memory.change(starts=starts)
    settings = Settings(keys={"jump": "ctrl+g"})
    async with opened(memory=memory, settings=settings) as (monitor, _):
        hint = "? shows every key, : takes commands, ^g and a letter goes to a pane"
        assert (hint in log(monitor)) is told


# --- commands ---------------------------------------------------------------------------------


async def test_a_command_groups_the_ladder_and_is_remembered(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"group", "space", "5", "full_stop", "0", "enter")
        await pilot.pause()
        assert monitor.trade.ladder.scroll.step == 50
        assert monitor.view_model.memory.choices.pair(SYMBOL).row == "5.0"
        assert monitor.trade.panels.top is None


@pytest.mark.parametrize(
    ("opens", "field"), [("colon", "command-input"), ("slash", "picker-input")]
)
async def test_what_is_typed_right_after_the_key_that_opens_a_field_is_in_it(
    opened: Opened, opens: str, field: str
) -> None:
    async with opened() as (monitor, _):
        tap(monitor, opens, *"bs+z")
        typed = monitor.trade.query_one(f"#{field}", Input)
        assert await soon(lambda: typed.value == "bs+z"), typed.value


@pytest.mark.parametrize(("letter", "pane"), [("t", layout.TAPE), ("s", None), ("x", None)])
async def test_a_letter_right_behind_the_key_that_jumps_is_a_pane_and_no_other_key(
    opened: Opened, letter: str, pane: str | None
) -> None:
    async with opened((120, 40)) as (monitor, _):
        trade, entries = monitor.trade, monitor.store.log_entries
        before, told = trade.focused, list(entries)
        tap(monitor, "g", letter, "down")
        wanted = trade.panels.pane(pane) if pane else before
        assert await soon(lambda: trade.focused is wanted and trade.panels.top is None)
        assert list(entries) == told


async def test_tab_completes_a_command_and_an_error_stays_with_what_is_known(
    opened: Opened,
) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"the", "tab")
        field = monitor.trade.query_one("#command-input", Input)
        assert field.value == "theme "
        await pilot.press(*"noon", "enter")
        await pilot.pause()
        text = " ".join(line.text for line in monitor.trade.commands._rows.lines)
        assert "no name is called noon" in text
        assert monitor.trade.panels.top == layout.COMMAND


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("pair NO/SUCH", "no pair is called NO/SUCH"),
        ("filter much", "much is no quantity"),
        ("filter -1", "not below 0"),
        ("candles 7m", "no time is called 7m"),
    ],
)
async def test_a_command_that_cannot_be_run_says_why(opened: Opened, line: str, told: str) -> None:
    async with opened() as (monitor, _):
        assert told in monitor.trade.command_keys.run(line)


async def test_commands_set_what_keys_set(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        for line in ("theme day", "layout chart", "candles 5m", "filter 0.31", "sort change"):
            assert monitor.trade.command_keys.run(line) == ""
        await settled(monitor, pilot)
        choices = monitor.view_model.memory.choices
        assert (choices.theme, choices.layout) == ("day", "chart")
        assert (choices.timeframe_s, choices.watch_order) == (300, "change")
        assert monitor.trade.tape.at_least == 31_000_000
        assert monitor.trade.command_keys.run("go health") == ""
        assert monitor.trade.panels.pane("health").display
        assert monitor.trade.command_keys.run("forget") == ""
        assert monitor.view_model.memory.choices.theme == ""


async def test_the_palette_has_command_lines_and_says_when_it_has_nothing(opened: Opened) -> None:
    async with opened() as (monitor, _):
        provider = ActionProvider(monitor.screen)
        for typed, found in (("pair BTC", "pair BTC/USD"), ("xyzzy", "Nothing is called 'xyzzy'")):
            hits = [str(hit.prompt) async for hit in provider.search(typed)]
            assert any(found in text for text in hits), hits


# --- the help ---------------------------------------------------------------------------------


def help_text(monitor: Monitor) -> str:
    monitor.trade.draw()
    return "\n".join(line.text for line in monitor.trade.help_pages.lines)


async def test_the_help_turns_by_every_key_that_leads_on(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        await pilot.press("question_mark")
        seen = [help_text(monitor).splitlines()[0]]
        for key in ("pagedown", "right", "down", "left", "pageup", "end", "home"):
            await pilot.press(key)
            seen.append(help_text(monitor).splitlines()[0])
        numbers = [line.split(" page ")[1].split(" of ")[0] for line in seen]
        last = seen[0].split(" of ")[1].split()[0]
        assert numbers == ["1", "2", "3", "4", "3", "2", last, "1"]


async def test_a_slash_searches_the_help(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("question_mark", "slash", *"recording", "enter")
        await pilot.pause()
        text = help_text(monitor)
        assert "Start recording, or stop" in text
        assert "Next colour theme" not in text
        await pilot.press("slash", *"xyzzy", "enter")
        await pilot.pause()
        assert "Nothing in the help has 'xyzzy'" in help_text(monitor)


async def test_f1_begins_with_the_focused_pane(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("4", "f1")
        text = help_text(monitor)
        assert "dotted line is the VWAP" in text
        assert text.index("This pane") < text.index("Tape and chart") < len(text)


def test_every_pane_has_its_help_and_its_letter() -> None:
    from kracked_tui.view.chrome.pane_help import PANES

    assert set(PANES) == set(layout.PANES) == set(layout.LETTERS)
    assert len(set(layout.LETTERS.values())) == len(layout.LETTERS)


# --- jumping, layouts -------------------------------------------------------------------------


async def test_g_and_a_letter_go_to_a_pane_even_one_without_room(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        await pilot.press("g", "t")
        assert monitor.trade.tape.has_focus
        await pilot.press("g", "h")
        await settled(monitor, pilot)
        assert monitor.trade.panels.pane("health").has_focus
        assert "checksums verified" in "".join(
            line.text for line in monitor.trade.panels.pane("health").lines
        )


async def test_g_takes_one_key_and_gives_the_focus_back(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("g", "slash")
        assert monitor.trade.panels.top is None
        assert monitor.trade.ladder.has_focus
        await pilot.press("g", "g")
        assert monitor.trade.ladder.scroll.cursor is not None  # the top row
        await pilot.press("g", "escape")
        assert monitor.trade.panels.top is None


async def test_the_backslash_goes_through_the_layouts_and_remembers_the_last(
    opened: Opened,
) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        seen = []
        for _ in layouts.NAMES:
            await pilot.press("backslash")
            await settled(monitor, pilot)
            seen.append(monitor.view_model.memory.choices.layout)
            assert monitor.trade.ladder.display
            assert all(pane.lines for pane in monitor.trade.panes if pane.display)
        assert seen == [*layouts.NAMES[1:], layouts.NAMES[0]]


async def test_a_remembered_layout_is_on_the_first_screen(opened: Opened, tmp_path: Path) -> None:
    memory = recalled(tmp_path / "monitor.json")
    memory.change(layout="health")
    async with opened((120, 40), memory=memory) as (monitor, _):
        assert monitor.trade.panels.pane("health").display
        assert monitor.trade.panels.pane("log-list").display


async def test_a_layout_of_another_version_leaves_the_standard_one(opened: Opened) -> None:
    memory = Memory()
    memory.change(layout="hologram")
    async with opened((120, 40), memory=memory) as (monitor, pilot):
        assert monitor.trade.chart.display
        await pilot.press("backslash")
        assert monitor.view_model.memory.choices.layout == layouts.NAMES[1]


# --- the panes of the program -----------------------------------------------------------------


async def test_the_log_pane_has_every_entry_and_scrolls(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        for number in range(60):
            monitor.store.tell(NOW, f"entry {number}")
        await pilot.press("g", "k")
        await settled(monitor, pilot)
        pane = monitor.trade.panels.pane("log-list")
        assert "entry 59" in pane.lines[1].text
        assert "more below" in pane.lines[-1].text
        await pilot.press("end")
        assert any("public connected" in line.text for line in pane.lines)


async def test_the_recorder_pane_says_how_to_begin(opened: Opened) -> None:
    async with opened((80, 24)) as (monitor, pilot):
        await pilot.press("g", "r")
        await settled(monitor, pilot)
        text = " ".join(line.text for line in monitor.trade.panels.pane("recorder").lines)
        assert "This is a recording." in text or "R starts" in text


async def test_the_list_of_recordings_is_whole_in_everything_that_is_painted(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(SessionRow(f"session {number}", tmp_path) for number in range(4))
    monkeypatch.setattr("kracked_tui.screens.view_keys.recorded_sessions", lambda _: rows)
    async with opened((120, 40)) as (monitor, pilot):
        painted, listed = PaintedScreen(monitor), monitor.trade.sessions
        write, seen = painted._write, set[str]()

        def look(text: str) -> None:
            """Note the list after each write to the terminal."""
            write(text)
            if listed.display and listed.region.height:
                seen.add(painted.words(listed))

        monkeypatch.setattr(painted, "_write", look)
        await pilot.press("P")
        await until(lambda: seen)
        await settled(monitor, pilot)
        assert len(seen) == 1, seen
        assert all(row.name in seen.copy().pop() for row in rows)


# --- copying ----------------------------------------------------------------------------------


async def test_capital_y_copies_the_pane_as_csv_with_exact_values(opened: Opened) -> None:
    async with opened((120, 40)) as (monitor, pilot):
        await pilot.press("3", "Y")
        rows = list(csv.reader(io.StringIO(monitor.clipboard)))
        newest = monitor.store.market(SYMBOL).prints[-1]
        assert rows[0][:5] == ["time", "side", "price", "last_price", "qty"]
        assert rows[1][4] == monitor.trade.frame_state().precision.qty_text(newest.qty)
        assert len(rows) == 1 + len(monitor.store.market(SYMBOL).prints)


@pytest.mark.parametrize("name", [name for name in layout.PANES if name != layout.RECORDER])
async def test_every_table_has_a_header_and_rows_of_its_width(opened: Opened, name: str) -> None:
    async with opened((200, 60)) as (monitor, _):
        monitor.trade.view_keys.go_to(name)
        monitor.trade.view_keys.action_copy_csv()
        rows = list(csv.reader(io.StringIO(monitor.clipboard)))
        assert len({len(row) for row in rows}) == 1
        assert all(rows[0])


# --- without times, without books -------------------------------------------------------------

TRADE = (
    '{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":0.6,'
    '"qty":1.0,"ord_type":"market","trade_id":1,"timestamp":"2026-08-01T00:00:03.500000Z"}]}'
)
STATUS = '{"channel":"status","type":"update","data":[{"system":"online","connection_id":1}]}'


async def test_a_log_of_trades_alone_shows_the_pair_of_the_tape(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f"{TRADE}\n")
    monitor = Monitor(ReplaySource(LogRecording(path)), Settings())
    async with monitor.run_test(size=(100, 24)) as pilot:
        while not monitor.store.messages:
            await pilot.pause(0.01)
        monitor.trade.draw()
        assert "MATIC/USD" in monitor.trade.header.lines[0].text


async def test_a_log_without_times_says_so_and_never_1970(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f"{STATUS}\n" * 5)
    monitor = Monitor(ReplaySource(LogRecording(path)), Settings())
    async with monitor.run_test(size=(100, 24)) as pilot:
        while not monitor.store.messages:
            await pilot.pause(0.01)
        monitor.trade.draw()
        text = picture(monitor, ".txt").decode()
        assert "no times" in monitor.trade.header.lines[0].text
        assert "1970" not in text
        assert "00:00:00" not in text
