"""A trading session in a real terminal, with its pictures: `python screenshots/trading.py`.

The monitor runs in tmux against a simulated exchange in this process: three orders, an
amend that keeps its place and one that loses it, a partial fill, a cancel, an order
whose reply is lost at the moment the program is killed, and the restart that resolves it.
At the end the orders in the exchange's books are counted: none was sent twice. Needs tmux.
"""

# ruff: noqa: S603, S607, SLF001, T201  it drives tmux, and hooks the exchange it owns

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from kracked.gateway.accounts.order_records import OrderRecord
from kracked.gateway.auth import Call
from kracked.gateway.rest import HttpAnswer
from kracked.protocol.events import Side
from kracked.sim.faults.order_faults import OrderFault
from kracked.sim.server import SimOptions, SimServer
from kracked_tui.export.snapshot import png
from kracked_tui.export.svg import Cell, svg

FOLDER = Path(__file__).parent
SYMBOL, SIZE, GROUND = "BTC/USD", (120, 40), "#0d1117"
KEYS = {
    "esc": "Escape",
    "enter": "Enter",
    "up": "Up",
    "down": "Down",
    "deeper": "NPage",
    "higher": "PPage",
}


class Session:
    """The monitor in tmux, and the exchange it trades at."""

    def __init__(self, server: SimServer, state: str) -> None:
        self.server, self.state = server, state
        self.name = f"kracked-{os.getpid()}"
        self.deadly = False
        """Whether the next order kills the program before its reply."""
        self._answer = server._rest.call
        server._rest.call = self._call

    def _call(self, method: str, call: Call, query: Any, now: int) -> HttpAnswer:
        answer = self._answer(method, call, query, now)
        if self.deadly and call.path.endswith("/AddOrder"):
            self.deadly = False
            os.kill(int(self.tmux("display", "-p", "#{pane_pid}")), signal.SIGKILL)
        return answer

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self.name, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(
            "\n"
        )

    def start(self) -> None:
        width, height = map(str, SIZE)
        settings = {
            "KRAKEN_API_KEY": self.server.api_key,
            "KRAKEN_API_SECRET": self.server.api_secret,
            "XDG_STATE_HOME": self.state,
            "XDG_CONFIG_HOME": self.state,
            "TERM": "tmux-256color",
            "COLORTERM": "truecolor",
        }
        environment = [
            part for name, value in settings.items() for part in ("-e", f"{name}={value}")
        ]
        rest = self.server.endpoints.rest
        command = ["exec", sys.executable, "-m", "kracked_tui", "--endpoint", rest, SYMBOL]
        self.tmux(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-x",
            width,
            "-y",
            height,
            *environment,
            " ".join(command),
        )

    def end(self) -> None:
        subprocess.run(["tmux", "-L", self.name, "kill-server"], check=False, capture_output=True)

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    async def sees(self, text: str) -> None:
        await self.until(lambda: text in self.text, f"{text!r} is not on the screen")

    async def until(self, so: Callable[[], object], problem: str) -> None:
        for _ in range(300):
            if so():
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"{problem}\n{self.text}")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await asyncio.to_thread(
                self.tmux, "send-keys", *([KEYS[key]] if key in KEYS else ["-l", key])
            )
            await asyncio.sleep(0.15)

    async def type(self, opener: str, words: str, text: str) -> None:
        """Answer a question once it is asked."""
        await self.press(opener)
        await self.sees(words)
        await self.press(*text, "enter")

    async def picture(self, name: str) -> None:
        await asyncio.sleep(0.4)
        rows = [Text.from_ansi(row) for row in self.tmux("capture-pane", "-e", "-p").split("\n")]
        drawn = svg([_cells(row) for row in rows], SIZE, GROUND)
        await asyncio.to_thread((FOLDER / f"{name}.png").write_bytes, png(drawn))

    @property
    def orders(self) -> list[OrderRecord]:
        """Every order the exchange ever took."""
        account = self.server.exchange.brokerage.accounts["main"]
        return list(account.orders.as_of(self.server.exchange.time))

    def best(self, side: Side) -> tuple[str, str]:
        """Return price and quantity of the exchange's best level."""
        matcher = self.server.exchange.publishers[SYMBOL].matcher
        level = next(iter(matcher.levels(side)))
        return f"{level.price / 10:.1f}", f"{level.qty / 10**8:.8f}"


def _cells(row: Text) -> list[Cell]:
    """Return a captured row as runs with their colours."""
    cells, column = [], 0
    for text, given, _ in row.render(Console()):
        style = given or Style()
        colour, behind = (
            found.get_truecolor().hex if found and not found.is_default else default
            for found, default in ((style.color, "#c3ccd6"), (style.bgcolor, GROUND))
        )
        if style.reverse:
            colour, behind = behind, colour
        cells.append(Cell(column, text, colour, behind, bool(style.bold)))
        column += len(text)
    return cells


async def play(session: Session) -> None:
    """Run the session, step by step."""
    session.start()
    await session.sees("No order of yours")
    await session.press("b", "4", "deeper", "enter")
    await session.picture("trading-ticket")
    await session.type("A", "Type BTC/USD", "btc/usd")
    await session.until(lambda: re.search(r"ARMED 1[45]:\d\d switch \d", session.text), "not armed")
    await session.press("y")
    await session.until(lambda: len(session.orders) == 1, "no first order")
    await session.press("b", "deeper", "deeper", "enter", "y")
    await session.until(lambda: len(session.orders) == 2, "no second order")
    await session.press("s", *["higher"] * 6, "enter", "y")
    await session.until(lambda: len(session.orders) == 3, "no third order")
    await session.sees("3 working")
    await session.picture("trading-orders")

    await session.press("9", "e")
    await session.type("q", "The exact quantity", "0.002")  # smaller: keeps its place
    await session.sees("keeps place")
    await session.press("enter", "y")
    await session.sees("amend to")
    await session.press("e", "up")  # another price: goes to the tail
    await session.sees("goes to the tail")
    await session.picture("trading-amend")
    await session.press("enter", "y")
    await session.until(lambda: max(len(one.amends) for one in session.orders) > 1, "no amend")

    price, qty = session.best(Side.ASK)
    await session.press("1", "b", "o")
    await session.type("p", "The exact price", price)
    await session.type("q", "The exact quantity", f"{float(qty) + 0.02:.4f}")
    await session.press("enter", "y")  # takes the best level and rests with the remainder
    await session.sees("fill BUY")
    await session.picture("trading-fill")
    await session.press("9", "x")
    await session.sees("1 cancelled")

    session.deadly = True
    session.server.exchange.order_faults.expect(OrderFault.REPLY_LOST, "AddOrder")
    before = len(session.orders)
    await session.press("1", "b", "3", "down", "down", "down", "down", "enter", "y")
    await session.until(lambda: len(session.orders) > before, "the last order never came")
    session.end()
    session.start()  # the program was killed: -9
    await session.sees("resolved: BUY")
    await session.sees("working")
    await session.picture("trading-restart")


def verdict(session: Session) -> int:
    """Compare the orders the exchange received with the outbox. Returns the exit status."""
    (outbox,) = Path(session.state).glob("kracked/outbox-*.jsonl")
    prepared = [line for line in outbox.read_text().splitlines() if '"kind":"add"' in line]
    names = [one.request.cl_ord_id for one in session.orders]
    print(
        f"written down {len(prepared)}, received {len(names)}, twice {len(names) - len(set(names))}"
    )
    return int(len(names) != len(set(names)) or len(names) > len(prepared))


async def main() -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as state:
        options = SimOptions(seed=2, symbols=(SYMBOL,), rate=0.02)
        async with SimServer(options) as server:
            session = Session(server, state)
            try:
                await play(session)
            finally:
                session.end()
            return await asyncio.to_thread(verdict, session)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
