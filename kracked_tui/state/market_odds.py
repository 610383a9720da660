"""The odds of orders on the markets shown, from the user's tables, and the score they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kracked.flow import Ledger, Outcome
from kracked.flow.odds.live import MOST_OWN, LiveOdds
from kracked.flow.odds.scoring import OddsScore
from kracked.flow.odds.store import OddsFile, UnreadableOdds, keep_scores, read_odds
from kracked.flow.odds.table import NoOdds, OddsTable
from kracked.protocol.events import Executions
from kracked.protocol.own_orders import own_ids

_NOT_READ = NoOdds("the file of the odds is not read yet")
SAVE_EVERY = 1_000
"""Scored cases, of ghosts and of own orders, after which the scores are saved again."""


class MarketOdds:
    """Owner of the live odds by symbol: they follow the ledgers of pairs that have a table.

    Attributes:
        kept_at: The file in which scores are kept; None where they are not.
    """

    def __init__(
        self, file: OddsFile | None = None, problem: str = "", *, kept_at: Path | None = None
    ) -> None:
        """
        Args:
            file: The tables; None while they are not read.
            problem: Why they could not be read.
            kept_at: The file in which scores go on and are kept: live, and not in a replay,
                whose minutes may be those of the fit.
        """
        self.kept_at = kept_at
        self._failed = False
        self._file, self._problem = file, problem
        self.live: dict[str, LiveOdds] = {}
        """The live odds of each pair that is followed."""
        self._own: dict[str, str] = {}
        """The symbol of each own order, by id."""
        self._saved = 0

    @classmethod
    def read(cls, path: Path, *, keeps: bool) -> MarketOdds:
        """Return the odds of a file; one that cannot be read is told where odds would be.

        Args:
            path: The file.
            keeps: Whether scores go on from those in it, and are kept there.
        """
        try:
            return cls(read_odds(path), kept_at=path if keeps else None)
        except UnreadableOdds as error:
            return cls(problem=str(error))

    def anew(self) -> MarketOdds:
        """Return odds with the same tables that have followed nothing yet."""
        return MarketOdds(self._file, self._problem, kept_at=self.kept_at)

    def table(self, symbol: str) -> OddsTable | NoOdds:
        """Return a pair's table, or why there is none."""
        if self._problem:
            return NoOdds(self._problem)
        return _NOT_READ if self._file is None else self._file.table(symbol)

    # --- events -----------------------------------------------------------------------------

    def follow(
        self, ledger: Ledger | None, outcomes: Sequence[Outcome], *, qty_decimals: int
    ) -> None:
        """Follow one event after the ledger has applied it; pairs without a table cost nothing."""
        if self._file is None or ledger is None or ledger.symbol not in self._file.symbols:
            return
        symbol = ledger.symbol
        live = self.live.get(symbol)
        if live is None:
            kept = self._file.symbols[symbol].score if self.kept_at is not None else None
            live = self.live[symbol] = LiveOdds(self.table(symbol), qty_decimals, score=kept)
            self._saved += _cases(live.score)
            for order_id in [one for one, of in self._own.items() if of == symbol]:
                live.own_order(ledger, order_id)
        live.follow(ledger, [one for one in outcomes if one.symbol == symbol])

    def learn_own(self, event: Executions, ledgers: Mapping[str, Ledger]) -> None:
        """Keep the score of the account's own orders too."""
        for symbol, order_id in own_ids(event):
            self._own[order_id] = symbol
            if symbol in self.live:
                self.live[symbol].own_order(ledgers.get(symbol), order_id)
        while len(self._own) > MOST_OWN:
            del self._own[next(iter(self._own))]

    def lose_trades(self) -> None:
        """Take that trades may be missing: their connection was lost."""
        for live in self.live.values():
            live.lose_trades()

    # --- the scores on disk -------------------------------------------------------------------

    @property
    def unsaved(self) -> bool:
        """Whether so much was scored since the last save that it is due."""
        return self.kept_at is not None and self._scored() - self._saved >= SAVE_EVERY

    def save(self) -> str:
        """Put the scores into the file, beside the tables that gave them.

        It waits for the disk: call it in a thread.

        Returns:
            Why that failed, the first time that it does; else nothing.
        """
        scores = {symbol: live.score for symbol, live in self.live.items() if live.score}
        scored = self._scored()
        if self.kept_at is None or scored == self._saved:
            return ""
        failed, self._failed, self._saved = self._failed, False, scored
        # Encoded at once: in the thread of the feed the scores count on.
        frozen = msgspec.msgpack.encode(scores)
        try:
            keep_scores(self.kept_at, msgspec.msgpack.decode(frozen, type=dict[str, OddsScore]))
        except (OSError, UnreadableOdds) as error:
            self._failed = True
            return "" if failed else f"the score of the odds is not kept: {error}"
        return ""

    def _scored(self) -> int:
        return sum(_cases(live.score) for live in self.live.values())


def _cases(score: OddsScore | None) -> int:
    return sum(one.total for one in (*score.own, *score.observed)) if score is not None else 0
