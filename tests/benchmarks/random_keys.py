"""Random keys on one monitor: presses, held keys, pastes and other sizes of the terminal."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size

from kracked_tui.keys import Key
from tests.tui.keyboard import key_event
from tests.tui.trading_monitor import Trading

SIZES = (*[(120, 40)] * 4, (80, 24), (200, 60), (60, 20), (30, 8), (10, 3))
LEFT_OUT = frozenset(("palette", "record", "sessions", "theme", "type-back"))
TYPED = (*"0123456789.allbtcusd/", "enter", "backspace")
PASTES = ("ByBy", "b\ny", "all\n", "BTC/USD", "y", "BSBSBS")


@dataclass
class Pressed:
    """What was pressed."""

    pressed: int = 0
    held: int = 0
    pastes: int = 0
    resizes: int = 0

    @property
    def told(self) -> str:
        """The figures in words."""
        return (
            f"{self.pressed} keys, {self.held} of them repeats of held ones, "
            f"{self.pastes} pastes, {self.resizes} sizes"
        )


class Shares(NamedTuple):
    """How presses are shared out: frequent keys up to the first, typed ones up to the second."""

    often: float
    typed: float


async def _stay() -> None:
    """Go on where a person would have quit: own orders are dealt with by then."""


class RandomKeys(ABC):
    """Presses the keys of a table at random; who inherits from it says what a press waits for."""

    figures: Pressed

    def __init__(
        self, found: Trading, random: Random, *, table: Sequence[Key], often: Sequence[str]
    ) -> None:
        self.found = found
        self._random, self._often = random, often
        self._now_s = time.monotonic()
        """When the next key arrives; it runs ahead of the clock, so that keys can rest."""
        named = [key for key in table if key.id not in LEFT_OUT]
        self._names = [name for key in named for name in key.keys.split(",")]
        found.monitor.action_finish = _stay  # type: ignore[method-assign]

    @abstractmethod
    async def _press(self, name: str, after_s: float | None = None) -> bool:
        """Press a key; return whether a key that is held may go on."""

    async def _act(self, shares: Shares) -> None:
        kind = self._random.random()
        if kind < 0.02:
            self.figures.pastes += 1
            self.found.monitor.post_message(events.Paste(self._random.choice(PASTES)))
        elif kind < 0.03:
            self._resize(self._random.choice(SIZES))
        elif kind < 0.05:
            await self._hold(self._random.choice((*self._often, *self._names)))
        else:
            often, typed = kind < shares.often, kind < shares.typed
            names = self._often if often else TYPED if typed else self._names
            await self._press(self._random.choice(names))

    def _resize(self, size: tuple[int, int]) -> None:
        self.figures.resizes += 1
        driver = self.found.monitor._driver
        assert isinstance(driver, HeadlessDriver)
        driver._size = size
        self.found.monitor.post_message(events.Resize(Size(*size), Size(*size)))

    async def _hold(self, name: str) -> None:
        await self._press(name)
        delay_s = self._random.choice((0.25, 0.5, 0.66))
        for repeat in range(self._random.randint(2, 30)):
            self.figures.held += 1
            if not await self._press(name, delay_s if repeat == 0 else 0.033):
                return
            await asyncio.sleep(0)

    def _event(self, name: str, after_s: float | None) -> events.Key:
        """Return the next key's event, so long after the one before."""
        self._now_s += self._random.uniform(0.03, 1.5) if after_s is None else after_s
        self.figures.pressed += 1
        event = key_event(name)
        event.time = self._now_s
        return event

    async def _rest(self) -> None:
        """Let the loop turn some times, or not."""
        for _ in range(self._random.choice((0, 0, 1, 3, 10))):
            await asyncio.sleep(0)
