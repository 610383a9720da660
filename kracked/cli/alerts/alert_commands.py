"""Runs the user's command for each alert: no shell, no keys, one at a time, never for long."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from kracked.credentials import KEY_VARIABLE, SECRET_VARIABLE

LIMIT_S = 5.0
"""How long one run may take."""
MOST_WAITING = 20
MOST_A_MINUTE = 6
MINUTE_S = 60.0
_LAST_S = 1.0
"""How much longer than one run the end waits."""


class AlertCommands:
    """Runs a command for each alert in the order in which they come; an async context manager.

    It holds up nobody: a command that hangs is killed, and alerts that come too fast wait.
    """

    def __init__(
        self,
        command: Sequence[str],
        say: Callable[[str], None],
        *,
        limit_s: float = LIMIT_S,
        end_s: float | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            command: The words of the command; the alert comes after them.
            say: Told what goes wrong, each kind once.
            limit_s: How long one run may take.
            end_s: How long the end waits for those that are queued; by default a little longer
                than one run.
        """
        self._command, self._say = tuple(command), say
        self._limit_s = limit_s
        self._end_s = limit_s + _LAST_S if end_s is None else end_s
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._came = asyncio.Event()
        self._started: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._said: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, text: str, encoded: bytes) -> None:
        """Queue a run.

        Args:
            text: The alert, safe to print: the last argument.
            encoded: The alert as JSON: standard input.
        """
        if len(self._waiting) >= MOST_WAITING:
            self._say_once("too many alerts wait for the command: some are not given to it")
            return
        self._waiting.append((text, encoded))
        self._came.set()
        self._idle.clear()

    async def wait(self) -> None:
        """Wait until it ends; raises what it ends with."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(self._end_s):
                await self._idle.wait()
        if self._waiting:
            self._say(f"{len(self._waiting)} alerts were not given to the command")
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                self._came.clear()
                self._idle.set()
                await self._came.wait()
            if len(self._started) == MOST_A_MINUTE:
                await asyncio.sleep(max(0.0, self._started[0] + MINUTE_S - loop.time()))
            self._started.append(loop.time())
            try:
                await self._one(*self._waiting.popleft())
            except OSError as error:
                self._say_once(f"the command cannot be run: {error.strerror or error}")

    async def _one(self, text: str, encoded: bytes) -> None:
        account = (KEY_VARIABLE, SECRET_VARIABLE)
        harmless = {name: value for name, value in os.environ.items() if name not in account}
        process = await asyncio.create_subprocess_exec(
            *self._command,
            text,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={**harmless, "KRACKED_ALERT": text},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self._limit_s):
                await process.communicate(encoded)
            if process.returncode:
                self._say_once(f"the command failed with exit code {process.returncode}")
        except TimeoutError:
            self._say_once(f"the command took more than {self._limit_s:g} s and was ended")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)
