"""Every key of the monitor in one table: its id, its action, and its line of help.

It knows no toolkit, so that `kracked-tui keys` prints the keys without loading one. The
`[keys]` table of the configuration gives other keys to an action, by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Key(NamedTuple):
    """One action and its keys."""

    id: str
    keys: str
    """Alternatives in the toolkit's names, separated by commas."""
    action: str
    """An action of the screen, or of its owner: ``app.``, or ``focused.``, the focused widget."""
    short: str
    """The text of the hint at the foot; empty for no hint."""
    help: str
    group: str
    partner: str = ""
    """Id of the key that the hint shows beside this one: the other direction."""


EVERYWHERE, LADDER, LISTS, CHART = "Everywhere", "Ladder", "Panes and lists", "Tape and chart"
TRADING, TICKET, REPLAY = "Trading", "Order ticket", "Replay"
GROUPS = (EVERYWHERE, REPLAY, LADDER, LISTS, CHART, TRADING, TICKET)
PANE_KEYS = (*"1234567890", "$")
"""The key of each pane, in the order of their numbers; the panes after them have letters alone."""
_KEY_NAMES = {"$": "dollar_sign"}

KEYS = (
    Key("help", "question_mark", "help", "help", "Show these pages, or hide them", EVERYWHERE),
    Key("pane-help", "f1,I", "pane_help", "", "Help of the focused pane", EVERYWHERE),
    Key("pair", "slash", "pick", "pair", "Find a pair by typing a part of its name", EVERYWHERE),
    Key("recentre", "c", "recentre", "centre", "Bring the market back to the middle", LADDER),
    Key("hold", "space", "hold", "hold", "Hold the price rows still, or let them move", LADDER),
    Key(
        "coarser",
        "plus,equals_sign",
        "group(1)",
        "group",
        "Coarser price groups",
        LADDER,
        partner="finer",
    ),
    Key("finer", "minus", "group(-1)", "", "Finer price groups", LADDER),
    Key("columns", "v", "columns", "columns", "Next columns: traded, pulled, profile", LADDER),
    Key("longer-window", "right_curly_bracket", "window(1)", "", "Pulled: longer window", LADDER),
    Key("shorter-window", "left_curly_bracket", "window(-1)", "", "Pulled: shorter", LADDER),
    Key("hide-empty", "full_stop", "hide_empty", "", "Hide empty rows: rows then move", LADDER),
    Key("foot", "i", "foot", "", "Foot: sums, the cursor's row, cost to trade", LADDER),
    Key(
        "later",
        "right_square_bracket",
        "timeframe(1)",
        "candles",
        "Longer candles; Heat: longer columns",
        CHART,
        partner="sooner",
    ),
    Key("sooner", "left_square_bracket", "timeframe(-1)", "", "Shorter candles, or columns", CHART),
    Key("older", "left,h", "shift_time(-1)", "", "Older candles", CHART),
    Key("newer", "right,l", "shift_time(1)", "", "Newer candles", CHART),
    Key("filter", "f", "filter(1)", "size", "Tape: next least size; Seen: next kind", CHART),
    Key("filter-off", "F", "filter(0)", "", "Show trades of every size, or every kind", CHART),
    Key("units", "U", "units", "", "Tape: quantities in base currency, or in money", CHART),
    Key("next-pane", "tab", "pane(1)", "pane", "Go to the next pane", LISTS),
    Key("previous-pane", "shift+tab", "pane(-1)", "", "Go to the previous pane", LISTS),
    Key("zoom", "z", "zoom", "zoom", "Show this pane alone, or all panes again", LISTS),
    Key("jump", "g,ctrl+o", "jump_to", "", "Go to a pane by its letter; g again: top", LISTS),
    Key("remove-alert", "delete,backspace", "remove_alert", "", "Alerts: remove this one", LISTS),
    Key("layout", "backslash", "layout(1)", "", "Next layout", EVERYWHERE),
    Key("next-pair", "w", "watch(1)", "next pair", "Show the next watched symbol", EVERYWHERE),
    Key("previous-pair", "W", "watch(-1)", "", "Show the previous watched symbol", EVERYWHERE),
    Key("follow", "m", "follow", "", "Queue: follow orders of this size, or stop", LISTS),
    Key("sort", "o", "sort(1)", "", "Sort the watch list by the next column", LISTS),
    Key("reset-traded", "r", "reset_traded", "", "Clear traded: then a, u, d, or r undoes", LADDER),
    Key("clear-all", "a", "clear_traded('all')", "", "After r: clear all of it", LADDER),
    Key("clear-above", "u", "clear_traded('above')", "", "After r: above the best ask", LADDER),
    Key("clear-below", "d", "clear_traded('below')", "", "After r: below the best bid", LADDER),
    Key("up", "up,k", "move(1)", "", "Cursor up by one row", LISTS),
    Key("down", "down,j", "move(-1)", "", "Cursor down by one row", LISTS),
    Key("page-up", "pageup,ctrl+u", "move(10)", "", "Cursor up by ten rows", LISTS),
    Key("page-down", "pagedown,ctrl+d", "move(-10)", "", "Cursor down by ten rows", LISTS),
    Key("first", "home", "edge(1)", "", "Go to the top of the pane", LISTS),
    Key("last", "end,G", "edge(-1)", "", "Go to the bottom of the pane", LISTS),
    Key("open", "enter", "open", "", "Open what is under the cursor", LISTS),
    *(
        Key(f"pane-{name}", _KEY_NAMES.get(name, name), f"go({n})", "", f"Go to pane {n}", LISTS)
        for n, name in enumerate(PANE_KEYS, 1)
    ),
    Key("copy", "y", "copy", "", "Copy the row under the cursor", LISTS),
    Key("copy-csv", "Y", "copy_csv", "", "Copy the pane as CSV, with a header", LISTS),
    Key("theme", "T", "app.theme", "", "Next colour theme", EVERYWHERE),
    Key(
        "palette",
        "ctrl+p",
        "app.command_palette",
        "actions",
        "Find any action by its name",
        EVERYWHERE,
    ),
    Key("command", "colon", "command", "commands", "Type a command: pair ETH/USD", EVERYWHERE),
    Key(
        "alert", "exclamation_mark", "alert", "alert", "Price alert here, or the alerts", EVERYWHERE
    ),
    Key("sessions", "P", "sessions", "replay", "Replay a recorded session", EVERYWHERE),
    Key("past", "comma", "past", "past", "See the last minutes again; LIVE goes on", EVERYWHERE),
    Key("next-moment", "n", "moment(1)", "", "Next own fill, sighting, big cancel", EVERYWHERE),
    Key("last-moment", "N", "moment(-1)", "", "The one before: shows the past", EVERYWHERE),
    Key("bookmark", "M", "bookmark", "", "Bookmark this moment", EVERYWHERE),
    Key("bookmarks", "apostrophe", "bookmarks", "", "List bookmarks, go to one", EVERYWHERE),
    Key("paper", "p", "app.paper", "", "Paper money or the real account: starts anew", EVERYWHERE),
    Key("record", "R", "app.record", "record", "Start recording, or stop", EVERYWHERE),
    Key("back", "escape", "back", "", "Close what is open, or end the zoom", EVERYWHERE),
    Key("quit", "ctrl+q", "app.quit", "quit", "Quit", EVERYWHERE),
    Key(
        "buy",
        "b",
        "ticket('bid')",
        "ticket",
        "Buy ticket at the cursor's price",
        TRADING,
        partner="sell",
    ),
    Key("sell", "s", "ticket('ask')", "", "Sell ticket at the cursor's price", TRADING),
    Key("arm", "A", "arm", "arm", "Arm, so that keys send orders; or disarm", TRADING),
    Key("join-bid", "B", "join('bid')", "", "Join the best bid, post-only, at once", TRADING),
    Key("join-ask", "S", "join('ask')", "", "Join the best ask, post-only, at once", TRADING),
    Key("clicks", "C", "clicks", "", "Let clicks on the ladder prepare orders, or not", TRADING),
    Key("smaller", "less_than_sign", "size_by(-1)", "", "Smaller size of the next order", TRADING),
    Key("larger", "greater_than_sign", "size_by(1)", "", "Larger size of the next order", TRADING),
    Key("flatten", "Z", "exit(1)", "", "Cancel the pair, then leave the position", TRADING),
    Key("reverse", "ctrl+r", "exit(2)", "", "The same, and turn the position round", TRADING),
    Key("panic", "K", "panic", "PANIC", "Cancel this pair at once, and disarm", TRADING),
    Key("panic-all", "ctrl+k", "panic_all", "", "Cancel ALL pairs at once, and disarm", TRADING),
    Key("amend", "e", "amend", "amend", "Amend the selected order", TRADING),
    Key("cancel", "x", "cancel", "cancel", "Cancel the selected order", TRADING),
    Key("cancel-pair", "X", "cancel_pair", "", "Cancel this pair's bids, asks or all", TRADING),
    Key("cancel-all", "ctrl+x", "cancel_all", "", "Cancel everything on the account", TRADING),
    Key("preview", "enter", "focused.preview", "", "Preview the order", TICKET),
    Key("send", "y", "send", "", "Send what the preview shows", TICKET),
    Key("revise", "n", "back", "", "Back to the ticket, or out of it", TICKET),
    Key("read-on", "j,ctrl+d", "focused.read(1)", "", "Read on in a ticket that is cut", TICKET),
    Key("read-back", "k,ctrl+u", "focused.read(-1)", "", "Read back in it", TICKET),
    Key("price-up", "up", "focused.step(1)", "", "Price up by a tick", TICKET),
    Key("price-down", "down", "focused.step(-1)", "", "Price down by a tick", TICKET),
    Key("price-up-10", "shift+up,pageup", "focused.step(10)", "", "Price up by ten ticks", TICKET),
    Key(
        "price-down-10",
        "shift+down,pagedown",
        "focused.step(-10)",
        "",
        "Price down by ten ticks",
        TICKET,
    ),
    Key(
        "more",
        "right,plus,equals_sign",
        "focused.grow(1)",
        "",
        "Quantity up by the chosen size",
        TICKET,
    ),
    Key("less", "left,minus", "focused.grow(-1)", "", "Quantity down by the chosen size", TICKET),
    *(Key(f"size-{n}", str(n), f"size({n})", "", f"Size {n}", TICKET) for n in range(1, 6)),
    Key("to-buy", "b", "focused.side('bid')", "", "Make it a buy order", TICKET),
    Key("to-sell", "s", "focused.side('ask')", "", "Make it a sell order", TICKET),
    Key("type", "t", "focused.order_type(1)", "", "Next order type", TICKET),
    Key("type-back", "T", "focused.order_type(-1)", "", "Previous order type", TICKET),
    Key("post-only", "o", "focused.post_only", "", "Post-only on or off", TICKET),
    Key("in-force", "f", "focused.in_force", "", "Next time in force", TICKET),
    Key(
        "second-price",
        "tab",
        "focused.second_price",
        "",
        "Move the trigger or the limit with the arrows",
        TICKET,
    ),
    Key("type-price", "p", "enter('price')", "", "Type the price", TICKET),
    Key("type-quantity", "q", "enter('quantity')", "", "Type the quantity", TICKET),
    Key(
        "type-display",
        "d",
        "enter('display')",
        "",
        "Type the displayed quantity of an iceberg",
        TICKET,
    ),
    Key("type-expiry", "u", "enter('expiry')", "", "Type the expiry", TICKET),
    Key("waive", "w", "focused.waive", "", "Overrule a warning of the preview", TICKET),
)
"""The keys of a live monitor. Those of the groups in `MONEY` exist where orders may be sent."""

MONEY = (TRADING, TICKET)
_FIRST_HINTS = 4
"""Hints before those of keys that move money."""

REPLAY_KEYS = (
    Key("play", "space", "play", "play", "Play, or pause", REPLAY),
    Key(
        "step-on",
        "full_stop",
        "step(1)",
        "step",
        "One order event ahead",
        REPLAY,
        partner="step-back",
    ),
    Key("step-back", "comma", "step(-1)", "", "One order event back", REPLAY),
    Key(
        "ahead",
        "greater_than_sign",
        "shift(10)",
        "10 s",
        "Ten seconds ahead",
        REPLAY,
        partner="rewind",
    ),
    Key("rewind", "less_than_sign", "shift(-10)", "", "Ten seconds back", REPLAY),
    Key(
        "far-ahead",
        "right_curly_bracket",
        "shift(60)",
        "1 min",
        "One minute ahead",
        REPLAY,
        partner="far-back",
    ),
    Key("far-back", "left_curly_bracket", "shift(-60)", "", "One minute back", REPLAY),
    Key("faster", "right_parenthesis", "speed(1)", "speed", "Faster", REPLAY, partner="slower"),
    Key("slower", "left_parenthesis", "speed(-1)", "", "Slower: 0.1x, 1x, 10x, max", REPLAY),
    Key("jump", "t", "jump", "time", "Go to a time of day, or to a date and time", REPLAY),
)
"""The keys that only a replay has."""
PAST_KEYS = (Key("live", "q", "live", "LIVE", "Back to the session that goes on", REPLAY),)
"""The keys that only the past beside a session has, and a recording opened beside one."""
_REFUSED = "Refused while the past is shown"
_IN_PAST = {
    **dict.fromkeys(("buy", "sell", "join-bid", "join-ask", "flatten", "reverse"), _REFUSED),
    **dict.fromkeys(("amend", "cancel", "cancel-pair"), _REFUSED),
    "arm": "Disarm the session that goes on",
    "panic": "Cancel the pair of the session that goes on, and disarm",
    "panic-all": "Cancel ALL pairs of the session that goes on, and disarm",
    "cancel-all": "Cancel everything on the account; asks",
}
"""What the keys that move money do while the past is shown."""
_MOVED = {
    "hold": "h",
    "older": "left",
    "newer": "right",
    "longer-window": "l",
    "shorter-window": "L",
    "hide-empty": "H",
}
"""Keys of the monitor that a replay moves: there its own keys play, step and jump."""
CHANGED = frozenset((*(key.id for key in REPLAY_KEYS), *_MOVED))
"""Ids of the keys that differ in a replay."""
ONLY_IN_PAST = frozenset((*(key.id for key in PAST_KEYS), *_IN_PAST))
"""Ids of the keys that the past beside a session has besides those of a replay."""

_NAMES = {
    "question_mark": "?",
    "comma": ",",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "colon": ":",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "dollar_sign": "$",
    "exclamation_mark": "!",
    "delete": "del",
    "backslash": "\\",
    "apostrophe": "'",
    "space": "space",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "escape": "esc",
}


def shown(keys: str) -> str:
    """Write keys as people do: ``^p :`` for ``ctrl+p,colon``."""
    names = (_NAMES.get(key, key) for key in keys.split(","))
    return " ".join(name.replace("ctrl+", "^") for name in names)


def first_shown(keys: str) -> str:
    """Write the first of the alternatives."""
    return shown(keys.split(",", maxsplit=1)[0])


def active(
    changes: Mapping[str, str], *, money: bool = True, replay: bool = False, beside: bool = False
) -> tuple[Key, ...]:
    """Return the keys of a monitor.

    Args:
        changes: Keys of the configuration, by id.
        money: Whether there are keys that move money.
        replay: Whether there are the keys of a replay.
        beside: Whether the replay is shown beside a session that goes on.
    """
    moved = {**(_MOVED if replay else {}), **changes}
    of_time = (*(REPLAY_KEYS if replay else ()), *(PAST_KEYS if beside else ()))
    table = [
        key._replace(keys=moved.get(key.id, key.keys))
        for key in (*KEYS[:1], *of_time, *KEYS[1:])
        if (money or key.group not in MONEY) and not (replay and key.id == "past")
    ]
    if not beside:
        return tuple(table)
    return tuple(
        key._replace(help=_IN_PAST.get(key.id, key.help))
        for key in table
        if key.group not in MONEY or key.id in _IN_PAST
    )


def of_replay() -> tuple[Key, ...]:
    """Return the keys of a replay, without changes of the configuration."""
    return active({}, money=False, replay=True)


def of_past() -> tuple[Key, ...]:
    """Return the keys of the past beside a session, without changes of the configuration."""
    return active({}, replay=True, beside=True)


def hints(table: tuple[Key, ...]) -> tuple[tuple[Key, str], ...]:
    """Return the keys that have a hint, each with its text of keys: ``+/-`` for two directions.

    After the first few come the keys that move money, then the others.
    """
    by_id = {key.id: key for key in table}
    found = []
    for key in (each for each in table if each.short):
        partner = by_id.get(key.partner)
        names = {first_shown(each.keys) for each in (partner, key) if each is not None}
        found.append((key, "/".join(sorted(names))))
    looking = [one for one in found if one[0].group not in MONEY]
    money = [one for one in found if one[0].group in MONEY]
    return (*looking[:_FIRST_HINTS], *money, *looking[_FIRST_HINTS:])


def clashes(table: tuple[Key, ...]) -> list[str]:
    """Describe the keys that were given to two actions. Keys of the ticket work only in it."""
    owner: dict[tuple[bool, str], str] = {}
    found = []
    for key in table:
        for name in key.keys.split(","):
            place = (key.group == TICKET, name)
            if place in owner:
                found.append(f"{shown(name)}: {owner[place]} and {key.id}")
            owner[place] = key.id
    return found


def listing(changes: Mapping[str, str]) -> str:
    """Return the text that `kracked-tui keys` prints; keys of a replay work only in one."""
    table, past = active(changes), active(changes, replay=True, beside=True)
    shown_rows = (*table, *(key for key in past if key.group == REPLAY))
    wide = max(len(shown(key.keys)) for key in shown_rows)
    lines = []
    for group in GROUPS:
        lines.append(group)
        lines += [
            f"  {shown(key.keys):<{wide}}  {key.id:<16} {key.help}"
            for key in shown_rows
            if key.group == group
        ]
    lines += [f"clash: {clash}" for clash in dict.fromkeys((*clashes(table), *clashes(past)))]
    return "\n".join(lines)
