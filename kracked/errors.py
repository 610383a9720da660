"""The exceptions kracked raises, arranged by what the reader can do about them.

An error declares its facts as fields and its sentence once, at the class:

    @says("{channel} offers no depth {depth}; choose one of {offered}")
    class UnsupportedDepth(ConfigError):
        channel: str
        depth: int
        offered: tuple[int, ...]

A book that diverges and a subscription that is refused are no exceptions: they are expected
and travel as events (see `kracked.protocol.events`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, dataclass_transform

from kracked.untrusted import printable

__all__ = [
    "ConfigError",
    "ConnectionLost",
    "KrackedError",
    "NotANumber",
    "ProtocolError",
    "RecordError",
    "RequestRejected",
    "TooPrecise",
    "UnsupportedDepth",
    "says",
]

_Raised = TypeVar("_Raised", bound=Exception)


class _Facts:
    """The attributes of an error, as `str.format_map` looks them up.

    A tuple is listed. Text is made safe to print: the attribute itself stays as it came.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getitem__(self, name: str) -> object:
        value: object = getattr(self._error, name)
        if isinstance(value, tuple):
            value = ", ".join(map(str, value))
        # Facts often come from outside; what a class computes of them is its own words.
        is_fact = name in self._error._fields  # type: ignore[attr-defined]
        return printable(value) if is_fact and isinstance(value, str) else value


@dataclass_transform()
def says(sentence: str) -> Callable[[type[_Raised]], type[_Raised]]:
    """Give an exception class its fields as parameters, and its message.

    Args:
        sentence: The message, with fields and properties of the class in braces. Tuples are
            listed with commas.
    """

    def decorate(error: type[_Raised]) -> type[_Raised]:
        """Add `__init__` and `__str__`; a `__str__` that the class has itself stays."""
        own = tuple(name for name in error.__annotations__ if not name.startswith("_"))
        names: tuple[str, ...] = (*getattr(error, "_fields", ()), *own)

        def __init__(self: Exception, *args: object, **kwargs: object) -> None:  # noqa: N807
            facts = dict(zip(names, args, strict=False)) | kwargs
            values = [facts[name] if name in facts else getattr(self, name) for name in names]
            Exception.__init__(self, *values)  # `args` holds them all, for pickling
            for name, value in zip(names, values, strict=True):
                setattr(self, name, value)

        def __str__(self: Exception) -> str:  # noqa: N807
            return sentence.format_map(_Facts(self))

        error._fields = names  # type: ignore[attr-defined]
        error.__init__ = __init__  # type: ignore[method-assign, assignment]
        if "__str__" not in vars(error):
            error.__str__ = __str__  # type: ignore[method-assign, assignment]
        return error

    return decorate


class KrackedError(Exception):
    """The root of every error that kracked raises on purpose."""


class ConfigError(KrackedError):
    """The request cannot be carried out as it is; change it."""


@says("{url}: {reason}")
class ConnectionLost(KrackedError):
    """The exchange could not be reached, or stopped answering; another attempt may help."""

    url: str
    reason: str


@says("the exchange refused {method}: {error}")
class RequestRejected(KrackedError):
    """The exchange understood the request and refused it."""

    method: str
    """The method or endpoint that was called."""
    error: str
    """The exchange's own words."""


class ProtocolError(KrackedError):
    """A message or number that the exchange's documentation rules out."""


@says("{text!r} is not a decimal number")
class NotANumber(ProtocolError):
    """Text in place of a price or quantity that is not a decimal number."""

    text: str


@says("{text} has more than the {precision} decimals its instrument allows")
class TooPrecise(ProtocolError):
    """A number with more decimals than its instrument allows. It is never rounded."""

    text: str
    precision: int


class RecordError(KrackedError):
    """A recording, or a file of orders, is damaged, in use, full, or none at all."""


@says("{channel} offers no depth {depth!r}; choose one of {offered}")
class UnsupportedDepth(ConfigError):
    """A depth that the channel does not offer."""

    channel: str
    depth: int
    offered: tuple[int, ...]
