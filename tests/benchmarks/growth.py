"""What the whole way costs, from the socket to your code: transports, symbols, peers, shards.

    python -m tests.benchmarks.growth --rounds 3 --peers /path/to/a/python/with/ccxt

Every contender is a process of its own (`wire_clients`), and reads the same stream of an exchange
in another (`wire_server`), in turns within one run. Figures are medians of the rounds, in thousand
messages per second of the client's own CPU. Compare the ratios: absolute figures mean little from
one machine to the next. The tables are Markdown, those of `docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from kracked.feed import transport
from tests.benchmarks.wire_server import CERTIFICATE

CLIENTS = Path(__file__).with_name("wire_clients.py")
STREAMS = (("book", 10), ("book", 1000), ("level3", 10), ("level3", 1000))
GROWTH = (("book", 10), ("book", 1000), ("level3", 10))
SYMBOLS = (1, 10, 100, 300)
OTHERS = ("ccxt", "python-kraken-sdk")
YARDSTICKS = ("websockets", "aiohttp", "picows")
REAL_RATE = 1500
"""Messages a second: four busy pairs of level 3 have 392, 785 in their busiest second."""
Figures = dict[str, float]


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """Run an exchange; yield its address."""
    command = [sys.executable, "-m", "tests.benchmarks.wire_server", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.kill()


class Runner:
    """Runs contenders: `kracked on TRANSPORT`, a yardstick, or one of the peers."""

    def __init__(self, peers: str | None) -> None:
        self._peers = peers

    def start(self, name: str, url: str, *words: str) -> subprocess.Popen[str]:
        """Start a contender; it prints its figures."""
        environment = os.environ | {"SSL_CERT_FILE": str(CERTIFICATE)}
        python, client = sys.executable, name
        if name.startswith("kracked on "):
            client, environment[transport.VARIABLE] = "kracked", name.removeprefix("kracked on ")
        if name in OTHERS and self._peers is not None:
            python = self._peers
            environment.pop("PYTHONPATH", None)
        return subprocess.Popen(
            [python, str(CLIENTS), client, url, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, name: str, url: str, *words: str, seconds: float = 45) -> Figures | None:
        """Return the figures of a contender; None when it failed, which is told."""
        with self.start(name, url, *words) as running:
            try:
                told, failed = running.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                told, failed = "", f"took longer than {seconds:.0f} s"
        if not told:
            reason = (failed.strip().splitlines() or ["no word"])[-1]
            print(f"{name}: {reason}", file=sys.stderr)
            return None
        figures: Figures = json.loads(told.splitlines()[-1])
        return figures


def rate(figures: list[Figures | None]) -> float | None:
    """Return thousand messages per second of CPU, the median of the rounds."""
    found = [one["messages"] / one["seconds"] / 1000 for one in figures if one]
    return median(found) if found else None


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def print_table(head: list[str], rows: list[list[str]]) -> None:
    print("|" + "|".join(head) + "|")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("|" + "|".join(row) + "|")
    print(flush=True)


def compare(
    runner: Runner, contenders: list[str], options: argparse.Namespace, *, tls: bool
) -> None:
    """Print each contender's rate on each stream, and kracked's as multiples of the yardstick's."""
    rates: dict[str, list[float | None]] = {name: [] for name in contenders}
    for channel, depth in STREAMS:
        stream = ["--channel", channel, "--depth", str(depth), "--messages", str(options.messages)]
        found: dict[str, list[Figures | None]] = {name: [] for name in contenders}
        with serving(*stream, *(["--tls"] if tls else [])) as url:
            for _ in range(options.rounds):
                for name in contenders:
                    if name not in OTHERS or channel == "book":
                        found[name].append(runner.run(name, url, *stream))
        for name in contenders:
            rates[name].append(rate(found[name]))
    print(f"Over {'TLS' if tls else 'TCP'}, one symbol, thousand messages per CPU second:\n")
    head = ["client", *(f"{channel} {depth}" for channel, depth in STREAMS)]
    rows = [[name, *map(cell, rates[name])] for name in contenders]
    for name in ("kracked on websockets", "kracked on picows"):
        for library in YARDSTICKS:
            pairs = zip(rates.get(name, ()), rates[f"yardstick on {library}"], strict=False)
            ratios = [f"{ours / theirs:.2f}" if ours and theirs else "-" for ours, theirs in pairs]
            if ratios and library in (name.removeprefix("kracked on "), "websockets"):
                rows.append([f"{name} / yardstick on {library}", *ratios])
    print_table(head, rows)


def grow(runner: Runner, contenders: list[str], options: argparse.Namespace) -> None:
    """Print rates and memory against symbols and depths."""
    for channel, depth in GROWTH:
        head = ["client", *(f"{count} symbols" for count in SYMBOLS)]
        rows = []
        found: dict[tuple[str, int], list[Figures | None]] = {}
        for count in SYMBOLS:
            stream = ["--channel", channel, "--depth", str(depth), "--symbols", str(count)]
            stream += ["--messages", str(options.messages)]
            with serving(*stream) as url:
                for _ in range(options.rounds):
                    for name in contenders:
                        if name not in OTHERS or channel == "book":
                            figures = runner.run(name, url, *stream)
                            found.setdefault((name, count), []).append(figures)
        for name in contenders:
            cells = []
            for count in SYMBOLS:
                figures = found.get((name, count), [])
                memory = [one["memory_mb"] for one in figures if one]
                megabytes = f" ({median(memory):.0f} MB)" if memory else ""
                cells.append(cell(rate(figures)) + megabytes)
            if any(found.get((name, count)) for count in SYMBOLS):
                rows.append([name, *cells])
        print(f"{channel}, depth {depth}, thousand messages per CPU second (peak memory):\n")
        print_table(head, rows)


def share(runner: Runner, contenders: list[str], options: argparse.Namespace) -> None:
    """Print the share of a core that a real rate takes: there each message wakes the process."""
    rows = []
    stream = ["--symbols", "10", "--messages", str(10 * REAL_RATE)]
    for tls in (False, True):
        secure = ["--tls"] if tls else []
        with serving(*stream, "--rate", str(REAL_RATE), *secure) as url:
            for name in contenders:
                figures = [runner.run(name, url, *stream) for _ in range(options.rounds)]
                percents = [100 * one["seconds"] / 10 for one in figures if one]
                text = f"{median(percents):.1f} %" if percents else "-"
                rows.append([name, "TLS" if tls else "TCP", text])
    print(f"Ten symbols at {REAL_RATE} messages a second, the share of a core:\n")
    print_table(["client", "line", "share"], rows)


def shards(runner: Runner, contender: str, options: argparse.Namespace) -> None:
    """Print what a process costs when 300 symbols are divided among several."""
    rows = []
    for processes in (1, 2, 4):
        stream = ["--symbols", str(300 // processes), "--messages", str(options.messages)]
        rates, memory = [], []
        for _ in range(options.rounds):
            with serving(*stream) as url:
                running = [runner.start(contender, url, *stream) for _ in range(processes)]
                told = [json.loads(one.communicate(timeout=120)[0]) for one in running]
            rates.append(sum(one["messages"] for one in told) / sum(one["seconds"] for one in told))
            memory.append(sum(one["memory_mb"] for one in told))
        rows.append([str(processes), f"{median(rates) / 1000:.0f}", f"{median(memory):.0f} MB"])
    print(f"300 symbols at depth 10 over processes, {contender}:\n")
    print_table(["processes", "thousand messages per CPU second", "memory of all"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--peers", help="a Python that has ccxt and python-kraken-sdk")
    parser.add_argument(
        "--only", choices=("transports", "growth", "share", "shards"), nargs="*", default=()
    )
    options = parser.parse_args()
    runner = Runner(options.peers)
    ours = ["kracked on websockets"]
    if not transport.picows_missing():
        ours.append("kracked on picows")
    peers = list(OTHERS) if options.peers else []
    yardsticks = [f"yardstick on {name}" for name in YARDSTICKS]
    wanted = options.only or ("transports", "growth", "share", "shards")
    if "transports" in wanted:
        for tls in (False, True):
            compare(runner, [*ours, *yardsticks, *(peers if not tls else [])], options, tls=tls)
    if "growth" in wanted:
        grow(runner, [*ours, *peers], options)
    if "share" in wanted:
        share(runner, [*ours, *peers], options)
    if "shards" in wanted:
        shards(runner, ours[-1], options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
