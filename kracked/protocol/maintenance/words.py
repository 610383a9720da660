"""Maintenance and incidents in words, with times in the zone of this computer. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from kracked.protocol.maintenance.announcements import KNOWN_SERVICES, Incident, MaintenanceEvent
from kracked.times import NS_PER_S, to_rfc3339

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_PHASES = {
    "announced": "maintenance announced",
    "reminder_24h": "maintenance within a day",
    "approaching_30m": "maintenance within 30 min",
    "imminent_5m": "MAINTENANCE WITHIN 5 MIN",
    "final_warning_30s": "MAINTENANCE WITHIN 30 s",
}
_ORDERS = {
    "discouraged": "orders discouraged",
    "blocked": "NEW ORDERS BLOCKED",
}
_ACTIONS = {
    "reduce_activity": "reduce activity",
    "cancel_open_orders": "cancel open orders",
    "stop_new_orders": "stop new orders",
    "disconnect_and_wait": "the connection will be lost",
}
NOTHING_ASKED = frozenset(("", "unspecified", "allowed", "continue"))


def title_of(notice: MaintenanceEvent | Incident) -> str:
    """Return a title on one line; what there is in its place when there is none."""
    title = " ".join(notice.title.split())
    if title:
        return title
    return f"event {notice.event_id}" if notice.event_id is not None else "without a title"


def clock_text(time: int, now: int, zone: tzinfo | None = None) -> str:
    """Return a time of day in local time, ``10:00 CET``; with its date when it is another day.

    Args:
        time: ns since the Unix epoch.
        now: This moment, ns since the Unix epoch.
        zone: The zone; the computer's own by default.
    """
    try:
        local, today = _local(time, zone), _local(now, zone)
    except (OverflowError, ValueError, OSError):
        return to_rfc3339(time, 0)
    form = "%H:%M:%S" if local.second else "%H:%M"
    day = "" if local.date() == today.date() else f"{local:%a} {local.day} {local:%b} "
    year = f"{local.year} " if local.year != today.year else ""
    return f"{day}{year}{local:{form}} {local.tzname() or ''}".rstrip()


def _local(time: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(time // NS_PER_S, UTC).astimezone(zone)


def length_text(length_ns: int) -> str:
    """Return a length of time in its two largest units.

    >>> length_text(5400 * 10**9), length_text(45 * 10**9), length_text(90 * 10**9)
    ('1 h 30 min', '45 s', '1 min 30 s')
    """
    seconds = max(0, length_ns) // NS_PER_S
    units = (("d", _DAY_S), ("h", _HOUR_S), ("min", _MINUTE_S), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or (parts and name != "s"):
            parts.append(f"{count} {name}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"


def when_text(event: MaintenanceEvent, now: int, zone: tzinfo | None = None) -> str:
    """Return when a window is and how long: ``Mon 5 Oct 11:00 CEST for 1 h``."""
    if event.expected_start is None:
        return "its start is not known"
    length = event.length_ns
    lasting = "for an unknown time" if length is None else f"for {length_text(length)}"
    return f"{clock_text(event.expected_start, now, zone)} {lasting}"


def event_text(event: MaintenanceEvent, now: int, zone: tzinfo | None = None) -> str:
    """Return a planned window in one line: its phase, when, how long, and what is asked."""
    head = _PHASES.get(event.phase, f"maintenance ({event.phase})" if event.phase else "")
    asked = [
        words.get(word, f"{name}: {word}")
        for name, words, word in (
            ("orders", _ORDERS, event.order_submission),
            ("action", _ACTIONS, event.recommended_action),
        )
        if word not in NOTHING_ASKED
    ]
    if event.cancel_before is not None:
        asked.append(f"cancels until {clock_text(event.cancel_before, now, zone)}")
    if unknown := [word for word in event.affected_services if word not in KNOWN_SERVICES]:
        asked.append("services: " + ", ".join(unknown))
    tail = f" ({'; '.join(asked)})" if asked else ""
    title = title_of(event)
    return f"{head or 'maintenance'}: {when_text(event, now, zone)}, {title}{tail}"


def incident_text(incident: Incident, now: int, zone: tzinfo | None = None) -> str:
    """Return an incident in one line: how bad, what, its status, and the next step."""
    impact = incident.impact if incident.impact not in NOTHING_ASKED else "an"
    facts = [incident.incident_status] if incident.incident_status not in NOTHING_ASKED else []
    if incident.started_at is not None:
        facts.append(f"since {clock_text(incident.started_at, now, zone)}")
    facts += [
        f"{step.type.removeprefix('expected_').replace('_', ' ') or 'next step'} expected"
        + ("" if step.expected_at is None else f" {clock_text(step.expected_at, now, zone)}")
        for step in incident.next_steps
    ]
    tail = f" ({'; '.join(facts)})" if facts else ""
    return f"{impact} incident: {title_of(incident)}{tail}"
