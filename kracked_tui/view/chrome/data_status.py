"""Whether what is shown can be trusted, in a word and with the reason."""

from __future__ import annotations

from typing import NamedTuple

from kracked import times
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Span

STALE_AFTER_NS = 5 * times.NS_PER_S
"""The exchange sends a heartbeat every second; five without a word is not quiet, it is gone."""


ONLINE, MAINTENANCE = "online", "maintenance"
_SYSTEMS = {
    MAINTENANCE: "the exchange is down for maintenance: nothing trades",
    "cancel_only": "orders can be cancelled, and none placed",
    "post_only": "only post-only orders are taken",
    "limit_only": "only limit orders are taken",
}


def system_words(system: str) -> str:
    """The state of the trading engine, for people."""
    return _SYSTEMS.get(system, f"the exchange says it is in {system}")


class DataHealth(NamedTuple):
    """What is known about one symbol's data and the connection it comes by."""

    mode: str = "LIVE"
    """LIVE, DEMO or REPLAY: where the data comes from."""
    connected: bool = False
    trouble: str = ""
    """Why there is no connection, in words."""
    resync: str = ""
    """Why the book waits for a snapshot; empty while it does not."""
    has_book: bool = False
    verified: bool = False
    last_received: int = 0
    """When anything last arrived on the connection, ns."""
    ended: bool = False
    """A replay came to its end."""
    system: str = ONLINE
    """The trading engine's state in the exchange's word."""
    refused: str = ""
    """Why the exchange gives nothing of the symbol, in its words."""


class DataStatus(NamedTuple):
    word: str
    role: str
    reason: str = ""
    """Empty when there is nothing to explain."""
    usable: bool = False
    """False: prices are history and are shown greyed."""


def data_status(health: DataHealth, now: int) -> DataStatus:
    """One word for the light, the reason for the banner over the ladder."""
    if health.mode == "REPLAY":
        return _replay(health)
    if not health.connected:
        return _unconnected(health)
    silent = now - health.last_received
    if health.last_received and silent > STALE_AFTER_NS:
        return DataStatus("STALE", "warn", f"nothing heard for {fmt.age(silent)}")
    if health.system == MAINTENANCE:
        return DataStatus("MAINTENANCE", "warn", system_words(health.system))
    return _of_book(health) or _of_system(health) or DataStatus(health.mode, "good", usable=True)


def _unconnected(health: DataHealth) -> DataStatus:
    trouble = health.trouble or "waiting for the exchange"
    if health.has_book:
        return DataStatus("RECONNECTING", "warn", trouble)
    if health.trouble and health.mode == "LIVE":
        trouble += ". No network here? kracked-tui --demo brings an exchange of its own"
    return DataStatus("CONNECTING", "warn", trouble)


def _of_system(health: DataHealth) -> DataStatus | None:
    """What an engine that is not quite itself does not take; its data are as good as ever."""
    if health.system == ONLINE:
        return None
    word = health.system.replace("_", " ").upper()
    return DataStatus(word, "warn", system_words(health.system), usable=True)


def _of_book(health: DataHealth) -> DataStatus | None:
    """What is wrong with the book itself, if anything is."""
    if health.refused and not health.verified:
        return DataStatus("REFUSED", "warn", f"{health.refused}; / finds a pair by its name")
    if health.resync:
        return DataStatus("RESYNC", "warn", f"{health.resync}; waiting for a fresh snapshot")
    if not health.has_book:
        missing = "nothing of this book was recorded up to here"
        waiting = "waiting for the first snapshot"
        return DataStatus("CONNECTING", "warn", missing if health.mode == "REPLAY" else waiting)
    if not health.verified:
        return DataStatus("UNVERIFIED", "warn", "the last checksum did not match")
    return None


def _replay(health: DataHealth) -> DataStatus:
    if health.trouble:
        return DataStatus("REPLAY", "warn", health.trouble)
    wrong = _of_book(health)
    if wrong is not None:
        return wrong._replace(word="REPLAY")
    return DataStatus("ENDED" if health.ended else "REPLAY", "accent", usable=True)


def light(state: DataStatus, verified: int) -> tuple[Span, ...]:
    """The light of the header: a sign, the word, and whether the checksum holds."""
    sign = "●" if state.usable else "○"
    check = ("crc✓", "good") if state.usable and verified else ("crc–", "dim")
    return (Span(f"{sign} {state.word}", state.role), Span(" "), Span(*check))
