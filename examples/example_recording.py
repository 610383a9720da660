"""Make the recording that the notebooks show: some seconds of the simulator, or of any address.

    python examples/example_recording.py [http://127.0.0.1:PORT]

A recording that is there already stays as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path("sessions/example")
CHANNELS = ("book=25", "level3=100", "trade", "ticker", "ohlc=1")
KRACKED = (sys.executable, "-m", "kracked")


def example_recording(endpoint: str = "", *, seconds: int = 20) -> Path:
    """Return the folder of the recording; make it first if there is none.

    Args:
        endpoint: REST address of the exchange; a simulator of its own by default.
        seconds: How long to record.
    """
    if not (FOLDER / "session.json").exists():
        if endpoint:
            _record(endpoint, seconds, dict(os.environ))
        else:
            _record_simulator(seconds)
    return FOLDER


def _record_simulator(seconds: int) -> None:
    words = [*KRACKED, "sim", "--seed", "7", "--rate", "4"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as simulator:  # noqa: S603
        assert simulator.stdout is not None
        told = json.loads(simulator.stdout.readline())
        key = {"KRAKEN_API_KEY": told["api_key"], "KRAKEN_API_SECRET": told["api_secret"]}
        try:
            _record(told["rest"], seconds, os.environ | key)
        finally:
            simulator.terminate()


def _record(endpoint: str, seconds: int, environment: dict[str, str]) -> None:
    words = [*KRACKED, "record", "BTC/USD", "ETH/USD", "--out", str(FOLDER)]
    words += ["--channels", *CHANNELS, "--duration", f"{seconds}s", "--endpoint", endpoint]
    subprocess.run(words, env=environment, check=True, capture_output=True)  # noqa: S603


if __name__ == "__main__":
    print(example_recording(*sys.argv[1:2], seconds=3))
