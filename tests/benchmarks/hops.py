"""Functions and files of ours between a cause and its effect: `python -m tests.benchmarks.hops`.

Counts the distinct functions of `kracked` and `kracked_tui` that run, and the files they are in:

    frame     one frame in which the ladder is the only pane in sight, and in it the ladder alone
    ticket    key `b` to the ticket written, and with its review to the ticket drawn
    order     key `y` to the request handed to the HTTP library
    book      one level 2 frame from the socket to the verified book

A path through few functions is one that a reader can follow. A comprehension and a generator
expression are frames of their own in Python 3.11, and part of the function they stand in for its
reader: `functions` leaves them out, `frames` counts them too. `--list` names the functions in
the order they are first called.
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
from kracked_tui.widgets.panels.ticket_panel import TicketPanel
from tests.exchange import Exchange
from tests.tui.frozen_account import account
from tests.tui.trading_monitor import SYMBOL, trading

ROOT = Path(__file__).parents[2]
OURS = tuple(f"{ROOT / package}/" for package in ("kracked", "kracked_tui"))

_PARTS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
"""Code that stands inside a function and is read with it."""

_ATTEMPTS = 3
"""A disk that is slow to sync lets other tasks go first: of so many orders the shortest path."""

_traced: ContextVar[bool] = ContextVar("traced", default=False)


class Trace:
    """The functions of ours that ran, in order of their first call; none after `last`."""

    def __init__(self, last: CodeType | None = None) -> None:
        self.codes: dict[CodeType, int] = {}
        self._last = last

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if self._last in self.codes:
            return
        if event == "call" and code.co_filename.startswith(OURS) and _traced.get():
            self.codes[code] = self.codes.get(code, 0) + 1

    @property
    def functions(self) -> list[str]:
        return [
            f"{Path(code.co_filename).relative_to(ROOT)}:{code.co_qualname}"
            for code in self.codes
            if code.co_name not in _PARTS
        ]

    def row(self, name: str) -> str:
        files, calls = len({code.co_filename for code in self.codes}), sum(self.codes.values())
        return f"{name:34}{len(self.functions):>10}{files:>8}{len(self.codes):>8}{calls:>8}"


@contextmanager
def tracing(last: CodeType | None = None) -> Iterator[Trace]:
    """Trace what runs in this context, and in tasks that are started from it, until `last`."""
    trace = Trace(last)
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
        with tracing(TicketPanel.write.__code__) as written:
            await screen.run_action("ticket('bid')")
        screen.ticket_keys.close()
        with tracing() as drawn:
            await screen.run_action("ticket('bid')")
        assert screen.ticket_keys.ticket is not None
    return {"key b to the ticket written": written, "key b to the ticket drawn": drawn}


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
        for number, measure in enumerate((frame_hops, ticket_hops, *[order_hops] * _ATTEMPTS)):
            place = Path(folder) / str(number)
            place.mkdir()
            for name, trace in (await measure(place)).items():
                before = found.get(name, trace)
                found[name] = min(before, trace, key=lambda one: len(one.codes))
    return found | book_hops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the functions of each path")
    given = parser.parse_args()
    found = asyncio.run(measured())
    print(f"{'path':34}{'functions':>10}{'files':>8}{'frames':>8}{'calls':>8}")
    for name, trace in found.items():
        print(trace.row(name))
        if given.list:
            print(*(f"    {each}" for each in trace.functions), sep="\n")


if __name__ == "__main__":
    main()
