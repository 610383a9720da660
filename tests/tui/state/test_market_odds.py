"""The live odds of the monitor: their score goes on from the file, and is kept in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.flow import Ledger, OrderFlow
from kracked.flow.odds.fitting import fit_table
from kracked.flow.odds.store import KeptOdds, OddsFile, read_odds, write_odds
from kracked.flow.odds.table import NoOdds
from kracked.protocol.codec import Codec
from kracked.protocol.events import Executions
from kracked.sim.realism import Realism
from kracked_tui.state.market_odds import SAVE_EVERY, MarketOdds
from tests.benchmarks.queue_truth import Market
from tests.flow.odds.markets import START, invented

SYMBOL, DEPTH = "BONK/USD", 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = OddsFile()
    table = fit_table(SYMBOL, invented(2_000), fitted=START, watched_ns=1, recordings=1)
    file.symbols[SYMBOL] = KeptOdds(table=table)
    write_odds(tmp_path / "odds.json", file)
    return tmp_path / "odds.json"


def followed(odds: MarketOdds, minutes: float = 13) -> MarketOdds:
    """Let odds follow a simulated market; every order of its first book is an own one."""
    market = Market(SYMBOL, 4, minutes, [DEPTH], Realism())
    precision = market.listing.instrument.precision
    codec, flow = Codec({SYMBOL: precision}), OrderFlow(DEPTH)
    flow.ledgers[SYMBOL] = Ledger(SYMBOL, DEPTH)
    for message in market.feed(DEPTH, 0, 0, 4):
        for event in codec.decode(message.raw, message.received):
            odds.follow(flow[SYMBOL], flow.apply(event), qty_decimals=precision.qty)
    return odds


def cases(odds: MarketOdds) -> int:
    live = odds.live.get(SYMBOL)
    assert live is not None
    assert live.score is not None
    return live.score.observed[0].total


def test_a_live_score_is_kept_and_goes_on_at_the_next_start(path: Path) -> None:
    first = followed(MarketOdds.read(path, keeps=True))
    assert first.save() == ""
    kept = read_odds(path).symbols[SYMBOL].score
    assert kept is not None
    assert kept.observed[0].total == cases(first) > 0
    second = followed(MarketOdds.read(path, keeps=True))
    assert cases(second) == 2 * cases(first)


def test_a_replay_neither_takes_nor_leaves_a_score(path: Path) -> None:
    followed(MarketOdds.read(path, keeps=True)).save()
    before = path.read_bytes()
    replay = followed(MarketOdds.read(path, keeps=False))
    assert replay.save() == ""
    assert path.read_bytes() == before
    assert cases(replay) == read_odds(path).symbols[SYMBOL].score.observed[0].total  # type: ignore[union-attr]


def test_a_save_is_due_after_so_many_cases(path: Path) -> None:
    odds = followed(MarketOdds.read(path, keeps=True))
    assert odds.unsaved is (4 * cases(odds) >= SAVE_EVERY)
    odds.save()
    assert not odds.unsaved


def test_a_score_that_cannot_be_kept_is_told_once(path: Path) -> None:
    odds = followed(MarketOdds.read(path, keeps=True))
    path.write_text("{")
    assert odds.save().startswith("the score of the odds is not kept: ")
    odds._saved = 0
    assert odds.save() == ""


def test_the_orders_of_the_account_are_scored_too(path: Path) -> None:
    odds = MarketOdds.read(path, keeps=True)
    market = Market(SYMBOL, 4, 13, [DEPTH], Realism())
    ids = dict.fromkeys(row.order_id for row in market.truth if row.what == "filled")
    reports = tuple({"order_id": one, "symbol": SYMBOL} for one in ids)
    odds.learn_own(Executions(START, reports), {})
    live = followed(odds).live.get(SYMBOL)
    assert live is not None
    assert live.score is not None
    assert live.score.own[0].total > 0


def test_a_file_that_cannot_be_read_is_told_where_odds_would_be(tmp_path: Path) -> None:
    (tmp_path / "odds.json").write_text("{")
    table = MarketOdds.read(tmp_path / "odds.json", keeps=True).table(SYMBOL)
    assert isinstance(table, NoOdds)
    assert "odds.json" in table.why
