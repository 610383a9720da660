"""The monitor in a real browser, where one is installed: Chromium, its driver and textual-serve.

`python -m tests.tui.test_web_browser PICTURE.png` takes a picture to look at.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from tests.patience import PATIENCE_S

CHROMIUM, DRIVER = which("chromium"), which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER and find_spec("textual_serve")),
    reason="no Chromium with its driver, or no textual-serve",
)
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,900",
)
_REFUSAL = "open the whole address that kracked-tui printed"
_LEAST_COLOURED = 500
"""Pixels that are neither black, white nor grey: a page of text has none, the monitor thousands."""
_COUNT_COLOURED = """
const [png, done] = arguments, image = new Image();
image.onload = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, image.width, image.height).data;
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const rgb = data.slice(at, at + 3);
    count += Math.max(...rgb) - Math.min(...rgb) > 60;
  }
  done(count);
};
image.src = "data:image/png;base64," + png;
"""
_BROWSER_S = 4 * PATIENCE_S
_MARKET_S = 25
"""Until there is a market to look at, on a busy machine."""


@asynccontextmanager
async def served(*words: str) -> AsyncIterator[str]:
    """Serve a demo on a free port; yields the address that is printed, token and all."""
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    command = (sys.executable, "-m", "kracked_tui", "--demo", "--web", "--port", str(port), *words)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_BROWSER_S):
            address = (await process.stdout.readline()).decode().strip()
        yield address
    finally:
        process.terminate()
        await process.wait()


class Browser:
    """One page of Chromium, driven as the WebDriver standard says (w3.org/TR/webdriver2)."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session, self._address = session, address

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, f"{self._address}{path}", json=body) as answer:
            return (await answer.json())["value"]

    async def open(self, address: str) -> None:
        await self._ask("POST", "/url", {"url": address})

    async def text(self) -> str:
        script = "return document.body.innerText"
        return str(await self._ask("POST", "/execute/sync", {"script": script, "args": []}))

    async def picture(self) -> bytes:
        return base64.b64decode(await self._ask("GET", "/screenshot"))

    async def coloured(self) -> int:
        """Return how many pixels of the page have a colour."""
        png = await self._ask("GET", "/screenshot")
        asked = {"script": _COUNT_COLOURED, "args": [png]}
        return int(await self._ask("POST", "/execute/async", asked))

    async def painted(self) -> None:
        """Wait until a screen is painted."""
        async with asyncio.timeout(_BROWSER_S):
            while await self.coloured() < _LEAST_COLOURED:  # noqa: ASYNC110  nothing announces it
                await asyncio.sleep(0.2)


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Start a browser without a window and without any state of an earlier one."""
    assert DRIVER is not None
    with TemporaryDirectory() as profile:
        process = await asyncio.create_subprocess_exec(
            DRIVER, "--port=0", stdout=asyncio.subprocess.PIPE, env={**os.environ, "HOME": profile}
        )
        try:
            assert process.stdout is not None
            port = ""
            while not port:
                line = (await process.stdout.readline()).decode()
                port = line.rpartition("successfully on port ")[2].strip(" .\n")
                port = port if port.isdecimal() else ""
            async with aiohttp.ClientSession() as session:
                started = f"http://127.0.0.1:{port}/session"
                options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}"], "binary": CHROMIUM}
                wish = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
                async with session.post(started, json=wish) as answer:
                    named = (await answer.json())["value"]
                address = f"{started}/{named['sessionId']}"
                try:
                    yield Browser(session, address)
                finally:  # Chromium would outlive its driver
                    async with session.delete(address):
                        pass
        finally:
            process.terminate()
            await process.wait()


async def test_without_the_token_the_page_is_refused_and_nothing_is_painted() -> None:
    async with served() as address, browsing() as browser:
        for bad in (address.partition("?")[0], f"{address}x"):
            await browser.open(bad)
            assert (await browser.text()).strip() == _REFUSAL
            assert await browser.coloured() < _LEAST_COLOURED


async def test_with_the_token_the_monitor_paints() -> None:
    async with served() as address, browsing() as browser:
        await browser.open(address)
        await browser.painted()


async def _take() -> bytes:
    async with served() as address, browsing() as browser:
        await browser.open(address)
        await browser.painted()
        await asyncio.sleep(_MARKET_S)
        return await browser.picture()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(_take()))
