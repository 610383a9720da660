"""Unexpected errors are shown and written to the log file, and the monitor goes on.

Own orders may be open. A program that ends by itself over a defect leaves nobody to see them
and no key to cancel them, so an error of a key, of a feed's event or of a background task ends
that alone. Frames and the source are the exception: a screen that is not drawn any more would
pass old prices off as today's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from kracked.errors import KrackedError

log = logging.getLogger(__name__)

Tell = Callable[[str, str], None]
"""Writes an entry to the log on the screen: the text and its role."""


async def reporting_errors(work: Awaitable[object], tell: Tell, consequence: str) -> None:
    """Await the work, and report the error it ends with.

    Args:
        work: What to await.
        tell: Writes to the log on the screen.
        consequence: What the error means to the user.
    """
    try:
        await work
    except Exception as error:  # the edge of what can be foreseen
        report_error(error, tell, consequence)


def report_error(error: Exception, tell: Tell, consequence: str) -> None:
    """Show the error on the screen, and write its traceback to the log file."""
    log.error("failed", exc_info=error, extra={"consequence": consequence})
    tell(f"{consequence}: {error_text(error)}", "warn")


def error_text(error: BaseException) -> str:
    """Return ``unexpected KeyError: 'price'``, or the sentence of an error of ours.

    A group is described by its first error.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, KrackedError | OSError):
        return str(error)
    return f"unexpected {type(error).__name__}: {error}".rstrip(": ")
