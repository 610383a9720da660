"""Memory of this process and the exchange's, minute by minute, so that flatness shows."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

from tests.benchmarks.remote import resident_bytes

MIB = 2**20
EVERY_S = 60.0


class Memory:
    """Resident memory, sampled from its making on."""

    def __init__(self, there: int) -> None:
        """`there`: the exchange's process."""
        self._there, self._begun = there, time.monotonic()
        self._samples: list[tuple[float, int, int]] = []

    async def watch(self) -> None:
        """Take a sample every minute, and print it at once: a run may be cut short."""
        while True:
            self.take()
            print(f"memory: {self._words(self._samples[-1])}", file=sys.stderr, flush=True)
            await asyncio.sleep(EVERY_S)

    def take(self) -> None:
        now = time.monotonic() - self._begun
        self._samples.append((now, resident_bytes(), resident_bytes(self._there)))

    def lines(self) -> Iterable[str]:
        """First, then by minute, and how much the feed's grew over the later half."""
        here = [sample[1] / MIB for sample in self._samples]
        yield "memory of the feed, MiB by minute: " + " ".join(f"{one:.1f}" for one in here)
        half = here[len(here) // 2 :]
        yield f"memory of the feed over the later half: {half[-1] - half[0]:+.1f} MiB"
        there = [sample[2] / MIB for sample in self._samples]
        yield f"memory of the exchange, MiB: {there[0]:.1f} -> {there[-1]:.1f}"

    @staticmethod
    def _words(sample: tuple[float, int, int]) -> str:
        seconds, here, there = sample
        return f"{seconds / 60:.1f} min, feed {here / MIB:.1f} MiB, exchange {there / MIB:.1f} MiB"
