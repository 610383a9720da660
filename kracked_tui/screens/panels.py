"""The places of everything on the screen: panes, the panel over them, the zoom, the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget

from kracked_tui.view.chrome import layout, layouts
from kracked_tui.widgets.painted_rows import lay_out, paint_all
from kracked_tui.widgets.panes.pane import Pane

if TYPE_CHECKING:
    from kracked_tui.screens.trade import TradeScreen


class Panels:
    """Owner of the layout. At most one panel is open; a question lies over the ticket."""

    def __init__(self, screen: TradeScreen, panes: Sequence[Pane]) -> None:
        """`panes` come in the order of their numbers."""
        self._screen, self._panes = screen, panes
        self._open: list[str] = []
        """Open panels, the one on top last."""
        self._zoomed: str | None = None
        self.layout = screen.model.memory.choices.layout
        """The name of the layout; one that is not known is the standard one."""
        self._focused_before: Pane | None = None
        """The pane that had the focus before the panel."""
        self._account = False
        """Whether the layout has room for own orders."""
        self._pane_places: dict[str, layout.Rectangle | None] = {}
        """Where the panes were placed last; None for those out of sight."""
        self.takes_focus: dict[str, Widget] = {}
        """The widget that has the focus while a panel is on top; other panels leave it alone."""

    @property
    def top(self) -> str | None:
        """The open panel on top; None without one."""
        return self._open[-1] if self._open else None

    def pane(self, name: str) -> Pane:
        """Return the pane of this name."""
        return self._panes[layout.PANES.index(name)]

    def in_sight(self) -> list[Pane]:
        """Return the panes that this size and layout show."""
        return [pane for pane in self._panes if pane.display]

    @property
    def focused(self) -> Pane | None:
        """The pane with the focus; None while a panel or field has it."""
        focused = self._screen.focused
        return focused if isinstance(focused, Pane) else None

    # --- panels -----------------------------------------------------------------------

    def open(self, panel: str) -> None:
        """Open a panel over those that are open; it is painted when this returns."""
        self._focused_before = self.focused or self._focused_before
        if self.top != panel:
            self._open.append(panel)
        self.place()
        self._focus_top()

    def toggle(self, panel: str) -> None:
        """Open a panel in place of those that are open, or close it."""
        if self.top == panel:
            self.close()
            return
        self._open.clear()
        self.open(panel)

    def close(self) -> None:
        """Close the panel on top, and go back to the panel or pane before it."""
        if self._open:
            self._open.pop()
        self.place()
        if self._open:
            self._focus_top()
        elif self._focused_before is not None and self._focused_before.display:
            self._screen.set_focus(self._focused_before)
            self._focused_before = None

    def _focus_top(self) -> None:
        if (widget := self.takes_focus.get(self.top or "")) is not None:
            self._screen.set_focus(widget)

    def back(self) -> bool:
        """Take escape: close the panel, else show all panes again; False with nothing to leave."""
        if self._open:
            self.close()
        elif self._zoomed:
            self.zoom(None)
        else:
            return False
        return True

    def zoom(self, pane: str | None) -> None:
        """Give one pane the whole screen, or show all of them again."""
        self._zoomed = pane
        self.place()

    def lay_out_as(self, name: str) -> None:
        """Take another layout, and remember it."""
        self.layout, self._zoomed = name, None
        self._screen.model.memory.change(layout=name)
        self.place()

    @property
    def zoomed(self) -> bool:
        """Whether one pane has the whole screen."""
        return self._zoomed is not None

    # --- placing ----------------------------------------------------------------------

    def place_account(self, *, has_account: bool) -> None:
        """Make room for own orders once there is an account."""
        if has_account != self._account:
            self.place()

    def place(self) -> None:
        """Place every widget for this size, and hide those without room."""
        screen = self._screen
        self._account = screen.model.has_account
        arranged = layout.arrange(
            *screen.size,
            zoomed=self._zoomed,
            panel=self.top,
            account=self._account,
            timed=screen.has_time_bar,
            told=screen.model.past() is not None,
            split=layouts.SPLITS.get(self.layout),
        )
        pane_places = {name: arranged.get(name) for name in layout.PANES}
        moved, self._pane_places = pane_places != self._pane_places, pane_places
        for widget in screen.children:
            place = arranged.get(widget.id or "")
            widget.display = place is not None
            if place is not None:
                widget.styles.offset = (place.x, place.y)
                widget.styles.width, widget.styles.height = place.width, place.height
        focused = self.focused
        if not self._open and not (focused and focused.display):
            screen.set_focus(self.pane(self._zoomed or layout.LADDER))
        if lay_out(screen):
            if moved:
                screen.draw()
            else:  # a panel came or went over the panes, which keep what they show
                screen.draw_panel()
            paint_all(screen)
        else:
            screen.call_after_refresh(screen.draw)
