"""`kracked doctor`: whether this machine, network, clock and key are fit for Kraken."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from enum import StrEnum

import msgspec

from kracked import FeedManager
from kracked.commands import DONE, FAILED
from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.errors import KrackedError
from kracked.protocol.events import Reconnecting, Status
from kracked.rest.client import RestClient

CLOCK_TOLERANCE_S = 2.0
"""The server's time comes in whole seconds: less than this cannot be told from right."""
PATIENCE_S = 10.0
LEAST_COLUMNS, LEAST_ROWS = 80, 24


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: how it is and, where it is not well, what to do."""

    subject: str
    verdict: Verdict
    detail: str


def doctor(*, endpoint: str | None, as_json: bool) -> int:
    """Look at everything and say how it is; exit code 1 when something will not work."""
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    findings = asyncio.run(_examine(endpoints, as_json))
    if as_json:
        print(msgspec.json.encode(findings).decode())
    return FAILED if any(one.verdict is Verdict.FAILED for one in findings) else DONE


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
    async with RestClient(endpoints=endpoints) as rest:
        yield await _clock(rest, endpoints)
    yield await _feed(endpoints)
    yield await _key(endpoints)


def _python() -> Finding:
    version = sys.version.split()[0]
    fit = sys.version_info >= (3, 11)
    advice = "" if fit else ": kracked needs 3.11 or newer"
    return Finding("python", Verdict.OK if fit else Verdict.FAILED, version + advice)


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", Verdict.WARNING, "none: use kracked-tui --snapshot FILE")
    columns, rows = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM", "") or os.environ.get("TERM", "unknown")
    if columns < LEAST_COLUMNS or rows < LEAST_ROWS:
        detail = f"{columns}x{rows}: panes are left out below {LEAST_COLUMNS}x{LEAST_ROWS}"
        return Finding("terminal", Verdict.WARNING, detail)
    if "utf" not in (sys.stdout.encoding or "").lower():
        return Finding("terminal", Verdict.WARNING, "no UTF-8: run kracked-tui --ascii")
    return Finding("terminal", Verdict.OK, f"{columns}x{rows}, {colours}")


async def _clock(rest: RestClient, endpoints: Endpoints) -> Finding:
    before = time.time()
    try:
        server = await rest.server_time()
    except KrackedError as error:
        advice = "check the network, a proxy (HTTPS_PROXY) or --endpoint"
        return Finding("rest", Verdict.FAILED, f"{endpoints.rest}: {error}; {advice}")
    took = time.time() - before
    off = before + took / 2 - (server.unixtime + 0.5)
    if abs(off) > CLOCK_TOLERANCE_S + took / 2:
        detail = f"this clock is {off:+.0f} s off the exchange's: set it (timedatectl set-ntp true)"
        return Finding("clock", Verdict.WARNING, detail)
    return Finding("rest", Verdict.OK, f"{endpoints.rest} in {took * 1000:.0f} ms, clock agrees")


async def _feed(endpoints: Endpoints) -> Finding:
    """Connect the public socket and hear how the trading engine is."""
    try:
        async with (
            asyncio.timeout(PATIENCE_S),
            FeedManager(["BTC/USD"], ticker=True, endpoints=endpoints) as feed,
        ):
            async for event in feed:
                if isinstance(event, Reconnecting):
                    return Finding("feed", Verdict.FAILED, f"{event.url}: {event.reason}")
                if isinstance(event, Status):
                    well = Verdict.OK if event.system == "online" else Verdict.WARNING
                    return Finding("feed", well, f"{endpoints.public}: engine {event.system}")
    except TimeoutError:
        pass
    return Finding("feed", Verdict.FAILED, f"{endpoints.public}: silent for {PATIENCE_S:.0f} s")


async def _key(endpoints: Endpoints) -> Finding:
    """What the key may do: enough, and not too much."""
    try:
        credentials = Credentials.from_environment()
        if credentials is None:
            detail = "none: level 3 and orders need KRAKEN_API_KEY and KRAKEN_API_SECRET"
            return Finding("key", Verdict.WARNING, detail)
        async with RestClient(credentials, endpoints) as rest:
            info = await rest.api_key_info()
    except KrackedError as error:
        return Finding("key", Verdict.FAILED, str(error))
    if info.may_withdraw:
        detail = "it may withdraw funds: make another without that permission"
        return Finding("key", Verdict.FAILED, detail)
    missing = [name for name in ("create-ws-token",) if name not in info.permissions]
    if missing:
        detail = f"lacks {', '.join(missing)}: no level 3 and no own orders"
        return Finding("key", Verdict.WARNING, detail)
    trades = "may trade" if info.may_trade else "may not trade"
    return Finding("key", Verdict.OK, f"{trades}; permissions {', '.join(info.permissions)}")
