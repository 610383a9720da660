"""The shared vectors of maintenance: what each frame means for a program that trades."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kracked.protocol.maintenance.lists import read_schedule
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.protocol.maintenance.trading_effect import NewOrders, SwitchAdvice, TradingEffect
from kracked.rest.market import read_system_status
from kracked.times import parse_ns
from tests.protocol.maintenance.maintenance_frames import status
from tests.shared import VECTORS

FILE = VECTORS / "maintenance.json"
SHARED: dict[str, Any] = json.loads(FILE.read_text()) if FILE.exists() else {}
needs_vectors = pytest.mark.skipif(not SHARED, reason="the shared vectors are not here")
AT = parse_ns("2026-12-07T08:59:30Z")
BEFORE = next((it for it in SHARED.get("frames", ()) if it["name"] == "final_warning_30s"), None)
MAJOR = next((it for it in SHARED.get("frames", ()) if it["name"] == "emergency-major"), None)
FIRST = {
    "window-began-list-empty": BEFORE,
    "after-cancel_only": BEFORE,
    "after-post_only": BEFORE,
    "after-online": {**BEFORE, "text": BEFORE["text"].replace('"online"', '"maintenance"')}
    if BEFORE
    else None,
    "emergency-resolved": MAJOR,
}
"""What came before a frame that says only what is no longer so."""


def new_orders(effect: TradingEffect) -> str:
    if effect.new_orders is NewOrders.REFUSED:
        return "refuse"
    return "post-only limit orders only" if effect.only == "post_only" else "allow"


def dead_man(effect: TradingEffect) -> str:
    if effect.forced and not effect.cancels:
        return "do not arm"
    keeps = effect.switch is SwitchAdvice.KEEP
    return "keep" if keeps else "disarm, or tell that everything will be cancelled"


@needs_vectors
@pytest.mark.parametrize("vector", SHARED.get("frames", ()), ids=lambda it: it["name"])
def test_a_frame_has_the_effect_that_the_vectors_expect(vector: dict[str, Any]) -> None:
    tracker, expected = MaintenanceTracker(), vector["expect"]
    before = FIRST.get(vector["name"])
    known = "" if before is None else before["text"]
    if before is not None:
        tracker.apply(status(known, AT))
    event = status(vector["text"], AT)
    news, effect = tracker.apply(event), tracker.effect(AT)
    assert event.system == expected.get("system", event.system)
    assert new_orders(effect) == expected.get("new_orders", new_orders(effect))
    asks = effect.new_orders is NewOrders.ASK
    assert asks is expected.get("ask_user", asks)
    assert dead_man(effect) == expected.get("dead_man", dead_man(effect))
    assert effect.cancels is (expected.get("cancels") != "refuse")
    if before is None:
        assert bool(news) is expected.get("told", bool(news))


@needs_vectors
@pytest.mark.parametrize("vector", SHARED.get("rest", ()), ids=lambda it: it["name"])
def test_an_answer_over_rest_is_read(vector: dict[str, Any]) -> None:
    result = json.loads(vector["reply"])["result"]
    raw = json.dumps(result).encode()
    if vector["name"].startswith("SystemStatus"):
        found = read_system_status(raw).upcoming_maintenance
        assert len(found) == len(result.get("upcoming_maintenance", ()))
    else:
        assert len(read_schedule(raw)) == len(result["events"])
