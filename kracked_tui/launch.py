"""Chooses the source, then runs the monitor on the terminal or saves its picture."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from kracked import _native
from kracked.endpoints import Endpoints
from kracked.feed import transport
from kracked_tui import config, source_factories
from kracked_tui.app import Monitor
from kracked_tui.column_files import find_columns
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import save_picture
from kracked_tui.options import Options
from kracked_tui.remembered import Choices, Memory
from kracked_tui.sources.opening import Opening
from kracked_tui.state.user_columns import UserColumns
from kracked_tui.view.replay.sessions import SessionRow

DEMO_SYMBOLS: tuple[str, ...] = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
DEFAULT_SYMBOLS = ("BTC/USD",)
_MOST_STARTS = 1000
"""Starts beyond this are not counted."""


def run(options: Options, settings: Settings, memory: Memory) -> int:
    """Run the monitor, and those that it leads to. Returns the exit status.

    Args:
        options: The command line.
        settings: The command line, the environment and the configuration, joined.
        memory: What earlier starts left.

    Raises:
        ConfigError: An option cannot be used.
        RecordError: The recording cannot be played.
        OSError: A file cannot be read or written.
    """
    _native.load()  # a wish that cannot be granted is told before the screen opens
    transport.choose()
    if options.replay is not None:
        from kracked_tui.sources.open import check_playable  # noqa: PLC0415  slow to load

        check_playable(options.replay)
    memory.change(starts=min(memory.choices.starts + 1, _MOST_STARTS))
    monitor = _monitor(options, settings, memory)
    monitor.record_at_once, monitor.record_to = options.record, options.record_to
    if options.snapshot is not None:
        asyncio.run(save_picture(monitor, options.snapshot, options.size, options.after_s))
        return monitor.return_code or 0
    monitor.run(mouse=settings.mouse)
    first, interrupted = SessionRow(monitor.source.name), False
    while not monitor.return_code and (destination := monitor.destination) is not None:
        path, interrupted = destination.path, interrupted or destination.ends_recording
        if destination.other_account:
            options = replace(options, paper=not options.paper)
        opened = options if path is None else replace(options, replay=path)
        monitor = _monitor(opened, settings, memory)
        if path is None:
            monitor.record_at_once, interrupted = interrupted, False
        else:
            monitor.trade.watched_before = (first,)
        monitor.run(mouse=settings.mouse)
    return monitor.return_code or 0


def _monitor(options: Options, settings: Settings, memory: Memory) -> Monitor:
    symbols = watched(options, memory.choices)
    source = source_for(options, DEMO_SYMBOLS if options.demo and not options.symbols else symbols)
    monitor = Monitor(source, settings, symbols, read_only=options.read_only, memory=memory)
    found = find_columns(os.environ)
    model = monitor.view_model
    for problem in found.problems:
        model.tell(problem, "warn")
    model.store.user_columns = UserColumns(found.columns, tell=model.tell)
    return monitor


def watched(options: Options, choices: Choices) -> tuple[str, ...]:
    """Return the pairs to watch, the one to show first: those named, else those of the last time.

    A simulated exchange lists the pairs it is told to: there the last time decides which of
    them is shown.
    """
    if options.symbols or options.replay is not None:
        return options.symbols
    if options.demo:
        exchange, offered = source_factories.SIMULATED, DEMO_SYMBOLS
    else:
        name = source_factories.paper_name if options.paper else source_factories.host
        exchange = name(endpoints_of(options))
        offered = choices.watched.get(exchange) or DEFAULT_SYMBOLS
    shown = choices.shown.get(exchange)
    return (shown, *(each for each in offered if each != shown)) if shown in offered else offered


def endpoints_of(options: Options) -> Endpoints:
    """Return the addresses of the exchange that the options name.

    Raises:
        ConfigError: The address cannot be used.
    """
    return Endpoints.at(options.endpoint) if options.endpoint else Endpoints.kraken()


def source_for(options: Options, symbols: tuple[str, ...]) -> Opening:
    """Return the source that the options name, ready to be opened.

    Raises:
        ConfigError: An address or a key cannot be used.
    """
    trades = not options.read_only
    if options.replay is not None:
        return source_factories.replay(options.replay)
    if options.demo:
        return source_factories.demo(symbols, options.seed, trades=trades)
    credentials = config.credentials(options.key_file)
    endpoints = endpoints_of(options)
    if options.paper:
        return source_factories.paper(symbols, endpoints, credentials, trades=trades)
    return source_factories.exchange(symbols, endpoints, credentials, trades=trades)
