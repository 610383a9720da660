"""The odds of orders on the markets shown, from the tables that the user fitted."""

from __future__ import annotations

from collections.abc import Sequence

from kracked.flow import Ledger, Outcome
from kracked.flow.odds.live import LiveOdds
from kracked.flow.odds.store import OddsFile
from kracked.flow.odds.table import NoOdds, OddsTable

_NOT_READ = NoOdds("the file of the odds is not read yet")


class MarketOdds:
    """Owner of the live odds by symbol: they follow the ledgers of pairs that have a table."""

    def __init__(self, file: OddsFile | None = None, problem: str = "") -> None:
        """
        Args:
            file: The tables; None while they are not read.
            problem: Why they could not be read.
        """
        self._file, self._problem = file, problem
        self.live: dict[str, LiveOdds] = {}
        """The live odds of each pair that is followed."""

    def anew(self) -> MarketOdds:
        """Return odds with the same tables that have followed nothing yet."""
        return MarketOdds(self._file, self._problem)

    def table(self, symbol: str) -> OddsTable | NoOdds:
        """Return a pair's table, or why there is none."""
        if self._problem:
            return NoOdds(self._problem)
        return _NOT_READ if self._file is None else self._file.table(symbol)

    def follow(
        self, ledger: Ledger | None, outcomes: Sequence[Outcome], *, qty_decimals: int
    ) -> None:
        """Follow one event after the ledger has applied it; pairs without a table cost nothing."""
        if self._file is None or ledger is None or ledger.symbol not in self._file.symbols:
            return
        symbol = ledger.symbol
        live = self.live.get(symbol)
        if live is None:
            live = self.live[symbol] = LiveOdds(self.table(symbol), qty_decimals)
        live.follow(ledger, [one for one in outcomes if one.symbol == symbol])
