"""Alerts: what was asked for in a line of text, told once when it happens.

`parse_alert` reads a line, `AlertWatch` takes every event of a feed and returns what fires,
`AlertMemory` is what was told, and `store` keeps it across restarts.
"""

from kracked.flow.alerts.memory import Alert, AlertMemory, Armed
from kracked.flow.alerts.rule import EXAMPLES, AlertKind, AlertRule, NotAnAlert, parse_alert
from kracked.flow.alerts.store import DamagedAlerts, keep_memory, read_memory
from kracked.flow.alerts.watch import AlertWatch

__all__ = [
    "EXAMPLES",
    "Alert",
    "AlertKind",
    "AlertMemory",
    "AlertRule",
    "AlertWatch",
    "Armed",
    "DamagedAlerts",
    "NotAnAlert",
    "keep_memory",
    "parse_alert",
    "read_memory",
]
