"""The positions that own fills make, pair by pair, since the account was first known.

They begin at zero fills, and not at zero: what was held before has an entry that nobody told.
"""

from __future__ import annotations

from kracked.feed.account import Account, Fill
from kracked.flow.measures.position import Position
from kracked_tui.view import format as fmt

SNAPSHOT_TRADES = 50
"""The most trades that a snapshot of the stream tells: with more of them some are lost.

Source: docs.kraken.com/api/docs/websocket-v2/executions (`snap_trades`)
"""


class SessionPositions:
    """Owner of the positions of one account. `look` at the account before each frame."""

    def __init__(self) -> None:
        self._account: Account | None = None
        self._positions: dict[str, Position] = {}
        self._before: set[str] = set()
        """Fills that the first snapshot told: they were before the session."""
        self._newest = ""
        """The execution id of the last fill that was looked at."""
        self._oldest_time = 0
        """Fills from before this time are none of the session."""
        self._known = False
        self._missed = ""

    def look(self, account: Account, now: int) -> None:
        """Take the fills that came since the last look; `now` in ns."""
        if account is not self._account:
            self._begin(account)
        known, was_known = account.orders_known, self._known
        self._known = known
        newest = account.fills[-1].exec_id if account.fills else ""
        if not known or (newest == self._newest and was_known):
            return
        new = self._since_last(account)
        self._newest = newest
        if not self._oldest_time:
            self._before = {fill.exec_id for fill in account.fills}
            self._oldest_time = max((fill.exchange_time for fill in account.fills), default=1)
            return
        if not was_known and len(new) >= SNAPSHOT_TRADES:
            self._missed = f"more fills than the exchange tells again came before {fmt.clock(now)}"
        for fill in new:
            if fill.exec_id not in self._before and fill.exchange_time >= self._oldest_time:
                self.of(fill.symbol).add(fill)

    def of(self, symbol: str) -> Position:
        """Return the position of a pair."""
        return self._positions.setdefault(symbol, Position(symbol))

    @property
    def unknown(self) -> str:
        """Why no position is known; empty where they are."""
        if not self._oldest_time:
            return "waiting for the account's stream"
        return "the account's stream is down" if not self._known else self._missed

    def _begin(self, account: Account) -> None:
        vars(self).update(vars(SessionPositions()))
        self._account = account

    def _since_last(self, account: Account) -> list[Fill]:
        new: list[Fill] = []
        for fill in reversed(account.fills):
            if fill.exec_id == self._newest:
                break
            new.append(fill)
        return new[::-1]
