"""The core of every pane: a widget that draws its own lines, and only those that changed.

This is six to forty times cheaper than the toolkit's tables and labels (measured; see
tests/benchmarks). Semi-private points of Textual are touched here and nowhere else, each
pinned by a test: `Widget.render_lines`, `Strip.divide` and its slots, `App.get_line_filters`,
and the screen's compositor, for the echo of a key.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.events import Resize
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from kracked_tui.view.line import ROLES, TIP, Line

_WANTS_PAINT = "_repaint_required"


class RowStrip(Strip):
    """A strip that is quick to make and to send, and makes no reference cycle.

    The toolkit's strip has seven caches and a `Segment` for each piece; a row that is painted
    once and then replaced needs only its escape codes. The rest is made when a crop, a colour
    filter or a picture of the screen needs it.

    The toolkit's `divide` keeps ``[self]`` in the strip's own cache when there is nothing to
    cut. Every painted row is then garbage that only the cycle collector finds, and its pauses
    grow to a tenth of a second.
    """

    __slots__ = ("_pieces", "_sent")

    def __init__(self, pieces: Sequence[tuple[str, Style]], cell_length: int) -> None:
        self._pieces = pieces
        self._sent: str | None = None
        self._cell_length = cell_length

    def __getattr__(self, name: str) -> object:
        """Become a whole strip when an empty slot is read."""
        if name not in Strip.__slots__:
            raise AttributeError(name)
        super().__init__((Segment(text, style) for text, style in self._pieces), self._cell_length)
        return object.__getattribute__(self, name)

    def render(self, console: Console) -> str:
        """Return the escape codes of the row."""
        if self._sent is None:
            colours = console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001  as it does
            self._sent = "".join(
                [self.render_style(style, text, colours) for text, style in self._pieces]
            )
        return self._sent

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Cut the strip, as the toolkit does, without caching a strip in itself."""
        cuts = list(cuts)
        if cuts == [self.cell_length]:
            return [self]
        return super().divide(cuts)


def paint(screen: Screen[Any], widgets: Iterable[Widget]) -> None:
    """Send the changes of these widgets to the terminal, all of them as one write.

    The toolkit would send each of them a message, then wake a timer, and paint what it
    has by then. Where the private names it takes are gone, or a layout comes first, the
    toolkit's own next repaint does it.

    A widget that has a place but is not laid out yet waits for the layout. Given one, the
    compositor arranges the whole screen while it draws: the layout then finds every place as
    it was, and draws nothing of what has moved.

    Rows that were set and not painted, with no repaint on its way, are painted too: while the
    program starts, the toolkit drops a repaint now and then.
    """
    compositor = getattr(screen, "_compositor", None)
    refresh = getattr(screen, "_compositor_refresh", None)
    placed = getattr(compositor, "visible_widgets", None)
    layout = getattr(screen, "_layout_required", True)
    if compositor is None or refresh is None or placed is None or layout or not screen.is_current:
        return
    changed = set()
    for each in widgets:
        if each in placed:
            if isinstance(each, LiveRows) and each.lost_rows:
                each.refresh()
            if getattr(each, _WANTS_PAINT, False):
                changed.add(each)
    if changed:
        compositor.update_widgets(changed)
        refresh()
        for each in changed:
            setattr(each, _WANTS_PAINT, False)


def lay_out(screen: Screen[Any]) -> bool:
    """Give every widget its new place and size now; `paint_all` then paints them.

    The toolkit lays out later, and paints only what the layout moved. Meanwhile an update of a
    widget without a place makes its compositor arrange the screen on its own, and the layout
    then finds everything where it belongs and paints nothing: one panel in fifteen stayed blank.

    Returns:
        Whether it is done; otherwise the toolkit lays out later, as it always does.
    """
    refresh_layout = getattr(screen, "_refresh_layout", None)
    if refresh_layout is None or not screen.is_attached or not screen.outer_size:
        return False
    widgets = (screen, *screen.walk_children(Widget))
    for each in widgets:
        each._clear_arrangement_cache()  # noqa: SLF001  the toolkit clears it when it is idle
    with screen.app.batch_update():  # nothing is painted until it is drawn for its new size
        refresh_layout()
    for each in widgets:
        each._layout_required = False  # noqa: SLF001  done
    return True


def paint_all(screen: Screen[Any]) -> None:
    """Send the whole screen to the terminal, now."""
    refresh = getattr(screen, "_compositor_refresh", None)
    if refresh is None or not screen.is_current:
        screen.refresh()
        return
    screen._compositor._dirty_regions.add(screen.outer_size.region)  # noqa: SLF001  all of it
    refresh()
    for each in screen.walk_children(Widget):
        setattr(each, _WANTS_PAINT, False)


class LiveRows(Widget):
    """Draws the lines it was given; repaints those that differ from the last ones."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{role}" for role in ROLES}

    def __init__(self, *, id: str, ascii_only: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.ascii_only = ascii_only
        self.painted = 0
        """Rows made into strips since the start: the cost of frames."""
        self._given: list[Line | None] = []
        """The lines as they were given."""
        self._lines: list[Line | None] = []
        """The same, safe for a terminal."""
        self._strips: list[Strip | None] = []
        self._styles: dict[tuple[str, str], Style] = {}
        self._drawn_for = Size()
        """The size of the widget for which the lines were drawn."""
        self.whole_since: float | None = None
        """When all of them were first on the screen, by the clock of keys; None before."""

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.invalidate())

    def on_resize(self, _: Resize) -> None:
        if self._drawn_for != self.cells:
            self.invalidate()

    def invalidate(self) -> None:
        """Draw everything again: the size or the colours changed."""
        self._given, self._lines, self._strips, self._styles = [], [], [], {}
        self._drawn_for = Size()
        self.refresh()

    @property
    def cells(self) -> Size:
        """Width and height. Without a border the outer size is the inner one.

        The toolkit computes the inner size anew each time: a twentieth of the monitor's work.
        """
        return self.outer_size

    @property
    def lines(self) -> list[Line]:
        """The lines on the screen now, top to bottom."""
        return [each for each in self._lines if each is not None]

    def set_lines(self, lines: Sequence[Line]) -> int:
        """Show these lines from the top. Returns the number of rows that changed."""
        width, height = self.cells
        if self._drawn_for != self.cells:
            self._drawn_for = self.cells
            self._given, self._lines = [None] * height, [None] * height
            self._strips = [None] * height
            self.refresh()
        dirty = []
        for y, before in enumerate(self._given):
            new = lines[y] if y < len(lines) else None
            if new is not before and new != before:
                # Made safe here, where every pane's rows become cells, and nowhere else.
                self._given[y], self._lines[y] = new, new and new.safe()
                self._strips[y] = None
                dirty.append(Region(0, y, width, 1))
        if dirty:
            self.refresh(*dirty)
        return len(dirty)

    @property
    def all_painted(self) -> bool:
        """Whether every line is on the screen, painted since it was set."""
        shown = [at for at, each in enumerate(self._lines) if each is not None]
        painted = bool(shown) and all(self._strips[at] is not None for at in shown)
        return painted and self.in_sight

    def set_lines_to_read(self, lines: Sequence[Line]) -> None:
        """Show lines that must be read before a key counts: see `was_whole_at`."""
        self.whole_since = None
        if not self.set_lines(lines) and self.all_painted:
            self.whole_since = time.monotonic()

    def was_whole_at(self, pressed_s: float) -> bool:
        """Return whether all lines to read were on the screen when a key was pressed, and are.

        Keys may wait, several of them in one piece of input: by the time that they are handled
        the words are painted, and nobody has read them.

        Args:
            pressed_s: When the key arrived, by the monotonic clock.
        """
        since = self.whole_since
        return since is not None and since <= pressed_s and self.all_painted

    @property
    def lost_rows(self) -> bool:
        """Whether a row was set and not painted, and no repaint of it is on its way."""
        if getattr(self, _WANTS_PAINT, False):
            return False
        pairs = zip(self._lines, self._strips, strict=True)
        return any(strip is None and line is not None for line, strip in pairs) and self.in_sight

    @property
    def in_sight(self) -> bool:
        """Whether the whole widget is on the screen: a window that shrank may have cut it off."""
        if not self.is_attached or self.app.size != self.screen.outer_size:
            return False
        return bool(self.display and self.screen.region.contains_region(self.region))

    def paint_now(self) -> None:
        """Send the changes to the terminal at once: a key's echo waits for no frame."""
        if self.is_attached:  # the program may be ending
            paint(self.screen, (self,))

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = [self._strip(y) for y in range(crop.y, crop.bottom)]
        if self.whole_since is None and self.all_painted:
            self.whole_since = time.monotonic()
        if crop.column_span != (0, self.cells.width):
            return [strip.crop(crop.x, crop.right) for strip in strips]
        return strips

    def _strip(self, y: int) -> Strip:
        if y >= len(self._lines):
            return Strip.blank(self.cells.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._drawn(self._lines[y])
            self.painted += 1
        return strip

    def _drawn(self, line: Line | None) -> Strip:
        width = self.cells.width
        if line is None:
            return Strip.blank(width, self.rich_style)
        if self.ascii_only:
            line = line.plain()
        strip: Strip = RowStrip(*self._pieces(line))
        if strip.cell_length != width:
            fitted = strip.adjust_cell_length(width, self._style(line.role, ""))
            strip = RowStrip([(text, style or Style()) for text, style, _ in fitted], width)
        if self.app.no_color:
            # Drawing past the toolkit's style cache goes past its colour filters too.
            for each in self.get_line_filters():
                strip = strip.apply_filter(each, self.background_colors[1])
        return strip

    def _pieces(self, line: Line) -> tuple[list[tuple[str, Style]], int]:
        """Return texts with their styles, and their width.

        Blanks on the same ground are joined to the text on their left: half the pieces, half the
        escape codes.
        """
        pieces: list[tuple[str, Style]] = []
        under, width, tip = line.role, 0, True
        for text, role in line.spans:
            width += len(text) if text.isascii() else cell_len(text)
            if not text:
                continue
            style = self._styles.get((under, role)) or self._style(under, role)
            if not tip and text.isspace() and pieces[-1][1].bgcolor == style.bgcolor:
                before, painted = pieces[-1]
                pieces[-1] = (before + text, painted)
            else:
                tip = role.endswith(TIP)
                pieces.append((text, style))
        return pieces, width

    def _style(self, line_role: str, role: str) -> Style:
        """Return one `Style` object per pair of roles: it caches its escape codes."""
        style = self.rich_style
        for name in (line_role, role.removesuffix(TIP)):
            if name:
                style += self.get_component_rich_style(f"rows--{name}", partial=True)
        if role.endswith(TIP):
            style += Style(reverse=True)
        self._styles[line_role, role] = style
        return style
