"""The time bar of a replay: its position, its speed, and the gaps of the recording. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kracked import times
from kracked.times import to_rfc3339
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit

_LEAST_BAR = 10
_DAY_NS = 86_400 * times.NS_PER_S


class TimeView(NamedTuple):
    """A recording and a position in it. Times are ns since the Unix epoch."""

    start: int = 0
    end: int = 0
    position: int = 0
    speed: str = "1x"
    playing: bool = False
    ended: bool = False
    seeking: bool = False
    """Whether it is on its way to another position."""
    gaps: Sequence[tuple[int, int]] = ()
    """Begin and end of each."""
    step: str = ""
    """The last order event stepped over, in words."""


def time_line(view: TimeView, width: int) -> Line:
    """Draw `▶ 10x  14:03:21.441 ━━━━●──░──  2m04 of 30m12  1 gap`.

    A step's words stand in place of the length and the gaps.
    """
    sign = "▶" if view.playing else "‖"
    if view.ended or view.seeking:
        sign = "»" if view.seeking else "■"
    left = [
        Span(f" {sign} ", "accent"),
        Span(f"{view.speed:<4}", "word"),
        Span(f" {fmt.moment(view.position, 3)} ", "bright"),
    ]
    passed, whole = view.position - view.start, view.end - view.start
    words = view.step or f"{fmt.age(passed)} of {fmt.age(whole)}"
    if not view.step and not fmt.recorded(view.position):
        words = f"{fmt.percent(passed, whole)}% of the messages"
    if view.gaps and not view.step:
        words += f"  {len(view.gaps)} gap{'' if len(view.gaps) == 1 else 's'}"
    right = [Span(f" {words} ", "word" if view.step else "dim")]
    room = width - sum(len(span.text) for span in (*left, *right))
    if room < _LEAST_BAR:
        return Line(fit((*left, *right), width))
    return Line((*left, *bar_spans(view, room), *right))


def bar_spans(view: TimeView, width: int) -> list[Span]:
    """Draw the whole recording as one row: the part before the position, and the gaps."""
    here = _column(view, view.position, width)
    cells = [("━" if at < here else "─", "accent" if at < here else "faint") for at in range(width)]
    for start, end in view.gaps:
        for at in range(_column(view, start, width), _column(view, end, width) + 1):
            cells[at] = ("░", "warn")
    cells[here] = ("●", "bright")
    spans: list[Span] = []
    for glyph, role in cells:
        if spans and spans[-1].role == role:
            spans[-1] = Span(spans[-1].text + glyph, role)
        else:
            spans.append(Span(glyph, role))
    return spans


def _column(view: TimeView, time: int, width: int) -> int:
    whole = max(1, view.end - view.start)
    return max(0, min(width - 1, (time - view.start) * (width - 1) // whole))


def time_at(view: TimeView, column: int, width: int) -> int | None:
    """Return the instant under a column of `time_line`; None beside the bar."""
    line = time_line(view, width)
    text = line.text
    marks = [at for at, glyph in enumerate(text) if glyph in "━─░●"]
    if not marks or not marks[0] <= column <= marks[-1]:
        return None
    return view.start + (view.end - view.start) * (column - marks[0]) // max(
        1, marks[-1] - marks[0]
    )


def instant_of(text: str, view: TimeView) -> int:
    """Read a whole instant, or a time of day: on the day that is nearest to the position.

    Raises:
        NotATime: The text is neither.
    """
    text = text.strip().upper().removesuffix("Z")
    if "T" in text or " " in text:
        return times.parse_ns(text + "Z")
    clock = text if text.count(":") > 1 else f"{text}:00"
    days = {to_rfc3339(at, 0)[:10] for at in range(view.start, view.end, _DAY_NS)}
    days.add(to_rfc3339(view.end, 0)[:10])
    found = [times.parse_ns(f"{day}T{clock}Z") for day in sorted(days)]
    reachable = [time for time in found if view.start <= time <= view.end]
    return int(min(reachable or found, key=lambda time: abs(time - view.position)))
