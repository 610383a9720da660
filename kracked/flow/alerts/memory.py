"""What alerts remember, so that each is told once, also by the next process."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kracked.flow.alerts.rule import AlertRule
from kracked.untrusted import printable

MOST_TOLD = 2_000
"""Ids that one alert remembers; the oldest go."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that fired."""

    time: int
    """When it happened, ns since the Unix epoch: the exchange's time where it has one."""
    symbol: str
    rule: str
    """The alert as it was asked for, without the symbol."""
    words: str
    """What happened, safe to print."""
    figures: dict[str, str] = {}
    """The numbers, by name, exact."""
    late: bool = False
    """Whether it happened while data were missing or nothing was watched."""
    key: str = ""
    """What makes it this one: told twice, it has the same time and key."""


class Memory(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The memory of one alert of one symbol."""

    off: int = 0
    """When it fired for good; 0 while it waits."""
    ready: bool = True
    """Whether it may fire; false until what it fired for is over."""
    above: bool | None = None
    """On which side of its limit the price was last."""
    last: int = 0
    """When it fired last."""
    since: int = 0
    """Since when its condition holds without a break; 0 while it does not."""
    pending: Alert | None = None
    """What it tells once the condition has held for long enough."""
    told: dict[str, int] = {}
    """What it told, by id, with the time."""
    newest: int = 0
    """The number of the newest trade that it looked at."""
    open: list[str] = []
    """Own orders that are open."""
    begun: bool = False
    """Whether it has looked at own orders: what is older than that is not told."""

    def tell_once(self, key: str, time: int) -> bool:
        """Remember that something is told; return whether it is told for the first time."""
        if key in self.told:
            return False
        self.told[key] = time
        if len(self.told) > MOST_TOLD:
            del self.told[next(iter(self.told))]
        return True


class Armed:
    """One alert on one symbol: the rule, and what it remembers.

    Attributes:
        rule: What is waited for.
        symbol: Where.
        memory: What was told.
    """

    def __init__(self, rule: AlertRule, symbol: str, memory: Memory) -> None:
        """Arm an alert.

        Args:
            rule: What to wait for.
            symbol: Where.
            memory: What was told before; it is changed.
        """
        self.rule, self.symbol, self.memory = rule, symbol, memory

    @property
    def name(self) -> str:
        """The symbol and the text of the rule."""
        return f"{self.symbol} {self.rule.text}"

    def alert(
        self, time: int, words: str, *, late: bool = False, key: str = "", **figures: object
    ) -> Alert:
        """Return an alert of this rule; the words are made safe."""
        texts = {
            name: f"{value:f}" if isinstance(value, Decimal) else printable(str(value))
            for name, value in figures.items()
        }
        return Alert(
            time=time,
            symbol=self.symbol,
            rule=self.rule.text,
            words=printable(words),
            figures=texts,
            late=late,
            key=key,
        )

    def hold(self, now: int, alert: Alert | None, *, over: bool) -> None:
        """Take whether the condition holds; `due` tells it when it has held long enough.

        Args:
            now: The time of arrival, ns since the Unix epoch.
            alert: What is told, None where the condition does not hold.
            over: Whether the condition is so far from holding that it may be told again.
        """
        memory = self.memory
        if alert is None:
            memory.since, memory.pending = 0, None
            memory.ready |= over
        elif memory.ready and not memory.since:
            memory.since, memory.pending = now, alert

    def due(self, now: int) -> Alert | None:
        """Return what has held for long enough by now, once."""
        memory = self.memory
        if not memory.since or now < memory.since + self.rule.hold_ns:
            return None
        alert, since = memory.pending, memory.since
        memory.since, memory.pending, memory.ready = 0, None, False
        if alert is None:
            return None
        memory.last = since + self.rule.hold_ns
        return msgspec.structs.replace(alert, time=memory.last)

    def forget_pending(self) -> None:
        """Take nothing as holding: what came between is not known."""
        self.memory.since, self.memory.pending = 0, None


class AlertMemory(msgspec.Struct, kw_only=True):
    """All that alerts remember: the content of the state file."""

    version: int = 1
    alerts: dict[str, Memory] = {}
    """By symbol and text of the rule."""

    def of(self, symbol: str, rule: AlertRule) -> Memory:
        """Return what an alert remembers; nothing for a new one."""
        return self.alerts.setdefault(f"{symbol} {rule.text}", Memory())
