"""`kracked doctor`: whether this machine, network, clock and key are fit for Kraken."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from kracked import _native
from kracked.book.keeper import BookKeeper
from kracked.cli import DONE, FAILED
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints, is_loopback
from kracked.errors import ConfigError, KrackedError
from kracked.feed import transport
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Event, Reconnecting, Rejected, Status, Subscribed
from kracked.protocol.limits import tier_of
from kracked.protocol.maintenance.announcements import MaintenanceEvent, is_elsewhere
from kracked.protocol.maintenance.lists import event_members, incident_members
from kracked.protocol.maintenance.words import event_text, incident_text
from kracked.rest.account import KeyInfo
from kracked.rest.client import RestClient
from kracked.rest.market import SystemStatus
from kracked.rest.transport import proxy_of
from kracked.state_files import state_folder
from kracked.times import NS_PER_S, to_rfc3339

CLOCK_TOLERANCE_S = 2.0
"""The server's time comes in whole seconds, so a smaller difference proves nothing. Orders are
refused when they seem three seconds late, or a minute early."""
TIMEOUT_S = 10.0
LEAST_COLUMNS, LEAST_ROWS = 80, 24
_SILENT = f"silent for {TIMEOUT_S:.0f} s; check that a firewall or proxy lets WebSockets through"

MANAGING = "Settings > API at kraken.com"
WATCHING = {
    "query-funds": "balances",
    "query-open-trades": "open orders",
    "query-closed-trades": "closed orders and fills",
    "create-ws-token": "level 3 and the account's streams",
}
"""Permissions a monitor needs, and what for."""
TRADING = {
    "modify-trades": "placing and changing orders",
    "close-trades": "cancelling all of them",
}
DANGEROUS = ("withdraw-funds", "add-withdraw-address", "update-withdraw-address")
NEEDLESS = ("add-funds", "earn-funds", "export-data")
SOON_NS = 7 * 86_400 * NS_PER_S
AHEAD_NS = 600 * NS_PER_S
"""Our nonces lead the clock by a minute at most; ten minutes are another program's."""


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One subject looked at: how it is and, where it is not well, what to do."""

    subject: str
    verdict: Severity
    detail: str
    facts: dict[str, object] | None = None
    """The exchange's own words about it, for machines."""


def doctor(*, endpoint: str | None, as_json: bool) -> int:
    """Examine everything kracked needs and print the findings.

    Args:
        endpoint: REST address of another exchange than Kraken.
        as_json: Print one JSON list in place of lines.

    Returns:
        Exit code 1 when something will not work.
    """
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    findings = asyncio.run(_examine(endpoints, quiet=as_json))
    if as_json:
        print_json(msgspec.json.encode(findings))
    return FAILED if any(one.verdict is Severity.FAILED for one in findings) else DONE


async def _examine(endpoints: Endpoints, *, quiet: bool) -> list[Finding]:
    findings = []
    async for finding in _findings(endpoints):
        findings.append(finding)
        if not quiet:
            print(f"{finding.verdict:8} {finding.subject:11} {finding.detail}", flush=True)
    return findings


async def _findings(endpoints: Endpoints) -> AsyncIterator[Finding]:
    fit = sys.version_info >= (3, 11)
    advice = "" if fit else ": kracked needs 3.11 or newer"
    severity = Severity.OK if fit else Severity.FAILED
    yield Finding("python", severity, sys.version.split()[0] + advice)
    yield _engine()
    yield _transport()
    yield _terminal()
    yield _state(state_folder())
    async with RestClient(endpoints=endpoints) as rest:
        reached = True
        async for finding in _network(rest, endpoints):
            reached &= finding.subject != "rest" or finding.verdict is Severity.OK
            yield finding
        if reached:
            async for finding in _announcements(rest):
                yield finding
    yield await _feed(endpoints)
    async for finding in _key(endpoints):
        yield finding


# --- this machine -----------------------------------------------------------------------------


def _engine() -> Finding:
    try:
        engine = BookKeeper().engine
    except ConfigError as error:
        return Finding("books", Severity.FAILED, str(error))
    slower = "; slower, and right: no C compiler when kracked was installed, or the variable"
    detail = f"{engine} engine ({_native.VARIABLE})"
    return Finding("books", Severity.OK, detail + (slower if engine == "python" else ""))


def _transport() -> Finding:
    try:
        chosen = transport.choose()
    except ConfigError as error:
        return Finding("transport", Severity.FAILED, str(error))
    detail = f"{chosen.name} {chosen.version} ({transport.VARIABLE})"
    missing = transport.picows_missing()
    if chosen.name != "picows" and missing:
        detail += f"; pip install 'kracked[fast]' reads messages for less (picows: {missing})"
    return Finding(
        "transport", Severity.OK, detail, {"name": chosen.name, "version": chosen.version}
    )


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", Severity.WARNING, "none: use kracked-tui --snapshot FILE")
    columns, rows = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM", "") or os.environ.get("TERM", "unknown")
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        detail = f"{columns}x{rows}: panes are left out below {LEAST_COLUMNS}x{LEAST_ROWS}"
        return Finding("terminal", Severity.WARNING, detail)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return Finding("terminal", Severity.WARNING, "no UTF-8: run kracked-tui --ascii")
    return Finding("terminal", Severity.OK, f"{columns}x{rows}, {colours}")


def _state(folder: Path) -> Finding:
    """Time a write to the disk that keeps the outbox: orders wait for it before they are sent."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            begun = time.perf_counter()
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
            took_ms = (time.perf_counter() - begun) * 1000
    except OSError as error:
        detail = f"{folder}: {error.strerror}; make it writable, or set XDG_STATE_HOME"
        return Finding("state", Severity.FAILED, detail)
    return Finding("state", Severity.OK, f"{folder}, on the disk in {took_ms:.1f} ms")


# --- the network ------------------------------------------------------------------------------


async def _network(rest: RestClient, endpoints: Endpoints) -> AsyncIterator[Finding]:
    before = time.time()
    try:
        server = await rest.server_time()
    except KrackedError as error:
        advice = "check the network, a proxy (HTTPS_PROXY) or --endpoint"
        yield Finding("rest", Severity.FAILED, f"{error}; {advice}")
        return
    took = time.time() - before
    proxy = " through a proxy" if proxy_of(endpoints.rest) else ""
    yield Finding("rest", Severity.OK, f"{endpoints.rest} in {took * 1000:.0f} ms{proxy}")
    off = before + took / 2 - (server.unixtime + 0.5)
    if abs(off) <= CLOCK_TOLERANCE_S + took / 2:
        yield Finding("clock", Severity.OK, "agrees with the exchange's")
        return
    # A served recording shows its own time, and nobody trades with it.
    verdict = Severity.WARNING if is_loopback(endpoints.rest) else Severity.FAILED
    fix = "orders would be refused; set it right (timedatectl set-ntp true)"
    yield Finding("clock", verdict, f"this clock is {off:+.0f} s off the exchange's: {fix}")


async def _announcements(rest: RestClient) -> AsyncIterator[Finding]:
    """Report what is planned and what is wrong at the exchange; what cannot be read is said."""
    try:
        status = await rest.system_status()
        schedule = await rest.maintenance_schedule()
    except KrackedError as error:
        detail = f"not known: {error}; look at status.kraken.com"
        yield Finding("maintenance", Severity.WARNING, detail)
        return
    for finding in maintenance_findings(status, schedule, time.time_ns()):
        yield finding


def maintenance_findings(
    status: SystemStatus, schedule: tuple[MaintenanceEvent, ...] | None, now: int
) -> Iterator[Finding]:
    """Report planned maintenance and incidents, in local time. Pure.

    Args:
        status: The answer to SystemStatus, which looks 72 hours ahead.
        schedule: The answer to MaintenanceSchedule, which looks 7 days ahead; None where the
            exchange does not know that call.
        now: ns since the Unix epoch.
    """
    if status.status != "online":
        detail = f"the exchange says it is in {status.status}"
        yield Finding("engine", Severity.WARNING, detail)
    planned = {event.key: event for event in (*(schedule or ()), *status.upcoming_maintenance)}
    for event in planned.values():
        verdict = Severity.OK if is_elsewhere(event.affected_services) else Severity.WARNING
        facts = event_members(event, digits=0)
        yield Finding("maintenance", verdict, event_text(event, now), facts)
    if not planned and schedule is None:
        detail = "none in 72 h; this exchange does not tell of a week (MaintenanceSchedule)"
        yield Finding("maintenance", Severity.OK, detail)
    elif not planned:
        yield Finding("maintenance", Severity.OK, "none planned in the next 7 days")
    for incident in status.emergency:
        verdict = Severity.OK if is_elsewhere(incident.affected_services) else Severity.WARNING
        facts = incident_members(incident)
        yield Finding("incident", verdict, incident_text(incident, now), facts)


async def _feed(endpoints: Endpoints) -> Finding:
    """Connect the public socket and report the state of the trading engine."""

    def judge(event: Event) -> Finding | None:
        """Return the finding of a status or of a failed connection."""
        if isinstance(event, Reconnecting):
            return Finding("feed", Severity.FAILED, f"{event.url}: {event.reason}")
        if isinstance(event, Status):
            severity = Severity.OK if event.system == "online" else Severity.WARNING
            return Finding("feed", severity, f"{endpoints.public}: engine {event.system}")
        return None

    feed = FeedManager(["BTC/USD"], ticker=True, endpoints=endpoints)
    silent = Finding("feed", Severity.FAILED, f"{endpoints.public}: {_SILENT}")
    return await _first_finding(feed, judge) or silent


async def _first_finding(
    feed: FeedManager, judge: Callable[[Event], Finding | None]
) -> Finding | None:
    """Return the first finding that `judge` makes of the feed's events; None after `TIMEOUT_S`."""
    try:
        async with asyncio.timeout(TIMEOUT_S), feed:
            async for event in feed:
                if finding := judge(event):
                    return finding
    except TimeoutError:
        pass
    return None


# --- the key ----------------------------------------------------------------------------------


async def _key(endpoints: Endpoints) -> AsyncIterator[Finding]:
    try:
        credentials = Credentials.from_environment()
        if credentials is None:
            detail = "none: level 3 and orders need KRAKEN_API_KEY and KRAKEN_API_SECRET"
            yield Finding("key", Severity.WARNING, detail)
            return
        async with RestClient(credentials, endpoints) as rest:
            info = await rest.api_key_info()
            for finding in key_findings(info, time.time_ns()):
                yield finding
            if "create-ws-token" in info.permissions:
                yield await _account(rest, endpoints)
    except KrackedError as error:
        yield Finding("key", Severity.FAILED, str(error))


def key_findings(key: KeyInfo, now: int) -> Iterator[Finding]:
    """Judge a key: it should be able to do enough, and no more. Pure.

    Args:
        key: What the exchange says of the key.
        now: ns since the Unix epoch.

    Source: docs.kraken.com/api/docs/rest-api/get-api-key-info
    """
    granted = key.permissions
    able = ", ".join(what for name, what in (WATCHING | TRADING).items() if name in granted)
    if lacking := [f"{name} ({what})" for name, what in WATCHING.items() if name not in granted]:
        detail = f"lacks {', '.join(lacking)}: allow it in {MANAGING}"
        yield Finding("key", Severity.WARNING, detail)
    elif not key.may_trade:
        yield Finding("key", Severity.OK, f"for watching only, which is safest: {able}")
    else:
        yield Finding("key", Severity.OK, f"may trade: {able}")
    if dangers := [name for name in DANGEROUS if name in granted]:
        detail = f"{', '.join(dangers)}: kracked will not trade with it. Make another in {MANAGING}"
        yield Finding(
            "withdrawal", Severity.FAILED, f"this key may take your funds away ({detail})"
        )
    if needless := [name for name in NEEDLESS if name in granted]:
        detail = f"{', '.join(needless)}: nothing here needs it; take it away in {MANAGING}"
        yield Finding("rights", Severity.WARNING, detail)
    ends = key.validuntil * NS_PER_S
    if ends and ends <= now:
        detail = f"the key ended at {to_rfc3339(ends, 0)}: make another in {MANAGING}"
        yield Finding("expiry", Severity.FAILED, detail)
    elif ends and ends - now < SOON_NS:
        detail = f"the key ends at {to_rfc3339(ends, 0)}: renew it before"
        yield Finding("expiry", Severity.WARNING, detail)
    if key.nonce > now + AHEAD_NS:
        detail = "another program used higher nonces with this key: make a key for kracked alone"
        yield Finding("nonce", Severity.FAILED, detail)
    if key.noncewindow:
        detail = f"a window of {key.noncewindow} lets a repeated request through: set it to 0"
        yield Finding("nonce", Severity.WARNING, detail)


async def _account(rest: RestClient, endpoints: Endpoints) -> Finding:
    """Connect the private socket and report the account's limits."""
    where = endpoints.private

    def judge(event: Event) -> Finding | None:
        """Return the finding of an acknowledgement, a refusal or a failed connection."""
        match event:
            case Subscribed(channel="executions", max_rate_count=threshold):
                tier = tier_of(threshold or 0)
                limits = f"{tier.name} tier, {tier.open_orders} open orders a pair"
                return Finding("account", Severity.OK, f"{where}: {limits}")
            case Rejected(error=error):
                return Finding("account", Severity.FAILED, f"{where}: {error}")
            case Reconnecting(url=url, reason=reason) if url == where:
                return Finding("account", Severity.FAILED, f"{where}: {reason}")
            case _:
                return None

    feed = FeedManager(account=True, token=rest.websockets_token, endpoints=endpoints)
    silent = Finding("account", Severity.FAILED, f"{where}: {_SILENT}")
    return await _first_finding(feed, judge) or silent
