"""The errors a feed raises when it cannot give what was requested."""

from __future__ import annotations

from kracked.errors import ConfigError, RequestRejected, says


@says("{channel} needs an API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET")
class NeedsToken(ConfigError):
    """A channel the exchange gives only to holders of an API key."""

    channel: str


@says("no token for the {connection} connection: {error}")
class NoToken(RequestRejected):
    """The key gets no token, so its subscriptions stay dead; public data come all the same.

    The feed asks again every few minutes: a permission may be given meanwhile.
    """

    connection: str
    """`level3` or `private`, with a number where there are several."""


@says("{url} takes no connection from this program: {error}")
class Denied(RequestRejected):
    """The server refused the connection itself, in a way that another attempt does not change.

    The feed asks again every few minutes: a ban may be lifted meanwhile.
    """

    url: str


@says("the feed is not open: use it inside `async with FeedManager(...) as feed:`")
class NotOpen(ConfigError):
    """A feed was waited for outside its `async with` block; it runs only inside."""


@says("the feed is open already: share it, or make another FeedManager")
class AlreadyOpen(ConfigError):
    """A feed was opened a second time before it was left."""
