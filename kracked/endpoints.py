"""The four addresses of an exchange, all of them replaceable.

The simulator stands in for the exchange everywhere by other addresses, so no other file may
know one.

Sources: docs.kraken.com/api/docs/guides/spot-ws-intro and /spot-rest-intro
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from kracked.errors import ConfigError, says

__all__ = [
    "BadAddress",
    "Endpoints",
    "is_loopback",
]

_MASK = "***"
_SECURE = {"http": False, "https": True, "ws": False, "wss": True}


@says("{url!r} cannot be used as an address: {reason}")
class BadAddress(ConfigError):
    """An address that no client can use."""

    url: str
    reason: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of one exchange; those left out are Kraken's own.

    Args:
        public: WebSocket of the public market data.
        level3: WebSocket of the `level3` channel.
        private: WebSocket of the account's channels.
        rest: REST address without a path: calls add ``/0/public/...`` themselves.

    Raises:
        BadAddress: One is no URL of its kind, or is unencrypted and beyond this machine: keys
            and tokens would travel in the clear.
    """

    public: str = "wss://ws.kraken.com/v2"
    level3: str = "wss://ws-l3.kraken.com/v2"
    private: str = "wss://ws-auth.kraken.com/v2"
    rest: str = "https://api.kraken.com"

    def __post_init__(self) -> None:
        for socket in (self.public, self.level3, self.private):
            _check(socket, ("wss", "ws"))
        _check(self.rest, ("https", "http"))

    @classmethod
    def kraken(cls) -> Endpoints:
        """Return the addresses of Kraken itself: real markets, real money."""
        return cls()

    @classmethod
    def at(cls, rest: str) -> Endpoints:
        """Return the addresses of a simulator, or of a served recording, by its REST address.

        Raises:
            BadAddress: The address cannot be used.

        >>> Endpoints.at("http://127.0.0.1:8000").level3
        'ws://127.0.0.1:8000/level3/v2'
        """
        _check(rest, ("https", "http"))
        root = rest.rstrip("/")
        socket = "ws" + root.removeprefix("http")
        return cls(
            public=f"{socket}/public/v2",
            level3=f"{socket}/level3/v2",
            private=f"{socket}/private/v2",
            rest=root,
        )


def is_loopback(url: str) -> bool:
    """Whether the address stays on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def masked(url: str) -> str:
    """Return an address without what may be secret in it: a user's name and password, a query."""
    before, _, host = url.partition("#")[0].partition("?")[0].rpartition("@")
    scheme, found, _ = before.partition("://")
    return f"{scheme}{found}{_MASK}@{host}" if before and found else host


def _check(url: str, schemes: tuple[str, str]) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadAddress(masked(url), "it is no address") from error
    if "@" in url or parts.query or parts.fragment:
        what = "without a name, a password or a query: it stands in recordings and logs"
        raise BadAddress(masked(url), what)
    if parts.scheme not in schemes or not parts.hostname:
        raise BadAddress(url, f"it should look like {schemes[0]}://HOST")
    if not _SECURE[parts.scheme] and not is_loopback(url):
        raise BadAddress(url, f"beyond this machine only {schemes[0]}:// is safe")
