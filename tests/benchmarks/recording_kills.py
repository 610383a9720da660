"""A recorder killed with SIGKILL at random moments under load: what each kill costs.

    python -m tests.benchmarks.recording_kills --kills 30 --format sqlite

Each time a process records level3 at 20,000 events a second and is killed. Lost is the
time from the kill back to the last message found on the disk. Then the recording is
mended, every checksum of the raw log and of the tables is verified, and the messages
must be those that were sent, from the first on. Exit code 1 on any violation.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kracked.book.keeper import BookKeeper
from kracked.book.stats import BookStats
from kracked.format.session_info import SessionInfo
from kracked.frames.books.table_replay import book_events
from kracked.record.check import check
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format, record_into
from kracked.times import NS_PER_S
from tests.benchmarks.recording_cost import HAND_OVER_NS, SLICE_NS, paced

GOAL_S = 0.15
MESSAGES = 30_000
SLICE = 200
"""Messages read at once when the process is behind, as from a socket."""
SYMBOL = "BTC/USD"


def victim(path: Path, told: Path, form: Format) -> None:
    """Record the stream in time, slice by slice, until killed."""
    frames = [(offset, data.encode()) for offset, data in json.loads(told.read_text())]
    keeper, at = BookKeeper(), 0
    info = SessionInfo(start="2026-09-21T14:13:20.000000000Z")
    with record_into(path, info, form=form) as session:
        begun = handed = time.time_ns()
        print("recording", flush=True)
        while at < len(frames):
            now = time.time_ns()
            due = []
            while len(due) < SLICE and at < len(frames) and frames[at][0] <= now - begun:
                due.append(("level3", now + len(due), frames[at][1]))
                at += 1
            heard = [keeper.receive(data, received) for _, received, data in due]
            session.ingest.take(due, [event for happened in heard for event in happened])
            if now - handed >= HAND_OVER_NS:
                session.hand_over([*keeper.l3.values()], now)
                handed = now
            if len(due) < SLICE:
                time.sleep(SLICE_NS / NS_PER_S)


def kill(path: Path, told: Path, form: Format, after_s: float) -> int:
    """Let one record for so long, then kill it; when, ns since the Unix epoch."""
    words = ["--victim", str(path), str(told), "--format", form]
    arguments = [sys.executable, "-m", __spec__.name, *words]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_s)
        at = time.time_ns()
        process.kill()
    return at


def verdict(path: Path, sent: list[bytes]) -> list[str]:
    """Mend the recording; what is wrong with it then."""
    moved = check(path, mend=True).moved
    health = check(path)
    wrong = [] if health.healthy and not health.lost else [str(health)]
    kept = [data for _, _, data in open_recording(path)]
    if kept != sent[: len(kept)]:
        wrong.append("messages are not those that were sent")
    keeper = BookKeeper()
    for event in book_events(path, SYMBOL) if kept else ():
        keeper.apply(event)
    tally = keeper.stats.get((SYMBOL, "level3"), BookStats(SYMBOL, "level3"))
    if tally.mismatched or tally.ignored:
        wrong.append(f"the tables: {tally}")
    print(f"  {len(kept)} messages, {tally.verified} of the tables verified, mended {len(moved)}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", type=Format, choices=[*Format], default=Format.CSV)
    parser.add_argument("--victim", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victim:
        victim(*options.victim, options.format)
        return 0
    chance, lost_s, wrong = random.Random(options.seed), [], []
    stream = paced("level3", MESSAGES)
    begin = next(stream.frames())[1]
    frames = [(received - begin, data) for _, received, data in stream.frames()]
    sent = [data for _, data in frames]
    length_s = frames[-1][0] / NS_PER_S
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        told.write_text(json.dumps([(offset, data.decode()) for offset, data in frames]))
        for number in range(options.kills):
            path = Path(folder) / f"session-{number}"
            at = kill(path, told, options.format, chance.uniform(0.2, length_s - 0.2))
            wrong += verdict(path, sent)
            lost_s.append((at - open_recording(path).span()[1]) / NS_PER_S)
    worst = max(lost_s)
    print(
        f"{options.kills} kills, seconds lost: {' '.join(f'{one:.3f}' for one in sorted(lost_s))}"
    )
    print(f"worst {worst:.3f} s, goal {GOAL_S} s; violations: {len(wrong)}")
    for one in wrong:
        print(f"VIOLATION: {one}", file=sys.stderr)
    return 1 if wrong or worst > GOAL_S else 0


if __name__ == "__main__":
    sys.exit(main())
