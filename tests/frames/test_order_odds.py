"""Odds fitted to recordings: the same samples as live, forty minutes at least, each minute once."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from kracked.errors import RecordError
from kracked.flow.odds.table import NoOdds, OddsTable
from kracked.frames import order_odds
from kracked.frames.order_odds import NoOrders, fit_odds, sampled
from kracked.sim.realism import Realism
from tests.benchmarks.odds import DELAY_NS, DEPTH, sample
from tests.benchmarks.queue_truth import Market, record

SYMBOL = "BONK/USD"


def recorded(path: Path, seed: int, minutes: float) -> Market:
    market = Market(SYMBOL, seed, minutes, [DEPTH], Realism())
    record(path, market, DEPTH, market.feed(DEPTH, DELAY_NS, 0, 1))
    return market


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Market]:
    path = tmp_path_factory.mktemp("odds") / "hour"
    return path, recorded(path, 3, 41)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odds") / "short"
    recorded(path, 5, 13)
    return path


def test_a_recording_gives_the_samples_of_the_live_market(hour: tuple[Path, Market]) -> None:
    path, market = hour
    ours, live = sampled([path], SYMBOL), sample(market)
    assert len(ours.samples) > 10_000
    assert ours == live


def test_forty_minutes_are_fitted_and_recordings_add_up(
    hour: tuple[Path, Market], short: Path
) -> None:
    table = fit_odds([short, hour[0]], now=7)[SYMBOL]
    assert isinstance(table, OddsTable)
    assert (table.symbol, table.fitted, table.recordings) == (SYMBOL, 7, 2)
    assert table.watched_s == pytest.approx(41 * 60, abs=10)  # they are of the same hour
    assert table.outcomes[0].reliability.total == table.samples


def test_less_is_not_fitted_and_says_how_much_there_is(short: Path) -> None:
    assert fit_odds([short], now=7) == {
        SYMBOL: NoOdds("not fitted: 12 of 40 minutes were recorded")
    }


def test_a_minute_that_two_recordings_have_counts_once(short: Path, tmp_path: Path) -> None:
    copytree(short, tmp_path / "again")
    alone, twice = sampled([short], SYMBOL), sampled([short, tmp_path / "again"], SYMBOL)
    assert twice.samples == alone.samples
    assert twice.watched_ns == alone.watched_ns


def test_many_samples_are_thinned_evenly(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = sampled([short], SYMBOL)
    monkeypatch.setattr(order_odds, "MOST_SAMPLES", len(every.samples) // 3)
    fewer = sampled([short], SYMBOL)
    assert fewer.every_ns == 4 * every.every_ns
    assert 0.2 < len(fewer.samples) / len(every.samples) < 0.3
    assert set(fewer.samples) < set(every.samples)
    instants = {one.placed for one in fewer.samples}
    assert all(one in fewer.samples for one in every.samples if one.placed in instants)


def test_a_symbol_that_was_not_recorded_is_refused_with_those_that_were(short: Path) -> None:
    with pytest.raises(RecordError, match=r"no level 3 of ETH/USD .* there is that of BONK/USD"):
        fit_odds([short], now=7, symbols=["ETH/USD"])


def test_recordings_without_orders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoOrders, match="no level 3 was recorded in"):
        fit_odds([tmp_path / "empty"], now=7)
