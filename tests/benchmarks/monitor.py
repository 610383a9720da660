"""How quick the monitor is: `python -m tests.benchmarks.monitor`; `--size 200x60` has every pane
open. `--minutes 8 --rate 20` watches its memory instead, at twenty times a natural market;
`--hours 8` draws so much of a market as fast as it can be read (`monitor_day`).

Runs it in a pseudo-terminal against an exchange of its own process, presses keys and
reads the screen back. On a busy machine a key mostly waits for a processor: how long the
monitor stood in the kernel's run queue meanwhile is taken off in a second pair of figures,
and a third counts only the work its loop did from the key to the paint.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Self

from tests.benchmarks.monitor_day import day

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>78]")
_VERIFIED = re.compile(r"  (\d[\d ]*) checksums verified")
_RATE = re.compile(r"(\d+) messages a second")
_WRITES_APART_S = 0.008
"""The monitor writes a frame at once: what comes later than this is another one."""
_TICKS = os.sysconf("SC_CLK_TCK")
SIZE = (160, 48)
"""Columns and rows, unless the command says others."""
KEYS_PER_S = 8


class Screen:
    """The monitor in a pseudo-terminal, as far as a stopwatch needs to see it."""

    module = "kracked_tui"
    """What `python -m` starts in it."""

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        *,
        niceness: int = 0,
        size: tuple[int, int] = SIZE,
    ) -> None:
        self.started = time.perf_counter()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.nice(niceness)
            settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
            settings["XDG_STATE_HOME"] = mkdtemp(prefix="kracked-bench-")
            command = [sys.executable, "-m", self.module, *arguments]
            os.execve(sys.executable, command, {**os.environ, **settings})
        shape = struct.pack("HHHH", size[1], size[0], 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, shape)
        self.read = 0
        """Bytes it has drawn."""
        self.bursts = 0
        """Frames it has drawn, as far as their writes are apart."""
        self._tail, self._last_read = "", 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def press(self, key: str) -> None:
        os.write(self._terminal, key.encode())

    def wait_for(self, text: str, timeout_s: float = 20) -> float:
        """Seconds until the text is drawn after what was drawn so far."""
        self._tail = ""
        begun = time.perf_counter()
        while text not in self._tail:
            if time.perf_counter() - begun > timeout_s:
                raise TimeoutError(f"{text!r} was not drawn")
            self.drain(0.05, once=True)
        return time.perf_counter() - begun

    def drain(self, seconds: float, *, once: bool = False) -> str:
        """Read what is drawn meanwhile; the text without its escapes."""
        until, text = time.perf_counter() + seconds, ""
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                data = os.read(self._terminal, 1 << 16)
                self.read += len(data)
                now = time.perf_counter()
                self.bursts += now - self._last_read > _WRITES_APART_S
                self._last_read = now
                text += _ESCAPE.sub("", data.decode(errors="replace"))
                if once:
                    break
        self._tail = (self._tail + text)[-4000:]
        return text

    def cpu_s(self) -> float:
        """Processor time of the monitor so far, its threads included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def main_thread_s(self) -> tuple[float, float]:
        """How long its loop has run, and has stood ready while others had the processors."""
        ran, queued, _ = Path(f"/proc/{self.pid}/schedstat").read_text().split()
        return int(ran) / 1e9, int(queued) / 1e9

    def memory_mb(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6


@contextmanager
def exchange(rate: float) -> Iterator[dict[str, str]]:
    """A simulator in its own process; its addresses and key."""
    command = [sys.executable, "-m", "kracked.cli.main", "sim", "--port", "0", "--seed", "1"]
    command += ["--symbols", "BTC/USD", "--rate", str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


@contextmanager
def watching(rate: float, niceness: int, size: tuple[int, int] = SIZE) -> Iterator[Screen]:
    """A monitor of a busy market that has a verified book."""
    with exchange(rate) as at:
        environment = {"KRAKEN_API_KEY": at["api_key"], "KRAKEN_API_SECRET": at["api_secret"]}
        arguments = ["BTC/USD", "--endpoint", at["rest"]]
        with Screen(arguments, environment, niceness=niceness, size=size) as screen:
            screen.wait_for("ms verified")
            yield screen


def under_load(
    rate: float, seconds: float, niceness: int, size: tuple[int, int] = SIZE
) -> dict[str, float]:
    """Frames, processor share and key latencies while the market is busy."""
    with watching(rate, niceness, size) as screen:
        screen.drain(4)
        return _measured(screen, seconds)


def memory(rate: float, minutes: float, niceness: int) -> dict[str, float]:
    """Megabytes of the monitor alone, which is another process than its exchange."""
    results = {}
    with watching(rate, niceness) as screen:
        begun = time.perf_counter()
        for half_minute in range(1, int(2 * minutes) + 1):
            tail = screen.drain(begun + 30 * half_minute - time.perf_counter())[-40_000:]
            results[f"memory after {half_minute / 2:g} min, MB"] = screen.memory_mb()
        results["verified messages"] = _number(_VERIFIED, tail)
    return results


def _measured(screen: Screen, seconds: float) -> dict[str, float]:
    latencies: list[float] = []
    unqueued: list[float] = []
    busy: list[float] = []
    seen = ""
    before = _number(_VERIFIED, screen.drain(1.5))
    cpu, begun, held = screen.cpu_s(), time.perf_counter(), False
    drawn, bursts = screen.read, screen.bursts
    while time.perf_counter() - begun < seconds:
        held = not held
        ran, queued = screen.main_thread_s()
        screen.press(" ")
        latencies.append(screen.wait_for("HELD" if held else "follows"))
        ran_then, queued_then = screen.main_thread_s()
        unqueued.append(max(0.0, latencies[-1] - (queued_then - queued)))
        busy.append(ran_then - ran)
        seen = (seen + screen.drain(1 / KEYS_PER_S))[-40_000:]
    passed = time.perf_counter() - begun
    bursts = screen.bursts - bursts
    spent = screen.cpu_s() - cpu
    seen += screen.drain(1.5)
    return {
        "verified book messages per s": (_number(_VERIFIED, seen) - before) / (passed + 1.5),
        "messages per s as shown": _number(_RATE, seen),
        "frames per s, keys included": bursts / passed,
        "processor share, % of a core": 100 * spent / passed,
        "drawn, kB per s": (screen.read - drawn) / passed / 1000,
        "memory, MB": screen.memory_mb(),
        "keys pressed": len(latencies),
        **_percentiles("key to paint", latencies),
        **_percentiles("without waiting for a processor", unqueued),
        **_percentiles("processor time of the loop meanwhile", busy),
    }


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    worst_of_100 = ordered[int(len(ordered) * 0.99)]
    return {f"{name}, p50 ms": 1000 * median(ordered), f"{name}, p99 ms": 1000 * worst_of_100}


def _number(pattern: re.Pattern[str], text: str) -> int:
    """The last one drawn; 0 when there is none."""
    found = pattern.findall(text)
    return int(found[-1].replace(" ", "")) if found else 0


def help_cpu_ms(runs: int = 5) -> float:
    """Processor time of `--help`, the best of some runs."""
    spent = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "kracked_tui", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000 * min(spent)


def first_paint(runs: int = 3) -> dict[str, float]:
    """Of `--demo`, from the start of the process; the best of some runs."""
    frames, books = [], []
    for _ in range(runs):
        with Screen(["--demo"], {}) as screen:
            screen.wait_for("Ladder")
            frames.append(time.perf_counter() - screen.started)
            screen.wait_for("ms verified")
            books.append(time.perf_counter() - screen.started)
    return {"--demo first paint, s": min(frames), "--demo verified book, s": min(books)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the monitor in a pseudo-terminal.")
    parser.add_argument("--rate", type=float, default=10, help="times a natural market (10)")
    parser.add_argument("--nice", type=int, default=0, help="its priority, on a busy machine (0)")
    parser.add_argument("--seconds", type=float, default=30, help="how long to measure (30)")
    parser.add_argument("--minutes", type=float, help="watch the memory for so long instead")
    parser.add_argument(
        "--size", default="x".join(map(str, SIZE)), help="columns and rows (160x48)"
    )
    parser.add_argument("--hours", type=float, help="draw so much of a market instead")
    parser.add_argument("--frames-per-s", type=float, default=1.0, help="of that market (1)")
    parser.add_argument("--seed", type=int, default=1, help="of that market (1)")
    given = parser.parse_args()
    columns, _, rows = given.size.partition("x")
    size = (int(columns), int(rows))
    if given.hours:
        asyncio.run(day(given.hours, given.frames_per_s, given.seed, size))
        return
    if given.minutes:
        results = memory(given.rate, given.minutes, given.nice)
    else:
        results = {"--help processor time, ms": help_cpu_ms(), **first_paint()}
        results |= under_load(given.rate, given.seconds, given.nice, size)
    for name, value in results.items():
        print(f"{name:<50}{value:>10.1f}")


if __name__ == "__main__":
    main()
