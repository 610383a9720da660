"""Bars on a cluster: what one process makes, two workers make, and one that outlives the other."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kracked.format import tables
from kracked.frames import bars, load_trades

dask = pytest.importorskip("dask", reason="needs the extra `cluster`")
distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

FILES, ROWS = 6, 120
HOUR_NS = 3600 * 10**9
START = 1_731_394_800 * 10**9


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Trades of two symbols, a file for each hour."""
    folder = tmp_path_factory.mktemp("hours")
    return [str(_hour(folder / f"hour-{hour:02}.csv", hour)) for hour in range(FILES)]


def _hour(path: Path, hour: int) -> Path:
    begin, step = START + hour * HOUR_NS, HOUR_NS // ROWS
    rows = [
        f"{pd.Timestamp(begin + number * step).isoformat()}Z,,{('BTC/USD', 'ETH/USD')[number % 2]},"
        f"{100 + number % 17}.5,0.{1 + number % 9},{('buy', 'sell')[number % 3 % 2]},limit,"
        f"{hour * ROWS + number},{number},128\n"
        for number in range(ROWS)
    ]
    path.write_text(f"{tables.TRADES.header}\n{''.join(rows)}")
    return path


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers, each a process of its own, without the cluster's web page.

    Forked off a server that has pandas loaded: each would take seconds to load it.
    """
    quick = {"distributed.worker.multiprocessing-method": "forkserver"}
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        stack.enter_context(dask.config.set(quick))
        cluster = stack.enter_context(
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            )
        )
        yield stack.enter_context(distributed.Client(cluster))


class Deadly:
    """A source that kills whoever reads it first."""

    def __init__(self, file: str, mark: Path) -> None:
        self._file, self._mark = file, mark

    @property
    def path(self) -> Path:
        with contextlib.suppress(FileExistsError):
            self._mark.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
        return Path(self._file)


def test_two_workers_make_the_bars_of_one_process(client: Any, files: list[str]) -> None:
    alone = bars(files, "1min")
    together = bars(files, "1min", executor=client.get_executor(pure=False))
    pd.testing.assert_frame_equal(together, alone)
    pd.testing.assert_frame_equal(alone, bars(load_trades(files), "1min")[list(alone)])


def test_a_killed_worker_costs_time_and_nothing_else(
    client: Any, files: list[str], tmp_path: Path
) -> None:
    sources = [Deadly(files[0], tmp_path / "killed"), *files[1:]]
    made = bars(sources, "1min", executor=client.get_executor(pure=False))
    assert (tmp_path / "killed").exists()
    pd.testing.assert_frame_equal(made, bars(files, "1min"))
