"""Whether the data shown can be trusted, in a word and with the reason. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kracked import times
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped

STALE_AFTER_NS = 5 * times.NS_PER_S
"""The exchange sends a heartbeat every second: after five without one it is gone, not quiet."""

AGED_AFTER_NS = times.NS_PER_S * 5 // 4
"""From here on the age is told and prices are grey: a second, and a quarter for the heartbeat
that comes every second to be late."""

ONLINE, MAINTENANCE = "online", "maintenance"
_SYSTEMS = {
    MAINTENANCE: "the exchange is down for maintenance: nothing trades",
    "cancel_only": "orders can be cancelled, and none placed",
    "post_only": "only post-only orders are taken",
    "limit_only": "only limit orders are taken",
}


def system_words(system: str) -> str:
    """Describe the state of the trading engine."""
    return _SYSTEMS.get(system, f"the exchange says it is in {system}")


class DataHealth(NamedTuple):
    """The facts about one symbol's data and its connection."""

    mode: str = "LIVE"
    """LIVE, DEMO or REPLAY: where the data comes from."""
    connected: bool = False
    trouble: str = ""
    """Why there is no connection, in words."""
    resync: str = ""
    """Why the book waits for a snapshot; empty where it does not."""
    stale: str = ""
    """What contradicts the book, where that is why it waits."""
    has_book: bool = False
    verified: bool = False
    last_received: int = 0
    """When the last message was received on any connection, ns."""
    ended: bool = False
    """Whether a replay is at its end."""
    system: str = ONLINE
    """The trading engine's state in the exchange's word."""
    refused: str = ""
    """Why the exchange refuses the symbol, in its words."""
    barred: str = ""
    """Why no order may be sent though the engine is online: announced maintenance."""


class DataStatus(NamedTuple):
    """Whether data can be trusted: a word, its role, and the reason."""

    word: str
    role: str
    reason: str = ""
    """Empty where there is nothing to explain."""
    usable: bool = False
    """Whether prices are current; otherwise they are shown in grey, and nothing is sent."""
    age_ns: int = 0
    """Time since the last message, once it is worth telling; 0 before."""

    @property
    def fresh(self) -> bool:
        """Whether prices are shown in colours: they are current, and not even a second old."""
        return self.usable and not self.age_ns


def data_status(health: DataHealth, now: int) -> DataStatus:
    """Return the word for the header's light, and the reason for the banner over the ladder."""
    if health.mode == "REPLAY":
        return _replay(health)
    silent, system = now - health.last_received, health.system
    if not health.connected:
        trouble = health.trouble or "waiting for the exchange"
        if not health.has_book and health.trouble and health.mode == "LIVE":
            trouble += ". No network here? kracked-tui --demo brings an exchange of its own"
        word = "RECONNECTING" if health.has_book else "CONNECTING"
        status = DataStatus(word, "warn", trouble)
    elif health.last_received and silent > STALE_AFTER_NS:
        status = DataStatus("STALE", "warn", f"no message for {fmt.age(silent)}")
    elif system == MAINTENANCE:
        status = DataStatus("MAINTENANCE", "warn", system_words(system))
    elif problem := _book_problem(health):
        status = problem
    elif health.barred:  # from here on the data is good, whatever the engine takes
        status = DataStatus("BLOCKED", "warn", health.barred, usable=True)
    elif system == ONLINE:
        status = DataStatus(health.mode, "good", usable=True)
    else:
        word = system.replace("_", " ").upper()
        status = DataStatus(word, "warn", system_words(system), usable=True)
    if not health.last_received or silent < AGED_AFTER_NS:
        return status
    return status._replace(age_ns=silent, role="dim" if status.role == "good" else status.role)


def _book_problem(health: DataHealth) -> DataStatus | None:
    """Say what is wrong with the book itself; None where nothing is."""
    if health.refused and not health.verified:
        reason = f"{health.refused}{'' if health.refused.endswith('?') else ';'}"
        return DataStatus("REFUSED", "warn", f"{reason} / finds a pair by its name")
    if health.stale:
        return DataStatus("STALE", "warn", f"{health.stale}; asked for a fresh snapshot")
    if health.resync:
        return DataStatus("RESYNC", "warn", f"{health.resync}; waiting for a fresh snapshot")
    if not health.has_book:
        missing = "this book was not recorded up to here"
        waiting = "waiting for the first snapshot"
        return DataStatus("CONNECTING", "warn", missing if health.mode == "REPLAY" else waiting)
    if not health.verified:
        return DataStatus("UNVERIFIED", "warn", "the last checksum did not match")
    return None


def _replay(health: DataHealth) -> DataStatus:
    if health.trouble:
        return DataStatus("REPLAY", "warn", health.trouble)
    problem = _book_problem(health)
    if problem is not None:
        return problem._replace(word="REPLAY")
    return DataStatus("ENDED" if health.ended else "REPLAY", "accent", usable=True)


def light(status: DataStatus, *, verified: bool) -> tuple[Span, ...]:
    """Draw the header's light: a sign, the word, and whether the checksum matched."""
    sign = "●" if status.fresh else "○"
    age = f" {fmt.age(status.age_ns)}" if status.age_ns else ""
    check = ("verified", "good") if status.fresh and verified else ("unverified", "dim")
    return (Span(f"{sign} {status.word}{age}", status.role), Span(" "), Span(*check))


def banner(status: DataStatus, width: int) -> list[Line]:
    """Draw the word for the data's state, and the reason."""
    lines = [status.word, *wrapped(status.reason, width - 4)]
    return [Line(fit([Span(text.center(width), "notice")], width), "notice") for text in lines]


def under_status(body: list[Line], status: DataStatus, width: int) -> list[Line]:
    """Draw rows as what their data are: grey where not current, under a banner where not usable."""
    if not status.fresh:
        body = [each.within("stale") for each in body]
    if not status.usable:
        reason = banner(status, width)
        at = max(0, len(body) // 2 - len(reason) // 2)
        body = [*body[:at], *reason, *body[at + len(reason) :]]
    return body
