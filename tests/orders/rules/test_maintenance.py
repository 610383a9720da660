"""Orders in the face of maintenance: refused, asked about, or sent."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kracked.orders.draft import Draft
from kracked.orders.rules.market_context import Check, Limits, MaintenanceConsent
from kracked.orders.rules.order_checks import refusals
from kracked.protocol.events import Side
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.order_terms import OrderType
from tests.orders.exchange_model import NOW
from tests.protocol.maintenance.maintenance_frames import MAJOR, MINUTE, START, WALK, frame, status

POSTED = Draft(symbol="BTC/USD", side=Side.BID, qty=100_000, price=249_000, post_only=True)
PLAIN = msgspec.structs.replace(POSTED, post_only=False)
MARKET = msgspec.structs.replace(PLAIN, order_type=OrderType.MARKET, price=None)
NONE, CONFIRMED, OVERRIDDEN = MaintenanceConsent


def against(
    text: str, draft: Draft = POSTED, consent: MaintenanceConsent = NONE, at: int = START - MINUTE
) -> list[Check]:
    """Return the checks that fail after a status message."""
    tracker = MaintenanceTracker()
    tracker.apply(status(text, at))
    now = msgspec.structs.replace(NOW, maintenance=tracker.effect(at))
    return [it.check for it in refusals(draft, now, Limits(maintenance=consent))]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("announced", ([], [], [])),
        ("reminder_24h", ([], [], [])),
        ("approaching_30m", ([Check.DISCOURAGED], [], [])),
        ("imminent_5m", ([Check.DISCOURAGED], [], [])),
        ("final_warning_30s", ([Check.MAINTENANCE], [Check.MAINTENANCE], [])),
    ],
)
def test_each_phase_takes_its_consent(phase: str, expected: tuple[list[Check], ...]) -> None:
    found = tuple(against(frame(WALK[phase]), consent=it) for it in (NONE, CONFIRMED, OVERRIDDEN))
    assert found == expected


@pytest.mark.parametrize("system", ["maintenance", "cancel_only"])
@pytest.mark.parametrize("consent", list(MaintenanceConsent))
def test_what_the_engine_does_not_take_is_never_sent(
    system: str, consent: MaintenanceConsent
) -> None:
    assert against(frame(system=system), consent=consent) == [Check.MAINTENANCE]


@pytest.mark.parametrize(
    ("system", "draft", "expected"),
    [
        ("post_only", POSTED, []),
        ("post_only", PLAIN, [Check.MAINTENANCE]),
        ("post_only", MARKET, [Check.MAINTENANCE]),
        ("limit_only", PLAIN, []),
        ("limit_only", MARKET, [Check.MAINTENANCE]),
        ("online", MARKET, []),
    ],
)
def test_an_engine_that_takes_some_orders_gets_those(
    system: str, draft: Draft, expected: list[Check]
) -> None:
    assert against(frame(system=system), draft) == expected


def test_a_grave_incident_asks() -> None:
    assert against(frame(emergency=(MAJOR,))) == [Check.DISCOURAGED]
    assert against(frame(emergency=(MAJOR,)), consent=CONFIRMED) == []


def test_the_reason_says_what_when_and_what_to_do() -> None:
    tracker = MaintenanceTracker()
    tracker.apply(status(frame(WALK["final_warning_30s"]), START - MINUTE // 2))
    now: Any = msgspec.structs.replace(NOW, maintenance=tracker.effect(START - MINUTE // 2))
    [refusal] = refusals(POSTED, now, Limits())
    assert "in 30 s" in refusal.sentence
    assert "Order Entry System Maintenance; blocked" in refusal.sentence
    assert refusal.sentence.endswith("no new orders are sent.")


def test_without_a_tracker_nothing_is_refused() -> None:
    assert refusals(POSTED, NOW, Limits()) == ()
