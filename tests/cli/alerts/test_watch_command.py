"""`kracked watch`: what it tells, keeps, says it cannot see, and how it ends."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kracked.cli.alerts.alert_commands import MOST_A_MINUTE, MOST_WAITING, AlertCommands
from kracked.cli.main import main
from kracked.credentials import KEY_VARIABLE, SECRET_VARIABLE
from tests.patience import PATIENCE_S

KRACKED = (sys.executable, "-m", "kracked.cli.main")


@pytest.fixture(scope="module")
def sim() -> Iterator[dict[str, str]]:
    with simulated() as addresses:
        yield addresses


@contextmanager
def simulated() -> Iterator[dict[str, str]]:
    """Run a simulated exchange and yield its addresses and key."""
    command = [*KRACKED, "sim", "--seed", "6", "--rate", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sim: dict[str, str]) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in (KEY_VARIABLE, SECRET_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "kracked" / "alerts" / f"127.0.0.1-{urlsplit(sim['rest']).port}.json"


def words(sim: dict[str, str], *alerts: str) -> list[str]:
    asked = [word for text in alerts for word in ("--alert", text)]
    return ["watch", "BTC/USD", "--endpoint", sim["rest"], "--duration", "60s", *asked]


def test_it_ends_when_all_is_told_and_does_not_tell_it_again(
    sim: dict[str, str], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(sim, "price above 100", "bid price above 100")
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.rpartition("  ")[2] for line in lines} == {
        "[price above 100]",
        "[bid price above 100]",
    }
    assert state.exists()
    assert main(asked) == 1
    told = capsys.readouterr()
    assert not told.out
    assert "BTC/USD price above 100: told at 20" in told.err
    assert "nothing left to wait for" in told.err
    assert main([*asked, "--again"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_what_was_told_on_one_exchange_is_told_on_another_of_the_same_host(
    sim: dict[str, str], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(sim, "price above 100")) == 0
    with simulated() as other:
        assert main(words(other, "price above 100")) == 0
    assert capsys.readouterr().out.count("[price above 100]") == 2
    assert state.exists()
    assert not (state.parent / "127.0.0.1.json").exists()


def test_a_program_reads_an_object_a_line(
    sim: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words(sim, "price above 100"), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (alert,) = [one for one in told if one["type"] == "alert"]
    assert (alert["symbol"], alert["rule"]) == ("BTC/USD", "price above 100")
    assert float(alert["figures"]["price"]) > 100


def test_what_needs_a_key_is_said_and_the_rest_is_told(
    sim: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(sim, "price above 100", "hidden size", "own fill")
    asked[asked.index("60s")] = "3s"
    assert main(asked) == 1
    told = capsys.readouterr()
    assert "[price above 100]" in told.out
    assert f"not evaluated: BTC/USD hidden size: no level3: {KEY_VARIABLE} is not set" in told.err
    assert "never evaluated: BTC/USD own fill" in told.err


def test_with_a_key_orders_are_told(
    sim: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, sim["api_key"])
    monkeypatch.setenv(SECRET_VARIABLE, sim["api_secret"])
    asked = words(sim, "order >= 0.001", "own order", "queue first")
    asked[asked.index("60s")] = "4s"
    assert main(asked) == 0
    assert "[order >= 0.001]" in capsys.readouterr().out


def test_a_pair_that_is_not_listed_ends_it_with_a_hint(
    sim: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(sim, "price above 100")
    asked[1] = "BTC-USD"
    assert main(asked) == 1
    assert "does not list BTC-USD; did you mean BTC/USD?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--alert", "spred"], "'spred' is no alert"),
        ([], "--alert"),
        (["--alert", "data", "--command", "no-such-command-here"], "no command"),
        (["--alert", "data", "--command", "'"], "no end"),
    ],
)
def test_misuse_is_refused(more: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["watch", "BTC/USD", *more])
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_peace(number: int, sim: dict[str, str]) -> None:
    asked = [*KRACKED, *words(sim, "price above 100 always")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(asked, text=True, **pipes) as process:
        assert process.stdout is not None
        assert "[price above 100 always]" in process.stdout.readline()
        process.send_signal(number)
        _, talk = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in talk


def test_the_command_gets_the_alert_and_no_key(
    sim: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "take.py"
    script.write_text(
        "import json, os, sys\n"
        "told = [sys.argv[1:], json.load(sys.stdin), dict(os.environ)]\n"
        f"json.dump(told, open({str(tmp_path / 'told')!r}, 'w'))\n"
    )
    monkeypatch.setenv(KEY_VARIABLE, sim["api_key"])
    monkeypatch.setenv(SECRET_VARIABLE, sim["api_secret"])
    asked = words(sim, "price above 100")
    assert main([*asked, "--command", f"{sys.executable} {script} one"]) == 0
    (one, text), alert, environment = json.loads((tmp_path / "told").read_text())
    assert one == "one"
    assert text == environment["KRACKED_ALERT"] == f"BTC/USD {alert['words']}"
    assert not {KEY_VARIABLE, SECRET_VARIABLE} & environment.keys()
    assert sim["api_secret"] not in str(environment)


def run_commands(command: list[str], count: int, limit_s: float) -> list[str]:
    said: list[str] = []

    async def run() -> None:
        async with AlertCommands(command, said.append, limit_s=limit_s) as commands:
            for _ in range(count):
                commands.put("text; $(touch x)", b"{}")

    asyncio.run(run())
    return said


def test_a_command_that_hangs_is_ended_and_said() -> None:
    said = run_commands([sys.executable, "-c", "import time; time.sleep(600)"], 1, 0.3)
    assert said == ["the command took more than 0.3 s and was ended"]


def test_a_command_that_fails_is_said_once() -> None:
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    assert run_commands(failing, 2, 20) == ["the command failed with exit code 3"]


def test_alerts_that_come_too_fast_are_counted_and_not_lost_silently(tmp_path: Path) -> None:
    count = MOST_WAITING + 5
    said = run_commands([sys.executable, "-c", ""], count, 2)
    assert said[0].startswith("too many alerts wait")
    assert said[1].endswith("alerts were not given to the command")
    assert int(said[1].split()[0]) >= MOST_WAITING - MOST_A_MINUTE
