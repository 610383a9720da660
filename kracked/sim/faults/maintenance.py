"""Maintenance and incidents to announce: a script of steps, each at its time. Pure.

A script is a list of ``STEP[=DETAIL]:WHEN[:SERVICES]`` (`kracked.sim.faults.grammar`). WHEN is a
length of time after the start of the script, SERVICES are the affected ones, joined by `+`.
The expected times of a window are those of the script itself, so that a countdown is true.

    walk=20s:6m                             a whole window: it begins after 6 min, for 20 s
    imminent_5m:0s,maintenance:10s,cancel_only:20s,post_only:25s,online:30s
    phase=countdown_10s/frozen/pray:5s      words that no client knows
    incident=major/investigating:2s,resolved:30s

Sources: as in `kracked.gateway.exchange_state`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from kracked.gateway.exchange_state import ExchangeState
from kracked.protocol.maintenance import Incident, MaintenanceEvent, NextStep
from kracked.sim.faults.grammar import FaultEntry, FaultSyntax, parse
from kracked.times import NS_PER_S

_MINUTE_NS = 60 * NS_PER_S
_LENGTH_NS = 30 * NS_PER_S
"""How long a `walk` keeps the engine down, unless it says so."""
_LATER_NS = 5 * NS_PER_S
"""How long `cancel_only` and `post_only` last after it."""
_CANCEL_BEFORE_NS = 5 * _MINUTE_NS
_HOUR_NS = 60 * _MINUTE_NS
SPOT = ("spot_trading", "spot_fix", "spot_ws")


class _Phase(NamedTuple):
    """The demands of a phase, and how long before the start it begins."""

    before_ns: int
    orders: str = "allowed"
    action: str = "continue"


PHASES: Mapping[str, _Phase] = {
    "announced": _Phase(36 * _HOUR_NS),
    "reminder_24h": _Phase(24 * _HOUR_NS),
    "approaching_30m": _Phase(30 * _MINUTE_NS, action="reduce_activity"),
    "imminent_5m": _Phase(5 * _MINUTE_NS, "discouraged", "cancel_open_orders"),
    "final_warning_30s": _Phase(30 * NS_PER_S, "blocked", "stop_new_orders"),
}
"""The phases of a planned window, the earliest first."""
_STATES: Mapping[str, str] = {
    "maintenance": "expected_restart",
    "cancel_only": "expected_cancel_only",
    "post_only": "expected_post_only",
    "limit_only": "unspecified",
    "online": "expected_online",
}
"""The engine's states, and how an incident forecasts each."""
_SYNTAX = FaultSyntax(
    form="STEP[=DETAIL]:WHEN[:SERVICES], such as walk=20s:6m or approaching_30m:0s,"
    "final_warning_30s:10s,maintenance:15s,cancel_only:25s,post_only:30s,online:35s",
    meanings={
        "walk": "a whole window that begins at WHEN and lasts 30 s (DETAIL)",
        **dict.fromkeys(PHASES, "the next window comes to this phase (ORDERS/ACTION)"),
        "phase": "the next window comes to a phase of any name (NAME/ORDERS/ACTION)",
        **dict.fromkeys(_STATES, "the engine comes to this state"),
        "withdrawn": "the next window is no longer announced",
        "incident": "an incident is reported (IMPACT/STATUS)",
        "resolved": "no incident is reported any more",
    },
    noun="step of maintenance",
)


class MaintenanceStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a script."""

    kind: str
    at_ns: int
    """Time after the start of the script."""
    words: tuple[str, ...] = ()
    """The words of its detail."""
    services: tuple[str, ...] = SPOT


def read(text: str) -> tuple[MaintenanceStep, ...]:
    """Return the steps of a script, in the order of their times.

    Raises:
        BadFaults: It cannot be read, or has no step; the error lists every kind.
    """
    steps = [step for entry in parse(text, _SYNTAX) for step in _steps(entry)]
    if not steps:
        raise FaultEntry(text, "", "", "", "", _SYNTAX).bad("it has no step")
    return tuple(sorted(steps, key=lambda step: step.at_ns))


def _steps(entry: FaultEntry) -> Iterator[MaintenanceStep]:
    if entry.chance is not None and not entry.when.isdecimal():
        raise entry.bad("a step has a time, not a chance")
    at_ns = entry.duration_ns(entry.when.removeprefix("@"), bare_s=True)
    services = tuple(filter(None, entry.where.split("+"))) or SPOT
    if entry.kind == "walk":
        yield from _walk(at_ns, entry.detail_ns() or _LENGTH_NS, services)
        return
    words = tuple(entry.detail.split("/")) if entry.detail else ()
    most = {"phase": 3, "incident": 2, **dict.fromkeys(PHASES, 2)}.get(entry.kind, 0)
    if len(words) > most:
        raise entry.bad(f"{entry.kind} takes {most or 'no'} words of detail")
    if entry.kind == "phase" and not words:
        raise entry.bad("it does not name the phase, as in phase=countdown_10s:5s")
    yield MaintenanceStep(kind=entry.kind, at_ns=at_ns, words=words, services=services)


def _walk(start_ns: int, length_ns: int, services: tuple[str, ...]) -> Iterator[MaintenanceStep]:
    """Iterate the steps of a whole window; it is announced at once, in the phase of then."""
    begun = [name for name, phase in PHASES.items() if start_ns <= phase.before_ns]
    for name, phase in PHASES.items():
        at_ns = start_ns - phase.before_ns
        if at_ns > 0 or name == (begun[-1] if begun else "announced"):
            yield MaintenanceStep(kind=name, at_ns=max(0, at_ns), services=services)
    end_ns = start_ns + length_ns
    for state, at_ns in (
        ("maintenance", start_ns),
        ("cancel_only", end_ns),
        ("post_only", end_ns + _LATER_NS),
        ("online", end_ns + 2 * _LATER_NS),
    ):
        yield MaintenanceStep(kind=state, at_ns=at_ns, services=services)


# --- the states that a script comes through ---------------------------------------------------


def states(
    steps: Sequence[MaintenanceStep],
    begin: int,
    before: ExchangeState | None = None,
    *,
    first_id: int = 51,
) -> list[tuple[int, ExchangeState]]:
    """Return when the exchange comes to which state, in the order of the times.

    Args:
        steps: The script.
        begin: Its start, ns since the Unix epoch.
        before: The state at its start; online by default. Its windows are not announced any more.
        first_id: The id of the first window.
    """
    state, found = before or ExchangeState(), list[tuple[int, ExchangeState]]()
    state, event_id = replace(state, upcoming=()), first_id
    for place, step in enumerate(steps):
        at = begin + step.at_ns
        if step.kind in _STATES:
            begins = step.kind == "maintenance"
            event_id += begins
            state = replace(state, system=step.kind, upcoming=() if begins else state.upcoming)
        elif step.kind == "withdrawn":
            event_id, state = event_id + 1, replace(state, upcoming=())
        elif step.kind == "resolved":
            state = replace(state, emergency=())
        elif step.kind == "incident":
            state = replace(state, emergency=(_incident(steps, place, begin),))
        else:
            state = replace(state, upcoming=(_event(steps, place, begin, event_id),))
        found.append((at, state))
    return found


def _event(
    steps: Sequence[MaintenanceStep], place: int, begin: int, event_id: int
) -> MaintenanceEvent:
    """Return the window of a phase, with the times at which the script will have it."""
    step = steps[place]
    name, *asked = step.words if step.kind == "phase" else (step.kind, *step.words)
    phase = PHASES.get(name, PHASES["final_warning_30s"])
    orders, action, *_ = (*asked, *(phase.orders, phase.action)[len(asked) :])
    start = next((it.at_ns for it in steps[place:] if it.kind == "maintenance"), None)
    if start is None:
        last = [it for it in steps if it.kind in PHASES or it.kind == "phase"][-1]
        start = last.at_ns + PHASES.get(last.kind, PHASES["final_warning_30s"]).before_ns
    end = next((it.at_ns for it in steps[place:] if it.kind == "online"), start + _HOUR_NS)
    first = next(it.at_ns for it in steps if it.kind in PHASES or it.kind == "phase")
    cancel_before = start - min(_CANCEL_BEFORE_NS, max(0, start - first) // 2)
    return MaintenanceEvent(
        event_id=event_id,
        title="Order Entry System Maintenance",
        phase=name,
        expected_start=begin + start,
        expected_end=begin + end,
        cancel_before=begin + cancel_before,
        order_submission=orders,
        recommended_action=action,
        affected_services=step.services,
        source_url="https://status.kraken.com/incidents/simulated",
    )


def _incident(steps: Sequence[MaintenanceStep], place: int, begin: int) -> Incident:
    """Return the incident of a step, with the states that the script will come to."""
    step = steps[place]
    impact, status, *_ = (*step.words, *("major", "investigating")[len(step.words) :])
    started = next(it.at_ns for it in steps if it.kind == "incident")
    coming = [it for it in steps[place:] if it.kind in _STATES]
    return Incident(
        event_id=41,
        title="Degraded order entry",
        incident_status=status,
        impact=impact,
        affected_services=step.services,
        started_at=begin + started,
        next_steps=tuple(
            NextStep(type=_STATES[it.kind], expected_at=begin + it.at_ns, applies_to=step.services)
            for it in coming
        ),
        source_url="https://status.kraken.com/incidents/simulated",
    )
