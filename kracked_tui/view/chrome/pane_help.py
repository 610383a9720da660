"""What each pane shows, and what it cannot show: the first page of its help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kracked_tui.keys import CHART, EVERYWHERE, LADDER, LISTS, TRADING


class PaneHelp(NamedTuple):
    """The help of one pane."""

    sentences: tuple[str, ...]
    group: str
    """The group of keys that come next."""
    keys: tuple[str, ...] = ()
    """Ids of the keys that act on this pane and stand in another group."""


PANES: Mapping[str, PaneHelp] = {
    "ladder": PaneHelp(
        (
            "Bids on the left, asks on the right of their prices; bars compare the quantities.",
            "Sold and bought are what takers traded at a price since the start.",
            (
                "Beside a price: P the price traded most, ┌ └ the ends of the value area, w the "
                "VWAP, h hidden size seen, = absorption, W a wall, ◇ your average, × break-even."
            ),
            "Hidden quantities and orders on their way to the exchange cannot be seen.",
        ),
        LADDER,
    ),
    "queue": PaneHelp(
        (
            "The orders at the ladder's cursor, the first to fill on top: level 3, with a key.",
            "Ahead is what fills before an order at its price; front is nothing; YOU is yours.",
            (
                "new came seconds ago, moved was amended and lost its place, part is filled in "
                "part, refill 3 is an iceberg's third slice; beside it is its size over its life."
            ),
        ),
        LADDER,
        ("follow",),
    ),
    "tape": PaneHelp(
        (
            "A row for each order of a taker, newest on top; one of several levels is a sweep.",
            "An exclamation mark says that trades before it never came.",
        ),
        CHART,
    ),
    "chart": PaneHelp(
        (
            "Candles of the exchange, or made here of trades where it makes none.",
            "The dotted line is the VWAP of the day (UTC), as far as it is known.",
            "Broken lines are own orders, arrows own fills.",
        ),
        CHART,
    ),
    "flow": PaneHelp(
        ("What takers bought and sold over windows of time, and the difference.",), CHART
    ),
    "level": PaneHelp(
        ("Age and size of the orders at the ladder's cursor: one old wall, or many new orders.",),
        LADDER,
    ),
    "depth": PaneHelp(("The quantity from the best price outwards, summed up.",), LADDER),
    "watch": PaneHelp(
        (
            "Every pair that is watched; enter or a click shows one.",
            "Leans is the bid's share of the quantity at the best prices minus the ask's.",
        ),
        LISTS,
        ("sort", "open"),
    ),
    "orders": PaneHelp(("Own working orders of every pair, with their places.",), TRADING),
    "fills": PaneHelp(
        (
            "Own fills, newest first; enter shows one in full, and what all were worth.",
            "Waited: since the exchange took the order. Place: where it joined, and at the fill.",
            "1 s, 10 s, 60 s: the mid then against the price, in basis points; positive is good.",
            "It is what was earned at the fill, and what the mid drifted after it.",
            "A dash: the book was not watched, or was lost in between.",
        ),
        LISTS,
        ("open", "copy"),
    ),
    "balances": PaneHelp(
        (
            "What is on the account, what open orders hold, and what is free.",
            "What it is worth is by the last prices of the pairs watched; others have no price.",
        ),
        LISTS,
    ),
    "seen": PaneHelp(
        (
            "What the detectors saw, newest first; enter shows the events that one rests on.",
            "Certain: it follows from the rules of the feed. Likely: trades and orders agree.",
            "May be chance: a pattern, which other causes make too. It never says why.",
            "Orders beyond the depth watched, or on their way, cannot be seen.",
            "On the ladder: h hidden size, = absorption of the last minute, W a wall that stands.",
        ),
        LISTS,
        ("filter", "filter-off", "open", "copy"),
    ),
    "heat": PaneHelp(
        (
            "What rested at each price over time, the newest right: the brighter the more.",
            "A cell is two prices high. Its colour is the mean over its time, not the last value.",
            "─ the last price, • a large taker, ' far more than the mean for a moment.",
            "Dots: not known there, because out of view, or the book was lost.",
        ),
        CHART,
        ("recentre",),
    ),
    "log-list": PaneHelp(
        ("Everything that was told, newest first; the foot of the screen shows the latest.",),
        LISTS,
    ),
    "health": PaneHelp(
        (
            "Every counter of the feed, and its connections.",
            "A failed checksum costs a book its trust until a fresh snapshot is verified.",
        ),
        EVERYWHERE,
    ),
    "alerts": PaneHelp(
        (
            "What is waited for, whether it is evaluated now, and what was told.",
            "Each is told once, also after a restart, and between two frames: at the foot, by the",
            "bell, on the desktop or by a command, as [alerts] of the configuration says.",
            "alert 64250, alert taker 5, alert queue 1, alert ETH/USD sweep, alert all data stale;",
            "alert remove 2 takes the second away. Prices that crossed in a gap are told late.",
        ),
        LISTS,
        ("alert", "remove-alert"),
    ),
    "recorder": PaneHelp(("The recording in progress, and what it is worth so far.",), EVERYWHERE),
}
