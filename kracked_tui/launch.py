"""Chooses the source, then runs the monitor on the terminal or saves its picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked_tui import credentials_source
from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.export.snapshot import saved
from kracked_tui.options import Options
from kracked_tui.sources.base import Source
from kracked_tui.sources.loading import Deferred
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
            monitor.desk.before = (home,)
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


def source_for(options: Options, symbols: tuple[str, ...]) -> Source:
    """What the options name. Raises `ConfigError` for an address or a key that cannot be used."""
    if options.replay is not None:
        return Deferred("REPLAY", options.replay.name, partial(_replay, options.replay))
    if options.demo:
        return Deferred("DEMO", "simulated exchange", partial(_demo, symbols, options))
    endpoints = Endpoints.at(options.endpoint) if options.endpoint else Endpoints.kraken()
    found = credentials_source.credentials(options.key_file)
    trades = not options.read_only
    host = endpoints.public.split("/")[2]
    return Deferred("LIVE", host, partial(_live, symbols, endpoints, found, trades=trades))


def _check_replay(path: Path) -> None:
    from kracked_tui.sources.open import check  # noqa: PLC0415

    check(path)


def _replay(path: Path) -> Source:
    from kracked_tui.sources.open import opened  # noqa: PLC0415
    from kracked_tui.sources.replay import ReplaySource  # noqa: PLC0415

    return ReplaySource(opened(path))


def _demo(symbols: tuple[str, ...], options: Options) -> Source:
    from kracked_tui.sources.demo import DemoSource  # noqa: PLC0415

    _load_trader()
    return DemoSource(symbols, options.seed, trades=not options.read_only)


def _live(
    symbols: tuple[str, ...],
    endpoints: Endpoints,
    credentials: Credentials | None,
    *,
    trades: bool,
) -> Source:
    from kracked_tui.sources.live import LiveSource  # noqa: PLC0415

    if credentials is not None:
        _load_trader()
    return LiveSource(symbols, endpoints, credentials, trades=trades)


def _load_trader() -> None:
    """Its libraries too are loaded behind the screen, in the thread that makes the source."""
    from kracked_tui import trader  # noqa: F401, PLC0415
