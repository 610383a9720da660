"""A simulated exchange in a process of its own, with its test bench."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints

PAGE_BYTES = 4096


class Remote:
    """The exchange's addresses, what it tells of its faults, and its bench."""

    def __init__(
        self, process: asyncio.subprocess.Process, told: dict[str, str], http: aiohttp.ClientSession
    ) -> None:
        self.pid = process.pid
        self.endpoints = Endpoints.at(told["rest"])
        self.credentials = Credentials(told["api_key"], told["api_secret"])
        self.complaints: list[str] = []
        """Lines on its stderr that are no faults: warnings, tracebacks."""
        self.slow_steps = 0
        """How often asyncio's debug mode said that a step of its loop took over 0.1 s."""
        self.rest = told["rest"]
        self._process, self._http = process, http

    async def faults(self) -> AsyncIterator[dict[str, Any]]:
        """Each fault as it strikes, until the exchange ends."""
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            if line.startswith(b'{"kind"'):
                yield json.loads(line)
            elif line.startswith(b"Executing <"):
                self.slow_steps += 1
            else:
                self.complaints.append(line.decode().rstrip())

    async def ask(self, name: str, **query: object) -> Any:
        """Read from the bench: `truth`, `state` or `faults`."""
        return await self._call("GET", name, query)

    async def act(self, name: str, **query: object) -> Any:
        """Move the bench: `hold`, `calm` or `release`."""
        return await self._call("POST", name, query)

    async def _call(self, method: str, name: str, query: dict[str, object]) -> Any:
        params = {key: str(value) for key, value in query.items()}
        url = f"{self.rest}/sim/{name}"
        async with self._http.request(method, url, params=params) as response:
            response.raise_for_status()
            return await response.json(loads=_exact)


def _exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


@asynccontextmanager
async def exchange(*arguments: str) -> AsyncIterator[Remote]:
    """``kracked sim`` with these arguments, under the same -X dev and -W as this process."""
    flags = ["-X", "dev"] if sys.flags.dev_mode else []
    for option in sys.warnoptions:
        flags += ["-W", option]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *flags,
        "-m",
        "kracked.cli.main",
        "sim",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the exchange did not start")
        async with aiohttp.ClientSession() as http:
            yield Remote(process, json.loads(line), http)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def resident_bytes(pid: int | str = "self") -> int:
    """Memory a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def processor_s(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue  # the listing's own
    return count
