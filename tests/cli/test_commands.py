"""The commands as a user types them, against a simulated exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kracked.cli.main import main
from kracked.record.read.recording import open_recording
from tests.patience import PATIENCE_S, let_run


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """Run a simulated exchange in a process of its own; yield its addresses and its key."""
    command = [sys.executable, "-m", "kracked.cli.main", "sim", "--seed", "6", "--rate", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0


@pytest.fixture(scope="module")
def session(exchange: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record two books, trades and single orders until each book has been verified."""
    out = tmp_path_factory.mktemp("recording") / "session"
    key = {"KRAKEN_API_KEY": exchange["api_key"], "KRAKEN_API_SECRET": exchange["api_secret"]}
    words = ["record", "BTC/USD", "ETH/USD", "--out", str(out), "--endpoint", exchange["rest"]]
    words += ["--channels", "book=25", "level3=10", "trade", "--json"]
    command = [sys.executable, "-m", "kracked.cli.main", *words]
    with subprocess.Popen(command, env=os.environ | key, stdout=subprocess.PIPE) as process:
        let_run(process, lambda: (out / "session.json").exists() and _proven(out) == 4)
        process.terminate()
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert json.loads(told)["lost"] == 0
    return out


def _proven(recording: Path) -> int:
    """Return how many books have been verified more than once."""
    books = open_recording(recording).verify().books
    return sum(book.verified > 1 for book in books)


def test_a_recording_checks_as_healthy(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(session), "--json"]) == 0
    health = json.loads(capsys.readouterr().out)
    assert {(b["symbol"], b["channel"]) for b in health["books"]} == {
        (symbol, channel) for symbol in ("BTC/USD", "ETH/USD") for channel in ("book", "level3")
    }
    assert all(b["verified"] > 1 and not b["mismatched"] for b in health["books"])


def test_a_replay_is_json_events_a_line(
    session: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["replay", str(session), "--speed", "max"]) == 0
    kinds = {json.loads(line)["event"] for line in capfdbinary.readouterr().out.splitlines()}
    assert {"connected", "instruments", "book_snapshot", "orders_update", "verified"} <= kinds


def test_a_raw_replay_verifies_again(
    session: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["replay", str(session), "--speed", "max", "--raw"]) == 0
    log = tmp_path / "log.jsonl"
    log.write_bytes(capfdbinary.readouterr().out)
    assert main(["verify", str(log)]) == 0


def test_a_served_replay_says_where_and_ends_with_the_recording(session: Path) -> None:
    words = ["replay", str(session), "--serve", "0", "--speed", "max", "--start", "now", "--once"]
    done = subprocess.run(
        [sys.executable, "-m", "kracked.cli.main", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    served = json.loads(line)
    assert served["rest"].startswith("http://127.0.0.1:")
    assert set(served) == {"rest", "public", "level3", "private", "all", "api_key", "api_secret"}


def test_a_served_replay_goes_on_until_it_is_stopped(session: Path) -> None:
    command = [sys.executable, "-m", "kracked.cli.main", "replay", str(session), "--serve", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        fit = main(["doctor", "--endpoint", served["rest"]])
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert fit == 0


def test_an_address_that_is_not_this_machines_is_told_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sim", "--host", "192.0.2.1"]) == 1
    assert capsys.readouterr().err == (
        "kracked sim: cannot serve 192.0.2.1:0: that is no address of this machine; "
        "choose another --host, such as 127.0.0.1\n"
    )


@pytest.mark.parametrize("words", [["--symbols", "FOO"], ["--balances", "FOO=1"]])
def test_to_simulate_what_is_not_listed_is_misuse(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sim", *words]) == 2
    assert "kracked sim: FOO is not listed" in capsys.readouterr().err


def test_bars_are_csv(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bars", str(session), "--every", "1s"]) == 0
    assert capsys.readouterr().out.startswith("start,symbol,open,high,low,close")


def test_a_conversion_names_the_files_it_wrote(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(session), "--out", str(tmp_path)]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert files
    assert all(file.is_file() and file.suffix == ".parquet" for file in files)


@pytest.mark.parametrize("command", ["check", "replay", "convert"])
def test_a_folder_that_is_no_recording_ends_with_1_and_says_so(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["record", "BTC/USD", "--out", "x", "--channels", "books"],
        ["record", "BTC/USD", "--out", "x", "--duration", "soon"],
        ["replay", "x", "--speed", "-1"],
        ["bars", "x"],
        [],
    ],
)
def test_misuse_ends_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_doctor_finds_the_exchange_in_order(
    exchange: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRAKEN_API_KEY", raising=False)
    monkeypatch.delenv("KRAKEN_API_SECRET", raising=False)
    assert main(["doctor", "--endpoint", exchange["rest"], "--json"]) == 0
    findings = {one["subject"]: one for one in json.loads(capsys.readouterr().out)}
    assert findings["rest"]["verdict"] == findings["feed"]["verdict"] == "ok"
    assert "KRAKEN_API_KEY" in findings["key"]["detail"]


def test_the_doctor_says_when_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--endpoint", "http://127.0.0.1:9", "--json"]) == 1
    findings = {one["subject"]: one for one in json.loads(capsys.readouterr().out)}
    assert findings["rest"]["verdict"] == findings["feed"]["verdict"] == "failed"


def test_the_package_itself_is_the_command() -> None:
    command = [sys.executable, "-m", "kracked", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "kracked")


@pytest.mark.parametrize("script", ["", "dancing:1s", "walk", "online=3:1s"])
def test_a_wrong_script_of_maintenance_is_misuse_with_the_steps(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", "--maintenance", script])
    assert ended.value.code == 2
    assert "is no step of maintenance" in capsys.readouterr().err
