"""The socket below a connection: bytes in, bytes out, and why it closed.

Two libraries can hold it, each behind the same interface: `websockets`, which is always
installed, and `picows`, which the extra `fast` brings. `KRACKED_TRANSPORT` chooses between
them. What is said here of a closed or refused connection is in the same words for both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from kracked.endpoints import is_loopback
from kracked.errors import ConfigError, says

VARIABLE = "KRACKED_TRANSPORT"

NORMAL, PROTOCOL_ERROR, NO_CODE, TOO_BIG, INTERNAL_ERROR = 1000, 1002, 1005, 1009, 1011
_MEANINGS = {
    NORMAL: "normal",
    1001: "going away",
    PROTOCOL_ERROR: "protocol error",
    1003: "unsupported data",
    NO_CODE: "no code",
    1007: "not the encoding that it says",
    1008: "policy",
    TOO_BIG: "message too big",
    1010: "extension missing",
    INTERNAL_ERROR: "internal error",
    1012: "restart",
    1013: "try again later",
    1014: "bad gateway",
}
"""Source: RFC 6455, section 7.4.1, and the registry of close codes at iana.org."""
_PROXY_SCHEMES = frozenset(("http", "https", "socks4", "socks4a", "socks5", "socks5h"))


class Limits(NamedTuple):
    """The most that a connection may take."""

    open_s: float = 10.0
    """Seconds until it is open."""
    close_s: float = 1.0
    """Seconds that the closing handshake may take."""
    message_bytes: int = 64 * 1024 * 1024
    """A level3 snapshot of depth 1000 is near 1 MB; the libraries' own limits are 1 and 10 MB."""


DEFAULT_LIMITS = Limits()


class Closed(NamedTuple):
    """The end of a connection that was open."""

    code: int | None
    """The server's close code; None when it sent none."""
    reason: str
    """Why it closed, in words."""

    @classmethod
    def by_server(cls, code: int, text: str) -> Closed:
        """Return the end by a close frame of the server."""
        return cls(code, f"closed by the server: {_in_words(code, text)}")

    @classmethod
    def by_us(cls, code: int, text: str) -> Closed:
        """Return the end by a close frame of this side, for what the server had sent."""
        return cls(None, f"closed by us: {_in_words(code, text)}")

    @classmethod
    def without_a_word(cls, cause: str = "") -> Closed:
        """Return the end of a line that was cut."""
        return cls(None, f"no close frame received{f': {cause}' if cause else ''}")


class NotConnected(Exception):
    """No connection was made.

    Args:
        reason: Why, in words.
        status: The HTTP status that the server answered with; None without an answer.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status

    @classmethod
    def by_status(cls, status: int) -> NotConnected:
        """Return the refusal by an HTTP status."""
        return cls(f"the server rejected the connection: HTTP {status}", status)


class Socket(Protocol):
    """An open connection."""

    async def listen(self, on_message: Callable[[bytes], None]) -> Closed:
        """Call a function with every message, whole and in order, until the connection ends.

        Call it once. What the function raises ends the connection, and is raised here.
        """
        ...

    async def send(self, request: bytes) -> None:
        """Send a text. On a connection that has ended nothing happens: `listen` says why."""
        ...

    def abort(self) -> None:
        """Cut the line at once, without a closing handshake: it might never be answered."""
        ...


class Transport(Protocol):
    """A library that connects."""

    name: str
    version: str
    limits: Limits

    def connect(
        self, url: str, *, proxy: str | None, deflate: bool
    ) -> AbstractAsyncContextManager[Socket]:
        """Open a connection; leaving the context closes it.

        A redirection is not followed: tokens must reach no other server.

        Args:
            url: The WebSocket address.
            proxy: The address of a proxy, as `proxy_of` returns it; None for none.
            deflate: Offer compression to the server (RFC 7692).

        Raises:
            NotConnected: There is none within `limits.open_s`.
        """
        ...


class Wish(StrEnum):
    """A wish for a transport."""

    AUTO = "auto"
    WEBSOCKETS = "websockets"
    PICOWS = "picows"


@says(
    f"{VARIABLE} is {{value!r}}, and can be auto (picows where it is installed), websockets or "
    "picows"
)
class UnknownTransport(ConfigError):
    """A transport that there is not."""

    value: str


@says(f"{VARIABLE} asks for picows, and {{why}}: pip install 'kracked[fast]', or set it to auto")
class TransportMissing(ConfigError):
    """The transport that was asked for cannot be used here."""

    why: str


def choose() -> Transport:
    """Return the transport that `KRACKED_TRANSPORT` asks for.

    Raises:
        UnknownTransport: The variable has another value than auto, websockets or picows.
        TransportMissing: It says picows, which is not installed, or too old.
    """
    value = os.environ.get(VARIABLE, "").strip().lower() or Wish.AUTO
    if value not in tuple(Wish):
        raise UnknownTransport(value)
    if value != Wish.WEBSOCKETS:
        if not (missing := picows_missing()):
            from kracked.feed.transport.picows_transport import PicowsTransport  # noqa: PLC0415

            return PicowsTransport()
        if value == Wish.PICOWS:
            raise TransportMissing(missing)
    from kracked.feed.transport.websockets_transport import WebsocketsTransport  # noqa: PLC0415

    return WebsocketsTransport()


def picows_missing() -> str:
    """Say why picows cannot be used; empty where it can."""
    try:
        import picows  # noqa: PLC0415
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == "picows"
        return "it is not installed" if absent else f"it does not load ({error})"
    numbers = [int(number) for number in re.findall(r"\d+", picows.__version__)]
    recent = numbers[:2] >= [2, 3]
    return "" if recent else f"version {picows.__version__} is too old: 2.3 is needed"


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for a WebSocket address.

    ``WSS_PROXY`` or ``WS_PROXY`` goes first, then a SOCKS proxy, then that of HTTPS, and for an
    unencrypted address that of HTTP; ``NO_PROXY`` excepts hosts. None for this machine.

    Raises:
        NotConnected: It cannot be used. Its address is not told: it may hold a password.

    Source: RFC 6455, section 4.1
    """
    parts = urlsplit(url)
    if is_loopback(url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    names = ("wss", "socks", "https") if parts.scheme == "wss" else ("ws", "socks", "https", "http")
    name = next((name for name in names if name in proxies), None)
    if name is None:
        return None
    proxy = proxies[name]
    if name == "socks":
        proxy = "socks5h://" + proxy.rpartition("://")[2] if proxy.startswith("http://") else proxy
    if not _is_proxy(proxy):
        raise NotConnected(
            f"the proxy of the environment ({name}_proxy) is no address of an HTTP or SOCKS proxy"
        )
    return proxy


def _is_proxy(address: str) -> bool:
    """Whether the libraries take an address: what they say of another may quote its password."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    bare = parts.path in ("", "/") and not parts.query and not parts.fragment
    return bare and parts.scheme in _PROXY_SCHEMES and bool(parts.hostname)


def first_line(error: BaseException) -> str:
    """Return an error of a library in one line."""
    text = str(error) or type(error).__name__
    return text.splitlines()[0][:200]


def _in_words(code: int, text: str) -> str:
    meaning = _MEANINGS.get(code)
    return " ".join(filter(None, (str(code), f"({meaning})" if meaning else "", text)))
