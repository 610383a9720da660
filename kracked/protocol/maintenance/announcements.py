"""Planned maintenance and incidents as the exchange announces them, as frozen values.

They come on the `status` channel and with REST's SystemStatus and MaintenanceSchedule, in one
form, which `kracked.protocol.maintenance.lists` reads. Words are the exchange's own.

Sources: docs.kraken.com/exchange/api-reference/spot-websocket-v2/status,
docs.kraken.com/api-reference/market-data/ get-system-status, get-maintenance-schedule
"""

from __future__ import annotations

import msgspec

__all__ = ["Incident", "MaintenanceEvent", "NextStep"]

_CONCERNED = frozenset(("spot_trading", "spot_ws", "spot_rest", "all"))
_NOT_CONCERNED = frozenset(
    ("spot_fix", "futures_ws", "futures_rest", "futures_fix", "futures_trading")
)
_NOTHING_SAID = frozenset(("", "unspecified"))
KNOWN_SERVICES = _CONCERNED | _NOT_CONCERNED | _NOTHING_SAID


class MaintenanceEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A window of planned maintenance. Times are ns since the Unix epoch; None is not known.

    Its words are the exchange's own, and all of them are open sets: obey the fields rather than
    the phase, and show a word that is not known.
    """

    event_id: int | str | None = None
    """Stable while the event moves through its phases."""
    title: str = ""
    phase: str = ""
    """`announced`, `reminder_24h`, `approaching_30m`, `imminent_5m`, `final_warning_30s`."""
    expected_start: int | None = None
    expected_end: int | None = None
    cancel_before: int | None = None
    """The last moment for cancels."""
    order_submission: str = ""
    """`allowed`, `discouraged`, `blocked`, `unspecified`."""
    recommended_action: str = ""
    """`continue`, `reduce_activity`, `cancel_open_orders`, `stop_new_orders`,
    `disconnect_and_wait`, `unspecified`."""
    affected_services: tuple[str, ...] = ()
    """`spot_trading`, `spot_ws`, `spot_rest`, `spot_fix`, `futures_...`, `all`."""
    time_to_start_s: int | None = None
    """As of the serving, and replies are cached: count down from `expected_start`."""
    source_url: str = ""

    @property
    def key(self) -> str:
        """The mark of the same event in its next phase: its id, else title and start."""
        return _key(self.event_id, self.title, self.expected_start)

    @property
    def concerns_spot(self) -> bool:
        """Whether it may touch spot trading over WebSocket or REST; True when it does not say."""
        return concerns_spot(self.affected_services)

    @property
    def length_ns(self) -> int | None:
        """The time it is expected to take; None while that is not known."""
        if self.expected_start is None or self.expected_end is None:
            return None
        return max(0, self.expected_end - self.expected_start)


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the way back from an incident."""

    type: str = ""
    """`expected_restart`, `expected_cancel_only`, `expected_post_only`, `expected_online`."""
    expected_at: int | None = None
    """ns since the Unix epoch; None is not known."""
    applies_to: tuple[str, ...] = ()


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that is not resolved. Times are ns since the Unix epoch; None is not known."""

    event_id: int | str | None = None
    title: str = ""
    incident_status: str = ""
    """`investigating`, `identified`, `monitoring`."""
    impact: str = ""
    """`none`, `minor`, `major`, `critical`."""
    affected_services: tuple[str, ...] = ()
    started_at: int | None = None
    next_steps: tuple[NextStep, ...] = ()
    source_url: str = ""

    @property
    def key(self) -> str:
        """The mark of the same incident in its next report: its id, else title and start."""
        return _key(self.event_id, self.title, self.started_at)

    @property
    def concerns_spot(self) -> bool:
        """Whether it may touch spot trading over WebSocket or REST; True when it does not say."""
        return concerns_spot(self.affected_services)


def concerns_spot(services: tuple[str, ...]) -> bool:
    """Whether a list of services holds spot trading, its WebSocket or REST, or may hold them.

    An empty list says nothing, and so may mean all. Of words that are not known those that
    begin with `spot` count.
    """
    if all(word in _NOTHING_SAID for word in services):
        return True
    return any(
        word in _CONCERNED or (word.startswith("spot") and word not in _NOT_CONCERNED)
        for word in services
    )


def is_elsewhere(services: tuple[str, ...]) -> bool:
    """Whether all services are known and none is one that this program uses."""
    return bool(services) and all(word in _NOT_CONCERNED for word in services)


def _key(event_id: int | str | None, title: str, start: int | None) -> str:
    return str(event_id) if event_id is not None else f"{title}@{start}"
