"""`kracked bars`: its output and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from kracked.cli.main import main
from kracked.format import tables

ROWS = [
    # symbol, price, qty, side, trade_id, flags: the first two are from before the recording
    ("BTC/USD", "100.0", "1.00000000", "buy", 1, 160),
    ("BTC/USD", "101.0", "1.00000000", "buy", 2, 160),
    ("BTC/USD", "102.5", "0.10000000", "sell", 3, 128),
    ("ETH/USD", "10.25", "0.20000000", "buy", 9, 128),
    ("BTC/USD", "103.0", "0.20000000", "buy", 4, 128),
]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """Return a recording with five trades, a second apart."""
    path = tmp_path / "session"
    path.mkdir()
    lines = [
        f"2024-11-12T06:00:0{at}.000000000Z,2024-11-12T06:00:0{at}.100000000Z,"
        f"{symbol},{price},{qty},{side},limit,{number},{at + 1},{flags}\n"
        for at, (symbol, price, qty, side, number, flags) in enumerate(ROWS)
    ]
    (path / "trades.csv").write_text(f"{tables.TRADES.header}\n{''.join(lines)}")
    (path / "session.json").write_text('{"end": "2024-11-12T07:00:00.000000000Z"}')
    return path


def _objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    made: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return made


def test_bars_are_objects_for_machines(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", str(session), "--every", "1m", "--json"]) == 0
    first, second = _objects(capsys)
    assert (first["symbol"], first["open"], first["trades"]) == ("BTC/USD", 102.5, 2)
    assert (first["start"], first["end"]) == (
        "2024-11-12T06:00:00.000000000Z",
        "2024-11-12T06:01:00.000000000Z",
    )
    assert second["symbol"] == "ETH/USD"


def test_history_counts_when_asked_for(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", str(session), "--every", "1m", "--history", "--json"]) == 0
    assert [bar["trades"] for bar in _objects(capsys)] == [4, 1]


def test_symbols_can_be_chosen(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", str(session), "--ticks", "1", "--symbols", "ETH/USD", "--json"]) == 0
    assert [bar["symbol"] for bar in _objects(capsys)] == ["ETH/USD"]


def test_sums_are_written_without_the_noise_of_adding(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bars", str(session), "--every", "1m"]) == 0
    assert ",0.3," in capsys.readouterr().out.splitlines()[1]


@pytest.mark.parametrize("name", ["bars.csv", "bars.parquet"])
def test_a_file_is_replaced_by_the_new_one(session: Path, name: str, tmp_path: Path) -> None:
    out = tmp_path / name
    out.write_text("old")
    assert main(["bars", str(session), "--every", "1m", "--out", str(out)]) == 0
    frame = pd.read_csv(out) if out.suffix == ".csv" else pd.read_parquet(out)
    assert frame["close"].tolist() == [103.0, 10.25]
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "session"]


def test_parquet_names_the_package_it_lacks(
    session: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def without_pyarrow(*_: object) -> None:
        raise ImportError

    monkeypatch.setattr(pd.DataFrame, "to_parquet", without_pyarrow)
    words = ["bars", str(session), "--every", "1m", "--out", str(tmp_path / "bars.parquet")]
    assert main(words) == 1
    assert capsys.readouterr().err == "kracked: Parquet needs pyarrow: pip install pyarrow\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--symbols", "XRP/USD"], "no trades of XRP/USD: it has BTC/USD, ETH/USD"),
        (["--out", "bars.txt"], "end its name with .csv or .parquet"),
        (["--out", "nowhere/bars.csv"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_said(
    session: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bars", str(session), "--every", "1m", *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--ticks", "0"],
        ["--ticks", "2.5"],
        ["--volume", "-1"],
        ["--dollars", "nan"],
        ["--every", "0s"],
        ["--every", "1m", "--ticks", "5"],
        ["--every", "1m", "--json", "--out", "bars.csv"],
    ],
)
def test_a_rule_that_makes_no_sense_is_misuse(session: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bars", str(session), *words])
    assert stopped.value.code == 2


def test_a_recording_without_trades_has_no_bars_and_says_so(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (session / "trades.csv").unlink()
    assert main(["bars", str(session), "--every", "1m"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "start,symbol,open,high,low,close,volume,vwap,trades,value,buy_volume,end,suspect"
    ]
    assert "no trades" in told.err


def test_a_folder_that_is_no_recording_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bars", str(tmp_path), "--every", "1m"]) == 1
    assert "no recording" in capsys.readouterr().err
