"""Passes on each trade once: the exchange numbers trades, so repeats and gaps show.

A snapshot after a reconnect repeats trades that were passed on before, and often closes the
gap that the reconnect has made. Source: docs.kraken.com/api/docs/websocket-v2/trade
"""

from __future__ import annotations

import msgspec

from kracked.protocol.events import Gap, Trade, Trades

MAX_MISSING = 1_000
"""Missing ids remembered per symbol; they do come when messages were only out of order."""


class TradeSequence:
    """Follows the trade ids of every symbol."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        """The newest id of each symbol, and when it came, ns since the Unix epoch."""
        self._missing: dict[str, set[int]] = {}

    def follow(self, event: Trades) -> tuple[Trades | None, Gap | None]:
        """Drop the trades that were passed on before.

        Returns:
            The event with its new trades, None without any; and the gap before them, if ids
            are missing.
        """
        known = self._last.get(event.symbol)
        if not event.trades:
            return event, None
        newest = max(trade.trade_id for trade in event.trades)
        if known is None or (event.snapshot and newest < known[0]):  # the count began anew
            self._last[event.symbol] = (newest, event.received)
            self._missing.pop(event.symbol, None)
            return event, None
        last, last_received = known
        missing = self._missing.get(event.symbol, set())
        fresh: list[Trade] = []
        for trade in event.trades:
            if trade.trade_id <= last:
                if trade.trade_id not in missing:
                    continue
                missing.discard(trade.trade_id)  # so that it is new once
            fresh.append(trade)
        if newest > last:
            self._last[event.symbol] = (newest, event.received)
        first = min((t.trade_id for t in fresh if t.trade_id > last), default=0)
        gap = self._gap(event, first, last, last_received)
        if len(fresh) == len(event.trades):
            return event, gap
        return msgspec.structs.replace(event, trades=tuple(fresh)) if fresh else None, gap

    def _gap(self, event: Trades, first: int, last: int, last_received: int) -> Gap | None:
        """Remember the ids between `last` and `first`, and return their gap; None without any."""
        if first <= last + 1:
            return None
        missing = self._missing.setdefault(event.symbol, set())
        missing.update(range(max(last + 1, first - MAX_MISSING), first))
        for old in sorted(missing)[:-MAX_MISSING]:
            missing.discard(old)
        reason = f"trade ids {last + 1} to {first - 1} never came"
        return Gap(event.received, "trade", (event.symbol,), last_received, event.received, reason)
