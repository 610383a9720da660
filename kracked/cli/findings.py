"""What a doctor writes down, and how a key is judged. Pure.

Source: docs.kraken.com/api/docs/rest-api/get-api-key-info
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from kracked.rest.account import KeyInfo
from kracked.times import NS_PER_S, to_rfc3339

MANAGING = "Settings > API at kraken.com"
WATCHING = {
    "query-funds": "balances",
    "query-open-trades": "open orders",
    "query-closed-trades": "closed orders and fills",
    "create-ws-token": "level 3 and the account's streams",
}
"""What a monitor asks, and what for."""
TRADING = {
    "modify-trades": "placing and changing orders",
    "close-trades": "cancelling all of them",
}
DANGEROUS = ("withdraw-funds", "add-withdraw-address", "update-withdraw-address")
NEEDLESS = ("add-funds", "earn-funds", "export-data")
SOON_NS = 7 * 86_400 * NS_PER_S
AHEAD_NS = 600 * NS_PER_S
"""Nonces lead the clock by a minute at most; ten are somebody else's doing."""


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at: how it is and, where it is not well, what to do."""

    subject: str
    verdict: Severity
    detail: str


def of_key(key: KeyInfo, now: int) -> Iterator[Finding]:
    """What the key may do: enough, and not too much. `now` in ns since the Unix epoch."""
    yield _rights(key)
    yield from _dangers(key)
    yield from _expiry(key, now)
    yield from _nonces(key, now)


def _rights(key: KeyInfo) -> Finding:
    lacking = [name for name in WATCHING if name not in key.permissions]
    able = ", ".join(what for name, what in (WATCHING | TRADING).items() if name in key.permissions)
    if lacking:
        lost = ", ".join(f"{name} ({WATCHING[name]})" for name in lacking)
        return Finding("key", Severity.WARNING, f"lacks {lost}: allow it in {MANAGING}")
    if not key.may_trade:
        return Finding("key", Severity.OK, f"for watching only, which is safest: {able}")
    return Finding("key", Severity.OK, f"may trade: {able}")


def _dangers(key: KeyInfo) -> Iterator[Finding]:
    dangers = [name for name in DANGEROUS if name in key.permissions]
    if dangers:
        detail = f"{', '.join(dangers)}: kracked will not trade with it. Make another in {MANAGING}"
        yield Finding(
            "withdrawal", Severity.FAILED, f"this key may take your funds away ({detail})"
        )
    needless = [name for name in NEEDLESS if name in key.permissions]
    if needless:
        detail = f"{', '.join(needless)}: nothing here needs it; take it away in {MANAGING}"
        yield Finding("rights", Severity.WARNING, detail)


def _expiry(key: KeyInfo, now: int) -> Iterator[Finding]:
    if not key.validuntil:
        return
    ends = key.validuntil * NS_PER_S
    when = to_rfc3339(ends, 0)
    if ends <= now:
        detail = f"the key ended at {when}: make another in {MANAGING}"
        yield Finding("expiry", Severity.FAILED, detail)
    elif ends - now < SOON_NS:
        yield Finding("expiry", Severity.WARNING, f"the key ends at {when}: renew it before")


def _nonces(key: KeyInfo, now: int) -> Iterator[Finding]:
    if key.nonce > now + AHEAD_NS:
        detail = "another program used higher nonces with this key: make a key for kracked alone"
        yield Finding("nonce", Severity.FAILED, detail)
    if key.noncewindow:
        detail = f"a window of {key.noncewindow} lets a repeated request through: set it to 0"
        yield Finding("nonce", Severity.WARNING, detail)
