"""The settings: flag over environment over `config.toml` over the defaults here."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

import msgspec

from kracked.errors import ConfigError
from kracked_tui import keys
from kracked_tui.options import Options


class Lost(StrEnum):
    """What becomes of own orders when the terminal is gone, or the program is told to end."""

    SWITCH = "switch"
    """Nothing is sent: while armed the dead-man's switch cancels them, else they stay."""
    CANCEL = "cancel"
    """They are cancelled at once, then the switch is turned off."""
    LEAVE = "leave"
    """They stay: the switch is turned off."""


class Trading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the `[trading]` table may say: the trader's own bounds, and what keys mean."""

    armed_min: int = 15
    """Minutes until it disarms by itself."""
    max_notional: Decimal | None = Decimal(10_000)
    """The most one order may cost, in the quote currency."""
    max_qty: Decimal | None = None
    """In the base currency."""
    max_distance_percent: Decimal | None = Decimal(3)
    """From the middle of the market."""
    when_lost: Lost = Lost.SWITCH
    sizes: dict[str, tuple[str, ...]] = {}
    """Of the keys 1 to 5, by symbol, in the base currency: ``"BTC/USD" = ["0.01", "0.05"]``."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the `[monitor]` table of the file may say; `[keys]` and `[trading]` beside it."""

    fps: int = 20
    theme: str = "night"
    ascii: bool = False
    mouse: bool = True
    keys: dict[str, str] = {}
    trading: Trading = Trading()


class UnknownSetting(ConfigError):
    """A name in a table of the configuration that means nothing."""

    def __init__(self, path: Path, table: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(path, table, name, known)
        self.path, self.table, self.name, self.known = path, table, name, known

    def __str__(self) -> str:
        near = get_close_matches(self.name, self.known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(self.known)}"
        return f"{self.path}: [{self.table}] has no {self.name}; {hint}"


class WrongSetting(ConfigError):
    """A value the configuration cannot have."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def config_path(environment: Mapping[str, str]) -> Path:
    """Where the file would be, whether it exists or not."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "kracked" / "config.toml"


def settings(options: Options, environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises `ConfigError` with the file, the name and the nearest known one."""
    path = config_path(environment)
    found = _read(path)
    said: dict[str, object] = {**found}
    for name in ("fps", "theme", "ascii", "mouse"):
        if name in ("fps", "theme") and (text := environment.get(f"KRACKED_{name.upper()}")):
            said[name] = text
        if (flag := getattr(options, name)) is not None:
            said[name] = flag
    try:
        return msgspec.convert(said, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise WrongSetting(path, str(error)) from error


def _read(path: Path) -> dict[str, object]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongSetting(path, str(error)) from error
    known = tuple(set(Settings.__struct_fields__) - {"keys", "trading"})
    said = dict(tables.get("monitor", {}))
    trading = dict(tables.get("trading", {}))
    _check_names(path, "monitor", said, known)
    _check_names(path, "trading", trading, Trading.__struct_fields__)
    changes = dict(tables.get("keys", {}))
    ids = tuple(key.id for key in (*keys.KEYS, *keys.TRANSPORT))
    _check_names(path, "keys", changes, ids)
    return {**said, "keys": changes, "trading": trading}


def _check_names(path: Path, table: str, said: Iterable[str], known: tuple[str, ...]) -> None:
    for name in said:
        if name not in known:
            raise UnknownSetting(path, table, name, known)
