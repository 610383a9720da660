"""HTTP and nothing else: bytes out, bytes in, and whether they can have arrived.

Nothing is retried here, and no redirection followed: a transport that repeats a POST
doubles orders, and a signed request must reach no other server. Answers of the exchange
have status 200; any other status is a gateway's, and says nothing about what was done.
A body is unpacked here, piece by piece, so that no answer is larger than `MOST_BYTES`: two
megabytes of gzip can hold two gigabytes. The HTTP library's errors stop in this file.

Source: docs.kraken.com/api/docs/guides/spot-rest-intro
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from kracked.endpoints import is_loopback
from kracked.errors import ConnectionLost, says

USER_AGENT = "kracked"
KEPT_ALIVE_S = 30.0
"""More than the dead man's switch's rhythm, so that an order finds its connection open; less
than servers wait, so that it does not find one that is just being closed."""


MOST_BYTES = 32 * 2**20
"""The longest body, unpacked. The longest answer of the exchange, all its pairs, has about 2 MB."""
_DENIALS = (400, 401, 403, 404, 405)
_GZIP = zlib.MAX_WBITS | 16


class NotSent(ConnectionLost):
    """No connection was made, so nothing was sent."""


@says("{url}: {reason}")
class NoAnswer(ConnectionLost):
    """The request went out and no answer of the exchange came back."""

    retry_after_s: int | None = None
    """Seconds from now at which the gateway wants the next call, if it named a time."""


class AccessDenied(NoAnswer):
    """A gateway turned the call away, and would do so again: asking again does not help."""


class BadBody(Exception):
    """A body that is longer than `MOST_BYTES`, or packed in a way that cannot be undone."""


class SignedHeaders(dict[str, str]):
    """Headers that authenticate a call; they print as ``<redacted>``, also in a traceback."""

    def __repr__(self) -> str:
        return "SignedHeaders(<redacted>)"

    __str__ = __repr__


class HttpTransport:
    """A pool of HTTP connections.

    Args:
        timeout_s: Seconds that a whole call may take.
        connect_s: Seconds that making a connection may take.
    """

    def __init__(self, *, timeout_s: float = 10.0, connect_s: float = 5.0) -> None:
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_s, connect=connect_s, sock_connect=connect_s
        )
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}
        """Proxies by address: reading the environment takes longer than signing an order."""

    async def __aenter__(self) -> HttpTransport:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, params: Mapping[str, str]) -> bytes:
        """Send a GET and return the body of a 200.

        Raises:
            NotSent: No connection was made.
            NoAnswer: No answer of the exchange came back.
        """
        return await self._request("GET", url, params=params, headers={}, body=None)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send a POST with exactly these bytes and return the body of a 200.

        Raises:
            NotSent: No connection was made.
            NoAnswer: No answer of the exchange came back.
        """
        return await self._request("POST", url, params={}, headers=headers, body=body)

    async def _request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> bytes:
        if url not in self._proxies:
            self._proxies[url] = proxy_of(url)
        try:
            async with self._opened().request(
                method,
                url,
                params=params,
                headers=headers,
                data=body,
                allow_redirects=False,
                proxy=self._proxies[url],
            ) as response:
                if response.status == 200:
                    return await _body(response)
        except _UNCONNECTED as error:
            raise NotSent(url, _reason(error)) from None
        except BadBody as error:
            raise NoAnswer(url, str(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The library's errors hold the request and its headers: they stop here.
            raise NoAnswer(url, _reason(error)) from None
        if response.status in _DENIALS:
            raise AccessDenied(url, f"HTTP {response.status}. {_DENIED}")
        wait = response.headers.get("Retry-After", "")
        # A date may not agree with this clock: only a number of seconds counts.
        wait_s = int(wait) if wait.isdecimal() and len(wait) < 10 else None
        raise NoAnswer(url, f"HTTP {response.status}", wait_s)

    def _opened(self) -> aiohttp.ClientSession:
        # Not in __init__: a session belongs to the running loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_ALIVE_S),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body, unpacked.

    Raises:
        BadBody: It is too long, or cannot be unpacked.
    """
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packing not in ("identity", "gzip"):
        raise BadBody(f"the body is packed as {packing[:20]!r}, which nobody asked for")
    unpacker = zlib.decompressobj(_GZIP) if packing == "gzip" else None
    pieces, size = [], 0
    async for chunk in response.content.iter_any():
        piece = chunk
        if unpacker is not None:
            try:
                piece = unpacker.decompress(chunk, MOST_BYTES - size + 1)
            except zlib.error as error:
                raise BadBody(f"the body cannot be unpacked: {error}") from None
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise BadBody(f"the body is longer than {MOST_BYTES // 2**20} MiB")
    if unpacker is not None and not unpacker.eof:
        raise BadBody("the body ends before it is whole")
    return b"".join(pieces)


_DENIED = (
    "A gateway turned the call away, and would again: check the address, the network and what "
    "the key may do"
)
_UNCONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
"""Errors of a connection that was not made; the last two are about a proxy or an address."""


def proxy_of(url: str) -> str | None:
    """Return the proxy of an address by the environment (`HTTPS_PROXY`, `NO_PROXY`).

    None for an address on this machine.
    """
    parts = urlsplit(url)
    if is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        # Its text has the address, and that of a proxy may hold a password.
        return f"{type(error).__name__}: {error.status}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
