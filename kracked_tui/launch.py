"""Chooses the source, then runs the monitor on the terminal or saves its picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from kracked.endpoints import Endpoints
from kracked_tui import credentials_source, source_factories
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import saved
from kracked_tui.options import Options
from kracked_tui.sources.opening import Opening
from kracked_tui.view.replay.sessions import SessionRow

DEMO_SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
DEFAULT_SYMBOLS = ("BTC/USD",)


def run(options: Options, settings: Settings) -> int:
    """The exit status. Raises `ConfigError`, `RecordError` or OSError for what cannot be shown."""
    if options.replay is not None:
        _check_replay(options.replay)
    monitor = _monitor(options, settings)
    monitor.record_at_once, monitor.record_to = options.record, options.record_to
    if options.snapshot is not None:
        asyncio.run(saved(monitor, options.snapshot, options.size, options.after_s))
        return monitor.return_code or 0
    monitor.run(mouse=settings.mouse)
    home, interrupted = SessionRow(monitor.source.name), False
    while (destination := monitor.leads_to) is not None:
        path, interrupted = destination.path, interrupted or destination.ends_recording
        monitor = _monitor(options if path is None else replace(options, replay=path), settings)
        if path is None:
            monitor.record_at_once, interrupted = interrupted, False
        else:
            monitor.trade.watched_before = (home,)
        monitor.run(mouse=settings.mouse)
    return monitor.return_code or 0


def _monitor(options: Options, settings: Settings) -> Monitor:
    symbols = options.symbols or _default_symbols(options)
    source = source_for(options, symbols)
    return Monitor(source, settings, symbols, read_only=options.read_only)


def _default_symbols(options: Options) -> tuple[str, ...]:
    if options.replay is not None:
        return ()
    return DEMO_SYMBOLS if options.demo else DEFAULT_SYMBOLS


def source_for(options: Options, symbols: tuple[str, ...]) -> Opening:
    """Return how to open what the options name.

    Raises:
        ConfigError: An address or a key cannot be used.
    """
    trades = not options.read_only
    if options.replay is not None:
        return source_factories.replay(options.replay)
    if options.demo:
        return source_factories.demo(symbols, options.seed, trades=trades)
    endpoints = Endpoints.at(options.endpoint) if options.endpoint else Endpoints.kraken()
    credentials = credentials_source.credentials(options.key_file)
    return source_factories.exchange(symbols, endpoints, credentials, trades=trades)


def _check_replay(path: Path) -> None:
    from kracked_tui.sources.open import check_playable  # noqa: PLC0415

    check_playable(path)
