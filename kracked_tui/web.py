"""The monitor in a browser: this machine serves it, and every visit starts one of its own.

textual-serve does the work; it is asked for when it is wanted, and imported here alone.
It lets any page that a browser shows talk to it, so this module must see to it that only
its own page does, and that no order can be placed from one.
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

from kracked.errors import ConfigError, KrackedError

HOST = "127.0.0.1"


class NoServer(ConfigError):
    """What serves a page is not installed."""

    def __str__(self) -> str:
        return "--web needs one package more: pip install textual-serve"


class CannotServe(KrackedError):
    """The port is not to be had."""

    def __init__(self, port: int, reason: str) -> None:
        super().__init__(port, reason)
        self.port, self.reason = port, reason

    def __str__(self) -> str:
        return f"cannot serve {HOST}:{self.port}: {self.reason}; choose another --port"


def command(arguments: Sequence[str], *, demo: bool) -> list[str]:
    """What a visit starts: this program with the same arguments; real money is only watched."""
    kept = [word for word in arguments if word != "--web"]
    return [sys.executable, "-m", "kracked_tui", *kept, *([] if demo else ["--read-only"])]


def serve(words: Sequence[str], port: int) -> int:
    """Serve until interrupted; the exit status.

    Raises `NoServer`, or `CannotServe` where the port is taken.
    """
    make, address = _server(), f"http://{HOST}:{port}"
    print(address, flush=True)  # noqa: T201
    application = _application(make, words, port, address)
    try:
        web.run_app(application, host=HOST, port=port, print=None)
    except OSError as error:
        raise CannotServe(port, os.strerror(error.errno or 0).lower()) from error
    return 0


async def _application(make: Any, words: Sequence[str], port: int, address: str) -> web.Application:
    server = make(shlex.join(words), host=HOST, port=port, title="kracked", public_url=address)
    server.console = Console(quiet=True)
    application: web.Application = await server._make_app()  # noqa: SLF001 - serve() takes no guard
    application.middlewares.append(only_from(address))
    return application


def _server() -> Any:
    try:
        return import_module("textual_serve.server").Server
    except ImportError as missing:
        raise NoServer from missing


_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def only_from(address: str) -> Middleware:
    """Refuses requests for another host, and those that another site's page makes."""

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        foreign = request.headers.get("Origin", address) != address
        if foreign or f"http://{request.host}" != address:
            raise web.HTTPForbidden(text="only the page served here may ask\n")
        return await handler(request)

    return guard
