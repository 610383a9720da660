"""The dead man's switch: armed, renewed, counted down and stopped."""

from __future__ import annotations

import asyncio

import pytest

from kracked.orders.dead_man_switch import DeadManSwitch, SwitchNotSet
from kracked.protocol.maintenance.tracker import MaintenanceTracker
from kracked.rest.client import RestClient
from kracked.rest.replies import OutcomeUnknown
from kracked.rest.request_executor import RequestTiming
from kracked.times import NS_PER_S
from tests.orders.scripted_exchange import Market
from tests.protocol.maintenance.maintenance_frames import WALK, frame, status
from tests.rest import scripted_http as answers
from tests.rest.conftest import FrozenTime

ARMED = {"currentTime": "2026-03-24T17:41:56Z", "triggerTime": "2026-03-24T17:42:56Z"}


class Stop(Exception):
    """Raised in place of a sleep, to end the renewals."""


def stopping(frozen: FrozenTime, pauses: list[float], after: int) -> RequestTiming:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == after:
            raise Stop

    return RequestTiming(frozen.clock, sleep, ticks=frozen.clock)


async def test_it_is_renewed_three_times_within_its_time(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = ARMED
    pauses: list[float] = []
    with pytest.raises(Stop):
        await DeadManSwitch(client, timing=stopping(frozen, pauses, after=3)).hold()
    assert (pauses, market.exchange.count("CancelAllOrdersAfter")) == ([20.0] * 3, 3)
    assert market.exchange.last("CancelAllOrdersAfter").body["timeout"] == 60


async def test_a_failed_renewal_is_tried_again_soon_and_said(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = answers.bad_gateway
    pauses: list[float] = []
    switch = DeadManSwitch(client, timing=stopping(frozen, pauses, after=2))
    with pytest.raises(Stop):
        await switch.hold()
    assert (pauses, "HTTP 502" in switch.failure) == ([2.0, 2.0], True)


async def test_the_countdown_is_the_exchanges_own(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = ARMED
    switch = DeadManSwitch(client, timing=stopping(frozen, [], after=1))
    with pytest.raises(Stop):
        await switch.hold()
    frozen.now += 7 * NS_PER_S
    assert switch.remaining_ns() == 53 * NS_PER_S


async def test_it_is_disarmed_only_when_the_exchange_says_so(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = {**ARMED, "triggerTime": "0"}
    switch = DeadManSwitch(client, timing=frozen.timing)
    await switch.disarm()
    assert switch.remaining_ns() is None
    market.exchange.always["CancelAllOrdersAfter"] = answers.dropped
    with pytest.raises(OutcomeUnknown):
        await switch.disarm()


async def test_holding_ends_when_it_is_cancelled(market: Market, client: RestClient) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = ARMED
    holding = asyncio.create_task(DeadManSwitch(client).hold())
    await asyncio.sleep(0)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding


# --- maintenance ------------------------------------------------------------------------


def announced(frozen: FrozenTime, phase: str) -> MaintenanceTracker:
    """Return a tracker that has heard of an event in this phase."""
    tracker = MaintenanceTracker()
    tracker.apply(status(frame(WALK[phase]), frozen.clock()))
    return tracker


async def test_it_is_not_set_anew_when_maintenance_is_about_to_begin(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    tracker = announced(frozen, "final_warning_30s")
    switch = DeadManSwitch(client, timing=frozen.timing, maintenance=tracker)
    with pytest.raises(SwitchNotSet, match="no new orders are sent"):
        await switch.hold()
    assert market.exchange.count("CancelAllOrdersAfter") == 0


async def test_it_is_set_all_the_same_for_who_accepts_that_orders_are_cancelled(
    market: Market, client: RestClient, frozen: FrozenTime
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = ARMED
    tracker = announced(frozen, "final_warning_30s")
    timing = stopping(frozen, [], after=1)
    with pytest.raises(Stop):
        await DeadManSwitch(client, timing=timing, maintenance=tracker).hold(
            through_maintenance=True
        )
    assert market.exchange.count("CancelAllOrdersAfter") == 1


async def test_a_switch_that_is_on_says_what_maintenance_makes_of_it_and_logs_it_once(
    market: Market,
    client: RestClient,
    frozen: FrozenTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    market.exchange.always["CancelAllOrdersAfter"] = ARMED
    tracker = announced(frozen, "imminent_5m")
    switch = DeadManSwitch(client, timing=stopping(frozen, [], after=3), maintenance=tracker)
    with caplog.at_level("WARNING"), pytest.raises(Stop):
        await switch.hold()
    assert "cancels every order when the exchange returns" in switch.maintenance_warning()
    assert caplog.messages == ["dead-man's switch and maintenance"]


@pytest.mark.parametrize("phase", ["announced", "reminder_24h", "approaching_30m"])
def test_maintenance_that_is_far_is_no_matter_for_it(
    client: RestClient, frozen: FrozenTime, phase: str
) -> None:
    switch = DeadManSwitch(client, timing=frozen.timing, maintenance=announced(frozen, phase))
    assert (switch.maintenance_warning(), switch.not_anew()) == ("", "")
