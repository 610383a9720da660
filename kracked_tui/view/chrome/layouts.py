"""The named layouts: what shares the screen with the ladder, as nested splits. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kracked_tui.view.chrome.layout import (
    ALERTS,
    BALANCES,
    CHART,
    DEPTH,
    FILLS,
    FLOW,
    HEALTH,
    HEAT,
    LADDER,
    LEVEL,
    LOG_LIST,
    ORDERS,
    QUEUE,
    RECORDER,
    SEEN,
    TAPE,
    WATCH,
    Split,
)


def _beside(*parts: tuple[int, str | Split]) -> Split:
    return Split(True, parts)


def _stacked(*parts: tuple[int, str | Split]) -> Split:
    return Split(False, parts)


STANDARD = "standard"
"""The layout that depends on the size alone."""
SPLITS: Mapping[str, Split] = {
    "chart": _beside(
        (9, LADDER), (11, _stacked((6, CHART), (3, _beside((1, TAPE), (1, QUEUE))), (2, WATCH)))
    ),
    "tape": _beside((10, LADDER), (8, _stacked((7, TAPE), (3, FLOW), (4, CHART)))),
    "queue": _beside((9, LADDER), (9, _stacked((5, QUEUE), (4, LEVEL), (4, DEPTH)))),
    "account": _beside(
        (9, LADDER), (10, _stacked((4, ORDERS), (4, FILLS), (3, BALANCES), (3, QUEUE)))
    ),
    "seen": _beside((9, LADDER), (11, _stacked((5, SEEN), (5, HEAT), (4, TAPE), (3, QUEUE)))),
    "watch": _beside((9, _stacked((5, WATCH), (6, CHART))), (9, _stacked((7, LADDER), (3, TAPE)))),
    "health": _beside(
        (9, LADDER), (10, _stacked((6, HEALTH), (5, LOG_LIST), (4, RECORDER), (4, ALERTS)))
    ),
}
NAMES = (STANDARD, *SPLITS)
