"""The monitor in a browser: this machine serves it, and every visit starts a monitor.

textual-serve does the work; it is an optional package, imported here alone. It lets any page
that a browser shows talk to it, so this module must ensure that only its own page does, and
that no order can be placed from it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from rich.console import Console

from kracked.errors import ConfigError, KrackedError, says

HOST = "127.0.0.1"


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
    address = f"http://{HOST}:{port}"
    print(address, flush=True)  # noqa: T201
    application = _application(make_server, words, port, address)
    try:
        web.run_app(application, host=HOST, port=port, print=None)
    except OSError as error:
        raise CannotServe(port, os.strerror(error.errno or 0).lower()) from error
    return 0


async def _application(
    make_server: Any, words: Sequence[str], port: int, address: str
) -> web.Application:
    server = make_server(
        shlex.join(words), host=HOST, port=port, title="kracked", public_url=address
    )
    server.console = Console(quiet=True)
    application: web.Application = await server._make_app()  # noqa: SLF001 - serve() takes no guard
    application.middlewares.append(only_from(address))
    return application


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only_from(address: str) -> Middleware:
    """Return a middleware that refuses requests for another host, and of another site's page."""

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse the request, or hand it on."""
        foreign = request.headers.get("Origin", address) != address
        if foreign or f"http://{request.host}" != address:
            raise web.HTTPForbidden(text="only the page served here may send requests\n")
        return await handler(request)

    return guard
