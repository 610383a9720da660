"""The cells that were sent to the terminal: what a person sees, not what a widget holds."""

from __future__ import annotations

import re

from rich.cells import cell_len
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.widget import Widget

_PIECES = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[[\d;?]*[A-Za-z]|(\n)|([^\x1b\n]+)")


class PaintedScreen:
    """A terminal without colours that takes what the toolkit would write to a real one."""

    def __init__(self, app: App[None]) -> None:
        """`app` writes here from now on, besides whatever it does with its driver."""
        self._cells: dict[tuple[int, int], str] = {}
        self._size = (0, 0)
        self._app = app
        display = app._display

        def take(screen: object, renderable: object) -> None:
            """Draw an update, as the driver of a terminal would."""
            if isinstance(renderable, CompositorUpdate) and not app._batch_count:
                self._resize()
                self._write(renderable.render_segments(app.console))
            display(screen, renderable)  # type: ignore[arg-type]

        app._display = take  # type: ignore[assignment]

    def _resize(self) -> None:
        if self._size != self._app.size:
            self._size = self._app.size
            self._cells.clear()

    def _write(self, text: str) -> None:
        x = y = 0
        for row, column, newline, printed in _PIECES.findall(text):
            if row:
                y, x = int(row) - 1, int(column) - 1
            elif newline:
                y += 1
            else:
                for character in printed:
                    self._cells[y, x] = character
                    x += cell_len(character)

    @property
    def rows(self) -> list[str]:
        """The rows of the terminal, top to bottom."""
        width, height = self._app.size
        return ["".join(self._cells.get((y, x), " ") for x in range(width)) for y in range(height)]

    @property
    def text(self) -> str:
        """Everything on the terminal, line by line."""
        return "\n".join(self.rows)

    def words(self, widget: Widget) -> str:
        """Return what stands at a widget's place, in one line and without frames."""
        x, y, width, height = widget.region
        text = " ".join(row[x : x + width] for row in self.rows[y : y + height])
        return " ".join(re.sub(r"[│┃║━─═┏┓┗┛╔╗╚╝╭╮╰╯]", " ", text).split())
