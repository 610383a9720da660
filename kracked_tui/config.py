"""The settings: flag over environment over `config.toml` over the defaults here."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import msgspec

from kracked.errors import ConfigError
from kracked_tui import keys
from kracked_tui.options import Options


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the `[monitor]` table of the file may say, and `[keys]` beside it."""

    fps: int = 20
    theme: str = "night"
    ascii: bool = False
    mouse: bool = True
    keys: dict[str, str] = {}


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
    known = tuple(name for name in Settings.__struct_fields__ if name != "keys")
    said = dict(tables.get("monitor", {}))
    for name in said:
        if name not in known:
            raise UnknownSetting(path, "monitor", name, known)
    changes = dict(tables.get("keys", {}))
    ids = tuple(key.id for key in keys.KEYS)
    for name in changes:
        if name not in ids:
            raise UnknownSetting(path, "keys", name, ids)
    return {**said, "keys": changes}
