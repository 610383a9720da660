"""`kracked watch`: a line for each alert that fires, until the time is up or a signal comes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import msgspec

from kracked.cli import DONE, FAILED
from kracked.cli.alerts.alert_commands import AlertCommands
from kracked.cli.output import print_json
from kracked.cli.output import safe_print as print  # noqa: A004
from kracked.credentials import KEY_VARIABLE, Credentials
from kracked.endpoints import Endpoints
from kracked.feed.channels import Channels
from kracked.feed_manager import FeedManager
from kracked.flow.alerts import (
    Alert,
    AlertKind,
    AlertWatch,
    keep_memory,
    parse_alert,
    read_memory,
)
from kracked.flow.alerts.trust import NOTHING_YET
from kracked.instruments import similar_symbol
from kracked.protocol.events import Event, Executions, Instruments, Overflow
from kracked.state_files import state_folder
from kracked.stop_signals import stop_signals
from kracked.times import NS_PER_S, to_rfc3339

_LOOK_EVERY_S = 0.25
_BEHIND_NS = NS_PER_S // 10
"""Time passes so much later than the clock: no message that came before may still be on its way."""
_PATIENCE_S = 10
"""How long nothing may come before it is said."""
_KEEP_EVERY_S = 10
_DEEP = frozenset((AlertKind.SIZE, AlertKind.ORDER, AlertKind.IMBALANCE))


class Ways(NamedTuple):
    """The ways in which an alert is told."""

    as_json: bool = False
    """An object a line in place of text."""
    bell: bool = False
    """The terminal's bell too."""
    command: Sequence[str] | None = None
    """Words of a command that is run for each too."""


def watch(
    symbols: list[str],
    alerts: list[str],
    *,
    endpoint: str | None,
    ways: Ways,
    duration_s: float | None,
    again: bool,
    state: Path | None,
) -> int:
    """Watch until the time is up, a signal comes, or nothing can fire any more.

    Args:
        symbols: Pairs such as ``BTC/USD``.
        alerts: What to wait for, as `parse_alert` reads it.
        endpoint: REST address of another exchange than Kraken.
        ways: How they are told.
        duration_s: Seconds to watch; None watches until a signal.
        again: Forget what was told before.
        state: File of what was told; None for the default.

    Returns:
        Exit code 1 when nothing is watched, or an alert was never evaluated.
    """
    endpoints = Endpoints.at(endpoint) if endpoint else Endpoints.kraken()
    address = urlsplit(endpoints.rest)
    name = "-".join(str(part) for part in (address.hostname, address.port) if part is not None)
    path = state or state_folder() / "alerts" / f"{name}.json"
    memory, damaged = read_memory(path)
    if damaged is not None:
        _say(str(damaged))
    rules = list(map(parse_alert, alerts))
    if again:
        memory.alerts.clear()  # the file keeps those of others
    watched = AlertWatch(rules, symbols, memory)
    for one in watched.armed:
        if one.memory.off:
            when = to_rfc3339(one.memory.off, 3)
            _say(f"{one.name}: told at {when}, and off since; --again waits for it again")
    if watched.done:
        _say("there is nothing left to wait for")
        return FAILED
    return asyncio.run(_Watching(watched, endpoints, path, ways).run(duration_s))


class _Watching:
    """One run: the feed, the alerts on it, and the ways in which they are told."""

    def __init__(self, watched: AlertWatch, endpoints: Endpoints, path: Path, ways: Ways) -> None:
        self._watch, self._path, self._ways = watched, path, ways
        self._commands: AlertCommands | None = None
        self._blind: dict[str, str] = {}
        self._never = {one.name for one in watched.armed if not one.memory.off}
        """Alerts that were not evaluated yet."""
        self._cannot_keep = False
        credentials = Credentials.from_environment()
        needed = {channel for one in watched.armed for channel in one.rule.needs}
        deep = any(one.rule.kind in _DEEP for one in watched.armed)
        self._channels: dict[str, object] = {"book": 1000 if deep else 100, "trade": True}
        if credentials is not None and "level3" in needed:
            self._channels["level3"] = 1000 if deep else 100
        if credentials is None:
            for channel in needed & {"level3", "executions"}:
                for symbol in watched.symbols:
                    watched.trust.doubt(channel, symbol, f"{KEY_VARIABLE} is not set")
        self._feed = FeedManager(
            watched.symbols,
            credentials=credentials,
            account=credentials is not None and "executions" in needed,
            endpoints=endpoints,
            **cast(Channels, self._channels),
        )

    async def run(self, duration_s: float | None) -> int:
        """Watch until the end; return the exit code."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        end = None if duration_s is None else start + duration_s
        kept = start
        unlisted = False
        async with AsyncExitStack() as stack:
            stopped = stack.enter_context(stop_signals())
            if self._ways.command is not None:
                commands = AlertCommands(self._ways.command, _say)
                self._commands = await stack.enter_async_context(commands)
            await stack.enter_async_context(self._feed)
            consumer = stack.enter_context(self._feed.consumer())
            while not stopped.is_set() and not self._watch.done and not unlisted:
                now = loop.time()
                if end is not None and now >= end:
                    break
                wait_s = _LOOK_EVERY_S if end is None else min(_LOOK_EVERY_S, end - now)
                happened: list[Event] = []
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        happened = await consumer.batch()
                for event in happened:
                    self._tell(self._watch.apply(event))
                    unlisted |= isinstance(event, Instruments) and self._say_unlisted()
                    if isinstance(event, Overflow):
                        stack.enter_context(_cancelled(asyncio.create_task(self._begin_anew())))
                if not consumer.waiting:
                    self._tell(self._watch.elapse(self._feed.clock.wall() - _BEHIND_NS))
                self._say_blind(patient=loop.time() < start + _PATIENCE_S)
                if loop.time() >= kept + _KEEP_EVERY_S:
                    kept = loop.time()
                    self._keep()
            self._keep()
        self._say_blind(patient=False)
        for name in sorted(self._never):
            _say(f"never evaluated: {name}: {self._blind.get(name, 'there was no time')}")
        return FAILED if self._never or unlisted else DONE

    def _tell(self, fired: list[Alert]) -> None:
        """Tell alerts in every way, then keep that they are told."""
        for alert in fired:
            encoded = msgspec.json.encode({"type": "alert", **msgspec.to_builtins(alert)})
            text = f"{alert.symbol} {alert.words}"
            if self._ways.as_json:
                print_json(encoded)
                sys.stdout.flush()
            else:
                print(f"{to_rfc3339(alert.time, 3)} {text}  [{alert.rule}]", flush=True)
            if self._ways.bell and sys.stderr is not None and sys.stderr.isatty():
                sys.stderr.write("\a")
                sys.stderr.flush()
            if self._commands is not None:
                self._commands.put(text, encoded)
        self._never -= {f"{alert.symbol} {alert.rule}" for alert in fired}
        if fired:
            self._keep()

    def _keep(self) -> None:
        """Write what was told; a disk that takes nothing is said once and ends nothing."""
        try:
            damaged = keep_memory(self._path, self._watch.memory, self._watch.armed)
        except OSError as error:
            if not self._cannot_keep:
                why = error.strerror or error
                _say(f"{self._path}: {why}; what is told now may be told again after a restart")
            self._cannot_keep = True
        else:
            self._cannot_keep = False
            if damaged is not None:
                _say(str(damaged))

    def _say_blind(self, *, patient: bool) -> None:
        """Say which alerts are not evaluated, and which are again.

        Args:
            patient: Whether what has not begun is not said yet.
        """
        blind = self._watch.blind()
        self._never &= blind.keys()
        if patient:
            blind = {name: why for name, why in blind.items() if not why.endswith(NOTHING_YET)}
        if blind == self._blind:
            return
        for name, why in blind.items():
            if self._blind.get(name) != why:
                self._say_state("not evaluated", name, why)
        for name in self._blind.keys() - blind.keys():
            self._say_state("evaluated", name, "")
        self._blind = blind

    def _say_state(self, state: str, name: str, why: str) -> None:
        if self._ways.as_json:
            print_json(msgspec.json.encode({"type": state, "alert": name, "reason": why}))
            sys.stdout.flush()
        _say(f"{state}: {name}: {why}" if why else f"{state} now: {name}")

    def _say_unlisted(self) -> bool:
        """Say which symbols the exchange does not list; return whether there are any."""
        listed = self._feed.instruments
        unlisted = [one for one in self._watch.symbols if listed and one not in listed]
        for symbol in unlisted:
            similar = similar_symbol(symbol, listed)
            hint = f"; did you mean {similar}?" if similar else ""
            _say(f"the exchange does not list {symbol}{hint}")
        return bool(unlisted)

    async def _begin_anew(self) -> None:
        """Ask for fresh snapshots, after messages were left out."""
        for event in self._feed.current_state():
            if isinstance(event, Executions):
                self._tell(self._watch.apply(event))
        for symbol in self._watch.symbols:
            await self._feed.unsubscribe(symbol)
            await self._feed.subscribe(symbol, **cast(Channels, self._channels))


def _say(text: str) -> None:
    print(f"kracked watch: {text}", file=sys.stderr, flush=True)


@contextmanager
def _cancelled(task: asyncio.Task[None]) -> Iterator[None]:
    """Cancel a task at the end."""
    try:
        yield
    finally:
        task.cancel()
