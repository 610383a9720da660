import json
from typing import Any

import pytest

from kracked.protocol import encode, events
from kracked.protocol.codec import Codec
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent, NextStep
from kracked.protocol.maintenance.lists import (
    MOST_ENTRIES,
    event_members,
    incident_members,
    read_schedule,
)
from kracked.times import parse_ns
from tests.protocol.maintenance.maintenance_frames import MAJOR, START, frame, planned, status


def test_a_planned_event_is_read_with_all_its_members() -> None:
    assert status(frame(planned())).upcoming_maintenance == (
        MaintenanceEvent(
            event_id=51,
            title="Order Entry System Maintenance",
            phase="announced",
            expected_start=START,
            expected_end=parse_ns("2026-12-07T10:00:00Z"),
            cancel_before=parse_ns("2026-12-07T08:55:00Z"),
            order_submission="allowed",
            recommended_action="continue",
            affected_services=("spot_trading", "spot_fix", "spot_ws"),
            time_to_start_s=1740,
            source_url="https://status.example/51",
        ),
    )


def test_an_incident_is_read_with_its_next_steps() -> None:
    assert status(frame(emergency=(MAJOR,))).emergency == (
        Incident(
            event_id=41,
            title="Degraded order entry",
            incident_status="investigating",
            impact="major",
            affected_services=("spot_trading",),
            started_at=parse_ns("2026-12-07T10:02:00Z"),
            next_steps=(
                NextStep(
                    type="expected_cancel_only",
                    expected_at=parse_ns("2026-12-07T10:30:00Z"),
                    applies_to=("spot_trading",),
                ),
            ),
            source_url="https://status.example/41",
        ),
    )


@pytest.mark.parametrize("empty", ["null", "[]", None])
def test_null_empty_and_absent_lists_are_the_same(empty: str | None) -> None:
    lists = "" if empty is None else f',"upcoming_maintenance":{empty},"emergency":{empty}'
    text = f'{{"channel":"status","type":"update","data":[{{"system":"maintenance"{lists}}}]}}'
    [event] = Codec().decode(text.encode())
    assert isinstance(event, events.Status)
    assert (event.system, event.upcoming_maintenance, event.emergency) == ("maintenance", (), ())


@pytest.mark.parametrize("member", ["version", "api_version", "connection_id"])
def test_no_other_member_of_a_status_may_hide_the_state_when_it_is_null(member: str) -> None:
    assert status(frame(system="maintenance", **{member: None})).system == "maintenance"


@pytest.mark.parametrize("odd", [7, "soon", None, [], [[1]], True])
def test_an_odd_entry_costs_that_entry_alone(odd: object) -> None:
    found = Codec().decode(frame(odd, planned()).encode())
    assert isinstance(found[0], events.Status)
    assert [event.event_id for event in found[0].upcoming_maintenance] == [51]
    assert [type(event) for event in found[1:]] == [events.Malformed]
    assert found[1].channel == "status"  # type: ignore[attr-defined]


@pytest.mark.parametrize("odd", ["soon", 7, {}, True])
def test_a_list_that_is_none_costs_itself_and_is_reported(odd: object) -> None:
    found = Codec().decode(frame(upcoming_maintenance=odd, system="cancel_only").encode())
    assert isinstance(found[0], events.Status)
    assert found[0].system == "cancel_only"
    assert [type(event) for event in found[1:]] == [events.Malformed]


@pytest.mark.parametrize(
    ("member", "odd", "attribute", "read"),
    [
        ("event_id", [51], "event_id", None),
        ("event_id", True, "event_id", None),
        ("event_id", 1.5, "event_id", None),
        ("event_id", " 51 ", "event_id", 51),
        ("event_id", "  ", "event_id", None),
        ("event_id", "1w11k0", "event_id", "1w11k0"),
        ("event_id", "9" * 19, "event_id", int("9" * 19)),
        ("event_id", "9" * 20, "event_id", "9" * 20),
        ("title", None, "title", ""),
        ("title", "t" * 400, "title", "t" * 300),
        ("phase", {"a": 1}, "phase", ""),
        ("expected_start_utc", "tomorrow", "expected_start", None),
        ("expected_end_utc", None, "expected_end", None),
        ("cancel_before_utc", 17, "cancel_before", None),
        ("affected_services", None, "affected_services", ()),
        ("affected_services", "spot_ws", "affected_services", ("spot_ws",)),
        ("affected_services", {"spot_ws": 1}, "affected_services", ()),
        ("affected_services", [None, "spot_ws", 7], "affected_services", ("spot_ws",)),
        ("affected_services", ["s"] * 150, "affected_services", ("s",) * 100),
        ("order_submission", 5, "order_submission", "5"),
        ("recommended_action", False, "recommended_action", ""),
        ("time_to_start_s", "1740", "time_to_start_s", None),
        ("time_to_start_s", True, "time_to_start_s", None),
        ("source_url", [1], "source_url", ""),
    ],
)
def test_an_odd_member_costs_neither_the_entry_nor_the_status(
    member: str, odd: Any, attribute: str, read: object
) -> None:
    [event] = Codec().decode(frame(planned(**{member: odd})).encode())
    assert isinstance(event, events.Status)
    assert getattr(event.upcoming_maintenance[0], attribute) == read


@pytest.mark.parametrize("steps", [None, 7, {}, [], [7, None, "soon"]])
def test_next_steps_that_are_none_cost_themselves_alone(steps: object) -> None:
    [incident] = status(frame(emergency=({**MAJOR, "next_steps": steps},))).emergency
    assert (incident.event_id, incident.next_steps) == (41, ())


def test_an_entry_without_any_member_is_read_and_written_as_one() -> None:
    empty = status(frame({}, emergency=({},)))
    assert empty.upcoming_maintenance == (MaintenanceEvent(),)
    assert event_members(MaintenanceEvent()) == {"affected_services": []}
    assert incident_members(Incident()) == {"affected_services": [], "next_steps": []}


def test_times_are_written_with_six_digits_on_the_socket_and_none_over_rest() -> None:
    event = MaintenanceEvent(expected_start=START)
    assert event_members(event)["expected_start_utc"] == "2026-12-07T09:00:00.000000Z"
    assert event_members(event, digits=0)["expected_start_utc"] == "2026-12-07T09:00:00Z"
    assert incident_members(Incident(started_at=START))["started_at_utc"] == "2026-12-07T09:00:00Z"


def test_the_key_of_an_event_without_an_id_is_its_title_and_start() -> None:
    first = MaintenanceEvent(title="Upgrade", expected_start=START)
    assert (first.key, MaintenanceEvent(event_id=51).key) == (f"Upgrade@{START}", "51")
    assert first.key != MaintenanceEvent(title="Upgrade", expected_start=START + 1).key


@pytest.mark.parametrize(
    ("start", "end", "length"), [(START, START + 7, 7), (START, START - 7, 0), (None, 1, None)]
)
def test_the_length_of_a_window_is_never_negative(
    start: int | None, end: int, length: int | None
) -> None:
    assert MaintenanceEvent(expected_start=start, expected_end=end).length_ns == length
    assert MaintenanceEvent(expected_start=start).length_ns is None


def test_words_that_are_not_known_are_kept() -> None:
    [event] = status(
        frame(planned("countdown_10s", order_submission="frozen", affected_services=["spot_moon"]))
    ).upcoming_maintenance
    assert (event.phase, event.order_submission) == ("countdown_10s", "frozen")
    assert event.affected_services == ("spot_moon",)


def test_more_entries_than_anybody_announces_are_cut_and_reported() -> None:
    found = Codec().decode(frame(*[planned(event_id=n) for n in range(MOST_ENTRIES + 5)]).encode())
    assert isinstance(found[0], events.Status)
    assert len(found[0].upcoming_maintenance) == MOST_ENTRIES
    assert "5 further entries" in found[1].reason  # type: ignore[attr-defined]


def test_a_status_with_lists_survives_encoding_and_decoding() -> None:
    event = status(frame(planned(), emergency=(MAJOR,)), at=0)
    assert Codec().decode(encode.message(event).encode()) == [event]


def test_a_status_without_lists_is_encoded_without_them() -> None:
    text = encode.message(events.Status(0, "online", lists_stated=False))
    assert set(json.loads(text)["data"][0]) == {
        "version",
        "system",
        "api_version",
        "connection_id",
    }


@pytest.mark.parametrize("body", ['{"events":null}', '{"events":[]}', "{}"])
def test_an_empty_schedule_has_no_events_however_it_is_written(body: str) -> None:
    assert read_schedule(body.encode()) == ()


@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize("channel", ["book", "level3"])
def test_a_null_side_of_a_book_is_an_empty_side(channel: str, side: str) -> None:
    text = (
        f'{{"channel":"{channel}","type":"snapshot","data":[{{"symbol":"A/B","checksum":0,'
        f'"{side}":null,"timestamp":"2026-12-07T09:00:00Z"}}]}}'
    )
    [event] = Codec().decode(text.encode())
    assert isinstance(event, events.BookSnapshot | events.L3Snapshot)
    assert (event.bids, event.asks) == ((), ())


def test_null_lists_of_instruments_are_empty_lists() -> None:
    text = '{"channel":"instrument","type":"snapshot","data":{"pairs":null,"assets":null}}'
    [event] = Codec().decode(text.encode())
    assert isinstance(event, events.Instruments)
    assert (event.pairs, event.assets) == ((), ())
