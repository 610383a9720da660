"""The monitor in a browser: its command, its guard, and its missing package."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Coroutine
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from kracked_tui.__main__ import main
from kracked_tui.web import command, only_from


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

    def finish(coming: Coroutine[None, None, web.Application], **_options: object) -> None:
        assert asyncio.run(coming) is application

    monkeypatch.setitem(sys.modules, "textual_serve.server", SimpleNamespace(Server=Server))
    monkeypatch.setattr(web, "run_app", finish)
    assert main(["--web", "--port", "8123"]) == 0
    assert capsys.readouterr().out == "http://127.0.0.1:8123\n"
    assert started[0].endswith("-m kracked_tui --port 8123 --read-only")
    assert len(application.middlewares) == 1


def test_a_port_that_is_taken_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(coming: Coroutine[None, None, web.Application], **_options: object) -> None:
        coming.close()
        raise OSError(errno.EADDRINUSE, "error while attempting to bind")

    monkeypatch.setitem(sys.modules, "textual_serve.server", SimpleNamespace(Server=object))
    monkeypatch.setattr(web, "run_app", refuse)
    assert main(["--web", "--port", "8123"]) == 1
    assert capsys.readouterr().err == (
        "kracked-tui: cannot serve 127.0.0.1:8123: address already in use; choose another --port\n"
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

    application = web.Application(middlewares=[only_from("http://127.0.0.1:8000")])
    application.router.add_get("/ws", answer)
    async with TestClient(TestServer(application)) as client:
        answered = await client.get("/ws", headers={"Host": "127.0.0.1:8000", **headers})
        assert answered.status == status


@pytest.mark.parametrize("words", [["--web", "--record"], ["--web", "--port", "0"]])
def test_misuse_of_web_ends_with_two(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
