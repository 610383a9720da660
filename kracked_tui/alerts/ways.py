"""The ways in which an alert leaves the screen: the bell, the desktop, a command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from textual.widgets import Input

from kracked.cli.alerts.alert_commands import AlertCommands
from kracked.flow.alerts import Alert
from kracked_tui.alerts.desktop import notification, sequence_for
from kracked_tui.config import Alerting
from kracked_tui.error_boundary import Tell

if TYPE_CHECKING:
    from textual.app import App

_LAST_S = 1.0
"""How long the end waits for a command that runs."""


class AlertWays:
    """Rings, notifies and runs the command; none of these holds up the screen."""

    def __init__(
        self,
        alerting: Alerting,
        app: App[None],
        *,
        tell: Tell,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """
        Args:
            alerting: The settings.
            app: Whose terminal rings and notifies.
            tell: Told what goes wrong with the command, each kind once.
            environment: The variables that tell which terminal it is.
        """
        self._app, self._bell = app, alerting.bell
        self._desktop = sequence_for(alerting.desktop, environment)
        self._tmux = "TMUX" in environment
        self._commands: AlertCommands | None = None
        if alerting.command:
            self._commands = AlertCommands(
                alerting.command, lambda text: tell(f"alerts: {text}", "warn"), end_s=_LAST_S
            )

    async def run(self) -> None:
        """Run commands until cancelled; without a command this ends at once."""
        if self._commands is not None:
            async with self._commands as commands:
                await commands.wait()

    def tell(self, alert: Alert, text: str) -> None:
        """Tell an alert in every way that is set.

        Args:
            alert: What fired.
            text: It in one line, safe to print.
        """
        if self._bell and not isinstance(self._app.focused, Input):  # somebody types
            self._app.bell()
        driver = self._app._driver  # noqa: SLF001  the one way to the terminal
        if driver is not None:
            driver.write(notification(self._desktop, "kracked", text, tmux=self._tmux))
        if self._commands is not None:
            encoded = msgspec.json.encode({"type": "alert", **msgspec.to_builtins(alert)})
            self._commands.put(text, encoded)
