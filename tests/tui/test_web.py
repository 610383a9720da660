"""The monitor in a browser: its command, its guard, and its missing package."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from kracked_tui.__main__ import main
from kracked_tui.web import MOST_VISITS, command, only_from, visit_type

ADDRESS = "http://127.0.0.1:8000"


def test_without_the_package_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    assert main(["--demo", "--web"]) == 2
    assert capsys.readouterr() == (
        "",
        "kracked-tui: --web needs one package more: pip install textual-serve\n",
    )


def test_the_served_page_is_guarded_and_its_address_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replace textual-serve and the serving itself."""
    application = web.Application()
    started: list[str] = []

    class Server:
        def __init__(self, command: str, **_options: object) -> None:
            started.append(command)

        async def _make_app(self) -> web.Application:
            return application

    def finish(coming: Coroutine[None, None, web.Application], **options: Any) -> None:
        assert asyncio.run(coming) is application
        assert capsys.readouterr().out == ""  # nothing listens yet
        options["print"]("it listens")

    served = SimpleNamespace(Server=Server, AppService=object)
    monkeypatch.setitem(sys.modules, "textual_serve.server", served)
    monkeypatch.setattr(web, "run_app", finish)
    assert main(["--web", "--port", "8123"]) == 0
    printed = capsys.readouterr().out
    assert re.fullmatch(r"http://127\.0\.0\.1:8123/\?token=[\w-]{32}\n", printed)
    assert started[0].endswith("-m kracked_tui --port 8123 --read-only")
    assert len(application.middlewares) == 1


def test_a_port_that_is_taken_is_named_with_what_to_do_and_no_address_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Server:
        def __init__(self, command: str, **_options: object) -> None:
            pass

        async def _make_app(self) -> web.Application:
            return web.Application()

    served = SimpleNamespace(Server=Server, AppService=object)
    monkeypatch.setitem(sys.modules, "textual_serve.server", served)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--web", "--port", str(port)]) == 1
    assert capsys.readouterr() == (
        "",
        f"kracked-tui: cannot serve 127.0.0.1:{port}: address already in use; "
        "choose another --port\n",
    )


def test_a_visit_starts_the_same_program_and_may_only_watch() -> None:
    assert command(["BTC/USD", "--web", "--ascii"], demo=False)[2:] == [
        "kracked_tui",
        "BTC/USD",
        "--ascii",
        "--read-only",
    ]


def test_the_demo_may_trade_in_a_browser() -> None:
    assert "--read-only" not in command(["--demo", "--web"], demo=True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "https://example.com"}, 403),
        ({"Host": "example.com:8000"}, 403),
    ],
)
async def test_only_the_page_served_here_may_send_requests(
    headers: dict[str, str], status: int
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    application = web.Application(middlewares=[only_from(ADDRESS, "secret")])
    application.router.add_get("/ws", answer)
    async with TestClient(TestServer(application)) as client:
        sent = {"Host": "127.0.0.1:8000", **headers}
        answered = await client.get("/ws", params={"token": "secret"}, headers=sent)
        assert answered.status == status


PAGE = """<link rel="stylesheet" href="http://127.0.0.1:8000/static/css/xterm.css" />
<link
  rel="stylesheet"
  href="https://fonts.googleapis.com/css?family=Roboto%20Mono"
/>
<script src="//elsewhere.example/x.js"></script><script src="/static/js/textual.js"></script>"""


@asynccontextmanager
async def guarded(token: str = "secret") -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A page and a socket that stays open, behind the guard."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        found = web.WebSocketResponse()
        await found.prepare(request)
        async for _ in found:
            pass
        return found

    application = web.Application(middlewares=[only_from(ADDRESS, token)])
    application.router.add_get("/", page)
    application.router.add_get("/ws", socket)
    jar = CookieJar(unsafe=True)
    async with TestClient(TestServer(application), cookie_jar=jar) as client:
        yield client


HERE = {"Host": "127.0.0.1:8000"}


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=secre", "/ws", "/ws?token=wrong"])
async def test_nobody_enters_without_the_token_that_was_printed(path: str) -> None:
    async with guarded() as client:
        assert (await client.get(path, headers=HERE)).status == 403


async def test_the_page_opened_with_the_token_may_open_its_socket() -> None:
    async with guarded() as client:
        page = await client.get("/?token=secret", headers=HERE)
        cookie = page.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        kept = {**HERE, "Cookie": cookie.partition(";")[0]}
        async with client.ws_connect("/ws", headers=kept):
            pass


async def test_visits_are_bounded_and_an_ended_one_makes_room() -> None:
    async with guarded() as client, AsyncExitStack() as stack:
        path = "/ws?token=secret"
        open_now = [
            await stack.enter_async_context(client.ws_connect(path, headers=HERE))
            for _ in range(MOST_VISITS)
        ]
        assert (await client.get(path, headers=HERE)).status == 503
        await open_now[0].close()
        async with client.ws_connect(path, headers=HERE):
            pass


async def test_the_page_fetches_nothing_from_another_host() -> None:
    async with guarded() as client:
        page = await client.get("/?token=secret", headers=HERE)
        text = await page.text()
        assert "googleapis" not in text
        assert "elsewhere" not in text
        assert "xterm.css" in text
        assert "textual.js" in text
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'")
        assert "https:" not in policy


class Served:
    """The parts of textual-serve's visit that ours builds on."""

    _process: Process | None = None

    def _build_environment(self, width: int, height: int) -> dict[str, str]:
        return {**os.environ, "COLUMNS": str(width), "ROWS": str(height)}

    async def stop(self) -> None:
        raise IndexError("list index out of range")  # as after a message []


@pytest.mark.parametrize("ignored", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN);"])
async def test_no_process_outlives_its_visit(ignored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kracked_tui.web._GRACE_S", 0.2)
    code = f"import signal,time;{ignored}print('up',flush=True);time.sleep(60)"
    visits: set[object] = set()
    visit = visit_type(Served, [sys.executable, "-c", code], visits)()
    process = await visit._open_app_process(10**9, 24)
    await process.stdout.readline()
    assert visits == {visit}
    with pytest.raises(IndexError):
        await visit.stop()
    assert process.returncode is not None
    assert not visits


@pytest.mark.parametrize("words", [["--web", "--record"], ["--web", "--port", "0"]])
def test_misuse_of_web_ends_with_two(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
