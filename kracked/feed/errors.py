"""What a feed raises to whoever asked for something it cannot give."""

from __future__ import annotations

from kracked.errors import ConfigError, RequestRejected


class NeedsToken(ConfigError):
    """A channel the exchange gives only to holders of an API key."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.channel = channel

    def __str__(self) -> str:
        return f"{self.channel} needs an API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET"


class NoToken(RequestRejected):
    """The key gets no token, so its subscriptions stay dead; public data come all the same.

    It is tried again every few minutes: a permission may be given meanwhile.
    """

    def __init__(self, connection: str, reason: str) -> None:
        super().__init__(f"a token for the {connection} connection", reason)
        self.connection = connection

    def __str__(self) -> str:
        return f"no token for the {self.connection} connection: {self.error}"


class NotOpen(ConfigError):
    """A feed was waited for that runs only inside its `async with` block."""

    def __str__(self) -> str:
        return "the feed is not open: use it inside `async with FeedManager(...) as feed:`"


class AlreadyOpen(ConfigError):
    """A feed was opened a second time before it was left."""

    def __str__(self) -> str:
        return "the feed is open already: share it, or make another FeedManager"
