"""The alerts of a session: which there are, what fires of every event, what is kept of it.

The evaluator is the one of `kracked watch`. It sees every event that the screen's store sees, so
what happens between two frames counts. What fired is kept on disk, but not of a replay and of a
simulated market, which begin anew each time.
"""

from __future__ import annotations

import asyncio
import re
from bisect import insort_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from kracked.errors import ConfigError, RequestRejected
from kracked.flow.alerts import (
    Alert,
    AlertKind,
    AlertMemory,
    AlertRule,
    AlertWatch,
    Armed,
    NotAnAlert,
    keep_memory,
    parse_alert,
    read_memory,
)
from kracked.protocol.events import Event
from kracked.times import NS_PER_S
from kracked_tui.config import Alerting
from kracked_tui.error_boundary import Tell
from kracked_tui.remembered import MOST_ALERTS, Memory
from kracked_tui.sources.base import BooksJump, Source, TimeJump
from kracked_tui.sources.opening import EmptySource
from kracked_tui.view import format as fmt
from kracked_tui.view.account.orders import Sent
from kracked_tui.view.alert_list import AlertRow, ToldRow

MOST_TOLD = 200
"""Alerts that the list shows as told."""
ALL = "all"
"""The word for every pair watched, where else the name of a pair stands."""
ALWAYS = "own order"
"""The alert that an account always has: it cannot be removed."""
_BEHIND_NS = NS_PER_S // 4
"""Time passes so much later than the clock: no event that came before may be on its way."""
_KEEP_EVERY_NS = 10 * NS_PER_S
_BY_USER = "user requested"
"""The exchange's reason for a cancel that its owner asked for."""
_FEEDS = frozenset(("book", "trade", "level3"))


class SetAlert(NamedTuple):
    """One alert that is set, and where."""

    rule: AlertRule
    fixed: str = ""
    """Why it cannot be removed for good; empty for one that was set by hand."""

    @property
    def text(self) -> str:
        """The line that states it."""
        return f"{self.rule.symbol} {self.rule.text}".strip()


class SessionAlerts:
    """One per monitor. It changes by events, by `look`, and by `add` and `remove`.

    Attributes:
        set: The alerts, in the order of their numbers.
        told: What fired, newest first by the time it happened.
        watch: The evaluator.
        unkept: Whether something is to be kept on disk, see `keep`.
        on_fire: Told each alert that fires, and its line, for the ways besides the screen.
    """

    def __init__(
        self,
        alerting: Alerting,
        memory: Memory,
        *,
        tell: Tell,
        last: Callable[[str], Decimal | None],
    ) -> None:
        """
        Args:
            alerting: The settings.
            memory: What is remembered from start to start.
            tell: Writes to the log on the screen.
            last: Returns the last price of a pair; None before the first.
        """
        self._alerting, self._memory, self._tell = alerting, memory, tell
        self._last = last
        self.on_fire: Callable[[Alert, str], None] | None = None
        self.set: list[SetAlert] = []
        self.told: list[ToldRow] = []
        self.watch = AlertWatch((), (), AlertMemory())
        self.unkept = False
        self._source: Source = EmptySource("", "")
        self._file: Path | None = None
        self._recalled = AlertMemory()
        self._kept_at = 0
        self._keeps = self._cannot_keep = False

    # --- life ---------------------------------------------------------------------------------

    async def recall(self, source: Source) -> None:
        """Read what was told before of a source, before it is open: no event may be missed."""
        if source.mode in ("DEMO", "REPLAY") or self._memory.folder is None:
            return
        name = re.sub(r"[^A-Za-z0-9.-]+", "-", source.name)
        self._file = self._memory.folder / "alerts" / f"monitor-{name}.json"
        try:
            self._recalled, damaged = await asyncio.to_thread(read_memory, self._file)
        except OSError as error:
            self._tell(f"alerts: {error}; what was told before may be told again", "warn")
            return
        if damaged is not None:
            self._tell(f"alerts: {damaged}", "warn")

    def open(self, source: Source, symbols: Iterable[str]) -> None:
        """Begin with a source that is open, and what is set for it.

        Args:
            source: The source watched.
            symbols: The pairs watched.
        """
        self._source = source
        remembered = self._memory.choices.alerts
        texts = remembered.get(source.name, ())
        if self._is_replay:
            texts = tuple(text for each in remembered.values() for text in each)
        in_file = "it is in the configuration, and comes back with the next start"
        self.set = [SetAlert(parse_alert(text), in_file) for text in self._alerting.rules]
        self.set += [SetAlert(parse_alert(text)) for text in texts]
        if source.access is not None:
            self.set.insert(0, SetAlert(parse_alert(ALWAYS), "own orders are always told"))
        self.set = list({one.text: one for one in reversed(self.set)}.values())[::-1]
        self.watch = AlertWatch(self._rules, tuple(symbols), self._recalled)

    @property
    def _is_replay(self) -> bool:
        return self._source.mode == "REPLAY"

    @property
    def _rules(self) -> Sequence[AlertRule]:
        return [one.rule for one in self.set]

    async def keep(self) -> None:
        """Write what was told; a disk that takes nothing is said once and ends nothing."""
        if self._file is None or self._keeps or not self.unkept:
            return
        self._keeps, self.unkept = True, False
        try:
            mine = tuple(self.watch.armed)
            damaged = await asyncio.to_thread(keep_memory, self._file, self.watch.memory, mine)
        except OSError as error:
            self.unkept = True
            if not self._cannot_keep:
                why = f"{self._file}: {error.strerror or error}"
                self._tell(f"alerts: {why}; they may be told again after a restart", "warn")
            self._cannot_keep = True
        else:
            self._cannot_keep = False
            if damaged is not None:
                self._tell(f"alerts: {damaged}", "warn")
        finally:
            self._keeps = False

    # --- what happens -------------------------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Evaluate one event of the source."""
        if isinstance(event, TimeJump):
            # Nothing of the other moment counts, and none of what was told there.
            self.watch = AlertWatch(self._rules, self.watch.symbols, AlertMemory())
        elif isinstance(event, BooksJump):
            self.watch.lose_books(event.received)
        else:
            self._fire(self.watch.apply(event))

    def look(self, now: int, symbols: Iterable[str], sent: Iterable[Sent]) -> None:
        """Evaluate what no event tells, between two events; it does not matter how often.

        Args:
            now: The present of the data, ns.
            symbols: The pairs watched.
            sent: The orders on their way.
        """
        added = [symbol for symbol in symbols if symbol not in self.watch.symbols]
        if added:
            self.watch.use(self._rules, added)
        self._join(now)
        self._fire(self.watch.elapse(now - _BEHIND_NS))
        for each in sent:
            if each.state == "unknown":
                self._fire(self._unknown(each, now))
        if now >= self._kept_at + _KEEP_EVERY_NS and self.watch.armed:
            self._kept_at, self.unkept = now, True

    def _join(self, now: int) -> None:
        """Take the books that alerts need as they stand, where their snapshots were not seen."""
        for channel, symbol in self.watch.missing():
            book = (self._source.l2 if channel == "book" else self._source.l3).get(symbol)
            if book is not None and book.verified:
                self._fire(self.watch.join(book, now))

    def _unknown(self, sent: Sent, now: int) -> list[Alert]:
        """Return the alert of an order of unknown outcome, once."""
        key, name = f"{sent.id} unknown", f"{sent.symbol} {ALWAYS}"
        for one in self.watch.armed:
            if one.name == name and one.memory.tell_once(key, now):
                said = f"own order {sent.id}: its outcome is UNKNOWN, no other order is sent"
                return [one.alert(now, said, key=key, order_id=sent.id)]
        return []

    def _fire(self, fired: Iterable[Alert]) -> None:
        for alert in fired:
            self.unkept = True
            replayed = "REPLAY " if self._is_replay else ""
            text = f"{replayed}{alert.symbol} {alert.words}"
            row = ToldRow(alert.time, f"{text}  [{alert.rule}]")
            insort_left(self.told, row, key=lambda one: -one.time)  # one told late has its place
            del self.told[MOST_TOLD:]
            if alert.figures.get("reason", "").lower() == _BY_USER:
                continue  # whoever asked for it need not be told
            access = self._source.access
            trades = access is not None and access.reports is not None
            if not (trades and alert.rule.startswith("own") and "qty" in alert.figures):
                self._tell(f"! {text}", "warn")  # fills are in the log already
            heard = self._alerting.in_replay or not self._is_replay
            if heard and self.on_fire is not None:
                self.on_fire(alert, text)

    # --- setting ------------------------------------------------------------------------------

    def add(self, text: str, shown: str, known: Sequence[str]) -> str:
        """Set an alert, and wait for one anew that was told. Returns why not; empty where set.

        Args:
            text: Its line; without a pair it is for the one shown, after ``all`` for each.
            shown: The pair shown.
            known: The pairs that the exchange lists; empty where that is not known.
        """
        words = text.split(maxsplit=1)
        everywhere = bool(words) and words[0].lower() == ALL
        try:
            rule = parse_alert(words[1] if everywhere and len(words) > 1 else text)
            if not (rule.symbol or everywhere):
                rule = parse_alert(f"{shown} {text}")
        except NotAnAlert as error:
            return str(error)
        if rule.symbol and known and rule.symbol not in known:
            return f"the exchange does not list {rule.symbol}"
        new = SetAlert(rule)
        same = next((one for one in self.set if one.text == new.text), None)
        if same is not None and not all(one.memory.off for one in self._armed(same)):
            return f"{same.text} is set already"
        if same is None and len(self.set) >= MOST_ALERTS:
            return f"there are {MOST_ALERTS} alerts: remove one first"
        rest = [one for one in self.set if one is not same]
        self.watch.use([one.rule for one in rest])
        for symbol in (rule.symbol,) if rule.symbol else self.watch.symbols:
            self.watch.memory.alerts.pop(f"{symbol} {rule.text}", None)
        self._take([*rest, same or new])
        for one in self._armed(new):
            last = self._last(one.symbol)
            if rule.kind is AlertKind.PRICE and rule.what == "last" and last is not None:
                one.memory.above = None if last == rule.limit else last > (rule.limit or 0)
        self._join(self._source.now())
        return ""

    def remove(self, number: int) -> str:
        """Remove an alert by its number. Returns why not; empty where it is removed."""
        if not 1 <= number <= len(self.set):
            return f"there is no alert {number}"
        gone = self.set[number - 1]
        if gone.rule.text == ALWAYS and gone.fixed and not gone.rule.symbol:
            return f"not removed: {gone.fixed}"
        self._take([one for one in self.set if one is not gone])
        self._tell(f"removed: {gone.text}" + (f"; {gone.fixed}" if gone.fixed else ""), "dim")
        return ""

    def _take(self, alerts: list[SetAlert]) -> None:
        """Wait for these and no others, and remember those set by hand."""
        self.set, self.unkept = alerts, True
        self.watch.use(self._rules)
        if not self._is_replay:
            kept = tuple(one.text for one in alerts if not one.fixed)
            before = self._memory.choices.alerts
            self._memory.change(alerts=before | {self._source.name: kept})

    async def subscribe(self) -> None:
        """Let the source bring what the alerts need, of pairs that are not shown too."""
        try:
            await self._source.follow(self._needed)
        except (RequestRejected, ConfigError) as error:
            self._tell(f"alerts: {error}", "warn")

    @property
    def _needed(self) -> Mapping[str, frozenset[str]]:
        needed: dict[str, frozenset[str]] = {}
        for one in self.watch.armed:
            if not one.memory.off and (channels := _FEEDS & set(one.rule.needs)):
                needed[one.symbol] = needed.get(one.symbol, frozenset()) | channels
        return needed

    # --- what is shown ------------------------------------------------------------------------

    def _armed(self, one: SetAlert) -> list[Armed]:
        rule = one.rule
        return [
            each
            for each in self.watch.armed
            if each.rule.text == rule.text and rule.symbol in ("", each.symbol)
        ]

    def rows(self) -> list[AlertRow]:
        """Return a row for each alert that is set."""
        blind = self.watch.blind()
        return [self._row(number, one, blind) for number, one in enumerate(self.set, 1)]

    def _row(self, number: int, one: SetAlert, blind: Mapping[str, str]) -> AlertRow:
        armed = self._armed(one)
        told = max(
            (max((each.memory.last, *each.memory.told.values())) for each in armed), default=0
        )
        when = f"told {fmt.moment(told)}" if told else ""
        blind_on = [each for each in armed if each.name in blind]
        reason = blind[blind_on[0].name] if blind_on else ""
        where = "" if len(blind_on) == len(armed) else f" on {blind_on[0].symbol}" if reason else ""
        if armed and all(each.memory.off for each in armed):
            state, role = f"{when}, off", "dim"
        elif reason:
            state, role = f"not evaluated{where}: {reason}", "warn"
        else:
            state, role = f"waits, {when}" if when else "waits", "good"
        return AlertRow(number, one.rule.symbol or ALL, one.rule.text, state, role)
