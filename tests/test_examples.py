"""Every example runs as it stands, against the simulated exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


@pytest.fixture(scope="module")
def exchange() -> Iterator[dict[str, str]]:
    """A simulated exchange in a process of its own: addresses and a key."""
    command = [sys.executable, "-m", "kracked.cli", "sim", "--seed", "5", "--rate", "4"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_example_runs_and_says_something(
    script: Path, exchange: dict[str, str], tmp_path: Path
) -> None:
    key = {"KRAKEN_API_KEY": exchange["api_key"], "KRAKEN_API_SECRET": exchange["api_secret"]}
    done = subprocess.run(
        [sys.executable, str(script), exchange["rest"]],
        env=os.environ | key,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
