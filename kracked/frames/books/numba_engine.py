"""The choice between the kernel in plain Python and compiled by numba, and their columns.

numba is an optional extra and takes seconds to load, so nothing here imports it before it is
asked for by name, or a table is so long that it pays.
"""

from __future__ import annotations

import importlib
import importlib.util
from bisect import bisect_left
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kracked.errors import ConfigError, says
from kracked.frames.books import order_kernel
from kracked.frames.books.order_kernel import Cells

Engine = Literal["auto", "plain", "numba"]

_WORTH_ROWS = 1_000_000
"""Rows that take Python about as long as loading numba and the compiled code."""


@says("compiled replay needs numba: pip install numba")
class NeedsNumba(ConfigError):
    """Compiled replay was asked for, and numba is not installed."""


class Kernel(NamedTuple):
    """The functions of `order_kernel`, and the conversion of arrays into their columns."""

    cells: Callable[[NDArray[np.int64]], Cells]
    """Makes a column of an array of int64."""
    advance: Callable[..., tuple[int, int, Any, Any]]
    queued: Callable[..., int]


PLAIN = Kernel(lambda array: array.tolist(), order_kernel.advance, order_kernel.queued)


def kernel(engine: Engine, rows: int) -> Kernel:
    """Return the kernel for a table of so many rows.

    Raises:
        NeedsNumba: numba was asked for and is not installed.
        ConfigError: There is no such engine.
    """
    match engine:
        case "plain":
            return PLAIN
        case "numba":
            return _compiled_kernel()
        case "auto":
            installed = rows >= _WORTH_ROWS and importlib.util.find_spec("numba") is not None
            return _compiled_kernel() if installed else PLAIN
    raise ConfigError(f"no engine {engine}; choose one of auto, plain, numba")


@cache
def _compiled_kernel() -> Kernel:
    try:
        numba: Any = importlib.import_module("numba")
        extending: Any = importlib.import_module("numba.extending")
    except ImportError as error:
        raise NeedsNumba from error
    extending.overload(bisect_left, strict=False)(lambda side, level: _bisect_left)  # noqa: ARG005
    extending.register_jitable(order_kernel.cut)
    compiled = numba.njit(cache=True)
    return Kernel(
        lambda array: array, compiled(order_kernel.advance), compiled(order_kernel.queued)
    )


def _bisect_left(side: Any, level: int) -> int:
    """Replace `bisect.bisect_left`, which numba does not know."""
    low, high = 0, len(side)
    while low < high:
        middle = (low + high) // 2
        if side[middle] < level:
            low = middle + 1
        else:
            high = middle
    return low
