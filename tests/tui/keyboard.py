"""Keys as the driver of a terminal hands them over: no wait before the next one."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable

from textual import events
from textual.keys import _character_to_key, _get_key_aliases, _get_unicode_name_from_key

from kracked_tui.app import Monitor

_TURNS = 2_000


def key_event(name: str) -> events.Key:
    """Return the event of a key by the toolkit's name, or of a character."""
    assert _get_key_aliases(name)
    if len(name) == 1:
        return events.Key(_character_to_key(name), name)
    try:
        character: str | None = unicodedata.lookup(_get_unicode_name_from_key(name))
    except KeyError:
        character = None
    return events.Key(name, character)


def tap(monitor: Monitor, *names: str) -> None:
    """Press keys, one right after the other."""
    for name in names:
        monitor.post_message(key_event(name))


async def soon(so: Callable[[], object]) -> bool:
    """Let the loop turn a while. Returns whether the condition came true."""
    for _ in range(_TURNS):
        if so():
            return True
        await asyncio.sleep(0)
    return False
