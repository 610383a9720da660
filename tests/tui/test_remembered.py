"""What the monitor remembers: saved whole, bounded, never in the way of a start."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked_tui import config, remembered
from kracked_tui.launch import watched
from kracked_tui.options import Options, parsed
from kracked_tui.remembered import Choices, Memory, PairChoices, recalled
from tests.tui.conftest import Opened, settled
from tests.tui.frozen_market import SYMBOL, ScriptedSource


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kracked" / "monitor.json"


def saved(file: Path, **fields: object) -> Memory:
    memory = recalled(file)
    memory.change(**fields)
    memory.save()
    return memory


def test_without_a_file_nothing_is_remembered_and_nothing_is_wrong(file: Path) -> None:
    memory = recalled(file)
    assert (memory.choices, memory.problem, memory.unsaved) == (Choices(), "", False)


def test_what_is_saved_comes_back(file: Path) -> None:
    memory = recalled(file)
    memory.change(theme="day", timeframe_s=300)
    memory.change_pair(SYMBOL, row="0.5", least_print="0.05")
    memory.change_exchange("ws.kraken.com", "ETH/USD", ["BTC/USD"])
    memory.save()
    assert recalled(file).choices == memory.choices
    assert recalled(file).choices.pair(SYMBOL) == PairChoices("0.5", "0.05")


def test_two_monitors_keep_each_others_choices(file: Path) -> None:
    one, other = recalled(file), recalled(file)
    one.change(theme="day")
    one.change_pair("ETH/USD", row="1")
    other.change(timeframe_s=300)
    other.change_pair("ETH/USD", least_print="5")
    one.save()
    other.save()
    choices = recalled(file).choices
    assert (choices.theme, choices.timeframe_s) == ("day", 300)
    assert choices.pair("ETH/USD") == PairChoices("1", "5")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"version": 1, "theme": 5}',
        b'{"theme": "day"}',
        b'{"version": 1, "pairs": {"BTC/USD": []}}',
        b'{"version": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"version": 1, "theme": "' + b"x" * remembered.MOST_BYTES + b'"}',
    ],
)
def test_a_damaged_file_is_told_and_set_aside(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    memory = recalled(file)
    aside = file.with_name("monitor.json.damaged")
    assert memory.choices == Choices()
    assert "damaged" in memory.problem
    assert aside.read_bytes() == content
    memory.change(theme="day")
    memory.save()
    assert recalled(file).choices.theme == "day"


def test_the_file_of_a_later_version_is_left_alone(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('{"version": 2, "theme": {"of": "another kind"}}')
    memory = recalled(file)
    memory.change(theme="day")
    memory.save()
    assert "later kracked" in memory.problem
    assert json.loads(file.read_text())["version"] == 2


def test_a_later_version_that_wrote_meanwhile_is_left_alone(file: Path) -> None:
    memory = saved(file, theme="day")
    later = '{"version": 2, "theme": {"of": "another kind"}}'
    file.write_text(later)
    memory.change(timeframe_s=300)
    with pytest.raises(OSError, match="a later kracked wrote it"):
        memory.save()
    memory.change(timeframe_s=60)
    memory.save()
    assert not memory.unsaved
    assert file.read_text() == later


def test_a_file_damaged_meanwhile_is_set_aside_and_every_choice_written_anew(file: Path) -> None:
    memory = saved(file, theme="day", starts=7)
    file.write_bytes(b"{")
    memory.change(timeframe_s=300)
    memory.save()
    assert file.with_name("monitor.json.damaged").read_bytes() == b"{"
    assert recalled(file).choices == Choices(theme="day", starts=7, timeframe_s=300)
    assert "damaged" in memory.problem


def test_a_read_that_fails_once_loses_no_choice(file: Path) -> None:
    memory = saved(file, theme="day", starts=7)
    content = file.read_bytes()
    file.unlink()
    file.mkdir()  # nothing that can be read
    memory.change(timeframe_s=300)
    with pytest.raises(OSError, match="it is no file"):
        memory.save()
    file.rmdir()
    file.write_bytes(content)
    memory.save()
    assert recalled(file).choices == Choices(theme="day", starts=7, timeframe_s=300)


def test_what_is_no_file_never_holds_up_the_start(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file)  # reading it would wait for ever
    memory = recalled(file)
    assert "nothing is remembered" in memory.problem
    assert not memory.unsaved


def test_a_failed_save_is_tried_again_with_everything(file: Path) -> None:
    memory = recalled(file)
    memory.change(theme="day")
    memory.change_pair(SYMBOL, row="0.5")
    file.parent.write_text("in the way")
    with pytest.raises(OSError, match="kracked"):
        memory.save()
    memory.change_pair(SYMBOL, least_print="1")
    file.parent.unlink()
    memory.save()
    assert recalled(file).choices.pair(SYMBOL) == PairChoices("0.5", "1")
    assert recalled(file).choices.theme == "day"


def test_the_pairs_remembered_are_bounded_and_the_oldest_goes_first(file: Path) -> None:
    memory = recalled(file)
    for number in range(remembered.MOST_PAIRS + 5):
        memory.change_pair(f"A{number}/USD", row="1")
    memory.save()
    pairs = recalled(file).choices.pairs
    assert len(pairs) == remembered.MOST_PAIRS
    assert "A4/USD" not in pairs
    assert "A5/USD" in pairs


def test_what_cannot_be_a_pair_or_a_word_is_dropped(file: Path) -> None:
    file.parent.mkdir()
    choices = Choices(
        theme="x" * 500,
        shown={"a": "\x1b[2J/USD", "b": "ETH/USD"},
        watched={"a": ("no pair", "BTC/USD")},
        pairs={"no pair": PairChoices("1"), "BTC/USD": PairChoices("1" * 500)},
    )
    memory = Memory(file)
    memory.change(**{name: getattr(choices, name) for name in choices.__struct_fields__})
    memory.save()
    assert recalled(file).choices == Choices(shown={"b": "ETH/USD"}, watched={"a": ("BTC/USD",)})


def test_fresh_forgets_the_file_too(file: Path) -> None:
    saved(file, theme="day")
    memory = recalled(file, fresh=True)
    assert memory.choices == Choices()
    memory.save()
    assert recalled(file).choices == Choices()


@given(st.text(max_size=60), st.integers(0, 18))
def test_a_remembered_number_of_any_text_is_none_or_fits(text: str, decimals: int) -> None:
    assert remembered.scaled(text, decimals) >= 0


# --- what goes before it ----------------------------------------------------------------------


def test_flag_environment_and_file_go_before_the_remembered_theme(tmp_path: Path) -> None:
    (tmp_path / "kracked").mkdir()
    (tmp_path / "kracked" / "config.toml").write_text('[monitor]\ntheme = "mono"\n')
    home = {"XDG_CONFIG_HOME": str(tmp_path)}
    nothing = {"XDG_CONFIG_HOME": str(tmp_path / "none")}
    named = home | {"KRACKED_THEME": "blue-orange"}

    def theme(options: Options, environment: dict[str, str], before: str = "day") -> str:
        return config.settings(options, environment, theme=before).theme

    assert theme(Options(theme="night"), named) == "night"
    assert theme(Options(), named) == "blue-orange"
    assert theme(Options(), home) == "mono"
    assert theme(Options(), nothing) == "day"
    assert theme(Options(), nothing, "gone") == "night"


def test_named_pairs_go_before_those_of_the_last_time() -> None:
    host = "ws.kraken.com"
    choices = Choices(shown={host: "SOL/USD"}, watched={host: ("ETH/USD", "SOL/USD")})
    assert watched(parsed(["XRP/USD"]), choices) == ("XRP/USD",)
    assert watched(parsed([]), choices) == ("SOL/USD", "ETH/USD")
    assert watched(parsed([]), Choices()) == ("BTC/USD",)


def test_a_demo_shows_the_pair_of_the_last_time_among_its_own() -> None:
    choices = Choices(shown={"simulated exchange": "SOL/USD"})
    assert watched(parsed(["--demo"]), choices)[:2] == ("SOL/USD", "BTC/USD")
    gone = Choices(shown={"simulated exchange": "GONE/USD"})
    assert watched(parsed(["--demo"]), gone)[0] == "BTC/USD"


# --- on the screen ----------------------------------------------------------------------------


async def test_keys_that_choose_are_remembered_per_pair(opened: Opened) -> None:
    async with opened() as (monitor, pilot):
        await pilot.press("plus", "f", "right_square_bracket", "T")
        monitor.trade.draw()
        choices = monitor.view_model.memory.choices
        frame = monitor.trade.frame_state()
        row = frame.precision.price_text(monitor.trade.ladder.scroll.step)
        least = frame.precision.qty_text(monitor.trade.tape.at_least)
        assert choices.pair(SYMBOL) == PairChoices(row, least)
        assert (choices.theme, choices.timeframe_s) == ("blue-orange", 300)
        await pilot.press("v", "F")
        assert monitor.view_model.memory.choices.pair(SYMBOL).columns == "pulled and stacked"
        assert monitor.view_model.memory.choices.pair(SYMBOL).least_print == ""


async def test_what_is_remembered_is_on_the_first_screen(opened: Opened) -> None:
    pair = PairChoices(row="5.0", least_print="0.31000000", columns="profile")
    memory = Memory(choices=Choices(timeframe_s=300, pairs={SYMBOL: pair}))
    async with opened(memory=memory) as (monitor, _):
        assert monitor.trade.ladder.scroll.step == 50
        assert monitor.trade.ladder.shown.value == "profile"
        assert monitor.trade.tape.at_least == 31_000_000
        assert monitor.view_model.timeframe_s == 300


async def test_a_remembered_grouping_that_no_tick_fits_is_left_out(opened: Opened) -> None:
    memory = Memory(choices=Choices(pairs={SYMBOL: PairChoices(row="0.55")}))
    async with opened(memory=memory) as (monitor, _):
        assert monitor.trade.ladder.scroll.step not in (0, 5, 6)


async def test_the_file_is_written_while_the_monitor_runs_and_at_its_end(
    opened: Opened, file: Path
) -> None:
    memory = Memory(file)
    async with opened(memory=memory) as (_, pilot):
        await pilot.press("T")
        while memory.unsaved:
            await pilot.pause(0.05)
        await pilot.press("T")
    assert recalled(file).choices.theme == "mono"


async def test_a_disk_that_refuses_is_told_once(opened: Opened, file: Path) -> None:
    file.parent.write_text("in the way")
    async with opened(memory=Memory(file)) as (monitor, pilot):
        await pilot.press("T")
        for _ in range(3):
            await monitor.view_model.save_choices()
        await settled(monitor, pilot)
        told = [each.text for each in monitor.store.log_entries if "not remembered" in each.text]
        assert len(told) == 1


async def test_a_problem_with_the_file_is_told_on_the_screen(opened: Opened) -> None:
    async with opened(memory=Memory(problem="monitor.json was damaged")) as (monitor, pilot):
        await settled(monitor, pilot)
        assert any("damaged" in each.text for each in monitor.store.log_entries)


async def test_the_pair_is_remembered_once_the_exchange_lists_it(opened: Opened) -> None:
    source = ScriptedSource()
    async with opened(source=source) as (monitor, _):
        model = monitor.view_model
        monitor.trade.show_symbol("NO/SUCH")
        model.remember_pairs()
        assert model.memory.choices.shown.get(source.name) != "NO/SUCH"
        monitor.trade.show_symbol(SYMBOL)
        model.remember_pairs()
        assert model.memory.choices.shown == {source.name: SYMBOL}
