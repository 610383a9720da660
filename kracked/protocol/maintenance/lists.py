"""Reads and writes the lists of planned maintenance and incidents, in every form they come in.

Reading never fails: an absent, null and empty list are the same, an unknown word is kept, a
member that makes no sense counts as absent, and an entry that is no object costs itself alone.

Sources: as in `kracked.protocol.maintenance.announcements`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from kracked import times
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent, NextStep
from kracked.protocol.number_parser import exact
from kracked.protocol.replies import UNREADABLE

MOST_ENTRIES = 100
"""Entries of one list that are read; the exchange announces a few."""
MOST_TEXT = 300
"""Characters that are kept of a text."""

_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_any_value = msgspec.json.Decoder(float_hook=exact).decode

T = TypeVar("T")


class Entries(NamedTuple, Generic[T]):
    """The entries of a list, and those that could not be read."""

    found: tuple[T, ...] = ()
    problems: tuple[tuple[bytes, str], ...] = ()
    """The bytes of each entry that could not be read, and why."""


# --- reading ------------------------------------------------------------------------------


def read_events(data: bytes) -> Entries[MaintenanceEvent]:
    """Return the `MaintenanceEvent`s of a list as it came; empty bytes are an empty list."""
    return _read(data, _event)


def read_incidents(data: bytes) -> Entries[Incident]:
    """Return the `Incident`s of a list as it came; empty bytes are an empty list."""
    return _read(data, _incident)


def read_schedule(data: bytes) -> tuple[MaintenanceEvent, ...]:
    """Return the events of a MaintenanceSchedule's result, in its order.

    Raises:
        msgspec.MsgspecError: The result is no object.
    """
    return read_events(bytes(msgspec.json.decode(data, type=_Schedule).events)).found


class _Schedule(msgspec.Struct):
    events: msgspec.Raw = msgspec.Raw()


def _read(data: bytes, read: Callable[[Mapping[str, Any]], T]) -> Entries[T]:
    if not data or data == b"null":
        return Entries()
    try:
        entries = _list(data)
    except UNREADABLE as error:
        return Entries(problems=((data, f"not a list: {error}"),))
    found, problems = list[T](), list[tuple[bytes, str]]()
    for entry in entries[:MOST_ENTRIES]:
        try:
            members = _any_value(entry)
        except UNREADABLE as error:
            problems.append((bytes(entry), str(error)))
            continue
        if isinstance(members, dict):
            found.append(read(members))
        else:
            problems.append((bytes(entry), "an entry is no object"))
    if len(entries) > MOST_ENTRIES:
        problems.append((b"", f"{len(entries) - MOST_ENTRIES} further entries are not read"))
    return Entries(tuple(found), tuple(problems))


def _event(members: Mapping[str, Any]) -> MaintenanceEvent:
    return MaintenanceEvent(
        event_id=_id(members.get("event_id")),
        title=_text(members.get("title")),
        phase=_text(members.get("phase")),
        expected_start=_time(members.get("expected_start_utc")),
        expected_end=_time(members.get("expected_end_utc")),
        cancel_before=_time(members.get("cancel_before_utc")),
        order_submission=_text(members.get("order_submission")),
        recommended_action=_text(members.get("recommended_action")),
        affected_services=_words(members.get("affected_services")),
        time_to_start_s=_whole(members.get("time_to_start_s")),
        source_url=_text(members.get("source_url")),
    )


def _incident(members: Mapping[str, Any]) -> Incident:
    steps = members.get("next_steps")
    return Incident(
        event_id=_id(members.get("event_id")),
        title=_text(members.get("title")),
        incident_status=_text(members.get("incident_status")),
        impact=_text(members.get("impact")),
        affected_services=_words(members.get("affected_services")),
        started_at=_time(members.get("started_at_utc")),
        next_steps=tuple(
            NextStep(
                type=_text(step.get("type")),
                expected_at=_time(step.get("expected_at_utc")),
                applies_to=_words(step.get("applies_to")),
            )
            for step in (steps if isinstance(steps, list) else ())[:MOST_ENTRIES]
            if isinstance(step, dict)
        ),
        source_url=_text(members.get("source_url")),
    )


def _id(value: object) -> int | str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, str):
        short = value.strip()[:MOST_TEXT]
        return int(short) if short.isdecimal() and len(short) < 20 else short or None
    return value


def _text(value: object) -> str:
    if isinstance(value, bool | None | list | dict):
        return ""
    return str(value)[:MOST_TEXT]


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value),)
    if not isinstance(value, list):
        return ()
    return tuple(_text(word) for word in value[:MOST_ENTRIES] if isinstance(word, str))


def _time(value: object) -> int | None:
    return times.try_parse_ns(value) if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole else None  # type: ignore[return-value]


# --- writing ------------------------------------------------------------------------------


def event_members(event: MaintenanceEvent, *, digits: int = 6) -> dict[str, object]:
    """Return an event as the exchange writes it; times that are not known are left out.

    Args:
        event: The event.
        digits: Decimals of its seconds: six on the WebSocket, none over REST.
    """
    return _present(
        affected_services=list(event.affected_services),
        cancel_before_utc=_written(event.cancel_before, digits),
        event_id=event.event_id,
        expected_end_utc=_written(event.expected_end, digits),
        expected_start_utc=_written(event.expected_start, digits),
        order_submission=event.order_submission or None,
        phase=event.phase or None,
        recommended_action=event.recommended_action or None,
        source_url=event.source_url or None,
        time_to_start_s=event.time_to_start_s,
        title=event.title or None,
    )


def incident_members(incident: Incident, *, digits: int = 0) -> dict[str, object]:
    """Return an incident as the exchange writes it; times that are not known are left out."""
    steps = [
        _present(
            applies_to=list(step.applies_to),
            type=step.type or None,
            expected_at_utc=_written(step.expected_at, digits),
        )
        for step in incident.next_steps
    ]
    return _present(
        event_id=incident.event_id,
        title=incident.title or None,
        incident_status=incident.incident_status or None,
        impact=incident.impact or None,
        affected_services=list(incident.affected_services),
        started_at_utc=_written(incident.started_at, digits),
        next_steps=steps,
        source_url=incident.source_url or None,
    )


def _written(time: int | None, digits: int) -> str | None:
    return None if time is None else times.to_rfc3339(time, digits)


def _present(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}
