"""Chooses the source, then runs the monitor on the terminal or saves its picture."""

from __future__ import annotations

import asyncio

from kracked_tui.app import Monitor
from kracked_tui.config import Settings
from kracked_tui.options import Options
from kracked_tui.snapshot import saved
from kracked_tui.source import Source

DEMO_SYMBOLS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD")
DEFAULT_SYMBOLS = ("BTC/USD",)


def run(options: Options, settings: Settings) -> int:
    """The exit status. Raises `ConfigError` for what cannot be shown."""
    symbols = options.symbols or _default_symbols(options)
    monitor = Monitor(source_for(options, symbols), settings, symbols)
    if options.snapshot is not None:
        asyncio.run(saved(monitor, options.snapshot, options.size, options.after_s))
        return monitor.return_code or 0
    monitor.run(mouse=settings.mouse)
    return monitor.return_code or 0


def _default_symbols(options: Options) -> tuple[str, ...]:
    if options.replay is not None:
        return ()
    return DEMO_SYMBOLS if options.demo else DEFAULT_SYMBOLS


def source_for(options: Options, symbols: tuple[str, ...]) -> Source:
    """What the options name; its libraries are loaded here and not before."""
    if options.replay is not None:
        from kracked_tui.replay import ReplaySource  # noqa: PLC0415

        return ReplaySource(options.replay)
    if options.demo:
        from kracked_tui.demo import DemoSource  # noqa: PLC0415

        return DemoSource(symbols, options.seed)
    from kracked.credentials import Credentials  # noqa: PLC0415
    from kracked.endpoints import Endpoints  # noqa: PLC0415
    from kracked_tui.live import LiveSource  # noqa: PLC0415

    endpoints = Endpoints.at(options.endpoint) if options.endpoint else Endpoints.kraken()
    return LiveSource(symbols, endpoints, Credentials.from_environment())
