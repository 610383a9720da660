"""The core of every pane: a widget that draws its own lines, and only those that changed.

Measured against the toolkit's tables and labels this is six to forty times cheaper; see
tests/benchmarks. Semi-private points of Textual are touched here and nowhere else, each
pinned by a test: `Widget.render_lines`, `Strip.divide`, `App.get_line_filters`, and the
screen's compositor, for the echo of a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from kracked_tui.view.line import ROLES, TIP, Line


class RowStrip(Strip):
    """A strip that is no reference cycle.

    The toolkit's `divide` keeps ``[self]`` in the strip's own cache when there is nothing
    to cut. Every painted row is then garbage only the cycle collector can find, and its
    pauses grow to a tenth of a second.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        cuts = list(cuts)
        if cuts == [self.cell_length]:
            return [self]
        return super().divide(cuts)


def _merged(line: Line) -> list[tuple[str, str]]:
    """The spans with blanks joined to their left: half the pieces, half the escape codes."""
    pieces: list[tuple[str, str]] = []
    for text, role in line.spans:
        if pieces and text.isspace() and not pieces[-1][1].endswith(TIP):
            pieces[-1] = (pieces[-1][0] + text, pieces[-1][1])
        else:
            pieces.append((text, role))
    return pieces


class LiveRows(Widget):
    """Draws the lines it was given; repaints those that differ from the last ones."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{role}" for role in ROLES}

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self.painted = 0
        """Rows made into strips since the start: what a frame costs."""
        self._lines: list[Line | None] = []
        self._strips: list[Strip | None] = []
        self._styles: dict[tuple[str, str], Style] = {}

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.invalidate())

    def on_resize(self, _: Resize) -> None:
        self.invalidate()

    def invalidate(self) -> None:
        """Draw everything again: the size or the colours changed."""
        self._lines, self._strips, self._styles = [], [], {}
        self.refresh()

    @property
    def lines(self) -> list[Line]:
        """What is on the screen now, top to bottom."""
        return [each for each in self._lines if each is not None]

    def set_lines(self, lines: Sequence[Line]) -> int:
        """Show these lines from the top; how many rows that changed."""
        width, height = self.size
        if len(self._lines) != height:
            self._lines = [None] * height
            self._strips = [None] * height
            self.refresh()
        dirty = []
        for y in range(height):
            new = lines[y] if y < len(lines) else None
            if new != self._lines[y]:
                self._lines[y], self._strips[y] = new, None
                dirty.append(Region(0, y, width, 1))
        if dirty:
            self.refresh(*dirty)
        return len(dirty)

    def paint_now(self) -> None:
        """Send what changed to the terminal at once: a key's echo waits for no frame.

        Where the toolkit's private ways have gone, its own next repaint does it.
        """
        screen = self.screen
        compositor = getattr(screen, "_compositor", None)
        refresh = getattr(screen, "_compositor_refresh", None)
        if compositor is None or refresh is None or not screen.is_current:
            return
        compositor.update_widgets({self})
        refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = [self._strip(y) for y in range(crop.y, crop.bottom)]
        if crop.column_span != (0, self.size.width):
            return [strip.crop(crop.x, crop.right) for strip in strips]
        return strips

    def _strip(self, y: int) -> Strip:
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._drawn(self._lines[y])
            self.painted += 1
        return strip

    def _drawn(self, line: Line | None) -> Strip:
        width = self.size.width
        if line is None:
            return Strip.blank(width, self.rich_style)
        if self.ascii_only:
            line = line.plain()
        strip: Strip = RowStrip(
            [Segment(text, self._style(line.role, role)) for text, role in _merged(line)]
        )
        if strip.cell_length != width:
            fitted = strip.adjust_cell_length(width, self._style(line.role, ""))
            strip = RowStrip(list(fitted), width)
        if self.app.no_color:
            # Drawing past the toolkit's style cache goes past its colour filters too.
            for each in self.get_line_filters():
                strip = strip.apply_filter(each, self.background_colors[1])
        return strip

    def _style(self, line_role: str, role: str) -> Style:
        """One `Style` object per pair of roles: it keeps the escape codes it was drawn with."""
        style = self._styles.get((line_role, role))
        if style is None:
            style = self.rich_style
            for name in (line_role, role.removesuffix(TIP)):
                if name:
                    style += self.get_component_rich_style(f"rows--{name}", partial=True)
            if role.endswith(TIP):
                style += Style(reverse=True)
            self._styles[line_role, role] = style
        return style
