"""Maintenance and incidents on the screen: never silent, never asked over something open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kracked.protocol import events
from kracked.protocol.maintenance.announcements import Incident, MaintenanceEvent
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S
from kracked_tui.view.chrome import layout
from tests.tui.conftest import Opened
from tests.tui.frozen_market import NOW
from tests.tui.test_feed_trouble import header, log, publish, received
from tests.tui.trading_monitor import QUIET, SYMBOL, Trading, trading

MINUTE = 60 * NS_PER_S
IN_TEN = MaintenanceEvent(
    event_id=51,
    title="Order Entry System Maintenance",
    phase="approaching_30m",
    expected_start=NOW + 10 * MINUTE,
    expected_end=NOW + 70 * MINUTE,
    cancel_before=NOW + 5 * MINUTE,
    order_submission="allowed",
    recommended_action="reduce_activity",
    affected_services=("spot_trading",),
)
ANNOUNCED = MaintenanceEvent(
    event_id=52,
    title="Upgrade",
    phase="announced",
    expected_start=NOW + 40 * 60 * MINUTE,
    expected_end=NOW + 41 * 60 * MINUTE,
    affected_services=("all",),
)
SIZES = pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 60)])


def announcing(*planned: MaintenanceEvent, system: str = "online", at: int = NOW) -> events.Status:
    return events.Status(at, system, upcoming_maintenance=planned)


def blocking(event: MaintenanceEvent = IN_TEN) -> MaintenanceEvent:
    return MaintenanceEvent(
        event_id=event.event_id,
        title=event.title,
        phase="final_warning_30s",
        expected_start=event.expected_start,
        expected_end=event.expected_end,
        order_submission="blocked",
        recommended_action="stop_new_orders",
        affected_services=event.affected_services,
    )


# --- looking ------------------------------------------------------------------------------


async def test_an_announcement_is_one_line_of_the_log_however_often_it_comes(
    opened: Opened,
) -> None:
    async with received(opened, *[announcing(ANNOUNCED)] * 3, size=(200, 60)) as (monitor, _):
        lines = [it.text for it in monitor.store.log_entries if "Upgrade" in it.text]
        assert len(lines) == 1
        assert lines[0].startswith("maintenance announced: ")
        assert "for 1 h, Upgrade" in lines[0]
        assert "maintenance announced" in log(monitor)
        assert "● LIVE" in header(monitor)
        assert "maint " not in header(monitor)


@SIZES
async def test_near_maintenance_is_counted_down_in_the_header(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with received(opened, announcing(IN_TEN), size=size) as (monitor, source):
        assert "maint 10:00" in header(monitor)
        assert "● LIVE" in header(monitor)
        source.time = NOW + 61 * NS_PER_S
        monitor.trade.draw()
        assert "maint 8:59" in header(monitor)


@SIZES
async def test_blocked_orders_are_not_live_in_the_header(
    opened: Opened, size: tuple[int, int]
) -> None:
    async with received(opened, announcing(blocking()), size=size) as (monitor, _):
        assert "● BLOCKED" in header(monitor)
        assert "LIVE" not in header(monitor)


async def test_the_log_says_that_orders_are_blocked_and_when(opened: Opened) -> None:
    async with received(opened, announcing(blocking()), size=(200, 60)) as (monitor, _):
        assert "MAINTENANCE WITHIN 30 s: " in log(monitor)
        assert "for 1 h, Order Entry System Maintenance (NEW ORDERS BLOCKED" in log(monitor)


async def test_the_window_is_told_with_its_end_and_is_not_taken_for_over(opened: Opened) -> None:
    down = announcing(system="maintenance", at=NOW + 10 * MINUTE)
    async with received(opened, announcing(blocking())) as (monitor, source):
        source.time = NOW + 10 * MINUTE
        await publish(monitor, source, down)
        assert "○ MAINTENANCE" in header(monitor)
        assert "until ~" in header(monitor)
        assert ", until about " in log(monitor)
        back = announcing(at=NOW + 20 * MINUTE)
        source.time = back.received
        await publish(monitor, source, back)
        assert "● LIVE" in header(monitor)
        assert "the exchange is online again" in log(monitor)


async def test_an_incident_is_told_with_its_status(opened: Opened) -> None:
    incident = Incident(
        event_id=41,
        title="Degraded order entry",
        impact="major",
        incident_status="investigating",
        affected_services=("spot_trading",),
    )
    status = events.Status(NOW, "online", emergency=(incident,))
    async with received(opened, status, status, size=(200, 60)) as (monitor, _):
        lines = [it.text for it in monitor.store.log_entries if "Degraded" in it.text]
        assert lines == ["major incident: Degraded order entry (investigating)"]


async def test_futures_maintenance_is_not_told(opened: Opened) -> None:
    elsewhere = MaintenanceEvent(event_id=9, title="Futures", affected_services=("futures_ws",))
    async with received(opened, announcing(elsewhere)) as (monitor, _):
        assert not [it for it in monitor.store.log_entries if "Futures" in it.text]


# --- trading ------------------------------------------------------------------------------


@asynccontextmanager
async def at_an_exchange(folder: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Trading]:
    options = SimOptions(seed=7, symbols=(SYMBOL,), rate=QUIET, faults="")
    async with SimServer(options) as server, trading(folder, size=size, server=server) as found:
        yield found


async def announce(found: Trading, script: str, phase: str) -> None:
    """Begin a script, and wait until the monitor has heard of its first phase."""
    found.server.exchange.run_maintenance(script)

    def heard() -> bool:
        latest = found.monitor.store.maintenance.latest
        return latest is not None and any(it.phase == phase for it in latest.upcoming_maintenance)

    await found.until(heard, "not announced")


def question(found: Trading) -> str:
    """Return the text of the open question in one line; empty without one."""
    found.monitor.trade.draw()
    if found.screen.panels.top != layout.PROMPT:
        return ""
    asked = found.screen.questions.prompt.question
    return " ".join(asked.sentences) if asked else ""


async def test_no_order_goes_out_while_orders_are_blocked(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await announce(found, "final_warning_30s:0s,maintenance:30s", "final_warning_30s")
        await found.pilot.press("escape", "B")
        await found.until(lambda: "not sent" in found.log_text())
        assert "no new orders are sent" in found.log_text()
        assert found.received == []


async def test_a_discouraged_order_is_asked_about_on_the_preview(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await announce(found, "approaching_30m:0s,maintenance:20m", "approaching_30m")
        await found.pilot.press("B")
        await found.until(lambda: "send only what must be sent" in found.written())
        await found.pilot.press("y")
        await found.until(lambda: "not sent" in found.log_text())
        assert found.received == []
        await found.pilot.press("w")
        await found.until(lambda: "send only what must be sent" not in found.written())
        await found.pilot.press("y")
        await found.placed()
        assert len(found.received) == 1


async def test_cancelling_everything_is_offered_once_and_done_for_a_word(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: "1 order is open" in question(found))
        assert "cancels every order when the exchange returns" in question(found)
        await found.pilot.press("!")
        assert "Type cancel" in question(found)
        await found.pilot.press(*"cancel", "enter")
        await found.until(lambda: not found.open)
        assert question(found) == ""


async def test_the_switch_is_turned_off_for_a_word_and_orders_rest(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: question(found))
        await found.pilot.press("!")
        assert "or disarm" in question(found)
        await found.pilot.press(*"disarm", "enter")
        await found.until(lambda: found.switch_at is None)
        assert len(found.open) == 1


async def test_keys_that_were_meant_for_the_ladder_are_no_answer_to_the_offer(
    tmp_path: Path,
) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: question(found))
        offered = question(found)
        await found.pilot.press(*"cancel", "enter", *"disarm", "enter", "B", "y", "x", "j")
        assert question(found) == offered
        assert (len(found.open), len(found.received), found.trader.armed) == (1, 1, True)


@pytest.mark.parametrize("keys", [("escape",), ("!", "escape"), ("!", *"no", "enter")], ids=str)
async def test_who_leaves_the_offer_is_told_that_nothing_is_cancelled(
    tmp_path: Path, keys: tuple[str, ...]
) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: question(found))
        await found.pilot.press(*keys)
        await found.until(lambda: "nothing is cancelled before" in found.log_text())
        assert (question(found), len(found.open)) == ("", 1)


async def test_panic_works_while_the_offer_is_open(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: question(found))
        await found.pilot.press("K")
        await found.until(lambda: not found.open)


async def test_a_question_that_is_left_unanswered_changes_nothing_and_is_not_asked_again(
    tmp_path: Path,
) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.until(lambda: question(found))
        await found.pilot.press("escape")
        assert question(found) == ""
        assert (len(found.open), found.trader.armed) == (1, True)


async def test_nothing_is_asked_over_an_open_ticket(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await found.armed()
        await found.joined("B")
        await found.pilot.press("b")
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        assert question(found) == ""
        await found.pilot.press("escape")
        await found.until(lambda: question(found))


async def test_nobody_arms_when_the_window_is_about_to_begin(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await announce(found, "final_warning_30s:0s,maintenance:30s", "final_warning_30s")
        await found.pilot.press("A", *"btc/usd", "enter")
        await found.until(lambda: "not armed: Maintenance in" in found.log_text())
        assert (found.trader.armed, found.switch_at) == (False, None)


async def test_who_arms_before_a_window_is_told_what_the_switch_will_do(tmp_path: Path) -> None:
    async with at_an_exchange(tmp_path) as found:
        await announce(found, "imminent_5m:0s,maintenance:4m", "imminent_5m")
        await found.pilot.press("A")
        await found.until(lambda: "Orders rest through the maintenance" in question(found))
