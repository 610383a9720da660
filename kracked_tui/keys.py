"""Every key of the monitor in one table: what it is called, what it does, what help says.

Knows no toolkit, so that `kracked-tui keys` prints the map without loading one. A key can
be given to another action by its id in the `[keys]` table of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Key(NamedTuple):
    """One action. `keys` in the toolkit's names, comma between alternatives."""

    id: str
    keys: str
    action: str
    """The screen's, unless it says whose: ``app.`` or ``focused.``, the widget with the focus."""
    short: str
    """For the hints at the foot; empty keeps it out of them."""
    help: str
    group: str


EVERYWHERE, LADDER, LISTS, CHART = "Everywhere", "Ladder", "Panes and lists", "Tape and chart"
TRADING, TICKET, REPLAY = "Trading", "Order ticket", "Replay"
GROUPS = (EVERYWHERE, REPLAY, LADDER, LISTS, CHART, TRADING, TICKET)
PANE_KEYS = (*"1234567890", "$")
"""What goes to each pane, in the order of their numbers."""

_KEY_NAMES = {"$": "dollar_sign"}

KEYS = (
    Key("help", "question_mark,f1", "help", "help", "Show these pages, or hide them", EVERYWHERE),
    Key("pair", "slash", "pick", "pair", "Find a pair by typing a part of its name", EVERYWHERE),
    Key("recentre", "c", "recentre", "centre", "Bring the market back to the middle", LADDER),
    Key("hold", "space", "hold", "hold", "Hold the price rows still, or let them go", LADDER),
    Key("coarser", "plus,equals_sign", "group(1)", "+/- group", "Coarser price groups", LADDER),
    Key("finer", "minus", "group(-1)", "", "Finer price groups", LADDER),
    Key("later", "right_square_bracket", "timeframe(1)", "[ ] frame", "Longer candles", CHART),
    Key("sooner", "left_square_bracket", "timeframe(-1)", "", "Shorter candles", CHART),
    Key("filter", "f", "filter(1)", "size", "Hide small trades: next size", CHART),
    Key("filter-off", "F", "filter(0)", "", "Show trades of every size", CHART),
    Key("next-pane", "tab", "pane(1)", "pane", "Go to the next pane", LISTS),
    Key("previous-pane", "shift+tab", "pane(-1)", "", "Go to the previous pane", LISTS),
    Key("zoom", "z", "zoom", "zoom", "Give this pane the whole screen, or take it back", LISTS),
    Key("next-pair", "w", "watch(1)", "next pair", "Show the next watched symbol", EVERYWHERE),
    Key("previous-pair", "W", "watch(-1)", "", "Show the previous one", EVERYWHERE),
    Key("reset-traded", "r", "reset_traded", "", "Clear the sold and bought columns", LADDER),
    Key("up", "up,k", "move(1)", "", "Cursor up by one row", LISTS),
    Key("down", "down,j", "move(-1)", "", "Cursor down by one row", LISTS),
    Key("page-up", "pageup,ctrl+u", "move(10)", "", "Cursor up by ten rows", LISTS),
    Key("page-down", "pagedown,ctrl+d", "move(-10)", "", "Cursor down by ten rows", LISTS),
    Key("first", "home", "edge(1)", "", "To the top of the pane", LISTS),
    Key("last", "end,G", "edge(-1)", "", "To the bottom of the pane", LISTS),
    Key("open", "enter", "open", "", "Open what is under the cursor", LISTS),
    *(
        Key(f"pane-{name}", _KEY_NAMES.get(name, name), f"go({n})", "", f"Go to pane {n}", LISTS)
        for n, name in enumerate(PANE_KEYS, 1)
    ),
    Key("copy", "y", "copy", "", "Copy the row under the cursor", LISTS),
    Key("theme", "T", "app.theme", "", "Next colours", EVERYWHERE),
    Key(
        "palette",
        "ctrl+p,colon",
        "app.command_palette",
        "commands",
        "Every action by name",
        EVERYWHERE,
    ),
    Key("sessions", "P", "sessions", "replay", "Replay a recorded session", EVERYWHERE),
    Key("record", "R", "app.record", "record", "Start recording, or stop", EVERYWHERE),
    Key("back", "escape", "back", "", "Close what is open, undo the zoom", EVERYWHERE),
    Key("quit", "ctrl+q", "app.quit", "quit", "Leave", EVERYWHERE),
    Key("buy", "b", "ticket('bid')", "b/s ticket", "Buy ticket at the cursor's price", TRADING),
    Key("sell", "s", "ticket('ask')", "", "Sell ticket at the cursor's price", TRADING),
    Key("arm", "A", "arm", "arm", "Arm: keys may send orders; or disarm", TRADING),
    Key("join-bid", "B", "join('bid')", "", "Join the best bid, post-only, at once", TRADING),
    Key("join-ask", "S", "join('ask')", "", "Join the best ask, post-only, at once", TRADING),
    Key("amend", "e", "amend", "amend", "Amend the selected order", TRADING),
    Key("cancel", "x", "cancel", "cancel", "Cancel the selected order", TRADING),
    Key("cancel-pair", "X", "cancel_pair", "", "Cancel this pair's bids, asks or all", TRADING),
    Key("cancel-all", "ctrl+x", "cancel_all", "", "Cancel everything on the account", TRADING),
    Key("panic", "K", "panic", "PANIC", "Cancel this pair at once, and disarm", TRADING),
    Key("preview", "enter", "focused.preview", "", "Preview the order", TICKET),
    Key("send", "y", "send", "", "Send what the preview shows", TICKET),
    Key("revise", "n", "back", "", "Back to the ticket, or out of it", TICKET),
    Key("price-up", "up", "focused.step(1)", "", "Price up by a tick", TICKET),
    Key("price-down", "down", "focused.step(-1)", "", "Price down by a tick", TICKET),
    Key("price-up-10", "shift+up,pageup", "focused.step(10)", "", "Price up by ten ticks", TICKET),
    Key(
        "price-down-10", "shift+down,pagedown", "focused.step(-10)", "", "Down by ten ticks", TICKET
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
    Key("to-buy", "b", "focused.side('bid')", "", "Make it a purchase", TICKET),
    Key("to-sell", "s", "focused.side('ask')", "", "Make it a sale", TICKET),
    Key("type", "t", "focused.order_type(1)", "", "Next order type", TICKET),
    Key("type-back", "T", "focused.order_type(-1)", "", "Previous order type", TICKET),
    Key("post-only", "o", "focused.post_only", "", "Post-only on or off", TICKET),
    Key("in-force", "f", "focused.in_force", "", "Next time in force", TICKET),
    Key(
        "second-price",
        "tab",
        "focused.second_price",
        "",
        "Trigger or limit under the arrows",
        TICKET,
    ),
    Key("type-price", "p", "enter('price')", "", "Type the price", TICKET),
    Key("type-quantity", "q", "enter('quantity')", "", "Type the quantity", TICKET),
    Key("type-display", "d", "enter('display')", "", "Type what an iceberg shows", TICKET),
    Key("type-expiry", "u", "enter('expiry')", "", "Type how long it is good", TICKET),
    Key("waive", "w", "focused.waive", "", "Overrule a doubt of the preview: it is meant", TICKET),
)
"""All of them. Those of the groups in `MONEY` exist only where orders may be sent."""

MONEY = (TRADING, TICKET)

TRANSPORT = (
    Key("play", "space", "play", "play", "Play, or pause", REPLAY),
    Key("step-on", "full_stop", "step(1)", ", . step", "One order event on", REPLAY),
    Key("step-back", "comma", "step(-1)", "", "One order event back", REPLAY),
    Key("ahead", "greater_than_sign", "shift(10)", "< > 10s", "Ten seconds on", REPLAY),
    Key("rewind", "less_than_sign", "shift(-10)", "", "Ten seconds back", REPLAY),
    Key("far-ahead", "right_curly_bracket", "shift(60)", "{ } 1m", "One minute on", REPLAY),
    Key("far-back", "left_curly_bracket", "shift(-60)", "", "One minute back", REPLAY),
    Key("faster", "right_parenthesis", "speed(1)", "( ) speed", "Faster", REPLAY),
    Key("slower", "left_parenthesis", "speed(-1)", "", "Slower: 0.1x, 1x, 10x, max", REPLAY),
    Key("jump", "t", "jump", "time", "Go to a time of day, or to a date with one", REPLAY),
)
"""What only a replay has; the space bar is then no longer the ladder's."""
_MOVED = {"hold": "h"}
CHANGED = frozenset((*(key.id for key in TRANSPORT), *_MOVED))
"""Ids of the keys that differ on a recording."""

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
    "space": "space",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "escape": "esc",
}


def shown(keys: str) -> str:
    """The keys as a person names them: ``ctrl+p :``."""
    names = (_NAMES.get(key, key) for key in keys.split(","))
    return " ".join(name.replace("ctrl+", "^") for name in names)


def first_shown(keys: str) -> str:
    return shown(keys.split(",", maxsplit=1)[0])


def active(
    changes: Mapping[str, str], *, money: bool = True, replay: bool = False
) -> tuple[Key, ...]:
    """The table with the configuration's changes, without the keys there is no use for.

    Without `money` none that moves any; those of a recording only on a `replay`.
    """
    moved = {**(_MOVED if replay else {}), **changes}
    return tuple(
        key._replace(keys=moved.get(key.id, key.keys))
        for key in (*KEYS[:1], *(TRANSPORT if replay else ()), *KEYS[1:])
        if money or key.group not in MONEY
    )


def of_replay() -> tuple[Key, ...]:
    """The keys of a recording, as they are unless the configuration says otherwise."""
    return active({}, money=False, replay=True)


def clashes(table: tuple[Key, ...]) -> list[str]:
    """Keys that were given to two actions, in words. Those of the ticket work in it alone."""
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
    """The map as `kracked-tui keys` prints it; those of a replay work there alone."""
    table, replay = active(changes), active(changes, money=False, replay=True)
    shown_rows = (*table, *(key for key in replay if key.group == REPLAY))
    wide = max(len(shown(key.keys)) for key in shown_rows)
    lines = []
    for group in GROUPS:
        lines.append(group)
        lines += [
            f"  {shown(key.keys):<{wide}}  {key.id:<16} {key.help}"
            for key in shown_rows
            if key.group == group
        ]
    lines += [f"clash: {clash}" for clash in (*clashes(table), *clashes(replay))]
    return "\n".join(lines)
