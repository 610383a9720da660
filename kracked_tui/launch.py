"""Chooses the source, then runs the monitor on the terminal or saves its picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kracked.endpoints import Endpoints
from kracked_tui import config, source_factories
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import save_picture
from kracked_tui.options import Options
from kracked_tui.sources.opening import Opening
from kracked_tui.view.replay.sessions import SessionRow

DEMO_SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
DEFAULT_SYMBOLS = ("BTC/USD",)


def run(options: Options, settings: Settings) -> int:
    """Run the monitor, and those that it leads to. Returns the exit status.

    Raises:
        ConfigError: An option cannot be used.
        RecordError: The recording cannot be played.
        OSError: A file cannot be read or written.
    """
    if options.replay is not None:
        from kracked_tui.sources.open import check_playable  # noqa: PLC0415  slow to load

        check_playable(options.replay)
    monitor = _monitor(options, settings)
    monitor.record_at_once, monitor.record_to = options.record, options.record_to
    if options.snapshot is not None:
        asyncio.run(save_picture(monitor, options.snapshot, options.size, options.after_s))
        return monitor.return_code or 0
    monitor.run(mouse=settings.mouse)
    first, interrupted = SessionRow(monitor.source.name), False
    while (destination := monitor.destination) is not None:
        path, interrupted = destination.path, interrupted or destination.ends_recording
        monitor = _monitor(options if path is None else replace(options, replay=path), settings)
        if path is None:
            monitor.record_at_once, interrupted = interrupted, False
        else:
            monitor.trade.watched_before = (first,)
        monitor.run(mouse=settings.mouse)
    return monitor.return_code or 0


def _monitor(options: Options, settings: Settings) -> Monitor:
    symbols = options.symbols
    if not symbols and options.replay is None:
        symbols = DEMO_SYMBOLS if options.demo else DEFAULT_SYMBOLS
    source = source_for(options, symbols)
    return Monitor(source, settings, symbols, read_only=options.read_only)


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
    endpoints = Endpoints.at(options.endpoint) if options.endpoint else Endpoints.kraken()
    credentials = config.credentials(options.key_file)
    return source_factories.exchange(symbols, endpoints, credentials, trades=trades)
