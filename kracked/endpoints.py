"""Where the exchange lives: four addresses, all of them replaceable.

The simulator stands in for the exchange everywhere by handing over other addresses,
so no other file may know one.

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

_SECURE = {"http": False, "https": True, "ws": False, "wss": True}


@says("{url!r} cannot be used as an address: {reason}")
class BadAddress(ConfigError):
    """Not an address a client can use."""

    url: str
    reason: str


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """The addresses of one exchange; those left out are Kraken's own.

    `rest` has no path: calls add ``/0/public/...`` themselves. Raises `BadAddress` for
    one that is no URL of its kind, and for an unencrypted one beyond this machine,
    because keys and tokens would travel in the clear.
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
        """The exchange itself: real markets, real money."""
        return cls()

    @classmethod
    def at(cls, rest: str) -> Endpoints:
        """The simulator's addresses, derived from its REST address.

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
    """Whether the address never leaves this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _check(url: str, schemes: tuple[str, str]) -> None:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise BadAddress(url, f"it should look like {schemes[0]}://HOST")
    if not _SECURE[parts.scheme] and not is_loopback(url):
        raise BadAddress(url, f"beyond this machine only {schemes[0]}:// is safe")
