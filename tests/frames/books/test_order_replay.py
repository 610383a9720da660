"""The quick replay of level 3 tables: equal to the keeper's, whatever was recorded."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.errors import ConfigError
from kracked.format.session_info import SessionInfo
from kracked.format.tables import Flag
from kracked.frames import best_bid_offer, load_orders, queue_position, sampled_books
from kracked.frames.books import order_replay
from kracked.frames.books.numba_engine import Engine, Kernel, kernel
from kracked.frames.books.order_kernel import ADD, OrderChanges, Rings, Shape, Touches, advance
from kracked.frames.books.order_rows import TooManyDigits, scaled
from kracked.frames.books.table_replay import TableReplay, books
from kracked.protocol import events
from kracked.record.write.session import record_into
from kracked.times import NS_PER_S
from tests.record.seeded_market import START, Level3Market

SYMBOL = "BTC/USD"
ENGINES = (
    "plain",
    pytest.param("numba", marks=pytest.mark.skipif(find_spec("numba") is None, reason="no numba")),
)

# What befalls a recording, between some updates each.
FAULTS = ("lost", "spoilt", "snapshot", "twice", "gap", "hour", "keyframe", "finer")
Lives = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(FAULTS)), min_size=1, max_size=8)


def spoilt(message: bytes) -> bytes:
    head, _, tail = message.rpartition(b'"checksum":')
    digits, comma, rest = tail.partition(b",")
    return head + b'"checksum":%d' % (int(digits) ^ 1) + comma + rest


class Recording:
    """A market that is recorded while things happen to it."""

    def __init__(self, path: Path, *, seed: int = 3, depth: int = 10, crowd: float = 0.02) -> None:
        self.path, self.now, self.behind = path, START, 0
        self.market = Level3Market(seed, SYMBOL, depth, crowd=crowd)
        self.keeper = BookKeeper()
        self.seen: list[str] = []

    def live(self, acts: Sequence[tuple[int, str]]) -> None:
        info = SessionInfo(start="2024-11-12T06:50:44.000000000Z")
        with record_into(self.path, info, clock=lambda: self.now) as self._session:
            self._arrives(self.market.acknowledge())
            self._arrives(self.market.snapshot())
            for updates, fault in acts:
                for _ in range(updates):
                    self._arrives(self.market.update())
                getattr(self, f"_{fault}")()
            self._arrives(self.market.update())

    def _arrives(self, data: bytes) -> None:
        self.now = max(self.now + 1, self.market.now - self.behind)
        self._session.ingest.take_message("level3", self.now, data)
        for event in self.keeper.receive(data, self.now):
            self._session.ingest.take_event(event)
            if isinstance(event, events.L3Snapshot | events.L3Update):
                self.seen += [order.order_id for order in (*event.bids, *event.asks)]

    def _lost(self) -> None:
        self.market.update()

    def _spoilt(self) -> None:
        self._arrives(spoilt(self.market.update()))

    def _snapshot(self) -> None:
        self._arrives(self.market.snapshot())

    def _finer(self) -> None:
        self.market.refine()
        self._arrives(self.market.snapshot())

    def _refined(self) -> None:
        """The exchange's list says so; the snapshot is yet to come."""
        self.market.refine()

    def _minute(self) -> None:
        self.market.now += 60 * NS_PER_S

    def _clock(self) -> None:
        """Ours is set back."""
        self.behind += 2 * NS_PER_S
        self.now -= 2 * NS_PER_S

    def _others(self) -> None:
        """Another symbol speaks."""
        self._arrives(Level3Market(5, "ETH/USD").snapshot())

    def _twice(self) -> None:
        message = self.market.update()
        self._arrives(message)
        self._arrives(message)

    def _gap(self) -> None:
        """Messages of others were lost: nothing is wrong, and nobody can know."""
        self._session.ingest.take_event(events.Gap(self.now, "level3", (), 0, self.now, "lost"))

    def _hour(self) -> None:
        self._session.hand_over([], self.now)
        self.market.now = max(self.market.now, self.now) + 3600 * NS_PER_S

    def _keyframe(self) -> None:
        self._session.hand_over([*self.keeper.l3.values()], self.now)


@contextmanager
def recorded(acts: Sequence[tuple[int, str]], **market: Any) -> Iterator[Recording]:
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder) / "session", **market)
        recording.live(acts)
        yield recording


def same(read: Callable[..., pd.DataFrame], engine: str) -> pd.DataFrame:
    slow = read(verify=True)
    pd.testing.assert_frame_equal(read(engine=engine), slow)
    return slow


@pytest.mark.parametrize("engine", ENGINES)
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=Lives,
    market=st.fixed_dictionaries(
        {
            "seed": st.integers(0, 99),
            "depth": st.sampled_from((10, 12, 100)),
            "crowd": st.sampled_from((0.02, 0.15)),
        }
    ),
    rows=st.integers(1, 60),
)
def test_whatever_was_recorded_the_quick_replay_tells_what_every_checksum_tells(
    engine: str, acts: list[tuple[int, str]], market: dict[str, Any], rows: int
) -> None:
    with (
        recorded(acts, **market) as recording,
        patch.object(order_replay, "_RUN_ROWS", rows),
    ):
        source = recording.path
        same(lambda **how: best_bid_offer(source, SYMBOL, **how), engine)
        every = "10s" if any(fault == "hour" for _, fault in acts) else "40ms"
        same(lambda **how: sampled_books(source, SYMBOL, every=every, levels=12, **how), engine)
        for order_id in recording.seen[:: max(1, len(recording.seen) // 5)]:
            same(lambda **how: queue_position(source, SYMBOL, order_id, **how), engine)  # noqa: B023


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording in which nothing went wrong."""
    recording = Recording(tmp_path_factory.mktemp("quiet") / "session")
    recording.live([(150, "hour"), (150, "keyframe")])
    return recording.path


def edited(path: Path, row: int, column: int, text: str) -> None:
    """One cell of a table changed on the disk."""
    table = path / "L3_ticks.csv"
    lines = table.read_text().splitlines(keepends=True)
    cells = lines[row].split(",")
    cells[column] = text
    lines[row] = ",".join(cells)
    table.write_text("".join(lines))


def applied(path: Path, **how: Any) -> int:
    """How many messages the keeper must judge for the best bid and offer."""
    with patch.object(TableReplay, "apply", autospec=True, side_effect=TableReplay.apply) as judged:
        best_bid_offer(path, SYMBOL, **how)
    return judged.call_count


def test_of_a_sound_recording_the_keeper_judges_the_snapshot_alone(quiet: Path) -> None:
    assert applied(quiet) == 1
    assert applied(quiet, verify=True) > 300


def test_of_a_broken_recording_the_keeper_judges_only_what_is_in_doubt(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(100, "spoilt"), (3, "snapshot"), (100, "snapshot")])
    assert applied(recording.path) == 4  # snapshots, and the one that fits none


def test_every_message_the_recorder_doubted_goes_to_the_keeper(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(30, "gap"), (20, "snapshot"), (30, "keyframe")])
    assert applied(recording.path) == 2 + 20  # snapshots, and the messages between


def test_a_change_of_decimals_is_read_on_both_sides_of_it(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(40, "finer"), (40, "finer"), (40, "keyframe")])
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert len(list(books(recording.path, SYMBOL))) == 3 + 120 + 1


def test_where_decimals_change_the_book_is_read_until_the_snapshot_and_nothing_twice(
    tmp_path: Path,
) -> None:
    """A quiet minute, then the same book in one more decimal."""
    recording = Recording(tmp_path / "session")
    recording.live([(40, "minute"), (0, "finer")])
    samples = same(
        lambda **how: sampled_books(recording.path, SYMBOL, every="1s", levels=1, **how), "plain"
    )
    assert len(samples) >= 60
    touch = same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert (touch.to_numpy()[1:] != touch.to_numpy()[:-1]).any(axis=1).all()


def test_a_clock_set_back_after_a_change_of_decimals_loses_nothing(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(40, "finer"), (40, "clock"), (40, "keyframe")])
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert len(list(books(recording.path, SYMBOL))) == 2 + 120 + 1


def test_an_hour_in_which_a_symbol_was_silent_is_no_hindrance(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(40, "finer"), (40, "hour"), (0, "others"), (0, "hour"), (40, "keyframe")])
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert len(list(books(recording.path, SYMBOL))) == 2 + 120 + 1


def test_updates_in_new_decimals_before_their_snapshot_are_not_read_by_the_old_ones(
    tmp_path: Path,
) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(40, "spoilt"), (0, "refined"), (5, "snapshot"), (40, "keyframe")])
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert applied(recording.path) == 3  # two snapshots, and the one that fits none


def test_a_folder_gone_on_with_at_another_depth_is_read_whole(tmp_path: Path) -> None:
    for depth in (10, 100):
        recording = Recording(tmp_path / "session", depth=depth)
        recording.live([(40, "keyframe")])
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert [book.depth for book in books(recording.path, SYMBOL)] == [10] * 42 + [100] * 42


def test_recordings_of_other_decimals_and_depths_are_one_source(tmp_path: Path) -> None:
    first, second = (
        Recording(tmp_path / name, depth=depth) for name, depth in (("a", 10), ("b", 100))
    )
    first.live([(40, "keyframe")])
    second.market.refine()
    second.now = second.market.now = first.now + NS_PER_S
    second.live([(40, "keyframe")])
    both = [first.path, second.path]
    whole = same(lambda **how: best_bid_offer(both, SYMBOL, **how), "plain")
    alone = [best_bid_offer(path, SYMBOL) for path in both]
    known = whole[~whole["suspect"]]
    pd.testing.assert_frame_equal(known, pd.concat(alone))
    assert whole["suspect"].sum() == 1
    assert [book.depth for book in books(both, SYMBOL)] == [10] * 42 + [100] * 42


def test_an_order_behind_the_depth_is_strange_to_the_kernel() -> None:
    levels, orders = [*range(1, 12)], [*range(12, 23)]  # level 1 is the worst, and comes last
    changes = OrderChanges(orders, levels[::-1], [5] * 11, [ADD] * 11)
    nodes = [*range(23)]
    rings = Rings(nodes.copy(), nodes.copy(), [0] * 23, [0] * 23)
    told = advance(changes, rings, ([0], [0]), Shape(1, 10, 10), Touches([], [], [], [], []))
    assert told[1] == 10


def test_a_changed_row_ends_trust_where_every_checksum_would(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(60, "keyframe")])
    lines = (recording.path / "L3_ticks.csv").read_text().splitlines()
    row = next(at for at, line in enumerate(lines) if ",A," in line and ",128," in line)
    edited(recording.path, row, 4, "7.00000001")
    whole = same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")
    assert len(whole) < 30


@pytest.mark.parametrize("size", ["12345678901234.00000001", "9999999999999999999.00000000"])
def test_numbers_too_long_for_a_double_are_left_to_the_keeper(tmp_path: Path, size: str) -> None:
    recording = Recording(tmp_path / "session")
    recording.live([(20, "keyframe")])
    edited(recording.path, 40, 4, size)
    same(lambda **how: best_bid_offer(recording.path, SYMBOL, **how), "plain")


@given(st.lists(st.integers(0, 10**15 - 1)), st.integers(0, 10))
def test_a_double_of_fifteen_digits_is_scaled_to_its_integer(numbers: list[int], d: int) -> None:
    doubles = np.array([float(Decimal(number).scaleb(-d)) for number in numbers])
    assert scaled(doubles, d).tolist() == numbers


@pytest.mark.parametrize("value", [1e8, 0.000000001, 1.000000001])
def test_what_a_double_cannot_vouch_for_is_refused(value: float) -> None:
    with pytest.raises(TooManyDigits):
        scaled(np.array([1.0, value]), 8)


def test_what_is_missing_scales_to_nothing() -> None:
    assert scaled(np.array([float("nan"), 2.5]), 1).tolist() == [0, 25]


def test_an_engine_of_another_name_is_refused(quiet: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of auto, plain, numba"):
        best_bid_offer(quiet, SYMBOL, engine="fortran")  # type: ignore[arg-type]


def test_numba_is_asked_for_in_words_where_it_is_not_installed() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from kracked.frames.books.numba_engine import kernel\n"
        "kernel('auto', 10**9)\n"
        "kernel('numba', 1)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "compiled replay needs numba: pip install numba" in run.stderr


def test_many_short_files_are_as_good_a_reason_for_numba_as_a_long_one(quiet: Path) -> None:
    asked: list[int] = []

    def noted(engine: Engine, rows: int) -> Kernel:
        asked.append(rows)
        return kernel(engine, rows)

    with patch.object(order_replay, "kernel", noted):
        best_bid_offer(quiet, SYMBOL)
    assert len(asked) == 2
    assert asked[1] == (load_orders(quiet)["flags"] & Flag.CUT == 0).sum()


def test_a_short_table_does_not_load_numba(quiet: Path) -> None:
    code = (
        "import sys\n"
        "from kracked.frames import best_bid_offer\n"
        f"best_bid_offer({str(quiet)!r}, {SYMBOL!r})\n"
        "sys.exit('numba' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
