"""The parts of which a screen is composed: each brings keys, widgets, and its share of a frame."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from kracked_tui.state.frame_state import FrameState


class ScreenPart:
    """One concern of a screen. The hooks do nothing unless a part overrides them.

    What its keys do is named `action_*`, as in the toolkit; `TradeScreen.add_part` makes
    these the actions of the screen.
    """

    def widgets(self) -> Iterable[Widget]:
        """Return the widgets it adds to the screen."""
        return ()

    def allows(self, action: str) -> bool | None:
        """Say whether an action may run now; None leaves that to other parts."""
        del action
        return None

    def has_effect(self, action: str, frame: FrameState) -> bool | None:
        """Say whether an action that is allowed would do anything now, so that its key is shown.

        None leaves that to other parts.
        """
        del action, frame
        return None

    def draw(self) -> None:
        """Draw its widgets, after the panes of a frame."""

    def back(self) -> bool:
        """Take escape; False leaves it to other parts."""
        return False

    def leave_symbol(self) -> None:
        """Close what belongs to the pair shown: another pair will be."""

    async def may_leave(self) -> bool:
        """Whether the program may end without a question. A part that says no has asked one."""
        return True
