"""Every example runs as it is, against the simulated exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SCRIPTS = sorted(each for each in EXAMPLES.glob("*.py") if each.stem != "market_maker")
"""The market maker has tests of its own."""
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


KRACKED = [sys.executable, "-m", "kracked.cli.main"]


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """Run a simulated exchange; yield its addresses and its key."""
    with served(["sim", "--seed", "5", "--rate", "4"], os.environ) as addresses:
        yield addresses


@pytest.fixture
def fresh_exchange() -> Iterator[dict[str, str]]:
    """Run another one: the calls of the examples before would count against the key's limit."""
    with served(["sim", "--seed", "5", "--rate", "4"], os.environ) as addresses:
        yield addresses


@contextmanager
def served(words: list[str], environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run a server of ours in a process of its own; yield its first line."""
    command = [*KRACKED, *words]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0


def key_of(exchange: dict[str, str]) -> dict[str, str]:
    return {"KRAKEN_API_KEY": exchange["api_key"], "KRAKEN_API_SECRET": exchange["api_secret"]}


def run(
    words: list[str], exchange: dict[str, str], folder: Path, patience_s: float = PATIENCE_S
) -> str:
    """Run a program with the exchange's key and return its output; it must not fail."""
    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | key_of(exchange) | {"XDG_STATE_HOME": str(folder / "state")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_example_runs_and_says_something(
    script: Path, exchange: dict[str, str], tmp_path: Path
) -> None:
    assert run([str(script), exchange["rest"]], exchange, tmp_path).strip()


def test_the_market_maker_trades_and_leaves_no_order_behind(
    fresh_exchange: dict[str, str], tmp_path: Path
) -> None:
    kraken = pytest.importorskip("kraken.spot", reason="the public client is not installed")
    words = [str(EXAMPLES / "market_maker.py"), fresh_exchange["rest"], "6"]
    said = run(words, fresh_exchange, tmp_path)
    assert " at " in said  # a fill
    assert said.splitlines()[-1].endswith("USD at the mid")
    user = kraken.User(
        fresh_exchange["api_key"], fresh_exchange["api_secret"], url=fresh_exchange["rest"]
    )
    assert user.get_open_orders()["open"] == {}


def test_the_market_maker_runs_on_paper_over_the_exchange(
    fresh_exchange: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("kraken.spot", reason="the public client is not installed")
    words = ["paper", "BTC/USD", "--endpoint", fresh_exchange["rest"], "--memory"]
    words += ["--balances", "USD=10000,BTC=1"]
    with served(words, os.environ | key_of(fresh_exchange)) as paper:
        maker = str(EXAMPLES / "market_maker.py")
        said = run([maker, paper["rest"], "6"], paper, tmp_path)
    assert said.splitlines()[-1].endswith("USD at the mid")
    assert " at " in said


def test_the_market_maker_runs_in_a_recording(
    fresh_exchange: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("kraken.spot", reason="the public client is not installed")
    session = str(tmp_path / "session")
    channels = ["--channels", "level3=1000", "trade", "ticker=bbo"]
    record = ["record", "BTC/USD", "--out", session, *channels]
    record += ["--endpoint", fresh_exchange["rest"], "--duration", "10s"]
    run(["-m", "kracked.cli.main", *record], fresh_exchange, tmp_path)
    words = ["replay", session, "--serve", "0", "--trade", "--balances", "USD=10000,BTC=1"]
    with served(words, os.environ) as recording:
        maker = str(EXAMPLES / "market_maker.py")
        said = run([maker, recording["rest"], "6"], recording, tmp_path)
    assert said.splitlines()[-1].endswith("USD at the mid")
    assert " at " in said


def test_the_market_maker_is_for_simulated_exchanges(tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "market_maker.py"), "https://api.kraken.com"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "name a simulated exchange's address" in done.stderr


def test_a_recording_may_be_made_and_read_a_second_time(
    exchange: dict[str, str], tmp_path: Path
) -> None:
    for _ in range(2):  # the pause between them is no moment to ask about
        said = run([str(EXAMPLES / "load_example.py"), exchange["rest"]], exchange, tmp_path)
        assert "Empty" not in said


def test_a_recording_of_nothing_is_told_of_and_not_read(tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "load_example.py"), "http://127.0.0.1:1"]
    done = subprocess.run(
        words,
        env=os.environ | {"KRAKEN_API_KEY": "key", "KRAKEN_API_SECRET": "c2VjcmV0"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "not one message came from ws://127.0.0.1:1/public/v2\n"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_the_notebook_runs_where_it_lies_and_is_kept_with_its_pictures(
    notebook: Path, exchange: dict[str, str], tmp_path: Path
) -> None:
    kept = [cell for cell in json.loads(notebook.read_text())["cells"] if cell.get("outputs")]
    assert any(
        "image/svg+xml" in output.get("data", {}) for cell in kept for output in cell["outputs"]
    )
    place = copytree(EXAMPLES, tmp_path / "examples", ignore=ignore_patterns("sessions"))
    run(["example_recording.py", exchange["rest"]], exchange, place)
    program = f"from tests.notebooks import run_notebook; run_notebook(Path({notebook.name!r}))"
    paths = f"import sys; from pathlib import Path; sys.path[:0] = ['', {str(ROOT)!r}]"
    run(["-c", f"{paths}; {program}"], exchange, place, 3 * PATIENCE_S)  # some compute a while
    cells = json.loads((place / notebook.name).read_text())["cells"]
    shown = [output for cell in cells for output in cell.get("outputs", ())]
    assert any("image/svg+xml" in output.get("data", {}) for output in shown)


def test_the_example_with_orders_never_runs_against_kraken_by_accident() -> None:
    script = str(EXAMPLES / "order_examples.py")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "simulator" in done.stderr
