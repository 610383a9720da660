"""Scripts of maintenance: what they say, when, and how a wrong one is refused."""

from __future__ import annotations

import pytest

from kracked.gateway.exchange_state import ExchangeState
from kracked.sim.faults.grammar import BadFaults
from kracked.sim.faults.maintenance import PHASES, read, states
from kracked.times import NS_PER_S

BEGIN = 1_790_000_000 * NS_PER_S


def come_through(script: str) -> list[tuple[float, ExchangeState]]:
    """Return the seconds and the states of a script."""
    return [((at - BEGIN) / NS_PER_S, state) for at, state in states(read(script), BEGIN)]


def test_a_walk_comes_through_every_phase_and_back_by_every_state() -> None:
    found = come_through("walk=20s:2d")
    words = [state.upcoming[0].phase if state.upcoming else state.system for _, state in found]
    assert words == [*PHASES, "maintenance", "cancel_only", "post_only", "online"]
    assert [at for at, _ in found][-4:] == [172_800, 172_820, 172_825, 172_830]


def test_a_walk_that_is_near_begins_in_the_phase_of_then() -> None:
    phases = [(at, state.upcoming[0].phase) for at, state in come_through("walk:60s")[:2]]
    assert phases == [(0, "imminent_5m"), (30, "final_warning_30s")]


def test_a_window_states_the_times_at_which_the_script_has_it() -> None:
    _, state = come_through("approaching_30m:0s,maintenance:10s,online:25s")[0]
    [event] = state.upcoming
    assert event.expected_start == BEGIN + 10 * NS_PER_S
    assert event.expected_end == BEGIN + 25 * NS_PER_S
    assert event.cancel_before == BEGIN + 5 * NS_PER_S


def test_an_event_leaves_the_list_when_its_window_starts() -> None:
    assert [len(state.upcoming) for _, state in come_through("imminent_5m:0s,maintenance:5s")] == [
        1,
        0,
    ]


def test_a_step_may_say_any_word() -> None:
    [(_, state)] = come_through("phase=countdown_10s/frozen/pray:1s:spot_moon+spot_ws")
    [event] = state.upcoming
    assert (event.phase, event.order_submission, event.recommended_action) == (
        "countdown_10s",
        "frozen",
        "pray",
    )
    assert event.affected_services == ("spot_moon", "spot_ws")


def test_a_second_window_has_an_id_of_its_own() -> None:
    script = "imminent_5m:0s,maintenance:5s,online:9s,announced:10s,reminder_24h:11s"
    ids = [event.event_id for _, state in come_through(script) for event in state.upcoming]
    assert ids == [51, 52, 52]


def test_an_incident_forecasts_the_states_of_the_script() -> None:
    script = "incident=critical/identified:1s,cancel_only:5s,post_only:6s,online:7s,resolved:8s"
    first, *_, last = come_through(script)
    [incident] = first[1].emergency
    assert (incident.impact, incident.incident_status) == ("critical", "identified")
    assert [(it.type, (it.expected_at or 0) - BEGIN) for it in incident.next_steps] == [
        ("expected_cancel_only", 5 * NS_PER_S),
        ("expected_post_only", 6 * NS_PER_S),
        ("expected_online", 7 * NS_PER_S),
    ]
    assert last[1].emergency == ()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("", "it has no step"),
        ("dancing:1s", "there is no kind 'dancing'"),
        ("announced", "it does not say when"),
        ("announced:soon", "'soon' is no length of time"),
        ("announced:0.5", "a step has a time, not a chance"),
        ("walk=long:1s", "'long' is no length of time"),
        ("online=3:1s", "online takes no words of detail"),
        ("phase:1s", "it does not name the phase"),
    ],
)
def test_a_wrong_script_is_refused_with_the_reason_and_the_steps(script: str, problem: str) -> None:
    with pytest.raises(BadFaults) as refused:
        read(script)
    assert problem in str(refused.value)
    assert "no step of maintenance" in str(refused.value)
    assert "\n  walk " in str(refused.value)
