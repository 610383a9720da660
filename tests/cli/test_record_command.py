"""`kracked record`: however it ends, the recording is complete."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from kracked.cli import record
from kracked.cli.main import main
from kracked.format.session_info import read_info
from kracked.record.check import check
from kracked.record.write import writer
from tests.patience import PATIENCE_S, let_run

KRACKED = (sys.executable, "-m", "kracked.cli.main")
IN_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes standard input the terminal that a session of processes hangs up with."""


@pytest.fixture(scope="module")
def rest() -> Iterator[str]:
    """Run a simulated exchange and yield its REST address."""
    command = [*KRACKED, "sim", "--seed", "6", "--rate", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["rest"]
        process.terminate()


def _words(out: Path, rest: str, *more: str) -> list[str]:
    words = ["record", "BTC/USD", "--out", str(out), "--endpoint", rest]
    return [*words, "--channels", "book=10", *more]


def _assert_clean(path: Path) -> None:
    health = check(path)
    assert health.healthy, health
    assert health.clean_stop
    assert health.messages > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_whole_and_in_peace(number: int, rest: str, tmp_path: Path) -> None:
    out = tmp_path / "session"
    with subprocess.Popen(
        [*KRACKED, *_words(out, rest, "--json")], stdout=subprocess.PIPE, text=True
    ) as process:
        let_run(process, (out / "L2_updates.csv").exists)
        process.send_signal(number)
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert json.loads(told)["lost"] == 0
    _assert_clean(out)


def test_the_end_tells_verdict_and_coverage(
    rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(_words(tmp_path / "session", rest, "--json", "--duration", "1s")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["coverage"]) == ("complete", {"BTC/USD": {"book": 100.0}})
    assert {"queued_bytes", "tables_queued_bytes", "lag_s"} <= told.keys()


def test_an_existing_recording_that_goes_on_is_told(
    rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = _words(tmp_path / "session", rest, "--json", "--duration", "1s")
    assert main(words) == 0
    new = capsys.readouterr()
    assert json.loads(new.out)["goes_on_since"] is None
    assert "existing recording" not in new.err
    begun = read_info(tmp_path / "session").start
    main(words)
    again = capsys.readouterr()
    assert json.loads(again.out)["goes_on_since"] == begun
    said = f"kracked: going on with an existing recording of BTC/USD, begun {begun}\n"
    assert again.err.count(said) == 1


@pytest.mark.parametrize("form", ["csv", "sqlite"])
def test_a_folder_for_nothing_but_refusals_is_not_kept(
    rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    out = tmp_path / "z"
    assert (
        main(
            [
                "record",
                "BTCUSD",
                "--out",
                str(out),
                "--endpoint",
                rest,
                "--duration",
                "1s",
                "--format",
                form,
            ]
        )
        == 1
    )
    assert "did you mean BTC/USD?" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_holds_more_than_refusals_is_kept(rest: str, tmp_path: Path) -> None:
    out = tmp_path / "z"
    words = ["record", "BTCUSD", "--out", str(out), "--endpoint", rest]
    with subprocess.Popen([*KRACKED, *words], stderr=subprocess.DEVNULL) as process:
        let_run(process, (out / "README.md").exists)
        (out / "notes.txt").write_text("mine")
        process.terminate()
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_that_was_there_before_is_kept(rest: str, tmp_path: Path) -> None:
    assert (
        main(["record", "BTCUSD", "--out", str(tmp_path), "--endpoint", rest, "--duration", "1s"])
        == 1
    )
    assert read_info(tmp_path).verdict == "empty"


def test_tables_that_stop_for_lack_of_disk_are_told_of_at_once_and_fail(
    rest: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "_TABLES_FLOOR_BYTES", 1 << 62)
    assert main(_words(tmp_path / "session", rest, "--duration", "1s")) == 1
    told = capsys.readouterr()
    said = "kracked: the tables have stopped: the disk is nearly full; the raw log goes on"
    assert said in told.err
    assert "tables missing" in told.out


def test_a_terminal_that_goes_away_ends_it_whole(rest: str, tmp_path: Path) -> None:
    out = tmp_path / "session"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, "-m", "kracked.cli.main", *_words(out, rest)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        while b"REC" not in os.read(ours, 1000):
            pass
        os.close(ours)
        process.wait(timeout=PATIENCE_S)
    _assert_clean(out)


def test_it_needs_no_open_stream(rest: str, tmp_path: Path) -> None:
    out = tmp_path / "session"
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *KRACKED, *_words(out, rest)]
    with subprocess.Popen(shell) as process:
        let_run(process, (out / "L2_updates.csv").exists)
        process.terminate()
    assert process.returncode == 0
    _assert_clean(out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--duration", "soon"], "no length of time"),
        (["--channels", "level4"], "name one of book"),
        (["--channels", "book=7"], "book offers no depth 7; choose one of 10, 25"),
        (["--channels", "ohlc=7"], "ohlc interval 7 is not offered"),
        (["--endpoint", "127.0.0.1:8855"], "it should look like https://HOST"),
        (["--format", "xls"], "invalid choice"),
    ],
)
def test_words_that_make_no_sense_are_misuse(
    words: list[str], said: str, rest: str, tmp_path: Path
) -> None:
    command = [*KRACKED, *_words(tmp_path / "session", rest), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "session").exists()


def test_a_folder_of_something_else_is_refused(rest: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    command = [*KRACKED, *_words(tmp_path, rest)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "is not a recording" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_symbol_that_is_refused_is_told_of(rest: str, tmp_path: Path) -> None:
    out = tmp_path / "session"
    words = ["record", "NOPE/USD", "--out", str(out), "--endpoint", rest]
    with subprocess.Popen([*KRACKED, *words], stderr=subprocess.PIPE, text=True) as process:
        told = out / "connections.csv"
        let_run(process, lambda: told.exists() and "refused" in told.read_text())
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "NOPE/USD" in said


def test_what_is_refused_is_said_while_the_recording_goes_on(rest: str, tmp_path: Path) -> None:
    words = ["record", "BTC/USD", "NOPE/USD", "--out", str(tmp_path / "s"), "--endpoint", rest]
    with subprocess.Popen([*KRACKED, *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        going = process.poll() is None
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert "not recorded, refused" in said
    assert "NOPE/USD" in said
    assert going


def test_the_symbol_that_may_be_meant_is_told(rest: str, tmp_path: Path) -> None:
    words = ["record", "XBT-USD", "--out", str(tmp_path / "s"), "--endpoint", rest]
    with subprocess.Popen([*KRACKED, *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert said.endswith("; did you mean BTC/USD?\n")


def test_parquet_without_its_package_is_refused_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(record, "find_spec", lambda _: None)
    words = _words(tmp_path / "session", "http://127.0.0.1:1", "--format", "parquet")
    assert main(words) == 1
    assert "Parquet needs pyarrow: pip install pyarrow\n" in capsys.readouterr().err
    assert not (tmp_path / "session").exists()


def test_an_exchange_that_does_not_answer_is_told_of(tmp_path: Path) -> None:
    words = [*KRACKED, *_words(tmp_path / "session", "http://127.0.0.1:1", "--duration", "1s")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert "not one message came from ws://127.0.0.1:1/public/v2: " in done.stderr
    assert "Connect call failed" in done.stderr


def test_what_is_missing_when_it_ends_is_told_and_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange comes back with another key than the recorder's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    out = tmp_path / "session"
    with _exchange("0") as (before, facts):
        monkeypatch.setenv("KRAKEN_API_KEY", facts["api_key"])
        monkeypatch.setenv("KRAKEN_API_SECRET", facts["api_secret"])
        words = _words(out, facts["rest"], "level3=10", "--json")
        with subprocess.Popen(
            [*KRACKED, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            let_run(process, (out / "L3_ticks.csv").exists)
            before.terminate()
            before.wait(timeout=PATIENCE_S)
            told = out / "connections.csv"
            with _exchange(facts["rest"].rpartition(":")[2]):
                for feed, why in (("level3", "Invalid key"), ("private", "Invalid key")):
                    let_run(process, partial(_tells, told, f"{feed},disconnect,", why))
                let_run(process, partial(_tells, told, "public,reconnect,", ""))
                process.terminate()
                made, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    for what in ("level3 of BTC/USD", "executions", "balances"):
        assert f"kracked: missing when it ended: {what}: no token: " in said
    assert "EAPI:Invalid key" in json.loads(made)["missing"][-1]


def _tells(connections: Path, start: str, words: str) -> bool:
    """Whether one of the rows begins with `start` and contains `words`."""
    rows = connections.read_text().splitlines()
    return any(row.startswith(start) and words in row for row in rows)


@contextmanager
def _exchange(port: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run a simulated exchange of its own; yield the process and its first line."""
    command = [*KRACKED, "sim", "--port", port, "--symbols", "BTC/USD"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
        process.terminate()
