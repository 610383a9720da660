"""The statements of an exchange about itself: its engine's state, planned maintenance, incidents.

The same facts go out on the `status` channel, with SystemStatus and with MaintenanceSchedule,
each with its own horizon.

Sources: docs.kraken.com/exchange/api-reference/spot-websocket-v2/status,
docs.kraken.com/api-reference/market-data/ get-system-status, get-maintenance-schedule
"""

from __future__ import annotations

import msgspec

from kracked.protocol.events import Status
from kracked.protocol.maintenance import Incident, MaintenanceEvent
from kracked.protocol.maintenance_lists import event_members, incident_members
from kracked.times import NS_PER_S, to_rfc3339

VERSION = "2.0.10"
"""The version of the service that this one imitates."""
STATUS_NS = 72 * 3600 * NS_PER_S
"""How far SystemStatus looks ahead."""
SCHEDULE_NS = 7 * 86_400 * NS_PER_S
"""How far MaintenanceSchedule looks ahead."""


class ExchangeState(msgspec.Struct, frozen=True):
    """The state at one moment."""

    system: str = "online"
    upcoming: tuple[MaintenanceEvent, ...] = ()
    """Planned windows that have not begun."""
    emergency: tuple[Incident, ...] = ()
    """Incidents that are not resolved."""

    def status(self, connection_id: int, now: int) -> Status:
        """Return the `status` message of a connection.

        Args:
            connection_id: The connection.
            now: Time, ns since the Unix epoch.
        """
        return Status(
            received=now,
            system=self.system,
            version=VERSION,
            api_version="v2",
            connection_id=connection_id,
            upcoming_maintenance=tuple(_as_of(event, now) for event in self.upcoming),
            emergency=self.emergency,
        )

    def system_status(self, now: int) -> dict[str, object]:
        """Return the result of SystemStatus."""
        return {
            "status": self.system,
            "timestamp": to_rfc3339(now, 0),
            "upcoming_maintenance": self._planned(now, STATUS_NS),
            "emergency": [incident_members(incident) for incident in self.emergency],
        }

    def maintenance_schedule(self, now: int) -> dict[str, object]:
        """Return the result of MaintenanceSchedule: planned windows, the nearest first."""
        return {"events": self._planned(now, SCHEDULE_NS)}

    def _planned(self, now: int, horizon_ns: int) -> list[dict[str, object]]:
        near = [
            _as_of(event, now)
            for event in self.upcoming
            if event.expected_start is None or event.expected_start - now <= horizon_ns
        ]
        near.sort(key=lambda event: (event.expected_start is None, event.expected_start))
        return [event_members(event, digits=0) for event in near]


def _as_of(event: MaintenanceEvent, now: int) -> MaintenanceEvent:
    """Return an event with the seconds that are left."""
    if event.expected_start is None:
        return event
    left_s = max(0, event.expected_start - now) // NS_PER_S
    return msgspec.structs.replace(event, time_to_start_s=left_s)
