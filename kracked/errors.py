"""The exceptions kracked raises, arranged by what the reader can do about them.

Facts are attributes; the sentence for a person is built in ``__str__``. A
divergence of a book or a refused subscription is *not* here: those are expected
and travel as events (see `kracked.protocol.events`).
"""

from __future__ import annotations


class KrackedError(Exception):
    """The root of everything kracked raises on purpose."""


class ConfigError(KrackedError):
    """What was asked for cannot be done; change the request."""


class ConnectionLost(KrackedError):
    """The exchange could not be reached, or stopped answering; retrying may help."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class RequestRejected(KrackedError):
    """The exchange understood and said no; its own words are kept in `error`."""

    def __init__(self, method: str, error: str) -> None:
        super().__init__(method, error)
        self.method, self.error = method, error

    def __str__(self) -> str:
        return f"the exchange refused {self.method}: {self.error}"


class ProtocolError(KrackedError):
    """Something arrived that the exchange's documentation rules out."""


class NotANumber(ProtocolError):
    """A price or quantity that is not a decimal number."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{self.text!r} is not a decimal number"


class TooPrecise(ProtocolError):
    """A number with more decimals than its instrument allows. It is never rounded."""

    def __init__(self, text: str, precision: int) -> None:
        super().__init__(text, precision)
        self.text, self.precision = text, precision

    def __str__(self) -> str:
        return f"{self.text} has more than the {self.precision} decimals its instrument allows"


class RecordError(KrackedError):
    """A recording is damaged, in use or not a recording."""


class UnsupportedDepth(ConfigError):
    """The channel offers no such depth."""

    def __init__(self, channel: str, depth: int, offered: tuple[int, ...]) -> None:
        super().__init__(channel, depth, offered)
        self.channel, self.depth, self.offered = channel, depth, offered

    def __str__(self) -> str:
        offered = ", ".join(map(str, self.offered))
        return f"{self.channel} offers no depth {self.depth!r}; choose one of {offered}"
