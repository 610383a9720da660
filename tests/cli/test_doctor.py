"""The doctor: its findings about keys, clocks, disks and networks, and its exit code."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kracked.cli import doctor
from kracked.cli.doctor import (
    AHEAD_NS,
    DANGEROUS,
    SOON_NS,
    TRADING,
    WATCHING,
    Severity,
    key_findings,
    maintenance_findings,
)
from kracked.endpoints import Endpoints
from kracked.protocol.maintenance.announcements import MaintenanceEvent
from kracked.rest.account import KeyInfo
from kracked.rest.market import SystemStatus
from kracked.sim.server import SimOptions, SimServer
from kracked.times import NS_PER_S

NOW = 1_754_000_000 * NS_PER_S
KEY = KeyInfo(permissions=(*WATCHING, *TRADING), nonce=NOW)


def judged(**changes: Any) -> dict[str, Severity]:
    return {
        one.subject: one.verdict
        for one in key_findings(msgspec.structs.replace(KEY, **changes), NOW)
    }


def said(**changes: Any) -> str:
    return " ".join(
        one.detail for one in key_findings(msgspec.structs.replace(KEY, **changes), NOW)
    )


def test_a_key_that_may_watch_and_trade_is_well() -> None:
    assert judged() == {"key": Severity.OK}
    assert "placing and changing orders" in said()


def test_a_key_for_watching_alone_is_well_and_called_the_safest() -> None:
    assert judged(permissions=tuple(WATCHING)) == {"key": Severity.OK}
    assert "safest" in said(permissions=tuple(WATCHING))


@pytest.mark.parametrize("right", WATCHING)
def test_a_right_that_is_missing_is_named_with_what_it_is_for(right: str) -> None:
    rest = tuple(name for name in KEY.permissions if name != right)
    assert judged(permissions=rest) == {"key": Severity.WARNING}
    assert f"{right} ({WATCHING[right]})" in said(permissions=rest)


@pytest.mark.parametrize("right", DANGEROUS)
def test_a_key_that_may_take_funds_away_fails(right: str) -> None:
    assert judged(permissions=(*KEY.permissions, right))["withdrawal"] is Severity.FAILED
    assert right in said(permissions=(*KEY.permissions, right))


def test_a_right_nobody_needs_is_a_warning() -> None:
    assert judged(permissions=(*KEY.permissions, "export-data"))["rights"] is Severity.WARNING


@pytest.mark.parametrize(
    ("changes", "subject", "verdict"),
    [
        ({"validuntil": (NOW - 1) // NS_PER_S}, "expiry", Severity.FAILED),
        ({"validuntil": (NOW + SOON_NS // 2) // NS_PER_S}, "expiry", Severity.WARNING),
        ({"nonce": NOW + AHEAD_NS + 1}, "nonce", Severity.FAILED),
        ({"noncewindow": 5000}, "nonce", Severity.WARNING),
    ],
)
def test_an_end_and_nonces_that_bode_ill_are_told(
    changes: dict[str, int], subject: str, verdict: Severity
) -> None:
    assert judged(**changes)[subject] is verdict


def test_a_key_without_an_end_or_with_a_distant_one_is_well() -> None:
    assert judged(validuntil=(NOW + 2 * SOON_NS) // NS_PER_S) == {"key": Severity.OK}


# --- against an exchange ------------------------------------------------------------------


@pytest.fixture
async def server() -> AsyncIterator[SimServer]:
    async with SimServer(SimOptions(seed=6, symbols=("BTC/USD",), rate=0.01)) as server:
        yield server


async def examined(server: SimServer, endpoints: Endpoints | None = None) -> dict[str, Any]:
    found = await doctor._examine(endpoints or server.endpoints, quiet=True)
    return {one.subject: one for one in found}


def give_key(patch: pytest.MonkeyPatch, key: str, secret: str) -> None:
    patch.setenv("KRAKEN_API_KEY", key)
    patch.setenv("KRAKEN_API_SECRET", secret)


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"):
        monkeypatch.delenv(name, raising=False)


async def test_a_trading_key_is_looked_through_to_the_private_socket(
    server: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_key(monkeypatch, server.api_key, server.api_secret)
    found = await examined(server)
    assert {one.verdict for one in found.values() if one.subject != "terminal"} == {Severity.OK}
    assert "open orders a pair" in found["account"].detail
    assert not [one for one in found.values() if server.api_secret in one.detail]


@pytest.mark.parametrize(
    ("wish", "verdict", "words"),
    [
        ("python", Severity.OK, "python engine (KRACKED_ENGINE); slower, and right"),
        ("rust", Severity.FAILED, "can be auto"),
    ],
)
def test_the_engine_of_the_books_is_told(
    wish: str, verdict: Severity, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRACKED_ENGINE", wish)
    found = doctor._engine()
    assert found.verdict is verdict
    assert words in found.detail


@pytest.mark.parametrize(
    ("wish", "verdict", "words"),
    [
        ("websockets", Severity.OK, "(KRACKED_TRANSPORT)"),
        ("telegraph", Severity.FAILED, "can be auto"),
    ],
)
def test_the_transport_of_the_feed_is_told(
    wish: str, verdict: Severity, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRACKED_TRANSPORT", wish)
    found = doctor._transport()
    assert found.verdict is verdict
    assert words in found.detail
    assert (found.facts or {}).get("name", wish) == wish


async def test_a_wrong_secret_fails_with_the_exchange_s_words(
    server: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_key(monkeypatch, server.api_key, "c2VjcmV0")
    found = await examined(server)
    assert found["key"].verdict is Severity.FAILED
    assert "EAPI:Invalid signature" in found["key"].detail


async def test_half_a_key_fails_and_says_which_half(
    server: SimServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_API_KEY", server.api_key)
    found = await examined(server)
    assert found["key"].verdict is Severity.FAILED
    assert "KRAKEN_API_SECRET" in found["key"].detail


async def test_a_clock_that_is_off_is_told_with_the_fix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ahead() -> int:
        return time.time_ns() + 60 * NS_PER_S

    monkeypatch.setattr(doctor, "is_loopback", lambda url: False)
    async with SimServer(SimOptions(seed=1, symbols=["BTC/USD"]), clock=ahead) as server:
        found = await examined(server)
    assert found["clock"].verdict is Severity.FAILED
    assert "timedatectl" in found["clock"].detail


async def test_a_state_folder_that_cannot_be_written_fails_with_the_fix(
    server: SimServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kracked").write_text("in the way")
    found = await examined(server)
    assert found["state"].verdict is Severity.FAILED
    assert "XDG_STATE_HOME" in found["state"].detail


def test_a_failure_ends_with_1_in_words_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "http://127.0.0.1:9"
    assert doctor.doctor(endpoint=nowhere, as_json=True) == 1
    findings = {one["subject"]: one for one in json.loads(capsys.readouterr().out)}
    assert findings["rest"]["verdict"] == "failed"
    assert doctor.doctor(endpoint=nowhere, as_json=False) == 1
    assert "HTTPS_PROXY" in capsys.readouterr().out


# --- maintenance ------------------------------------------------------------------------


async def test_maintenance_and_an_incident_are_warnings_with_their_facts() -> None:
    script = "approaching_30m:0s,maintenance:30m,online:90m,incident=major:0s"
    options = SimOptions(seed=1, symbols=["BTC/USD"], maintenance=script)
    async with SimServer(options) as server:
        server.advance(server.exchange.time + NS_PER_S)
        found = await examined(server)
    window, incident = found["maintenance"], found["incident"]
    assert (window.verdict, incident.verdict) == (Severity.WARNING, Severity.WARNING)
    assert "maintenance within 30 min" in window.detail
    assert "for 1 h" in window.detail
    assert window.facts["phase"] == "approaching_30m"
    assert "major incident: Degraded order entry" in incident.detail
    assert incident.facts["impact"] == "major"


async def test_nothing_planned_is_well(server: SimServer) -> None:
    found = (await examined(server))["maintenance"]
    assert (found.verdict, found.detail) == (Severity.OK, "none planned in the next 7 days")


def test_an_exchange_without_a_schedule_is_not_taken_for_one_without_plans() -> None:
    [finding] = maintenance_findings(SystemStatus("online"), None, NOW)
    assert "does not tell of a week" in finding.detail


def test_a_window_of_both_lists_is_told_once() -> None:
    event = MaintenanceEvent(event_id=51, title="Upgrade", expected_start=NOW)
    status = SystemStatus("online", upcoming_maintenance=(event,))
    assert len(list(maintenance_findings(status, (event,), NOW))) == 1


def test_the_facts_are_in_the_json_where_there_are_some() -> None:
    [finding] = maintenance_findings(SystemStatus("online"), (), NOW)
    assert json.loads(msgspec.json.encode(finding)) == {
        "subject": "maintenance",
        "verdict": "ok",
        "detail": "none planned in the next 7 days",
    }
