"""The help: pages of at most twenty rows, so that none is cut on a small terminal."""

from __future__ import annotations

from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.view.line import Line, Span, fit

_READING = (
    ("▸", "the cursor; the queue pane shows the orders at its price"),
    ("◂", "the price of the last trade"),
    ("• ◆", "a large level or trade: 3 and 8 times the usual"),
    ("BGHT SOLD", "what takers bought or sold at a price since we watch"),
    ("ahead", "quantity that fills before this order does"),
    ("▸64211.5 3lv", "a sweep: its last price, and how many levels it took"),
    ("MINE B.15 q4", "own orders here: buy 0.15, fourth in the queue"),
    ("⟳58s", "the dead-man's switch: all orders go in 58 s unless it is renewed"),
    ("crc✓", "every update's checksum matched so far"),
    ("● LIVE", "data is fresh and verified"),
    ("○ STALE", "nothing heard for five seconds: prices are grey, and history"),
    ("○ RESYNC", "a checksum failed; a new snapshot is on its way"),
    ("○ RECONNECTING", "no connection; we keep trying"),
)

_DIGITS = ("pane-", "size-")


def pages(table: tuple[Key, ...], rows: int) -> list[list[tuple[str, str]]]:
    """(key, words) rows; a row without a key is a heading. No page is longer than `rows`."""
    rows = max(3, rows)
    found: list[list[tuple[str, str]]] = []
    for group in keys.GROUPS:
        entries = [(keys.shown(key.keys), key.help) for key in _without_digits(table, group)]
        found += _paged(group, entries, rows)
    return found + _paged("Reading the screen", list(_READING), rows)


def _without_digits(table: tuple[Key, ...], group: str) -> list[Key]:
    """Keys of a row of digits are one line of help."""
    kept = [key for key in table if key.group == group and not key.id.startswith(_DIGITS)]
    ids = {key.id for key in table if key.group == group}
    if "pane-1" in ids:
        kept.append(Key("pane", "1..9,0,$", "", "", "Go to the pane of that number", group))
    if "size-1" in ids:
        words = "One of the five sizes; in the ladder too while ARMED"
        kept.append(Key("size", "1..5", "", "", words, group))
    return kept


def _paged(heading: str, entries: list[tuple[str, str]], rows: int) -> list[list[tuple[str, str]]]:
    room = rows - 1
    return [
        [("", heading), *entries[start : start + room]] for start in range(0, len(entries), room)
    ]


def help_lines(page: list[tuple[str, str]], width: int) -> list[Line]:
    lines = []
    for key, words in page:
        if key:
            lines.append(Line(fit([Span(f"  {key:<16} ", "key"), Span(words)], width)))
        else:
            lines.append(Line(fit([Span(f" {words}", "header")], width)))
    return lines
