"""The positions that own fills make, pair by pair, since the account was first known.

They begin at zero fills, and not at zero: what was held before has an entry that nobody told.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from itertools import islice

from kracked.feed.account import MAX_FILLS, Account, Fill
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
        self._after: dict[str, Position] = {}
        """The position of the pair after each of the newest fills, by the fill's `exec_id`."""
        self._before: set[str] = set()
        """Fills that the first snapshot told: they were before the session."""
        self._told = self._begun = 0
        """Fills and snapshots that the account had told at the last look."""
        self._complete_at = 0
        """The time of the last look until which every fill is known."""
        self._oldest_time = 0
        """Fills from before this time are none of the session."""
        self._known = False
        self._missed = False

    def look(self, account: Account, now: int) -> None:
        """Take the fills that came since the last look; `now` in ns."""
        if account is not self._account:
            vars(self).update(vars(SessionPositions()))
            self._account = account
        self._known = account.orders_known
        if not self._known:
            return
        told, again = account.fills_told - self._told, account.begun != self._begun
        self._told, self._begun = account.fills_told, account.begun
        if not self._oldest_time:
            self._before = {fill.exec_id for fill in account.fills}
            self._oldest_time = max((fill.exchange_time for fill in account.fills), default=1)
            self._complete_at = now
            return
        if told > len(account.fills) or (again and told >= SNAPSHOT_TRADES):
            self._missed = True
        if not self._missed:
            self._complete_at = now
        new = islice(account.fills, max(0, len(account.fills) - told), None)
        for fill in new:
            if self._of_session(fill):
                self.of(fill.symbol).add(fill)
                self._after[fill.exec_id] = copy(self.of(fill.symbol))
        while len(self._after) > MAX_FILLS:
            del self._after[next(iter(self._after))]

    def then(self, account: Account, now: int) -> tuple[Mapping[str, Position], str]:
        """Return the positions at an earlier instant by pair, or the reason why they are not known.

        Args:
            account: The same account as it was then.
            now: That instant, ns.
        """
        if not account.orders_known:
            return {}, "the account was not known then"
        if self._missed and now > self._complete_at:
            return {}, self.unknown
        newest = {fill.symbol: fill.exec_id for fill in account.fills if self._of_session(fill)}
        if any(exec_id not in self._after for exec_id in newest.values()):
            return {}, f"known after the newest {MAX_FILLS} fills alone"
        return {symbol: self._after[exec_id] for symbol, exec_id in newest.items()}, ""

    def _of_session(self, fill: Fill) -> bool:
        """Whether a fill came since the account was first known."""
        return fill.exec_id not in self._before and fill.exchange_time >= self._oldest_time

    def of(self, symbol: str) -> Position:
        """Return the position of a pair."""
        if symbol not in self._positions:
            self._positions[symbol] = Position(symbol)
        return self._positions[symbol]

    @property
    def unknown(self) -> str:
        """The reason why no position is known; empty where they are."""
        if not self._oldest_time:
            return "waiting for the account's stream"
        if not self._known:
            return "the account's stream is down"
        return f"fills may be missing since {fmt.clock(self._complete_at)}" if self._missed else ""


class RecordedPositions(SessionPositions):
    """The positions that the fills of a recording make, from its beginning to the instant shown."""

    def __init__(self, begun: int) -> None:
        super().__init__()
        self._begun_at, self._unknown = begun, ""

    @property
    def unknown(self) -> str:
        """The reason for no position."""
        return self._unknown

    def look(self, account: Account, now: int) -> None:  # noqa: ARG002  as the session is asked
        """Take the account of an instant; what its streams may have left out is not guessed."""
        self._positions, self._unknown = {}, ""
        if not account.orders_known:
            self._unknown = "the account was not known then"
        elif account.begun > 1 or account.fills_told > len(account.fills):
            self._unknown = "fills of this recording may be missing"
        else:
            for fill in account.fills:
                if fill.exchange_time >= self._begun_at:
                    self.of(fill.symbol).add(fill)
