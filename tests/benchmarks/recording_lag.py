"""What recording does to the event loop: how late a timer of 2 ms comes, with and without.

The same stream is decoded and kept in slices of 5 ms at 20,000 events a second; a task
beside it sleeps for 2 ms again and again and notes by how much it overslept. A loop
that decodes 100 events at once is late by that much without any recorder: the figures
to compare are the two lines.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from kracked.book.keeper import BookKeeper
from kracked.record.session import Session, record_into
from tests.benchmarks.recording_cost import HAND_OVER_NS, INFO, SLICE_NS, Stream, heard

_TICK_S = 0.002


async def _tick(lags_ms: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_TICK_S)
        lags_ms.append((time.perf_counter() - before - _TICK_S) * 1e3)


async def _play(told: Stream, session: Session | None) -> tuple[list[float], float]:
    """Lags of the timer, and the longest step of the recorder, both in ms."""
    keeper, lags_ms, longest = BookKeeper(), [], 0.0
    begun, number = time.perf_counter(), 0
    ticking = asyncio.create_task(_tick(lags_ms))
    for block in told.blocks:
        for slice_ in block:
            number += 1
            due = begun + number * SLICE_NS / 1e9
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            happened = heard(keeper, slice_)
            if session is not None:
                before = time.perf_counter()
                session.intake.take(slice_, happened)
                if number % (HAND_OVER_NS // SLICE_NS) == 0:
                    session.hand_over([*keeper.orders.values()], slice_[-1][1])
                longest = max(longest, (time.perf_counter() - before) * 1e3)
    ticking.cancel()
    return lags_ms, longest


def lag(told: Stream, folder: Path, *, rounds: int = 2) -> None:
    """Print the quantiles without and with a recorder, the better round of each."""
    found: dict[str, list[tuple[list[float], float]]] = {"without": [], "with": []}
    for number in range(rounds):
        found["without"].append(asyncio.run(_play(told, None)))
        with record_into(folder / f"lag-{number}", INFO) as session:
            found["with"].append(asyncio.run(_play(told, session)))
    for name, runs in found.items():
        late, longest = min((sorted(lags), longest) for lags, longest in runs)
        p50, p99, p999 = (late[int(len(late) * part)] for part in (0.5, 0.99, 0.999))
        print(
            f"  timer {name:8} recorder: p50 {p50:.2f} p99 {p99:.2f} p99.9 {p999:.2f}"
            f" max {late[-1]:.2f} ms, longest step {longest:.2f} ms"
        )
