from collections.abc import Sequence
from datetime import timedelta, timezone

import pytest

from kracked.protocol.maintenance.tracker import (
    MOST_REMEMBERED,
    MaintenanceNews,
    MaintenanceTracker,
)
from kracked.protocol.maintenance.trading_effect import NewOrders, SwitchAdvice
from tests.protocol.maintenance.maintenance_frames import (
    MAJOR,
    MINUTE,
    START,
    WALK,
    frame,
    planned,
    status,
)

CET = timezone(timedelta(hours=1), "CET")
HOUR = 60 * MINUTE
BEFORE = {
    "announced": 36 * HOUR,
    "reminder_24h": 24 * HOUR,
    "approaching_30m": 29 * MINUTE,
    "imminent_5m": 290 * MINUTE // 60,
    "final_warning_30s": 28 * MINUTE // 60,
}


def told(*frames: tuple[str, int], tracker: MaintenanceTracker | None = None) -> list[str]:
    """Return what a tracker tells of these messages, each with its time."""
    tracker = tracker or MaintenanceTracker()
    news = [it for text, at in frames for it in tracker.apply(status(text, at))]
    return [f"{it.news}: {it.text(CET)}" for it in news]


def after(*frames: tuple[str, int]) -> MaintenanceTracker:
    """Return a tracker that has taken these messages."""
    tracker = MaintenanceTracker()
    for text, at in frames:
        tracker.apply(status(text, at))
    return tracker


def walk() -> list[tuple[str, int]]:
    """Return the event's walk through its phases, at their times."""
    return [(frame(event), START - BEFORE[phase]) for phase, event in WALK.items()]


# --- telling --------------------------------------------------------------------------


def test_every_phase_is_told_with_local_time_duration_and_title() -> None:
    assert told(*walk()) == [
        "phase: maintenance announced: Mon 7 Dec 10:00 CET for 1 h, Order Entry System "
        "Maintenance (cancels until Mon 7 Dec 09:55 CET)",
        "phase: maintenance within a day: Mon 7 Dec 10:00 CET for 1 h, Order Entry System "
        "Maintenance (cancels until Mon 7 Dec 09:55 CET)",
        "phase: maintenance within 30 min: 10:00 CET for 1 h, Order Entry System "
        "Maintenance (reduce activity; cancels until 09:55 CET)",
        "phase: MAINTENANCE WITHIN 5 MIN: 10:00 CET for 1 h, Order Entry System "
        "Maintenance (orders discouraged; cancel open orders; cancels until 09:55 CET)",
        "phase: MAINTENANCE WITHIN 30 s: 10:00 CET for 1 h, Order Entry System "
        "Maintenance (NEW ORDERS BLOCKED; stop new orders; cancels until 09:55 CET)",
    ]


def test_a_phase_is_told_once_however_often_and_on_however_many_connections_it_comes() -> None:
    repeated = [(text, at + n) for text, at in walk() for n in range(5)]
    assert len(told(*repeated)) == len(WALK)


def test_a_phase_that_comes_back_late_is_not_told_again() -> None:
    frames = [*walk(), walk()[2], walk()[4]]
    assert len(told(*frames)) == len(WALK)


def test_a_second_event_is_told_beside_the_first() -> None:
    second = planned(event_id=52, title="Database")
    assert [line for line in told((frame(planned(), second), START - HOUR)) if "Database" in line]


def test_a_new_time_within_a_phase_is_told_as_a_change() -> None:
    moved = planned(expected_start_utc="2026-12-07T09:30:00Z")
    [_, change] = told((frame(planned()), START - HOUR), (frame(moved), START - HOUR))
    assert change.startswith("changed: changed: maintenance announced: 10:30 CET for 30 min")


def test_a_countdown_in_seconds_is_no_change() -> None:
    frames = [(frame(planned(time_to_start_s=left)), START - HOUR) for left in (1740, 1739, 1738)]
    assert len(told(*frames)) == 1


def test_words_that_are_not_known_are_told() -> None:
    odd = planned(
        "countdown_10s",
        order_submission="frozen",
        recommended_action="pray",
        affected_services=["spot_moon"],
    )
    [line] = told((frame(odd), START - HOUR))
    for word in ("countdown_10s", "frozen", "pray", "spot_moon"):
        assert word in line


def test_an_event_without_anything_but_an_id_is_told() -> None:
    [line] = told((frame({"event_id": 56, "expected_end_utc": None}), START))
    assert line == "phase: maintenance: its start is not known, event 56"


def test_maintenance_of_futures_alone_is_not_told() -> None:
    elsewhere = planned(affected_services=["futures_trading", "futures_ws"])
    assert told((frame(elsewhere), START - HOUR), (frame(), START)) == []


def test_an_event_that_leaves_the_list_when_its_window_starts_has_begun() -> None:
    *_, last = told(*walk(), (frame(system="maintenance"), START))
    title = "Order Entry System Maintenance"
    assert last == f"begun: maintenance has begun until about 11:00 CET: {title}"


def test_an_event_that_leaves_the_list_long_before_is_no_longer_announced() -> None:
    [_, last] = told((frame(planned()), START - 5 * HOUR), (frame(), START - 4 * HOUR))
    assert last.startswith("withdrawn: maintenance is no longer announced")


def test_a_connection_without_the_lists_withdraws_nothing() -> None:
    tracker = after((frame(planned()), START - 5 * HOUR))
    nothing = status(frame(), START - 4 * HOUR)
    absent = '{"channel":"status","type":"update","data":[{"system":"online"}]}'
    assert tracker.apply(status(absent, START - 4 * HOUR)) == []
    assert [it.news for it in tracker.apply(nothing)] == [MaintenanceNews.WITHDRAWN]


def test_a_window_is_over_when_the_engine_is_back() -> None:
    frames = [*walk(), (frame(system="maintenance"), START)]
    frames += [(frame(system=mode), START + HOUR) for mode in ("cancel_only", "post_only")]
    lines = told(*frames, (frame(), START + HOUR), (frame(), START + HOUR))
    assert lines[-1] == "over: maintenance is over: Order Entry System Maintenance"
    assert len(lines) == len(WALK) + 2


def test_an_incident_is_told_with_status_and_next_step_and_again_when_they_change() -> None:
    identified = {**MAJOR, "incident_status": "identified"}
    at = START + 65 * MINUTE
    frames = [(frame(emergency=(one,)), at) for one in (MAJOR, MAJOR, identified, identified)]
    assert told(*frames, (frame(), at), (frame(), at)) == [
        "incident: major incident: Degraded order entry (investigating; since 11:02 CET; "
        "cancel only expected 11:30 CET)",
        "incident: major incident: Degraded order entry (identified; since 11:02 CET; "
        "cancel only expected 11:30 CET)",
        "resolved: incident resolved: Degraded order entry",
    ]


# --- the effect -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "orders", "switch", "offers"),
    [
        ("announced", NewOrders.ALLOWED, SwitchAdvice.KEEP, False),
        ("reminder_24h", NewOrders.ALLOWED, SwitchAdvice.KEEP, False),
        ("approaching_30m", NewOrders.ASK, SwitchAdvice.KEEP, False),
        ("imminent_5m", NewOrders.ASK, SwitchAdvice.ASK, True),
        ("final_warning_30s", NewOrders.REFUSED, SwitchAdvice.NOT_ANEW, True),
    ],
)
def test_each_phase_has_its_effect(
    phase: str, orders: NewOrders, switch: SwitchAdvice, *, offers: bool
) -> None:
    until_start = {**WALK[phase], "cancel_before_utc": "2026-12-07T09:00:00Z"}
    at = START - BEFORE[phase]
    effect = after((frame(until_start), at)).effect(at)
    assert (effect.new_orders, effect.switch, effect.offers_cancel) == (orders, switch, offers)
    assert effect.cancels


@pytest.mark.parametrize(
    ("member", "word", "orders"),
    [
        ("order_submission", "blocked", NewOrders.REFUSED),
        ("recommended_action", "stop_new_orders", NewOrders.REFUSED),
        ("order_submission", "discouraged", NewOrders.ASK),
        ("recommended_action", "reduce_activity", NewOrders.ASK),
        ("recommended_action", "cancel_open_orders", NewOrders.ASK),
        ("recommended_action", "disconnect_and_wait", NewOrders.ALLOWED),
        ("order_submission", "frozen", NewOrders.ALLOWED),
        ("order_submission", "unspecified", NewOrders.ALLOWED),
    ],
)
def test_the_fields_decide_whatever_the_phase(member: str, word: str, orders: NewOrders) -> None:
    at = START - 36 * HOUR
    effect = after((frame(planned(**{member: word})), at)).effect(at)
    assert effect.new_orders is orders
    assert bool(effect.reason) is (orders is not NewOrders.ALLOWED)


@pytest.mark.parametrize(
    ("services", "orders"),
    [
        (["spot_trading"], NewOrders.REFUSED),
        (["spot_ws"], NewOrders.REFUSED),
        (["spot_rest"], NewOrders.REFUSED),
        (["all"], NewOrders.REFUSED),
        (["spot_moon"], NewOrders.REFUSED),
        (["unspecified"], NewOrders.REFUSED),
        ([], NewOrders.REFUSED),
        (["spot_fix"], NewOrders.ALLOWED),
        (["futures_trading", "futures_ws"], NewOrders.ALLOWED),
        (["futures_trading", "spot_ws"], NewOrders.REFUSED),
    ],
)
def test_only_what_concerns_spot_has_an_effect(services: list[str], orders: NewOrders) -> None:
    blocking = {**WALK["final_warning_30s"], "affected_services": services}
    assert after((frame(blocking), START - 1)).effect(START - 1).new_orders is orders


def test_of_several_events_the_strictest_counts_and_the_nearest_is_counted_down() -> None:
    far = planned(
        event_id=52, order_submission="blocked", expected_start_utc="2026-12-09T09:00:00Z"
    )
    at = START - 10 * MINUTE
    effect = after((frame(far, WALK["approaching_30m"]), at)).effect(at)
    assert effect.new_orders is NewOrders.REFUSED
    assert effect.countdown_ns == 10 * MINUTE


def test_the_countdown_runs_by_the_clock_and_not_by_the_cached_seconds() -> None:
    tracker = after((frame(planned(time_to_start_s=1740)), START - 40 * MINUTE))
    left = [tracker.effect(START - minutes * MINUTE).countdown_ns for minutes in (31, 30, 3, -1)]
    assert left == [None, 30 * MINUTE, 3 * MINUTE, None]


def test_cancelling_is_offered_before_its_last_moment_though_no_phase_says_so() -> None:
    tracker = after((frame(WALK["approaching_30m"]), START - 29 * MINUTE))
    offers = [tracker.effect(START - m * MINUTE).offers_cancel for m in (11, 10, 6, 5, 4)]
    assert offers == [False, True, True, False, False]


def test_a_blocked_window_blocks_after_it_has_left_the_list_until_the_engine_is_back() -> None:
    tracker = after(*walk(), (frame(), START))
    assert tracker.effect(START + MINUTE).new_orders is NewOrders.REFUSED
    tracker.apply(status(frame(system="maintenance"), START + MINUTE))
    down = tracker.effect(START + 2 * MINUTE)
    assert (down.new_orders, down.forced, down.cancels) == (NewOrders.REFUSED, True, False)
    assert down.until == START + HOUR
    tracker.apply(status(frame(), START + 20 * MINUTE))
    assert tracker.effect(START + 20 * MINUTE).new_orders is NewOrders.ALLOWED


def test_a_window_through_which_the_engine_stays_online_ends_with_its_time() -> None:
    tracker = after(*walk(), (frame(), START))
    assert tracker.effect(START + HOUR - 1).new_orders is NewOrders.REFUSED
    assert tracker.effect(START + HOUR).new_orders is NewOrders.ALLOWED


def test_who_missed_the_outage_is_asked_and_not_refused_until_the_expected_end() -> None:
    tracker = after(*walk(), (frame(), START + 30 * MINUTE))
    effect = tracker.effect(START + 31 * MINUTE)
    assert (effect.new_orders, effect.switch) == (NewOrders.ASK, SwitchAdvice.ASK)


def test_an_event_that_stays_listed_while_the_engine_is_down_is_over_with_its_return() -> None:
    tracker = after(*walk(), (frame(WALK["final_warning_30s"], system="maintenance"), START))
    tracker.apply(status(frame(), START + 5 * MINUTE))
    assert tracker.effect(START + 5 * MINUTE).new_orders is NewOrders.ALLOWED


def test_a_late_status_of_another_connection_does_not_block_again_after_the_return() -> None:
    tracker = after(*walk(), (frame(system="maintenance"), START), (frame(), START + HOUR))
    tracker.apply(status(walk()[-1][0], START + HOUR))
    assert tracker.effect(START + HOUR).new_orders is NewOrders.ALLOWED


@pytest.mark.parametrize(
    ("system", "orders", "cancels", "only"),
    [
        ("online", NewOrders.ALLOWED, True, ""),
        ("maintenance", NewOrders.REFUSED, False, ""),
        ("cancel_only", NewOrders.REFUSED, True, ""),
        ("post_only", NewOrders.ALLOWED, True, "post_only"),
        ("limit_only", NewOrders.ALLOWED, True, "limit_only"),
        ("dancing", NewOrders.ASK, True, ""),
    ],
)
def test_the_engines_state_says_what_is_allowed_now(
    system: str, orders: NewOrders, only: str, *, cancels: bool
) -> None:
    effect = after((frame(system=system), START)).effect(START)
    assert (effect.new_orders, effect.cancels, effect.only) == (orders, cancels, only)


@pytest.mark.parametrize(
    ("impact", "orders"),
    [
        ("none", NewOrders.ALLOWED),
        ("minor", NewOrders.ALLOWED),
        ("major", NewOrders.ASK),
        ("critical", NewOrders.ASK),
        ("cosmic", NewOrders.ALLOWED),
    ],
)
def test_a_grave_incident_asks_until_it_is_resolved(impact: str, orders: NewOrders) -> None:
    tracker = after((frame(emergency=({**MAJOR, "impact": impact},)), START))
    assert tracker.effect(START).new_orders is orders
    tracker.apply(status(frame(), START))
    assert tracker.effect(START).new_orders is NewOrders.ALLOWED


def test_an_event_of_the_past_that_is_still_listed_has_no_effect() -> None:
    at = START + 2 * HOUR
    assert after((frame(WALK["final_warning_30s"]), at)).effect(at).new_orders is NewOrders.ALLOWED


def keys_of(tracker: MaintenanceTracker, at: int) -> Sequence[str]:
    return [event.key for event in tracker.upcoming(at)]


def test_what_is_upcoming_is_ordered_by_its_start() -> None:
    later = planned(event_id=52, expected_start_utc="2026-12-09T09:00:00Z")
    tracker = after((frame(later, planned(), {"event_id": 9}), START - HOUR))
    assert keys_of(tracker, START - HOUR) == ["51", "52", "9"]


def test_a_times_year_beyond_any_calendar_is_no_error() -> None:
    odd = planned(expected_start_utc="9999-12-31T23:59:59Z", expected_end_utc=None)
    [line] = told((frame(odd), START))
    assert "for an unknown time" in line


# --- what is remembered -------------------------------------------------------------------


def test_what_was_told_can_be_read_later() -> None:
    tracker = MaintenanceTracker()
    assert (tracker.told, list(tracker.announcements)) == (0, [])
    tracker = after(*walk())
    assert tracker.told == len(WALK)
    assert [it.text(CET) for it in tracker.announcements] == [
        line.removeprefix("phase: ") for line in told(*walk())
    ]


def test_a_window_is_upcoming_until_its_end_or_until_the_engine_is_back() -> None:
    tracker = after(*walk(), (frame(), START))
    assert keys_of(tracker, START + HOUR - 1) == ["51"]
    assert keys_of(tracker, START + HOUR) == []
    back = after(*walk(), (frame(system="maintenance"), START), (frame(), START + 20 * MINUTE))
    assert keys_of(back, START + 20 * MINUTE) == []


def test_a_window_without_an_end_is_remembered_for_two_hours() -> None:
    endless = {**WALK["final_warning_30s"], "expected_end_utc": None}
    tracker = after((frame(endless), START - 1), (frame(), START))
    assert tracker.effect(START + 2 * HOUR - 1).new_orders is NewOrders.REFUSED
    assert tracker.effect(START + 2 * HOUR).new_orders is NewOrders.ALLOWED


def test_a_window_that_ends_with_its_time_is_told_as_over_once() -> None:
    frames = [*walk(), (frame(), START), (frame(), START + HOUR - 1)]
    frames += [(frame(), START + HOUR)] * 2
    assert [line.split(":")[0] for line in told(*frames)][-2:] == ["begun", "over"]


@pytest.mark.parametrize(("before", "news"), [(60, "begun"), (61, "withdrawn")])
def test_an_event_may_leave_the_list_a_minute_before_its_start(before: int, news: str) -> None:
    left = START - before * MINUTE // 60
    [_, last] = told((frame(WALK["approaching_30m"]), START - 20 * MINUTE), (frame(), left))
    assert last.startswith(f"{news}: ")


def test_an_event_that_was_over_and_is_planned_anew_counts_again() -> None:
    frames = [*walk(), (frame(system="maintenance"), START), (frame(), START + HOUR)]
    anew = {
        **WALK["final_warning_30s"],
        "expected_start_utc": "2026-12-07T12:00:00Z",
        "expected_end_utc": "2026-12-07T13:00:00Z",
    }
    tracker = after(*frames, (frame(anew), START + 2 * HOUR))
    assert tracker.effect(START + 2 * HOUR).new_orders is NewOrders.REFUSED
    assert tracker.announcements[-1].news is MaintenanceNews.CHANGED


def test_an_event_that_is_listed_again_after_it_was_withdrawn_counts_again() -> None:
    frames = [(frame(WALK["approaching_30m"]), START - 20 * MINUTE), (frame(), START - 19 * MINUTE)]
    tracker = after(*frames)
    assert tracker.effect(START - 19 * MINUTE).new_orders is NewOrders.ALLOWED
    tracker.apply(status(frame(WALK["approaching_30m"]), START - 18 * MINUTE))
    assert tracker.effect(START - 18 * MINUTE).new_orders is NewOrders.ASK


def test_a_far_event_outlives_a_window_on_a_connection_without_lists() -> None:
    far = planned(event_id=52, expected_start_utc="2026-12-12T09:00:00Z")
    absent = '{"channel":"status","type":"update","data":[{"system":"maintenance"}]}'
    tracker = after((frame(far), START - HOUR), (absent, START))
    tracker.apply(status(frame(far), START + HOUR))
    assert keys_of(tracker, START + HOUR) == ["52"]
    assert tracker.told == 1


def test_a_connection_without_the_lists_resolves_no_incident() -> None:
    absent = '{"channel":"status","type":"update","data":[{"system":"online"}]}'
    tracker = after((frame(emergency=(MAJOR,)), START), (absent, START))
    assert [incident.event_id for incident in tracker.incidents] == [41]
    assert tracker.told == 1


def test_an_incident_of_futures_is_told_neither_at_its_beginning_nor_at_its_end() -> None:
    elsewhere = {**MAJOR, "affected_services": ["futures_ws"]}
    assert told((frame(emergency=(elsewhere,)), START), (frame(), START)) == []


def test_memory_is_bounded_and_what_is_listed_stays() -> None:
    tracker = MaintenanceTracker()
    for first in range(0, 500, 50):
        events = [planned(event_id=number) for number in range(first, first + 50)]
        tracker.apply(status(frame(planned(event_id=999), *events), START - HOUR))
    assert len(tracker._windows) == MOST_REMEMBERED
    assert "999" in keys_of(tracker, START - HOUR)


@pytest.mark.parametrize(
    ("text", "urgent", "good"),
    [
        (frame(planned()), False, False),
        (frame(WALK["approaching_30m"]), True, False),
        (frame(emergency=(MAJOR,)), True, False),
        (frame(emergency=({**MAJOR, "impact": "minor"},)), False, False),
    ],
)
def test_what_touches_orders_is_urgent(text: str, *, urgent: bool, good: bool) -> None:
    [news] = MaintenanceTracker().apply(status(text, START - HOUR))
    assert (news.urgent, news.good) == (urgent, good)


def test_what_is_well_again_is_good_and_not_urgent() -> None:
    tracker = after((frame(emergency=(MAJOR,)), START))
    [news] = tracker.apply(status(frame(), START))
    assert (news.urgent, news.good) == (False, True)


def test_until_the_engine_is_online_its_window_goes_on() -> None:
    tracker = after(*walk(), (frame(system="maintenance"), START))
    for mode in ("cancel_only", "post_only"):
        assert tracker.apply(status(frame(system=mode), START + HOUR)) == []
        assert tracker.effect(START + HOUR).until == START + HOUR


def test_an_outage_that_nobody_announced_has_no_end_though_a_window_is_far_ahead() -> None:
    tracker = after((frame(planned(), system="maintenance"), START - 36 * HOUR))
    assert tracker.effect(START - 36 * HOUR).until is None


def test_an_outage_after_a_window_that_is_over_has_no_end() -> None:
    tracker = after(*walk(), (frame(), START), (frame(), START + HOUR))
    tracker.apply(status(frame(system="maintenance"), START + 2 * HOUR))
    assert tracker.effect(START + 2 * HOUR).until is None


@pytest.mark.parametrize(("late", "orders"), [(119, NewOrders.REFUSED), (120, NewOrders.ASK)])
def test_an_engine_is_believed_to_be_online_two_minutes_after_the_start(
    late: int, orders: NewOrders
) -> None:
    at = START + late * MINUTE // 60
    assert after(*walk(), (frame(), at)).effect(at).new_orders is orders


def test_a_window_of_an_unknown_end_begins_without_one() -> None:
    endless = {**WALK["final_warning_30s"], "expected_end_utc": None}
    [_, begun] = told((frame(endless), START - 1), (frame(), START))
    assert begun == "begun: maintenance has begun: Order Entry System Maintenance"
