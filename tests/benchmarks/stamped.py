"""The monitor with a stopwatch in it: notes when an order passes each station on its way out.

Started by `tests.benchmarks.orders` in place of `kracked_tui`. A line per station goes to
the file descriptor named in `STAMPS`: its name and `time.perf_counter_ns`, which all
processes of one machine share.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from textual import events
from textual.app import App

from kracked.orders.dispatch import Dispatch
from kracked.rest.request_executor import Signer
from kracked_tui.__main__ import main
from kracked_tui.trader.trader import Trader

STATIONS = ("key", "send", "prepared", "synced", "signed")
"""Key read by the toolkit, handed to the trader, checked and entered, on the disk, and signed,
which may have waited for a turn."""


def note(station: str) -> None:
    os.write(int(os.environ["STAMPS"]), f"{station} {time.perf_counter_ns()}\n".encode())


def before(owner: Any, name: str, station: str, so: Callable[..., bool] = lambda *_: True) -> None:
    """Notes the station when the method is called."""
    method = getattr(owner, name)

    @wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        if so(*given):
            note(station)
        return method(*given, **named)

    setattr(owner, name, called)


def after(owner: Any, name: str, station: str) -> None:
    """Notes the station when the method has returned."""
    method = getattr(owner, name)

    @wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        result = method(*given, **named)
        note(station)
        return result

    setattr(owner, name, called)


def after_awaiting(owner: Any, name: str, station: str) -> None:
    """The same for a coroutine."""
    method = getattr(owner, name)

    @wraps(method)
    async def called(*given: Any, **named: Any) -> Any:
        result = await method(*given, **named)
        note(station)
        return result

    setattr(owner, name, called)


def _is_key(_app: object, event: object) -> bool:
    return isinstance(event, events.Key)


if __name__ == "__main__":
    before(App, "on_event", "key", _is_key)
    before(Trader, "send", "send")
    after(Dispatch, "prepare", "prepared")
    after_awaiting(Dispatch, "_announce", "synced")
    after(Signer, "request", "signed")
    sys.exit(main())
