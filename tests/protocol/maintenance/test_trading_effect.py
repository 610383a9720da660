"""What one event, one incident and one state mean for orders, and several together."""

from __future__ import annotations

import pytest

from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
from kracked.protocol.maintenance.trading_effect import (
    NewOrders,
    SwitchAdvice,
    TradingEffect,
    of_event,
    of_incident,
    of_system,
    strictest,
)
from kracked.times import NS_PER_S

NOW = 1_790_000_000 * NS_PER_S
MINUTE = 60 * NS_PER_S
ALLOWED, ASK, REFUSED = NewOrders
KEEP, DECIDE, NOT_ANEW = SwitchAdvice


def event(phase: str = "", **members: object) -> MaintenanceEvent:
    return MaintenanceEvent(event_id=1, title="Upgrade", phase=phase, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("phase", "orders", "switch", "counting"),
    [
        ("announced", ALLOWED, KEEP, False),
        ("reminder_24h", ALLOWED, KEEP, False),
        ("approaching_30m", ASK, KEEP, True),
        ("imminent_5m", ASK, DECIDE, True),
        ("final_warning_30s", REFUSED, NOT_ANEW, True),
        ("countdown_10s", ALLOWED, KEEP, False),
    ],
)
def test_a_phase_counts_where_the_fields_say_nothing(
    phase: str, orders: NewOrders, switch: SwitchAdvice, *, counting: bool
) -> None:
    effect = of_event(event(phase), NOW)
    assert (effect.new_orders, effect.switch, effect.counting) == (orders, switch, counting)


@pytest.mark.parametrize(
    ("action", "switch", "offers"),
    [
        ("reduce_activity", KEEP, False),
        ("cancel_open_orders", DECIDE, True),
        ("stop_new_orders", NOT_ANEW, False),
        ("disconnect_and_wait", KEEP, False),
    ],
)
def test_a_recommended_action_counts_without_a_phase(
    action: str, switch: SwitchAdvice, *, offers: bool
) -> None:
    effect = of_event(event(recommended_action=action), NOW)
    assert (effect.switch, effect.offers_cancel) == (switch, offers)
    assert effect.expects_loss is (action == "disconnect_and_wait")


@pytest.mark.parametrize(
    ("left_ns", "counting"),
    [(1800 * NS_PER_S + 1, False), (1800 * NS_PER_S, True), (0, True), (-1, False)],
)
def test_the_last_half_hour_is_counted_down(left_ns: int, *, counting: bool) -> None:
    effect = of_event(event(expected_start=NOW + left_ns), NOW)
    assert effect.counting is counting
    assert effect.countdown_ns == (left_ns if counting else None)


@pytest.mark.parametrize(
    ("before_ns", "offers"),
    [(301, False), (300, True), (1, True), (0, False), (-1, False)],
)
def test_cancelling_is_offered_in_the_last_five_minutes_it_is_taken(
    before_ns: int, *, offers: bool
) -> None:
    until = NOW + before_ns * NS_PER_S
    assert of_event(event(cancel_before=until), NOW).offers_cancel is offers
    assert of_event(event(cancel_before=until), NOW).cancel_ns == max(0, before_ns) * NS_PER_S
    started = event(cancel_before=until, expected_start=NOW)
    assert not of_event(started, NOW).offers_cancel


def test_an_event_about_something_else_has_no_effect_at_all() -> None:
    elsewhere = event("final_warning_30s", affected_services=("futures_ws",))
    assert of_event(elsewhere, NOW) == TradingEffect(at=NOW)


def test_the_reason_names_when_until_when_the_title_and_what_was_said() -> None:
    window = event(
        "imminent_5m",
        order_submission="allowed",
        recommended_action="continue",
        expected_start=NOW + 4 * MINUTE,
        expected_end=NOW + 64 * MINUTE,
    )
    reason = of_event(window, NOW).reason
    assert reason.startswith("Maintenance in 4 min, at ")
    assert ", until about " in reason
    assert reason.endswith("(Upgrade; imminent 5m): send only what must be sent.")


@pytest.mark.parametrize(
    ("start", "begins"),
    [(NOW, "Maintenance is due, at "), (None, "Maintenance (Upgrade; blocked)")],
)
def test_the_reason_of_a_window_that_is_due_or_of_an_unknown_start(
    start: int | None, begins: str
) -> None:
    effect = of_event(event(order_submission="blocked", expected_start=start), NOW)
    assert effect.reason.startswith(begins)
    assert effect.reason.endswith("no new orders are sent.")


def test_an_allowed_order_has_no_reason() -> None:
    assert of_event(event("announced"), NOW).reason == ""


# --- incidents ------------------------------------------------------------------------------


@pytest.mark.parametrize("impact", ["major", "critical"])
def test_a_grave_incident_asks_in_words(impact: str) -> None:
    incident = Incident(title="Slow", impact=impact, incident_status="monitoring")
    effect = of_incident(incident, NOW)
    assert effect.new_orders is ASK
    assert effect.reason == f"The exchange reports a {impact} incident, monitoring: Slow."
    without = of_incident(Incident(title="Slow", impact=impact), NOW)
    assert without.reason == f"The exchange reports a {impact} incident: Slow."


@pytest.mark.parametrize(
    "incident",
    [
        Incident(impact="minor"),
        Incident(impact="none"),
        Incident(impact="critical", affected_services=("futures_ws",)),
    ],
)
def test_other_incidents_have_no_effect(incident: Incident) -> None:
    assert of_incident(incident, NOW) == TradingEffect(at=NOW)


# --- the engine -----------------------------------------------------------------------------


def test_a_state_that_is_not_known_yet_is_no_hindrance() -> None:
    assert of_system("", NOW) == of_system("online", NOW) == TradingEffect(at=NOW)


@pytest.mark.parametrize("system", ["maintenance", "cancel_only", "dancing", "post_only"])
def test_the_end_that_was_announced_is_kept_with_the_state(system: str) -> None:
    assert of_system(system, NOW, NOW + 7).until == NOW + 7


def test_an_engine_that_is_down_says_until_when() -> None:
    assert ", until about " in of_system("maintenance", NOW, NOW + MINUTE).reason
    assert "until about" not in of_system("maintenance", NOW).reason


# --- several --------------------------------------------------------------------------------


def test_the_strictest_of_each_counts_wherever_it_stands() -> None:
    mild = of_event(event("approaching_30m", expected_start=NOW + 20 * MINUTE), NOW)
    strict = of_event(
        event("imminent_5m", expected_start=NOW + 3 * MINUTE, order_submission="blocked"), NOW
    )
    for order in ((mild, strict), (strict, mild)):
        effect = strictest([of_system("online", NOW), *order], NOW)
        assert (effect.new_orders, effect.switch, effect.reason) == (
            REFUSED,
            NOT_ANEW,
            strict.reason,
        )
        assert effect.starts == NOW + 3 * MINUTE


def test_an_engine_that_is_down_outweighs_an_announcement() -> None:
    blocked = of_event(event(order_submission="blocked"), NOW)
    effect = strictest([blocked, of_system("maintenance", NOW)], NOW)
    assert (effect.forced, effect.cancels, effect.offers_cancel) == (True, False, False)


def test_an_offer_of_any_of_them_counts() -> None:
    offering = of_event(event(recommended_action="cancel_open_orders"), NOW)
    assert strictest([of_system("online", NOW), offering], NOW).offers_cancel
    assert not strictest([of_system("online", NOW)], NOW).offers_cancel


def test_what_an_engine_takes_stands_beside_what_is_announced() -> None:
    near = of_event(event("approaching_30m"), NOW)
    effect = strictest([of_system("post_only", NOW), near], NOW)
    assert (effect.only, effect.new_orders) == ("post_only", ASK)


def test_of_two_windows_of_which_none_is_near_the_first_is_next() -> None:
    first, second = (
        of_event(event("announced", expected_start=NOW + hours * 60 * MINUTE), NOW)
        for hours in (5, 9)
    )
    unknown = of_event(event("announced"), NOW)
    assert strictest([unknown, second, first], NOW).starts == first.starts
    assert strictest([unknown, second, first], NOW).countdown_ns is None


def test_the_end_of_a_window_that_is_on_is_not_that_of_the_next() -> None:
    down = of_system("maintenance", NOW, NOW + MINUTE)
    following = of_event(event("announced", expected_end=NOW + 99 * MINUTE), NOW)
    both = strictest([down, following], NOW)
    assert (both.until, both.ends) == (NOW + MINUTE, NOW + 99 * MINUTE)
    unplanned = strictest([of_system("maintenance", NOW), following], NOW)
    assert (unplanned.until, unplanned.ends) == (None, NOW + 99 * MINUTE)


def test_a_loss_that_one_of_them_expects_is_expected() -> None:
    losing = of_event(event(recommended_action="disconnect_and_wait"), NOW)
    assert strictest([of_system("online", NOW), losing], NOW).expects_loss
    assert not strictest([of_system("online", NOW)], NOW).expects_loss
