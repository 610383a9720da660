"""Status messages of made-up maintenance, written out as the exchange sends them."""

from __future__ import annotations

import json

from kracked.protocol.codec import Codec
from kracked.protocol.events import Status
from kracked.times import NS_PER_S, parse_ns

START = parse_ns("2026-12-07T09:00:00Z")
MINUTE = 60 * NS_PER_S


def planned(phase: str = "announced", **members: object) -> dict[str, object]:
    """Return an event as the exchange writes it."""
    return {
        "affected_services": ["spot_trading", "spot_fix", "spot_ws"],
        "cancel_before_utc": "2026-12-07T08:55:00.000000Z",
        "event_id": 51,
        "expected_end_utc": "2026-12-07T10:00:00.000000Z",
        "expected_start_utc": "2026-12-07T09:00:00.000000Z",
        "order_submission": "allowed",
        "phase": phase,
        "recommended_action": "continue",
        "source_url": "https://status.example/51",
        "time_to_start_s": 1740,
        "title": "Order Entry System Maintenance",
        **members,
    }


WALK = {
    "announced": planned("announced"),
    "reminder_24h": planned("reminder_24h"),
    "approaching_30m": planned("approaching_30m", recommended_action="reduce_activity"),
    "imminent_5m": planned(
        "imminent_5m", order_submission="discouraged", recommended_action="cancel_open_orders"
    ),
    "final_warning_30s": planned(
        "final_warning_30s", order_submission="blocked", recommended_action="stop_new_orders"
    ),
}
"""The event in each of its phases."""

MAJOR = {
    "event_id": 41,
    "title": "Degraded order entry",
    "incident_status": "investigating",
    "impact": "major",
    "affected_services": ["spot_trading"],
    "started_at_utc": "2026-12-07T10:02:00Z",
    "next_steps": [
        {
            "applies_to": ["spot_trading"],
            "type": "expected_cancel_only",
            "expected_at_utc": "2026-12-07T10:30:00Z",
        }
    ],
    "source_url": "https://status.example/41",
}


def frame(*planned: object, system: str = "online", emergency: object = (), **more: object) -> str:
    """Return a status message with these planned events."""
    data = {
        "version": "2.0.10",
        "system": system,
        "api_version": "v2",
        "connection_id": 7,
        "upcoming_maintenance": list(planned),
        "emergency": list(emergency) if isinstance(emergency, tuple) else emergency,
        **more,
    }
    return json.dumps({"channel": "status", "type": "update", "data": [data]})


def status(text: str, at: int = START - 60 * MINUTE) -> Status:
    """Return the status that a message holds."""
    event = Codec().decode(text.encode(), at)[0]
    assert isinstance(event, Status), event
    return event
