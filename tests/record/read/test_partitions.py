"""A recording read by several processes: whatever is wrong with it, the report is that of one."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.book.keeper import BookKeeper
from kracked.format import frame, line
from kracked.format.frame import Frame, FrameKind
from kracked.protocol import events
from kracked.record.check import check
from kracked.record.read import partitions, recording
from kracked.record.read.partitions import Partition
from kracked.record.read.recording import WorkerLost, open_recording
from tests.record.seeded_market import START, Level3Market, record_stream

SYMBOLS = ("BTC/USD", "DOGE/USD", "ETH/USD", "SOL/USD")
Stream = list[tuple[int, bytes]]


class Here(Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*given, **named))
        return future


@pytest.fixture(autouse=True)
def worthwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share out the shortest recording too."""
    monkeypatch.setattr(recording, "_WORTH_SHARING", 1)


@pytest.fixture(scope="module")
def stream() -> Stream:
    """Four symbols, of unlike liveliness."""
    markets = [Level3Market(seed, symbol) for seed, symbol in enumerate(SYMBOLS)]
    arrived = [each for rank, market in enumerate(markets, 1) for each in market.stream(30 * rank)]
    return sorted(arrived)


def _spoilt(stream: Stream, seed: int) -> Stream:
    """With messages missing, twice, cut, of two symbols, with other digits or nonsense."""
    told, spoilt = random.Random(seed), list(stream)
    for _ in range(6):
        at = told.randrange(8, len(spoilt))
        now, data = spoilt[at]
        inner, other = data.partition(b'"data":[')[2][:-2], spoilt[at - 1][1]
        spoilt[at : at + 1] = told.choice(
            [
                [],
                [(now, data), (now, data)],
                [(now, data[: told.randrange(1, len(data))])],
                [(now, data.replace(b'"checksum":', b'"checksum":1', 1))],
                [(now, data.replace(b'"limit_price":6', b'"limit_price":6.00000001', 1))],
                [(now, data.replace(b"/USD", b"\\/USD", 1))],
                [(now, other[:-2] + b"," + inner + b"]}")],
                [(now, b'{"channel":"level3","type":"update","data":[{}]}')],
                [(now, b"CloudFlare"), (now, data)],
                [
                    (
                        now,
                        b'{"channel":"status","type":"update","data":[{"system":"x","connection_id":9}]}',
                    )
                ],
            ]
        )
    return spoilt


def _damaged(path: Path, seed: int) -> None:
    """With frames overwritten or taken out of the log."""
    told = random.Random(seed)
    for log in path.glob("raw/*.zst"):
        data = bytearray(log.read_bytes())
        found = [each for each in frame.scan(bytes(data)) if isinstance(each, Frame)]
        hurt, gone = told.sample(found[1:], 2)
        data[hurt.end - 9] ^= 0xFF
        del data[gone.offset : gone.end]
        log.write_bytes(data)


@pytest.fixture(autouse=True)
def _python_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is shared among processes where Python's books are kept."""
    monkeypatch.setenv("KRACKED_ENGINE", "python")


@pytest.mark.parametrize("seed", range(12))
def test_shares_find_together_what_is_found_alone(
    stream: Stream, seed: int, tmp_path: Path
) -> None:
    record_stream(tmp_path, _spoilt(stream, seed))
    if seed % 3 == 0:
        _damaged(tmp_path, seed)
    recording = open_recording(tmp_path)
    alone = recording.verify()
    assert alone.keyframes
    for workers in (2, 3, 5):
        assert recording.verify(executor=Here(), workers=workers) == alone


@pytest.mark.parametrize("told", [1, 2])
def test_a_gap_doubts_in_every_share_the_books_it_concerns(
    stream: Stream, told: int, tmp_path: Path
) -> None:
    record_stream(tmp_path, stream)
    [log] = tmp_path.glob("raw/*.zst")
    data = log.read_bytes()
    found = [each for each in frame.scan(data) if isinstance(each, Frame)]
    at = next(each for each in found[len(found) // 2 :] if each.kind is FrameKind.DATA)
    end = at.first_received
    gap = events.Gap(end, "", SYMBOLS[-told:], START, end, "lost")
    text = line.pack_event(at.first_seq - 1, "level3", gap)
    packed = frame.pack(
        [text], kind=FrameKind.EVENT, count=1, received=(end, end), seq=at.first_seq - 1
    )
    log.write_bytes(data[: at.offset] + packed + data[at.offset :])
    recording = open_recording(tmp_path)
    alone = recording.verify()
    assert any(book.ignored for book in alone.books)
    assert recording.verify(executor=Here(), workers=2) == alone


def test_a_message_of_another_book_is_passed_over_only_where_it_is_of_no_other() -> None:
    share = Partition(frozenset({"BTC/USD"}), others=False)
    market = Level3Market(symbol="ETH/USD")
    of_one = market.snapshot()
    of_two = of_one[:-2] + b"," + of_one.partition(b'"data":[')[2][:-2] + b"]}"
    lines = [
        line.pack(1, 1, "level3", data) for data in (of_one, of_two, b'{"channel":"heartbeat"}')
    ]
    entries = partitions.batch_decode.decode_lines(b"".join(lines))
    assert entries is not None
    assert [share.skips(entry.msg) for entry in entries] == [True, False, False]


def test_shares_are_about_as_large_as_each_other_and_leave_nothing_out() -> None:
    said = dict(zip(SYMBOLS, (50, 30, 15, 5), strict=True))
    markets = {symbol: Level3Market(symbol=symbol).snapshot() for symbol in SYMBOLS}
    body = b"".join(
        line.pack(1, 1, "level3", markets[symbol])
        for symbol in SYMBOLS
        for _ in range(said[symbol])
    )
    one, other = partitions.divide([body], 2)
    held = [[symbol for symbol in SYMBOLS if share.includes(symbol)] for share in (one, other)]
    assert held == [["BTC/USD"], ["DOGE/USD", "ETH/USD", "SOL/USD"]]
    assert one.includes("XBT/EUR")
    assert not other.includes("XBT/EUR")


def test_with_the_compiled_books_no_process_is_needed(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_stream(tmp_path, _spoilt(stream, 2))
    by_python = open_recording(tmp_path).verify()
    monkeypatch.setenv("KRACKED_ENGINE", "auto")
    if BookKeeper().engine != "native":
        pytest.skip("the compiled books are not built")
    with ProcessPoolExecutor(2) as closed:
        closed.shutdown()
        assert open_recording(tmp_path).verify(executor=closed, workers=2) == by_python


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def test_processes_report_what_one_reports(stream: Stream, tmp_path: Path, pool: Executor) -> None:
    record_stream(tmp_path, _spoilt(stream, 1))
    alone, shared = check(tmp_path), check(tmp_path, executor=pool, workers=2)
    assert msgspec.json.encode(shared) == msgspec.json.encode(alone)


def test_a_process_that_is_killed_is_told_of(
    stream: Stream, tmp_path: Path, pool: Executor
) -> None:
    record_stream(tmp_path, stream)
    killed = pool.submit(signal.raise_signal, signal.SIGKILL)
    assert isinstance(killed.exception(), BrokenProcessPool)
    with pytest.raises(WorkerLost, match="one worker needs the least"):
        open_recording(tmp_path).verify(executor=pool, workers=2)


def test_a_short_recording_needs_no_process(
    stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_WORTH_SHARING", 1 << 20)
    record_stream(tmp_path, stream)
    with ProcessPoolExecutor(2) as closed:
        closed.shutdown()
        assert open_recording(tmp_path).verify(executor=closed, workers=2).proven


ORPHAN = """
import os, signal
from kracked.cli.recordings.check import worker_pool
if __name__ == "__main__":
    with worker_pool(2) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_outlives_nobody_who_had_it_work(tmp_path: Path) -> None:
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    # The process has our pipe too: the end of that is its end.
    ended = subprocess.run(
        [sys.executable, str(script)], check=False, stdout=subprocess.PIPE, timeout=60
    )
    assert int(ended.stdout) > 0
    assert ended.returncode == -signal.SIGKILL
