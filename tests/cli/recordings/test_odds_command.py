"""`kracked odds`: what it fits, keeps, shows and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copy

import pytest

from kracked.cli.main import main
from kracked.flow.odds.scoring import OddsScore
from kracked.flow.odds.store import read_odds, write_odds
from kracked.flow.odds.table import HORIZONS_S
from tests.frames.test_order_odds import SYMBOL, recorded


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odds") / "session"
    recorded(path, 6, 41)
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odds") / "short"
    recorded(path, 7, 1)
    return path


@pytest.fixture(scope="module")
def fitted(session: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a fit."""
    path = tmp_path_factory.mktemp("odds") / "odds.json"
    assert main(["odds", "fit", str(session), "--out", str(path)]) == 0
    return path


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "kracked" / "odds.json"


def test_a_fit_is_kept_and_shown(
    session: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["odds", "fit", str(session)]) == 0
    fitted = capsys.readouterr().out
    assert fitted.startswith(f"{SYMBOL}: ")
    assert set(read_odds(data).symbols) == {SYMBOL}
    assert main(["odds", "show", "bonk/usd"]) == 0
    shown = capsys.readouterr().out
    assert shown == fitted
    for seconds in HORIZONS_S:
        assert f"filled in {seconds} s: " in shown
    assert "calibration error" in shown
    assert "hit rate" in shown


def test_json_has_the_calibration_by_tenths(
    fitted: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["odds", "show", "--file", str(fitted), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["not_fitted"]) == (str(fitted), {})
    [one] = told["symbols"]
    assert [row["outcome"] for row in one["left_out"]][-1] == "price leaves first"
    assert sum(row["cases"] for row in one["left_out"][0]["tenths"]) == one["samples"]


def test_a_fit_tells_the_same_as_json(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "here.json"
    assert main(["odds", "fit", str(short), "--out", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "file": str(file),
        "written": False,
        "symbols": [],
        "not_fitted": {SYMBOL: "not fitted: 0 of 40 minutes were recorded"},
    }
    assert not file.exists()


def test_what_is_too_short_is_said_and_keeps_the_earlier_table(
    fitted: Path, short: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.parent.mkdir()
    copy(fitted, data)
    before = data.read_bytes()
    assert main(["odds", "fit", str(short)]) == 1
    captured = capsys.readouterr()
    assert f"reading the orders and trades of {SYMBOL}" in captured.err
    assert f"{SYMBOL}: not fitted: 0 of 40 minutes were recorded" in captured.err
    assert "nothing written" in captured.err
    assert data.read_bytes() == before


def test_odds_given_since_are_shown_apart(
    fitted: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = read_odds(fitted)
    one = kept.symbols[SYMBOL]
    one.score = OddsScore.of(one.table)
    one.score.own[0].add(0.6, happened=True)
    write_odds(data, kept)
    assert main(["odds", "show"]) == 0
    shown = capsys.readouterr().out
    assert "since, own orders: filled in 30 s: 100% of 1" in shown
    assert "since, ghosts" not in shown


@pytest.mark.parametrize("words", [[], ["BTC/USD"]])
def test_where_nothing_is_fitted_it_says_so(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["odds", "show", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fitted" in captured.err
    assert "kracked odds fit" in captured.err


def test_a_recording_that_is_not_there_is_named(
    short: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["odds", "fit", str(short), str(tmp_path / "typo")]) == 1
    assert f"{tmp_path / 'typo'}: No such file" in capsys.readouterr().err


def test_a_damaged_file_is_not_written_over(
    short: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data.parent.mkdir()
    data.write_text("{")
    assert main(["odds", "fit", str(short)]) == 1
    assert "is damaged" in capsys.readouterr().err
    assert data.read_text() == "{"
