"""What recording, loading and seeking cost: run it by hand, compare ratios.

    python -m tests.benchmarks.recording

CPU time of this process, the writer's thread included. The stream is seeded level3 of
depth 10; "decode" is what a feed spends anyway, "record" what the recorder adds.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kracked.book.keeper import BookKeeper
from kracked.frames import load_orders
from kracked.protocol import events
from kracked.record.convert import convert
from kracked.record.folder import SessionInfo
from kracked.record.reader import open_recording
from kracked.record.session import record_into
from kracked.times import NS_PER_S
from tests.record.market import Level3Market

MESSAGES = 20_000
REPEATS = 5


def main() -> None:
    stream = Level3Market().stream(MESSAGES)
    changes = sum(_changes(stream))
    decode = _cpu(lambda: _decode(stream))
    print(f"{len(stream)} messages, {changes} order events")
    print(f"decode and keep books   {decode / changes * 1e6:6.2f} us/event")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session"
        recorded = _cpu(lambda: _record(stream, path))
        print(f"record raw and CSV      {(recorded - decode) / changes * 1e6:6.2f} us/event more")
        raw = sum(log.stat().st_size for log in path.glob("raw/*"))
        rows = sum(table.stat().st_size for table in path.glob("L3_ticks*.csv"))
        print(f"raw {raw / changes:.1f} bytes/event, CSV {rows / changes:.1f} bytes/event")
        print(f"verify                  {_cpu(lambda: open_recording(path).verify()):6.2f} s")
        print(f"convert to Parquet      {_cpu(lambda: convert(path)):6.2f} s")
        parquet = sum(part.stat().st_size for part in path.glob("parquet/**/*.parquet"))
        print(f"Parquet {parquet / changes:.1f} bytes/event")
        print(f"load CSV                {_cpu(lambda: load_orders(path)):6.2f} s")
        print(f"load Parquet            {_cpu(lambda: load_orders(path / 'parquet')):6.2f} s")
        recording = open_recording(path)
        begin, end = recording.span()
        instants = [begin + (end - begin) * part // 20 for part in range(1, 20)]
        spent = sorted(_cpu(lambda at=at: recording.at(at), repeats=1) for at in instants)
        print(f"seek, median and worst  {spent[9] * 1e3:6.1f} ms {spent[-1] * 1e3:6.1f} ms")


def _changes(stream: list[tuple[int, bytes]]) -> list[int]:
    keeper = BookKeeper()
    return [
        len(event.bids) + len(event.asks)
        for received, data in stream
        for event in keeper.receive(data, received)
        if isinstance(event, events.OrdersUpdate | events.OrdersSnapshot)
    ]


def _decode(stream: list[tuple[int, bytes]]) -> None:
    keeper = BookKeeper()
    for received, data in stream:
        keeper.receive(data, received)


def _record(stream: list[tuple[int, bytes]], path: Path) -> None:
    """As the recorder does: text message by message, a hand-over every tenth of a second."""
    for old in sorted(path.rglob("*"), reverse=True) if path.exists() else ():
        old.unlink() if old.is_file() else old.rmdir()
    keeper, handed = BookKeeper(), 0
    with record_into(path, SessionInfo(start="2024-11-12T06:50:44Z")) as session:
        for received, data in stream:
            session.intake.message("level3", received, data)
            for event in keeper.receive(data, received):
                session.intake.event(event)
            if received - handed > NS_PER_S * 4:  # some 100 ms at 20,000 events a second
                session.hand_over([*keeper.orders.values()], received)
                handed = received


def _cpu(work: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Least CPU seconds of several runs."""
    spent = []
    for _ in range(repeats):
        before = time.process_time()
        work()
        spent.append(time.process_time() - before)
    return min(spent)


if __name__ == "__main__":
    main()
