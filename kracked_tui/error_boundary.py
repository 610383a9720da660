"""Errors that nobody foresaw: said and written down, and the monitor goes on.

Own orders may be open. A program that ends by itself over a defect leaves nobody to see
them and no key to cancel them, so what a key, a feed's event or a background task runs
into stays that one thing's end. Not so for the frames and the source: a screen that draws
no more would pass old prices off as today's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from kracked.errors import KrackedError

log = logging.getLogger(__name__)

Tell = Callable[[str, str], None]


async def endured(work: Awaitable[object], tell: Tell, meanwhile: str) -> None:
    """Await it; `meanwhile` says what to make of it when it fails."""
    try:
        await work
    except Exception as error:  # the edge of what can be foreseen
        told(error, tell, meanwhile)


def told(error: Exception, tell: Tell, meanwhile: str) -> None:
    """Say it on the screen, and write down where it came from."""
    log.error("failed", exc_info=error, extra={"meanwhile": meanwhile})
    tell(f"{meanwhile}: {words(error)}", "warn")


def words(error: BaseException) -> str:
    """``unforeseen KeyError: 'price'``, or what our own errors say; of several the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, KrackedError | OSError):
        return str(error)
    return f"unforeseen {type(error).__name__}: {error}".rstrip(": ")
