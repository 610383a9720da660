"""The odds of a resting order: filled within 30, 60 and 300 s, or left behind by the price.

A table is fitted for each symbol, from ghosts that stood in the queues of the user's own
recordings (`kracked.fit_odds`). What is told is a band, never a point. Nothing here opens anything
or knows a clock, but for `read_odds`, `write_odds` and `keep_scores`. ::

    kept = read_odds(odds_path(os.environ))
    live = LiveOdds(kept.table("BTC/USD"), decimals=8)
    live.follow(flow["BTC/USD"], flow.apply(event))
    found = live.of_order(flow["BTC/USD"], place, now)
"""

from kracked.flow.odds.live import LiveOdds
from kracked.flow.odds.reliability import Band, Reliability, ReliabilityRow
from kracked.flow.odds.scoring import OddsScore, OwnOrderScorer
from kracked.flow.odds.store import (
    KeptOdds,
    OddsFile,
    UnreadableOdds,
    keep_scores,
    odds_path,
    read_odds,
    write_odds,
)
from kracked.flow.odds.table import HORIZONS_S, OUTCOMES, NoOdds, Odds, OddsTable

__all__ = [
    "HORIZONS_S",
    "OUTCOMES",
    "Band",
    "KeptOdds",
    "LiveOdds",
    "NoOdds",
    "Odds",
    "OddsFile",
    "OddsScore",
    "OddsTable",
    "OwnOrderScorer",
    "Reliability",
    "ReliabilityRow",
    "UnreadableOdds",
    "keep_scores",
    "odds_path",
    "read_odds",
    "write_odds",
]
