"""Random maintenance histories: no order while blocked, every phase told exactly once.

    python -m tests.benchmarks.maintenance_histories --count 1000 --seed 7

A history is what an exchange says over a few days on two connections that come and go: events
that walk through their phases, move, are withdrawn or leave the list when they start; windows
through which the engine goes to maintenance and back by steps, or stays online; incidents;
unknown words, repeated and late messages, connections that send no lists. Orders are tried all
the while, by a program that has confirmed nothing and by one that has. What may be sent is
judged by the exchange's own state, which the client never sees but through the messages.
Exit 1 when an order went out while it was blocked, or a phase was told twice or never.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from random import Random

import msgspec

from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import Limits, MaintenanceConsent
from kracked.orders.rules.order_checks import refusals
from kracked.protocol import encode
from kracked.protocol.codec import Codec
from kracked.protocol.events import Side, Status
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
from kracked.protocol.maintenance.tracker import MaintenanceNews, MaintenanceTracker
from kracked.times import NS_PER_S
from tests.orders.exchange_model import NOW

MINUTE, HOUR, DAY = 60 * NS_PER_S, 3600 * NS_PER_S, 86_400 * NS_PER_S
BEGIN = 1_800_000_000 * NS_PER_S
PHASES = (
    (30 * NS_PER_S, "final_warning_30s", "blocked", "stop_new_orders"),
    (5 * MINUTE, "imminent_5m", "discouraged", "cancel_open_orders"),
    (30 * MINUTE, "approaching_30m", "allowed", "reduce_activity"),
    (DAY, "reminder_24h", "allowed", "continue"),
    (30 * DAY, "announced", "allowed", "continue"),
)
DRAFTS = (
    Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True),
    Draft(symbol="BTC/USD", side=Side.ASK, qty=100_000, price=251_000),
)


class Window(msgspec.Struct):
    """One event as the exchange has planned it."""

    event: MaintenanceEvent
    start: int
    end: int
    outage: bool
    """Whether the engine goes down for it."""
    withdrawn_at: int | None = None
    blocks_early: bool = False
    """Whether orders are blocked from 30 minutes before it."""


class Result(msgspec.Struct):
    """The counts of one or several histories."""

    histories: int = 0
    messages: int = 0
    phases: int = 0
    tried: int = 0
    sent: int = 0
    refused: int = 0
    asked: int = 0
    """Orders that a confirmation would have let through."""
    sent_while_blocked: int = 0
    told_twice: int = 0
    never_told: int = 0

    def add(self, other: Result) -> None:
        """Add the counts of another."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def failed(self) -> bool:
        """Whether a promise was broken."""
        return bool(self.sent_while_blocked or self.told_twice or self.never_told)


class History:
    """One exchange over a few days, and one client that hears of it."""

    def __init__(self, seed: object) -> None:
        self.random = Random(f"maintenance {seed}")
        self.windows = [self._window(number) for number in range(self.random.randint(1, 4))]
        self.incident: Incident | None = None
        self.codec, self.tracker = Codec(), MaintenanceTracker()
        self.heard: set[tuple[str, str]] = set()
        self.told: Counter[tuple[str, str]] = Counter()
        self.last_texts: list[str] = []
        self.result = Result(histories=1)

    def _window(self, number: int) -> Window:
        random = self.random
        start = BEGIN + random.randint(1, 60) * HOUR + random.randint(0, 3599) * NS_PER_S
        end = start + random.choice((10 * MINUTE, HOUR, 3 * HOUR))
        services = random.choice((("spot_trading", "spot_ws"), ("all",), ("spot_new",), ()))
        event = MaintenanceEvent(
            event_id=random.choice((number, 50 + number)),
            title=random.choice(("Order Entry System Maintenance", "", "Upgrade")),
            expected_start=start,
            expected_end=random.choice((end, None)),
            cancel_before=random.choice((start - 5 * MINUTE, None)),
            affected_services=services,
        )
        withdrawn = start - random.randint(35, 300) * MINUTE if random.random() < 0.15 else None
        return Window(
            event,
            start,
            end,
            outage=random.random() < 0.8,
            withdrawn_at=withdrawn,
            blocks_early=random.random() < 0.2,
        )

    # --- the exchange ---------------------------------------------------------------------

    def system(self, now: int) -> str:
        """Return the engine's state."""
        for window in self.windows:
            if not window.outage or window.withdrawn_at is not None:
                continue
            if window.start <= now < window.end:
                return "maintenance"
            for minutes, state in ((2, "cancel_only"), (4, "post_only")):
                if window.end <= now < window.end + minutes * MINUTE:
                    return state
        return "online"

    def listed(self, now: int) -> list[MaintenanceEvent]:
        """Return the events of the list, each in its phase."""
        found = []
        for window in self.windows:
            left = window.start - now
            if left <= 0 or (window.withdrawn_at is not None and now >= window.withdrawn_at):
                continue
            _, phase, orders, action = next(it for it in PHASES if left <= it[0])
            if window.blocks_early and left <= 30 * MINUTE:
                orders, action = "blocked", "stop_new_orders"
            event = msgspec.structs.replace(
                window.event,
                phase=phase,
                order_submission=orders,
                recommended_action=action,
                time_to_start_s=left // NS_PER_S,
            )
            found.append(event)
        return found

    def blocked(self, now: int) -> bool:
        """Whether the exchange wants no new order at all at this moment."""
        return self.system(now) in ("maintenance", "cancel_only") or any(
            event.order_submission == "blocked" for event in self.listed(now)
        )

    def times(self) -> list[int]:
        """Return the moments at which something changes, and some between."""
        random, found = self.random, set[int]()
        for window in self.windows:
            found |= {window.start - before for before, *_ in PHASES}
            found |= {window.start + random.randint(0, 3) * NS_PER_S, window.end}
            found |= {window.end + minutes * MINUTE for minutes in (2, 4)}
            found |= {window.start - random.randint(1, 1900) * NS_PER_S for _ in range(6)}
            found |= {window.start + random.randint(1, 7200) * NS_PER_S for _ in range(4)}
            if window.withdrawn_at is not None:
                found.add(window.withdrawn_at)
        found |= {BEGIN + random.randint(0, 70 * 3600) * NS_PER_S for _ in range(20)}
        return sorted(time for time in found if time >= BEGIN)

    # --- the client -------------------------------------------------------------------------

    def run(self) -> Result:
        """Live through the history, and return what was counted."""
        for now in self.times():
            self._change_incident(now)
            for _ in range(self.random.randint(1, 3)):
                self._say(now)
            self._try_orders(now)
        self.result.phases = len(self.heard)
        self.result.told_twice = sum(count > 1 for count in self.told.values())
        self.result.never_told = len(self.heard - self.told.keys())
        return self.result

    def _say(self, now: int) -> None:
        """Send the status as it is: as one or another connection has it, some repeated."""
        listed = self.listed(now)
        incidents = () if self.incident is None else (self.incident,)
        event = Status(
            now,
            self.system(now),
            connection_id=self.random.randint(1, 9),
            upcoming_maintenance=tuple(listed),
            emergency=incidents,
            lists_stated=True,
        )
        if not listed and not incidents and self.random.random() < 0.3:
            event = msgspec.structs.replace(event, lists_stated=False)
        self.heard |= {(it.key, it.phase) for it in listed}
        text = encode.status(event)
        self._hear(text, now)
        if self.random.random() < 0.3:
            self._hear(text, now)

    def _hear(self, text: str, now: int) -> None:
        [status] = self.codec.decode(text.encode(), now)
        assert isinstance(status, Status)
        self.result.messages += 1
        for it in self.tracker.apply(status):
            assert it.text()
            if it.news is MaintenanceNews.PHASE and isinstance(it.subject, MaintenanceEvent):
                self.told[it.key, it.subject.phase] += 1

    def _change_incident(self, now: int) -> None:
        if self.random.random() < 0.1:
            impact = self.random.choice(("minor", "major", "critical", "cosmic"))
            self.incident = Incident(event_id=900, title="Slow", impact=impact, started_at=now)
        elif self.random.random() < 0.2:
            self.incident = None

    def _try_orders(self, now: int) -> None:
        effect = self.tracker.effect(now)
        context = msgspec.structs.replace(NOW, maintenance=effect)
        blocked = self.blocked(now)
        for draft in DRAFTS:
            for consent in (MaintenanceConsent.NONE, MaintenanceConsent.CONFIRMED):
                against = refusals(draft, context, Limits(maintenance=consent))
                self.result.tried += 1
                self.result.refused += bool(against)
                self.result.sent += not against
                self.result.sent_while_blocked += blocked and not against
            confirmed = Limits(maintenance=MaintenanceConsent.CONFIRMED)
            self.result.asked += bool(refusals(draft, context, Limits())) and not refusals(
                draft, context, confirmed
            )


def run(count: int, seed: object) -> Result:
    """Return the sum of so many histories."""
    total = Result()
    for number in range(count):
        total.add(History(f"{seed}/{number}").run())
    return total


def main() -> int:
    """Run, and print the counts as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    total = run(given.count, given.seed)
    print(msgspec.json.encode(total).decode())
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
