"""The quick replay of level 3 tables: equal to the keeper's, whatever was recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.book.keeper import BookKeeper
from kracked.frames import best_bid_offer, order_replay, queue_position, sampled_books
from kracked.protocol import events
from kracked.record.folder import SessionInfo
from kracked.record.session import record_into
from kracked.times import NS_PER_S
from tests.record.market import START, Level3Market

SYMBOL = "BTC/USD"
ENGINES = (
    "plain",
    pytest.param("numba", marks=pytest.mark.skipif(find_spec("numba") is None, reason="no numba")),
)

# What befalls a recording, between some updates each.
FAULTS = ("lost", "spoilt", "snapshot", "twice", "gap", "hour", "keyframe")
Lives = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(FAULTS)), min_size=1, max_size=8)


def spoilt(message: bytes) -> bytes:
    head, _, tail = message.rpartition(b'"checksum":')
    digits, comma, rest = tail.partition(b",")
    return head + b'"checksum":%d' % (int(digits) ^ 1) + comma + rest


class Recording:
    """A market that is recorded while things happen to it."""

    def __init__(self, path: Path, *, seed: int, depth: int) -> None:
        self.path, self.now = path, START
        self.market = Level3Market(seed, SYMBOL, depth)
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
        self.now = max(self.now + 1, self.market.now)
        self._session.intake.message("level3", self.now, data)
        for event in self.keeper.receive(data, self.now):
            self._session.intake.event(event)
            if isinstance(event, events.OrdersSnapshot | events.OrdersUpdate):
                self.seen += [order.order_id for order in (*event.bids, *event.asks)]

    def _lost(self) -> None:
        self.market.update()

    def _spoilt(self) -> None:
        self._arrives(spoilt(self.market.update()))

    def _snapshot(self) -> None:
        self._arrives(self.market.snapshot())

    def _twice(self) -> None:
        message = self.market.update()
        self._arrives(message)
        self._arrives(message)

    def _gap(self) -> None:
        """Messages of others were lost: nothing is wrong, and nobody can know."""
        self._session.intake.event(events.Gap(self.now, "level3", (), 0, self.now, "lost"))

    def _hour(self) -> None:
        self._session.hand_over([], self.now)
        self.market.now = max(self.market.now, self.now) + 3600 * NS_PER_S

    def _keyframe(self) -> None:
        self._session.hand_over([*self.keeper.orders.values()], self.now)


@contextmanager
def recorded(acts: Sequence[tuple[int, str]], *, seed: int, depth: int) -> Iterator[Recording]:
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder) / "session", seed=seed, depth=depth)
        recording.live(acts)
        yield recording


def same(read: Callable[..., pd.DataFrame], engine: str) -> pd.DataFrame:
    slow = read(verify=True)
    pd.testing.assert_frame_equal(read(engine=engine), slow)
    return slow


@pytest.mark.parametrize("engine", ENGINES)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=Lives,
    seed=st.integers(0, 99),
    depth=st.sampled_from((10, 12, 100)),
    rows=st.integers(1, 60),
)
def test_whatever_was_recorded_the_quick_replay_tells_what_every_checksum_tells(
    engine: str, acts: list[tuple[int, str]], seed: int, depth: int, rows: int
) -> None:
    with (
        recorded(acts, seed=seed, depth=depth) as recording,
        patch.object(order_replay, "_RUN_ROWS", rows),
    ):
        source = recording.path
        same(lambda **how: best_bid_offer(source, SYMBOL, **how), engine)
        every = "10s" if any(fault == "hour" for _, fault in acts) else "40ms"
        same(lambda **how: sampled_books(source, SYMBOL, every=every, levels=4, **how), engine)
        for order_id in recording.seen[:: max(1, len(recording.seen) // 5)]:
            same(lambda **how: queue_position(source, SYMBOL, order_id, **how), engine)  # noqa: B023
