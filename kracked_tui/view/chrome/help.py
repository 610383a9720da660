"""The help in pages as full as the screen; no word is cut on a small one. Pure."""

from __future__ import annotations

from kracked_tui import keys
from kracked_tui.keys import Key
from kracked_tui.view.chrome.pane_help import PANES
from kracked_tui.view.line import Line, Span, fit
from kracked_tui.view.words import wrapped

_READING = (
    ("▸", "the cursor; the queue pane shows the orders at its price"),
    ("◂", "the price of the last trade"),
    ("▲ ▼", "the last trade was higher, or lower, than the one before"),
    ("• ◆", "a large level: larger than 99 and 99.8 % of those of the last minutes"),
    ("SOLD BOUGHT", "bought or sold by takers at a price since the start"),
    ("1m… 5m…", "a window of time that has been watched only in part"),
    ("ahead", "quantity that fills before this order does"),
    ("▸64211.5 3 levels", "a sweep: its last price, and how many levels it took"),
    ("MINE B.15 q4", "own orders here: buy 0.15, fourth in the queue of its price"),
    ("q4 …1.5 ·q4", "its price ends in 1.5; the dot: it is not the row's price"),
    ("±30s +1.2 -0.4", "stacked (new) less pulled (cancelled) in 30 s, fills apart"),
    ("= ~", "eaten and put back; put up and pulled again and again"),
    ("h =", "refilled hidden size, or absorption, seen at this price within the last minute"),
    ("W", "a very large order that has stood for a minute, within 25 basis points of the mid"),
    ("» h × =", "on the chart: a sweep, hidden size, a pulled wall, absorption"),
    ("Δ", "below the candles: takers bought less sold, summed up; a dot: not all seen"),
    ("P ┌ └ w", "most volume of the session, its value area (70 %), average price"),
    ("◇ ×", "average price of the session's position, and its break-even"),
    ("switch 58s", "the dead-man's switch cancels all orders in 58 s unless renewed"),
    ("verified", "every update's checksum matched so far"),
    ("● LIVE", "data is fresh and verified"),
    ("○ STALE", "no message for five seconds: prices are grey and old"),
    ("○ RESYNC", "a checksum failed; a new snapshot is on its way"),
    ("○ RECONNECTING", "no connection; the monitor keeps trying"),
)

_DIGITS = ("pane-", "size-")
_COLUMN = 16
"""Width of the keys where there is room; else the group's longest sets it."""
_ROOMY = 60
Row = tuple[str, str]


def pages(
    table: tuple[Key, ...], rows: int, width: int, *, word: str = "", pane: str = ""
) -> list[list[Row]]:
    """Divide the help into pages of (key, words) rows; groups that fit share a page.

    A row without a key is a heading, or separates two groups.

    Args:
        table: The keys of the screen.
        rows: Rows of the longest page.
        width: Cells of the longest row.
        word: Only entries with this word; empty for all.
        pane: The pane whose help comes first; empty for none.
    """
    rows = max(3, rows)
    groups = [(group, _entries(table, group, word)) for group in keys.GROUPS]
    groups.append(("Reading the screen", _having(word, list(_READING))))
    if word:
        if not any(entries for _, entries in groups):
            return [[("", f"Nothing in the help has {word!r}.")]]
    elif pane in PANES:
        shown, group, ids = PANES[pane]
        own = [(keys.shown(key.keys), key.help) for key in table if key.id in ids]
        groups.insert(0, ("This pane", [*(("", each) for each in shown), *own]))
        first = [one for one in groups if one[0] == group]
        groups = [groups[0], *first, *(one for one in groups[1:] if one[0] != group)]
    found: list[list[Row]] = []
    for heading, entries in groups:
        if not entries:
            continue
        body = _body(entries, width)
        if found and len(found[-1]) + 2 + len(body) <= rows:
            found[-1] += [("", ""), ("", heading), *body]
        else:
            room = rows - 1
            parts = [body[start : start + room] for start in range(0, len(body), room)]
            found += [[("", heading), *part] for part in parts]
    return found


def _having(word: str, entries: list[Row]) -> list[Row]:
    """Return the entries with a word in their key or their text."""
    return [row for row in entries if word.lower() in f"{row[0]} {row[1]}".lower()]


def _entries(table: tuple[Key, ...], group: str, word: str) -> list[Row]:
    """Return the keys of a group with a word in their name, key or help; all for an empty one.

    Those of a row of digits are one line of help.
    """
    ids = {key.id for key in table if key.group == group}
    found = [
        (keys.shown(key.keys), key.help)
        for key in table
        if key.group == group
        and not key.id.startswith(_DIGITS)
        and _having(
            word, [(f"{key.id} {key.id.replace('-', ' ')} {keys.shown(key.keys)}", key.help)]
        )
    ]
    digits: list[Row] = []
    if "pane-1" in ids:
        digits.append((keys.shown("1..9,0,$"), "Go to the pane of that number"))
    if "size-1" in ids:
        digits.append(("1..5", "One of the five sizes; in the ladder too while ARMED"))
    return found + _having(word, digits)


def _body(entries: list[Row], width: int) -> list[Row]:
    """Put the entries in columns; words that need more than a row go on in the next."""
    column = _COLUMN if width >= _ROOMY else max(len(key) for key, _ in entries)
    column = column if any(key for key, _ in entries) else 0
    found: list[Row] = []
    for key, words in entries:
        parts = wrapped(words, max(1, width - column - 3))
        for name, part in zip((key, *[""] * len(parts)), parts, strict=False):
            found.append((f"  {name:<{column}} ", part))
    return found


def help_lines(page: list[Row], width: int) -> list[Line]:
    """Draw a page."""
    lines = []
    for key, words in page:
        if key:
            lines.append(Line(fit([Span(key, "key"), Span(words)], width)))
        else:
            lines.append(Line(fit([Span(f" {words}", "header")], width)))
    return lines
