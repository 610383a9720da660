"""`kracked doctor`: whether this machine, network, clock and key are fit for Kraken."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from kracked.cli import DONE, FAILED
from kracked.cli.findings import Finding, Severity, of_key
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints, is_loopback
from kracked.errors import KrackedError
from kracked.feed_manager import FeedManager
from kracked.protocol.events import Event, Reconnecting, Rejected, Status, Subscribed
from kracked.protocol.limits import tier_of
from kracked.rest.client import RestClient, state_folder
from kracked.rest.transport import proxy_of

CLOCK_TOLERANCE_S = 2.0
"""The server's time comes in whole seconds: less than this cannot be told from right. Orders
are refused when they seem three seconds late, or a minute early."""
PATIENCE_S = 10.0
LEAST_COLUMNS, LEAST_ROWS = 80, 24


def doctor(*, endpoint: str | None, as_json: bool) -> int:
    """Look at everything and say how it is; exit code 1 when something will not work."""
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    findings = asyncio.run(_examine(endpoints, as_json))
    if as_json:
        print(msgspec.json.encode(findings).decode())
    return FAILED if any(one.verdict is Severity.FAILED for one in findings) else DONE


async def _examine(endpoints: Endpoints, quiet: bool) -> list[Finding]:
    findings = []
    async for finding in _findings(endpoints):
        findings.append(finding)
        if not quiet:
            print(f"{finding.verdict:8} {finding.subject:10} {finding.detail}", flush=True)
    return findings


async def _findings(endpoints: Endpoints) -> AsyncIterator[Finding]:
    yield _python()
    yield _terminal()
    yield _state(state_folder())
    async with RestClient(endpoints=endpoints) as rest:
        async for finding in _network(rest, endpoints):
            yield finding
    yield await _feed(endpoints)
    async for finding in _key(endpoints):
        yield finding


# --- this machine -----------------------------------------------------------------------------


def _python() -> Finding:
    version = sys.version.split()[0]
    fit = sys.version_info >= (3, 11)
    advice = "" if fit else ": kracked needs 3.11 or newer"
    return Finding("python", Severity.OK if fit else Severity.FAILED, version + advice)


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
    """Orders are written down here before they are sent."""
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
    # A recording that is served shows its own time, and nobody trades with it.
    verdict = Severity.WARNING if is_loopback(endpoints.rest) else Severity.FAILED
    fix = "orders would be refused; set it right (timedatectl set-ntp true)"
    yield Finding("clock", verdict, f"this clock is {off:+.0f} s off the exchange's: {fix}")


async def _feed(endpoints: Endpoints) -> Finding:
    """Connect the public socket and hear how the trading engine is."""

    def judged(event: Event) -> Finding | None:
        if isinstance(event, Reconnecting):
            return Finding("feed", Severity.FAILED, f"{event.url}: {event.reason}")
        if isinstance(event, Status):
            well = Severity.OK if event.system == "online" else Severity.WARNING
            return Finding("feed", well, f"{endpoints.public}: engine {event.system}")
        return None

    feed = FeedManager(["BTC/USD"], ticker=True, endpoints=endpoints)
    silent = f"{endpoints.public}: {_SILENT}"
    return await _first(feed, judged) or Finding("feed", Severity.FAILED, silent)


_SILENT = f"silent for {PATIENCE_S:.0f} s; check that a firewall or proxy lets WebSockets through"


async def _first(feed: FeedManager, judged: Callable[[Event], Finding | None]) -> Finding | None:
    """The first finding anything the feed says gives rise to; None when patience ends."""
    try:
        async with asyncio.timeout(PATIENCE_S), feed:
            async for event in feed:
                if finding := judged(event):
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
            for finding in of_key(info, time.time_ns()):
                yield finding
            if "create-ws-token" in info.permissions:
                yield await _account(rest, endpoints)
    except KrackedError as error:
        yield Finding("key", Severity.FAILED, str(error))


async def _account(rest: RestClient, endpoints: Endpoints) -> Finding:
    """Connect the private socket and hear the account's limits."""
    where = endpoints.private

    def judged(event: Event) -> Finding | None:
        match event:
            case Subscribed(channel="executions", max_rate_count=most):
                tier = tier_of(most or 0)
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
    return await _first(feed, judged) or silent
