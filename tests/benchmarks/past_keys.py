"""Random keys on the past beside an armed session, and on a recording: no order, no error.

    python -m tests.benchmarks.past_keys --keys 20000 --seed 1

Keys come one by one, held, pasted and between changes of the window's size, often faster than
the screen is painted. The exchange must receive no order, and nothing may be reported that was
not foreseen. A key that leads back to the session is followed by opening the past again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from kracked_tui import keys
from kracked_tui.config import Settings
from kracked_tui.screens.look_back import Look, LookBack
from tests.benchmarks.random_keys import Pressed, RandomKeys, Shares
from tests.patience import until
from tests.tui.recorded_minute import record_market
from tests.tui.trading_monitor import Trading, trading

LEADS_BACK = ("q", "escape")
_OPENS_IN_S = 3
SCREEN_KEYS = 400
"""Keys until the other of the two is opened: the past of the session, or a recording."""
OFTEN = ("comma", "full_stop", "n", "N", "space", "B", "S", "b", "y", "enter", "escape", "t")


SHARES = Shares(often=0.4, typed=0.5)


@dataclass
class Figures(Pressed):
    """What was pressed, and what came of it."""

    opened: int = 0
    closed: int = 0
    orders: int = 0
    errors: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the figures as lines."""
        done = (
            f"{self.told}; {self.opened} screens, {self.closed} of them left by a key; "
            f"{self.orders} orders received"
        )
        return "\n".join((done, *self.errors, f"{len(self.errors)} errors"))


class Errors(logging.Handler):
    """Takes every traceback that is logged."""

    def __init__(self, found: list[str]) -> None:
        super().__init__()
        self._found = found

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record that has a traceback."""
        if record.exc_info:
            self._found.append(logging.Formatter().formatException(record.exc_info))


class Fuzzer(RandomKeys):
    """Presses keys on whatever is shown beside one armed session."""

    def __init__(self, found: Trading, recording: Path, seed: int) -> None:
        super().__init__(found, Random(f"{seed}/past"), table=keys.of_past(), often=OFTEN)
        self.figures: Figures = Figures()
        self._recording = recording
        self._orders_before = len(found.received)

    @property
    def _shown(self) -> bool:
        beside, monitor = self.found.monitor.beside, self.found.monitor
        return beside.front is not monitor.trade and monitor.screen is not monitor.trade

    async def run(self, count: int) -> Figures:
        """Press so many keys."""
        figures, last = self.figures, 0
        await self._open()
        while figures.pressed < count:
            if figures.pressed - last >= SCREEN_KEYS:
                last = figures.pressed
                self.found.monitor.beside.close()
                await until(lambda: not self._shown)
            if not self._shown:
                await self._open()
            await self._act(SHARES)
            await self._rest()
        await asyncio.sleep(0.05)
        figures.orders = len(self.found.received) - self._orders_before
        return figures

    async def _open(self) -> None:
        """Open the other of the two; once more where a key of before has closed it at once."""
        monitor = self.found.monitor
        self.figures.opened += 1
        while not (self._shown and monitor.beside.front.is_attached):
            await until(lambda: monitor.screen is monitor.trade or self._shown)
            if self.figures.opened % 2:
                monitor.trade.post_message(LookBack(Look.STEP))
            else:
                monitor.beside.open_recording(self._recording)
            with suppress(TimeoutError):
                async with asyncio.timeout(_OPENS_IN_S):
                    await until(lambda: self._shown and monitor.beside.front.is_attached)

    async def _press(self, name: str, after_s: float | None = None) -> bool:
        """Press a key; return whether the past is still shown."""
        if not self._shown:
            return False
        event = self._event(name, after_s)
        self.found.monitor.post_message(event)
        if name in LEADS_BACK:
            await self._taken()
            await asyncio.sleep(0.02)
            await self._taken()
            self.figures.closed += not self._shown
        return self._shown

    async def _taken(self) -> None:
        """Wait until every key so far was taken: the next one is for what is shown then."""
        monitor = self.found.monitor
        await until(lambda: not monitor._message_queue.qsize())
        await until(lambda: not monitor.screen._message_queue.qsize())


async def fuzz(count: int, seed: int, folder: Path) -> Figures:
    """Press `count` random keys beside a session of its own, whose state is in the folder."""
    recording = folder / "20261122T140000Z-simulated-exchange"
    record_market(recording, 20)
    async with trading(folder, rate=1.0, settings=Settings(fps=60)) as found:
        await found.armed()
        found.screen.panels.place()
        buffer = found.monitor.beside._buffer
        assert buffer is not None
        await until(lambda: buffer.on and buffer._ring.messages > 100)
        fuzzer = Fuzzer(found, recording, seed)
        handler = Errors(fuzzer.figures.errors)
        logging.getLogger("kracked_tui").addHandler(handler)
        try:
            return await fuzzer.run(count)
        finally:
            logging.getLogger("kracked_tui").removeHandler(handler)


def main() -> int:
    """Press keys as the command line says. Returns 1 after an order or an error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        figures = asyncio.run(fuzz(given.keys, given.seed, Path(folder)))
    print(figures.text())
    return 1 if figures.errors or figures.orders else 0


if __name__ == "__main__":
    sys.exit(main())
