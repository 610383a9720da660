"""The monitor in a browser: this machine serves it, and every visit starts a monitor.

textual-serve does the work; it is an optional package, imported here alone. It lets any page
that a browser shows, and any program of this machine, talk to it, so this module must ensure
that only its own page does, opened with the token that was printed; that no order can be placed
from it; that the page fetches nothing from elsewhere; and that no process outlives its visit.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shlex
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from rich.console import Console

from kracked.errors import ConfigError, KrackedError, says

HOST = "127.0.0.1"
MOST_VISITS = 4
"""Pages open at the same time: each is a monitor with connections of its own."""
_TOKEN_BYTES = 24
_GRACE_S = 3.0
"""Time a monitor has to end by itself."""
_LEAST_CELLS, _MOST_CELLS = 10, 500
_OUTSIDE = re.compile(
    r"<(link|script)\b[^>]*\b(?:href|src)=\"(?:https?:)?//(?!127\.0\.0\.1[:/])[^>]*>(?:</script>)?"
)
"""A tag of the page that fetches something from another host."""


@says("--web needs one package more: pip install textual-serve")
class NoServer(ConfigError):
    """The package that serves a page is not installed."""


@says(f"cannot serve {HOST}:{{port}}: {{reason}}; choose another --port")
class CannotServe(KrackedError):
    """The port cannot be used."""

    port: int
    reason: str


def command(arguments: Sequence[str], *, demo: bool) -> list[str]:
    """Return the command of a visit: this program with the same arguments.

    Only a demo trades: every other visit is read-only.
    """
    words = [word for word in arguments if word != "--web"]
    return [sys.executable, "-m", "kracked_tui", *words, *([] if demo else ["--read-only"])]


def serve(words: Sequence[str], port: int) -> int:
    """Serve until interrupted. Returns the exit status.

    Args:
        words: The command of a visit.
        port: The port to serve at.

    Raises:
        NoServer: textual-serve is not installed.
        CannotServe: The port is taken, or not allowed.
    """
    try:
        make_server = import_module("textual_serve.server").Server
    except ImportError as error:
        raise NoServer from error
    token = secrets.token_urlsafe(_TOKEN_BYTES)

    def tell_address(_: str) -> None:
        """Print the address, once the port listens."""
        print(f"http://{HOST}:{port}/?token={token}", flush=True)  # noqa: T201

    application = _application(make_server, words, port, token)
    try:
        web.run_app(application, host=HOST, port=port, print=tell_address)
    except OSError as error:
        raise CannotServe(port, os.strerror(error.errno or 0).lower()) from error
    return 0


async def _application(
    make_server: Any, words: Sequence[str], port: int, token: str
) -> web.Application:
    address = f"http://{HOST}:{port}"
    server = make_server(
        shlex.join(words), host=HOST, port=port, title="kracked", public_url=address
    )
    server.console = Console(quiet=True)
    module: Any = import_module("textual_serve.server")
    visits: set[Any] = set()
    module.AppService = visit_type(module.AppService, words, visits)

    async def end_visits(_: web.Application) -> None:
        """Leave no monitor behind."""
        await asyncio.gather(*(visit.end() for visit in tuple(visits)))

    application: web.Application = await server._make_app()  # noqa: SLF001 - serve() takes no guard
    application.on_shutdown.append(end_visits)
    application.middlewares.append(only_from(address, token))
    return application


def visit_type(base: Any, words: Sequence[str], visits: set[Any]) -> Any:
    """Return textual-serve's visit, with a process that ends with it whatever happens.

    Args:
        base: `textual_serve.app_service.AppService`.
        words: The command of a visit.
        visits: Takes every visit whose process runs.
    """

    class Visit(base):  # type: ignore[misc]
        """One monitor in one browser tab."""

        async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
            environment = self._build_environment(width=_cells(width), height=_cells(height))
            self._process = process = await asyncio.create_subprocess_exec(
                *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
            )
            self._stdin = process.stdin
            visits.add(self)
            return process

        async def set_terminal_size(self, width: int, height: int) -> None:
            await super().set_terminal_size(_cells(width), _cells(height))

        async def stop(self) -> None:
            try:
                async with asyncio.timeout(_GRACE_S):
                    await super().stop()
            except TimeoutError:
                pass  # it is ended below
            finally:
                await self.end()

        async def end(self) -> None:
            """End the process: it is asked, and after a while killed."""
            visits.discard(self)
            process: Process | None = self._process
            if process is None or process.returncode is not None:
                return
            process.terminate()
            try:
                async with asyncio.timeout(_GRACE_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    return Visit


def _cells(given: object) -> int:
    """Return a side of a terminal that a person could have."""
    return max(_LEAST_CELLS, min(_MOST_CELLS, given)) if isinstance(given, int) else _LEAST_CELLS


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only_from(address: str, token: str) -> Middleware:
    """Return a middleware that lets in the page served here, opened with the token, alone.

    Other programs and users of this machine reach the port too: the token in the address that
    was printed is the key. The page keeps it in a cookie of its own.
    """
    cookie = f"kracked-{address.rpartition(':')[2]}"
    running = 0

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse the request, or hand it on."""
        nonlocal running
        foreign = request.headers.get("Origin", address) != address
        if foreign or f"http://{request.host}" != address:
            raise web.HTTPForbidden(text="only the page served here may send requests\n")
        asked, kept = request.query.get("token", ""), request.cookies.get(cookie, "")
        if not any(
            secrets.compare_digest(given.encode(), token.encode()) for given in (asked, kept)
        ):
            raise web.HTTPForbidden(text="open the whole address that kracked-tui printed\n")
        if request.path != "/ws":
            return _from_here_alone(await handler(request), address, cookie, token)
        if running >= MOST_VISITS:
            raise web.HTTPServiceUnavailable(text="too many visits: close another page first\n")
        running += 1
        try:
            return await handler(request)
        finally:
            running -= 1

    return guard


def _from_here_alone(
    response: web.StreamResponse, address: str, cookie: str, token: str
) -> web.StreamResponse:
    """Let the page fetch nothing from another host, and remember the token."""
    if response.prepared:
        return response
    sockets = address.replace("http:", "ws:")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self' {sockets}"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    if isinstance(response, web.Response) and response.content_type == "text/html":
        response.text = _OUTSIDE.sub("", response.text or "")
        response.set_cookie(cookie, token, httponly=True, samesite="Strict")
    return response
