"""The compiled books, when they are built: `KRACKED_ENGINE` chooses between them and Python's.

Both give the same answers. `docs/native.md` tells how they are built and tested.
"""

from __future__ import annotations

import os
from enum import StrEnum
from importlib import import_module
from types import ModuleType

from kracked.errors import ConfigError, says

VARIABLE = "KRACKED_ENGINE"
_INTERFACE = 2
"""What `INTERFACE` of the compiled module must be; else it was built for another version."""


class Engine(StrEnum):
    """A wish for an engine."""

    AUTO = "auto"
    PYTHON = "python"
    NATIVE = "native"


@says(f"{VARIABLE} is {{value!r}}, and can be auto (compiled where it is built), python or native")
class UnknownEngine(ConfigError):
    """An engine that there is not."""

    value: str


@says(
    f"{VARIABLE} asks for the compiled books, and they are not built, or for another version of "
    "kracked: install it with a C compiler at hand, or set the variable to auto"
)
class NotBuilt(ConfigError):
    """The compiled books were asked for, and this installation has none."""


def load() -> ModuleType | None:
    """Return the compiled module that `KRACKED_ENGINE` asks for; None for Python's books.

    Raises:
        UnknownEngine: The variable has another value than auto, python or native.
        NotBuilt: It says native, and the module is not built for this version.
    """
    value = os.environ.get(VARIABLE, "").strip().lower() or Engine.AUTO
    if value not in tuple(Engine):
        raise UnknownEngine(value)
    if value == Engine.PYTHON:
        return None
    try:
        module = import_module("kracked._native.engine")
    except ImportError:
        module = None
    if getattr(module, "INTERFACE", 0) == _INTERFACE:
        return module
    if value == Engine.NATIVE:
        raise NotBuilt
    return None
