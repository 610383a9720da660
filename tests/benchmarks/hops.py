"""Functions and files of ours between a cause and its effect: `python -m tests.benchmarks.hops`.

Counts the distinct functions of `kracked` and `kracked_tui` that run, and the files they are in:

    frame     one frame in which the ladder is the only pane in sight, and in it the ladder alone
    ticket    key `b` to the ticket drawn
    order     key `y` to the request handed to the HTTP library
    book      one level 2 frame from the socket to the verified book

A path through few functions is one that a reader can follow. `--list` names them in the order
they are first called.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import CodeType, FrameType

from kracked.book.keeper import BookKeeper
from kracked.protocol.client.session import Session
from kracked.protocol.client.subscription import INSTRUMENTS, Subscription
from kracked.rest.transport import HttpTransport
from tests.exchange import Exchange
from tests.tui.frozen_account import account
from tests.tui.trading_monitor import SYMBOL, trading

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / package}/" for package in ("kracked", "kracked_tui"))

_traced: ContextVar[bool] = ContextVar("traced", default=False)


class Trace:
    """The functions of ours that ran, in order of their first call."""

    def __init__(self) -> None:
        self.codes: dict[CodeType, int] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS) and _traced.get():
            self.codes[code] = self.codes.get(code, 0) + 1

    @property
    def functions(self) -> list[str]:
        return [
            f"{Path(code.co_filename).relative_to(ROOT)}:{code.co_qualname}" for code in self.codes
        ]

    def row(self, name: str) -> str:
        files = len({code.co_filename for code in self.codes})
        return f"{name:34}{len(self.codes):>10}{files:>8}{sum(self.codes.values()):>8}"


@contextmanager
def tracing() -> Iterator[Trace]:
    """Trace what runs in this context, and in tasks that are started from it."""
    trace = Trace()
    token = _traced.set(True)
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        _traced.reset(token)


async def frame_hops(folder: Path) -> dict[str, Trace]:
    async with account(folder, (80, 24)) as (monitor, pilot):
        await pilot.press("1", "z")
        screen = monitor.trade
        screen.draw()
        with tracing() as whole:
            for _ in screen.frame():
                pass
        with tracing() as ladder:
            screen.ladder.show(screen.frame_state())
    return {"frame, ladder in sight, whole": whole, "frame, ladder in sight, ladder": ladder}


async def ticket_hops(folder: Path) -> dict[str, Trace]:
    async with account(folder, (120, 40)) as (monitor, _):
        screen = monitor.trade
        with tracing() as trace:
            await screen.run_action("ticket('bid')")
        assert screen.ticket_keys.ticket is not None
    return {"key b to the ticket": trace}


async def order_hops(folder: Path) -> dict[str, Trace]:
    sent = asyncio.Event()
    async with trading(folder) as found:
        await found.armed()
        await found.pilot.press("b", "enter")
        request, trace = HttpTransport.post, Trace()

        async def post(*args: object, **kwargs: object) -> object:
            if _traced.get() and not sent.is_set():
                sys.setprofile(None)
                sent.set()
            return await request(*args, **kwargs)

        HttpTransport.post = post
        try:
            with tracing() as trace:
                await found.screen.run_action("send")
                await asyncio.wait_for(sent.wait(), 10)
        finally:
            HttpTransport.post = request
        await found.until(lambda: found.received, "no order")
    return {"key y to the request": trace}


def book_hops() -> dict[str, Trace]:
    keeper, exchange = BookKeeper(), Exchange()
    session = Session(keeper)
    for wanted in (INSTRUMENTS, Subscription("book", SYMBOL, depth=10)):
        session.want(wanted)
    session.open(0)
    for data in (exchange.status(), exchange.instruments()):
        session.receive(data, 0, 0)
    for data in exchange.answer(session.to_send(0)):
        session.receive(data, 0, 0)
    session.receive(exchange.update(SYMBOL), 0, 0)
    with tracing() as trace:
        session.receive(exchange.update(SYMBOL), 0, 0)
    return {"socket to verified book": trace}


async def measured() -> dict[str, Trace]:
    found: dict[str, Trace] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, measure in enumerate((frame_hops, ticket_hops, order_hops)):
            place = Path(folder) / str(number)
            place.mkdir()
            found |= await measure(place)
    return found | book_hops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the functions of each path")
    given = parser.parse_args()
    found = asyncio.run(measured())
    print(f"{'path':34}{'functions':>10}{'files':>8}{'calls':>8}")
    for name, trace in found.items():
        print(trace.row(name))
        if given.list:
            print(*(f"    {each}" for each in trace.functions), sep="\n")


if __name__ == "__main__":
    main()
