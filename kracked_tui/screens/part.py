"""What a screen is composed of: each part brings keys, widgets, and its share of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from textual.widget import Widget

Action = Callable[..., object]


class ScreenPart:
    """One concern of a screen. The hooks do nothing unless a part has something to do."""

    actions: Mapping[str, Action] = {}
    """What its keys do, by the names that bindings use."""

    def widgets(self) -> Iterable[Widget]:
        """Return the widgets it adds to the screen."""
        return ()

    def allows(self, action: str) -> bool | None:
        """Say whether an action may run now; None leaves that to others."""
        del action
        return None

    def draw(self) -> None:
        """Draw its widgets, after the panes of a frame."""

    def back(self) -> bool:
        """Take escape; False leaves it to others."""
        return False

    def leave_symbol(self) -> None:
        """Give up what is about the pair shown: another one will be."""

    async def may_leave(self) -> bool:
        """Whether the program may end without a question. A part that says no has asked one."""
        return True
