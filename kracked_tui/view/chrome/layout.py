"""The panes that a terminal of some size shows, and their places, as a pure function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kracked_tui.keys import PANE_KEYS


class Rectangle(NamedTuple):
    """A rectangle in cells, from the top left corner of the screen."""

    x: int
    y: int
    width: int
    height: int


HEADER, STATUS, LOG, HINTS = "header", "status", "log", "hints"
LADDER, QUEUE, TAPE, CHART = "ladder", "queue", "tape", "chart"
FLOW, LEVEL, DEPTH, WATCH = "flow", "level", "depth", "watch"
ORDERS, FILLS, BALANCES, MINE = "orders", "fills", "balances", "mine"
PICKER, HELP, TICKET, PROMPT = "picker", "help", "ticket", "prompt"
LOG_LIST, HEALTH, RECORDER = "log-list", "health", "recorder"
SEEN, HEAT, ALERTS = "seen", "heat", "alerts"
COMMAND, JUMP, CARD = "command", "jump", "card"
TIME, SESSIONS, STRIP = "time", "sessions", "strip"

NUMBERED = (LADDER, QUEUE, TAPE, CHART, FLOW, LEVEL, DEPTH, WATCH, ORDERS, FILLS, BALANCES)
PANES = (*NUMBERED, LOG_LIST, HEALTH, RECORDER, SEEN, HEAT, ALERTS)
"""Panes in the order of their numbers, from 1; the first have keys of one digit."""
LETTERS = {
    LADDER: "l",
    QUEUE: "q",
    TAPE: "t",
    CHART: "c",
    FLOW: "x",
    LEVEL: "v",
    DEPTH: "p",
    WATCH: "w",
    ORDERS: "o",
    FILLS: "f",
    BALANCES: "b",
    LOG_LIST: "k",
    HEALTH: "h",
    RECORDER: "r",
    SEEN: "d",
    HEAT: "e",
    ALERTS: "a",
}
"""The letter of each pane after the key that jumps."""
_LEAST_WIDTH, _LEAST_HEIGHT = 60, 16
_LEAST_PANEL = 30
_LEAST_LADDER = 42
"""Columns in which the ladder has a price, both quantities and own orders whole."""
_LEAST_PANE_ROWS = 5
"""Rows below which a pane of a split says nothing."""
_ALERT_ROWS = 6
"""Rows of the alerts as at 200x60."""
_HEAT_ROWS = 7
"""Rows of the heat strip as at 120x40."""
_LEAST_TICKET = 24
"""Rows in which most tickets and questions are whole."""
_LEAST_SHARED, _LEAST_WITH_OWN = 66, 72
"""Columns below which a ladder, and one with own orders, has no room for a neighbour."""

Arrangement = dict[str, Rectangle]


def pane_key(number: int, pane: str) -> str:
    """Return the key that goes to a pane: its number, or the two keys of its letter."""
    return PANE_KEYS[number - 1] if number <= len(PANE_KEYS) else f"g{LETTERS[pane]}"


class Split(NamedTuple):
    """A place divided among several; each part is a pane or a split."""

    across: bool
    """Whether the parts stand side by side; otherwise one above the other."""
    parts: tuple[tuple[int, str | Split], ...]
    """Each part with its share. Where there is no room for all, the last ones are left out."""

    def places(self, place: Rectangle) -> Iterator[tuple[str, Rectangle]]:
        """Yield every pane with its place."""
        whole = place.width if self.across else place.height
        least = _LEAST_PANEL if self.across else _LEAST_PANE_ROWS
        parts = self.parts
        while len(parts) > 1 and whole * min(share for share, _ in parts) < least * _total(parts):
            parts = parts[:-1]
        start = 0
        for (_, part), end in zip(parts, self._ends(whole, parts), strict=True):
            if self.across:
                along = place._replace(x=place.x + start, width=end - start)
            else:
                along = place._replace(y=place.y + start, height=end - start)
            if isinstance(part, str):
                yield part, along
            else:
                yield from part.places(along)
            start = end

    def _ends(self, whole: int, parts: tuple[tuple[int, str | Split], ...]) -> list[int]:
        """Return where each part ends; the ladder has room for its prices and both quantities."""
        total, before, ends = _total(parts), 0, []
        for share, _ in parts:
            before += share
            ends.append(whole * before // total)
        at = next((at for at, (_, part) in enumerate(parts) if _has_ladder(part)), None)
        if self.across and at is not None and len(parts) == 2:
            widths = [ends[0], whole - ends[0]]
            least = min(_LEAST_LADDER, whole - _LEAST_PANEL)
            if widths[at] < least:
                ends[0] = least if at == 0 else whole - least
        return ends


def _has_ladder(part: str | Split) -> bool:
    if isinstance(part, str):
        return part == LADDER
    return any(_has_ladder(each) for _, each in part.parts)


def _total(parts: tuple[tuple[int, str | Split], ...]) -> int:
    return sum(share for share, _ in parts)


def arrange(
    width: int,
    height: int,
    *,
    zoomed: str | None = None,
    panel: str | None = None,
    account: bool = False,
    timed: bool = False,
    told: bool = False,
    split: Split | None = None,
) -> Arrangement:
    """Return the places of everything that is shown at this size.

    Args:
        width: Columns of the terminal.
        height: Rows of the terminal.
        zoomed: A pane that has the whole screen.
        panel: A panel that lies over the panes: none of them moves.
        account: Whether there are own orders to show.
        timed: Whether there is the time bar of a recording.
        told: Whether a row below the header tells what is shown.
        split: How the panes share the room, where the size alone does not decide it.
    """
    small = width < _LEAST_WIDTH or height < _LEAST_HEIGHT
    top = [HEADER, STRIP] if (account or told) and not small else [HEADER]
    foot = [HINTS] if small else [STATUS, LOG, HINTS]
    if account and not small and not _has_room(width, height - len(top) - len(foot)):
        foot = [MINE, *foot]
    if timed:
        foot = [TIME, *foot]
    places = {name: Rectangle(0, at, width, 1) for at, name in enumerate(top)}
    for at, name in enumerate(foot):
        places[name] = Rectangle(0, height - len(foot) + at, width, 1)
    above = len(top)
    body = Rectangle(0, above, width, max(1, height - above - len(foot)))
    if zoomed:
        panes = {zoomed: body}
    elif small or body.width < (_LEAST_WITH_OWN if account else _LEAST_SHARED):
        panes = {LADDER: body}
    elif split is not None:
        panes = dict(split.places(body))
    else:
        panes = _panes(body, account=account)
    over = {panel: _over(body, panel, panes)} if panel else {}
    return places | panes | over


def _has_room(width: int, height: int) -> bool:
    """Whether there is room for more than ladder, queue and tape."""
    return width >= 110 and height >= 30


def _over(body: Rectangle, panel: str, panes: Arrangement) -> Rectangle:
    """Place a panel over the panes, at the right edge; the rows of the ladder stay where they are.

    A ticket and a question lie beside the ladder where they have room for their words, and end
    with the first pane below which they have room for their rows; a list may cover all.
    """
    width = {HELP: 78, TICKET: 36, PROMPT: 36, SESSIONS: 60, COMMAND: 70, JUMP: 30, CARD: 92}.get(
        panel, 44
    )
    room = body.width - panes.get(LADDER, body).width
    if panel in (TICKET, PROMPT) and room >= _LEAST_PANEL:
        width = max(_LEAST_PANEL, min(width, room))
    elif body.width < width + _LEAST_WIDTH - 20:
        return body
    place = body._replace(x=body.width - width, width=width)
    if panel not in (TICKET, PROMPT):
        return place
    under = [pane for pane in panes.values() if pane.x + pane.width > place.x]
    heights = sorted(pane.y + pane.height - body.y for pane in under)
    height = next((height for height in heights if height >= _LEAST_TICKET), body.height)
    return place._replace(height=height)


def _panes(body: Rectangle, *, account: bool) -> Arrangement:
    if body.width >= 170 and body.height >= 45:
        return _huge(body, account=account)
    if _has_room(body.width, body.height):
        return _large(body, account=account)
    right = max(30, min(58, body.width * 3 // 8))  # ladder, queue and tape, as at 80x24
    ladder, side = _columns(body, body.width - right)
    queue, tape = _rows(side, body.height // 2)
    return {LADDER: ladder, QUEUE: queue, TAPE: tape}


def _large(body: Rectangle, *, account: bool) -> Arrangement:
    """Place ladder, queue, tape, candles, and own orders or else the watchlist, at 120x40."""
    left, right = _columns(body, body.width * 11 // 20)
    ladder, chart = _rows(left, body.height * 7 // 10)
    queue, rest = _rows(right, body.height * 11 // 40)
    middle, last = _rows(rest, ladder.height - queue.height)
    tape, heat = _rows(middle, middle.height - _HEAT_ROWS)
    panes = {LADDER: ladder, CHART: chart, QUEUE: queue, TAPE: tape, HEAT: heat}
    return panes | {ORDERS if account else WATCH: last}


def _huge(body: Rectangle, *, account: bool) -> Arrangement:
    """Place every pane, as at 200x60."""
    upper, lower = _rows(body, body.height * 7 // 10)
    ladder, rest = _columns(upper, upper.width * 2 // 5)
    middle, right = _columns(rest, rest.width // 2)
    middle, level = _rows(middle, middle.height - 11)
    queue, seen = _rows(middle, middle.height * 11 // 20)
    right, flow = _rows(right, right.height - 8)
    tape, heat = _rows(right, right.height * 11 // 20)
    heat, alerts = _rows(heat, heat.height - _ALERT_ROWS)
    chart, rest = _columns(lower, lower.width // 2)
    account_panes = {}
    if account:
        upper, rest = _rows(rest, rest.height // 2)
        account_panes[ORDERS], upper = _columns(upper, upper.width * 3 // 5)
        account_panes[BALANCES], account_panes[FILLS] = _rows(upper, upper.height // 2)
    depth, watch = _columns(rest, rest.width * 9 // 20)
    return account_panes | {
        LADDER: ladder,
        QUEUE: queue,
        TAPE: tape,
        ALERTS: alerts,
        CHART: chart,
        FLOW: flow,
        SEEN: seen,
        HEAT: heat,
        LEVEL: level,
        DEPTH: depth,
        WATCH: watch,
    }


def _columns(place: Rectangle, left: int) -> tuple[Rectangle, Rectangle]:
    return (
        place._replace(width=left),
        place._replace(x=place.x + left, width=place.width - left),
    )


def _rows(place: Rectangle, upper: int) -> tuple[Rectangle, Rectangle]:
    return (
        place._replace(height=upper),
        place._replace(y=place.y + upper, height=place.height - upper),
    )
