"""The simulated exchange announces maintenance on every door, by a script or by a call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kracked.gateway.auth import Call
from kracked.gateway.channels import Socket
from kracked.sim.control_api import ControlApi
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S, to_rfc3339
from tests.sim.session_client import Client

NOW = 1_790_000_000 * NS_PER_S
SCRIPT = "imminent_5m:1s,final_warning_30s:3s,maintenance:5s,cancel_only:8s,post_only:9s,online:10s"


def serving(script: str = SCRIPT) -> SimServer:
    options = SimOptions(seed=3, symbols=["BTC/USD"], rate=0.001, maintenance=script)
    return SimServer(options, clock=lambda: NOW)


def rest(server: SimServer, method: str) -> Any:
    """Return the result of a public call."""
    call = Call(f"/0/public/{method}", {}, b"")
    answer = asyncio.run(server.call("GET", call, {}, server.exchange.time))
    return json.loads(answer.body or b"")["result"]


def said(client: Client) -> list[str]:
    """Return the phase or the state of each status that came."""
    data = [it["data"][0] for it in client.take() if it.get("channel") == "status"]
    return [
        it["upcoming_maintenance"][0]["phase"] if it["upcoming_maintenance"] else it["system"]
        for it in data
    ]


def test_every_connection_is_told_each_step_in_its_time() -> None:
    server = serving()
    clients = [Client(server.exchange, socket) for socket in (Socket.PUBLIC, Socket.PRIVATE)]
    heard: list[list[str]] = [[], []]
    for second in range(1, 12):
        server.advance(NOW + second * NS_PER_S)
        for place, client in enumerate(clients):
            heard[place] += said(client)
    steps = ["imminent_5m", "final_warning_30s", "maintenance", "cancel_only", "post_only"]
    assert heard == [[*steps, "online"]] * 2


def test_who_connects_later_is_told_at_once() -> None:
    server = serving()
    server.advance(NOW + 2 * NS_PER_S)
    [greeting] = Client(server.exchange, Socket.PUBLIC).greeting
    [event] = greeting["data"][0]["upcoming_maintenance"]
    assert (event["phase"], event["order_submission"]) == ("imminent_5m", "discouraged")
    assert event["expected_start_utc"] == to_rfc3339(NOW + 5 * NS_PER_S)
    assert event["time_to_start_s"] == 3


def test_both_rest_calls_list_the_window_until_it_starts() -> None:
    server = serving()
    server.advance(NOW + 2 * NS_PER_S)
    [event] = rest(server, "MaintenanceSchedule")["events"]
    assert event["expected_start_utc"] == to_rfc3339(NOW + 5 * NS_PER_S, 0)
    status = rest(server, "SystemStatus")
    assert (status["status"], status["upcoming_maintenance"]) == ("online", [event])
    server.advance(NOW + 6 * NS_PER_S)
    assert rest(server, "MaintenanceSchedule") == {"events": []}
    assert rest(server, "SystemStatus")["status"] == "maintenance"


def test_a_window_beyond_a_horizon_is_not_listed_there() -> None:
    server = serving("announced:0s,maintenance:5d")
    server.advance(NOW + NS_PER_S)
    assert len(rest(server, "MaintenanceSchedule")["events"]) == 1
    assert rest(server, "SystemStatus")["upcoming_maintenance"] == []


def test_an_incident_comes_with_its_next_steps() -> None:
    server = serving("incident=major:0s,cancel_only:5s,online:9s")
    server.advance(NOW + NS_PER_S)
    [incident] = rest(server, "SystemStatus")["emergency"]
    assert [it["type"] for it in incident["next_steps"]] == [
        "expected_cancel_only",
        "expected_online",
    ]


def test_without_a_script_nothing_is_announced() -> None:
    server = SimServer(SimOptions(seed=3, symbols=["BTC/USD"]), clock=lambda: NOW)
    assert rest(server, "MaintenanceSchedule") == {"events": []}
    assert rest(server, "SystemStatus")["emergency"] == []


# --- the control API --------------------------------------------------------------------


@pytest.fixture
def server() -> SimServer:
    options = SimOptions(seed=3, symbols=["BTC/USD"], rate=0.001, faults="")
    return SimServer(options, clock=lambda: NOW)


def post(server: SimServer, script: str) -> Any:
    assert server.injector is not None
    body = ControlApi(server.exchange, server.injector).answer(
        "POST", "/sim/maintenance", {"script": script}
    )
    return json.loads(body or b"null")


def test_a_script_may_be_begun_while_it_runs_and_replaces_the_one_before(
    server: SimServer,
) -> None:
    post(server, "announced:0s,maintenance:3s")
    server.advance(NOW + NS_PER_S)
    post(server, "reminder_24h:0s,maintenance:1h")
    server.advance(NOW + 5 * NS_PER_S)
    [event] = rest(server, "MaintenanceSchedule")["events"]
    assert (event["phase"], rest(server, "SystemStatus")["status"]) == ("reminder_24h", "online")


def test_a_wrong_script_is_answered_with_the_reason_and_changes_nothing(server: SimServer) -> None:
    assert "there is no kind 'dancing'" in post(server, "dancing:1s")["error"]
    server.advance(NOW + 5 * NS_PER_S)
    assert rest(server, "SystemStatus")["status"] == "online"
