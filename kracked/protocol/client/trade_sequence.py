"""Passes on each trade once: the exchange numbers trades, so repeats and gaps show.

A snapshot after a reconnect repeats trades that were passed on before, and often closes the
gap that the reconnect has made. Source: docs.kraken.com/api/docs/websocket-v2/trade
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import msgspec

from kracked import times
from kracked.protocol.events import Gap, Trade, Trades

MAX_MISSING = 1_000
"""Missing ids remembered per symbol; they do come when messages were only out of order."""

RECENT = 100
"""Trades remembered per symbol, twice a snapshot's: they tell one count from another."""


def counts_on(recent: Mapping[int, str], snapshot: Mapping[int, str]) -> bool:
    """Whether a snapshot's trades are numbered in the count of those before it.

    A trade that both have decides: its time is the same. Without one the times do: in one count
    no lower number is of a later time.

    Args:
        recent: The times of the latest trades by their numbers, RFC 3339; not empty.
        snapshot: Those of the snapshot; not empty.
    """
    if shared := recent.keys() & snapshot.keys():
        return any(
            times.try_parse_ns(recent[number]) == times.try_parse_ns(snapshot[number])
            for number in shared
        )
    before, newest = max(recent), max(snapshot)
    if newest > before:
        return True
    made, made_before = times.try_parse_ns(snapshot[newest]), times.try_parse_ns(recent[before])
    return made is not None and made_before is not None and made <= made_before


class TradeSequence:
    """Follows the trade ids of every symbol."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}
        """The newest id of each symbol, and when it came, ns since the Unix epoch."""
        self._recent: dict[str, deque[Trade]] = {}
        self._missing: dict[str, set[int]] = {}

    def missing(self, symbol: str) -> tuple[tuple[int, int], ...]:
        """Return the first and last id of each run of trades that never came, oldest first.

        The latest thousand ids are remembered, until they come or the exchange counts anew.
        """
        runs: list[tuple[int, int]] = []
        for number in sorted(self._missing.get(symbol, ())):
            if runs and runs[-1][1] == number - 1:
                runs[-1] = (runs[-1][0], number)
            else:
                runs.append((number, number))
        return tuple(runs)

    def follow(self, event: Trades) -> tuple[Trades | None, list[Gap]]:
        """Drop the trades that were passed on before.

        Returns:
            The event with its new trades, None without any; and the gaps that its ids leave,
            before them and between them.
        """
        known = self._last.get(event.symbol)
        if not event.trades:
            return event, []
        newest = max(trade.trade_id for trade in event.trades)
        if known is None or (event.snapshot and not self._counts_on(event)):
            self._recent[event.symbol] = deque(event.trades, RECENT)
            self._last[event.symbol] = (newest, event.received)
            self._missing.pop(event.symbol, None)
            ids = sorted({trade.trade_id for trade in event.trades})
            return event, self._gaps(event, ids[0], ids[1:], event.received)
        last, last_received = known
        missing = self._missing.get(event.symbol, set())
        fresh: list[Trade] = []
        for trade in event.trades:
            if trade.trade_id <= last:
                if trade.trade_id not in missing:
                    continue
                missing.discard(trade.trade_id)  # so that it is new once
            fresh.append(trade)
        self._recent[event.symbol].extend(fresh)
        if newest > last:
            self._last[event.symbol] = (newest, event.received)
        ahead = sorted({trade.trade_id for trade in fresh if trade.trade_id > last})
        gaps = self._gaps(event, last, ahead, last_received)
        if len(fresh) == len(event.trades):
            return event, gaps
        return msgspec.structs.replace(event, trades=tuple(fresh)) if fresh else None, gaps

    def _counts_on(self, event: Trades) -> bool:
        recent = {trade.trade_id: trade.timestamp for trade in self._recent[event.symbol]}
        return counts_on(recent, {trade.trade_id: trade.timestamp for trade in event.trades})

    def _gaps(self, event: Trades, last: int, ids: list[int], last_received: int) -> list[Gap]:
        """Remember the ids that are missing after `last` and between `ids`; return their gaps."""
        if ids and ids[-1] - last == len(ids):  # nearly always
            return []
        gaps: list[Gap] = []
        for number in ids:
            if number > last + 1:
                gaps.append(self._gap(event, last + 1, number - 1, last_received))
            last, last_received = number, event.received
        return gaps

    def _gap(self, event: Trades, first: int, last: int, last_received: int) -> Gap:
        missing = self._missing.setdefault(event.symbol, set())
        missing.update(range(max(first, last + 1 - MAX_MISSING), last + 1))
        for old in sorted(missing)[:-MAX_MISSING]:
            missing.discard(old)
        reason = f"trade ids {first} to {last} never came"
        return Gap(
            received=event.received,
            channel="trade",
            symbols=(event.symbol,),
            start=last_received,
            end=event.received,
            reason=reason,
            first_id=first,
            last_id=last,
        )
