"""The settings and the API key of the user.

A flag goes before the environment, the environment before `config.toml`, and the file before
the defaults here. The key comes from a private file, the environment, or the system's keyring.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import msgspec

from kracked.credentials import Credentials
from kracked.errors import ConfigError, says
from kracked_tui import keys
from kracked_tui.options import Options

KEYRING_SERVICE = "kracked"
"""The service in the keyring, with the users `key` and `secret`."""


class Lost(StrEnum):
    """The fate of own orders when the terminal is gone, or the program is told to end."""

    SWITCH = "switch"
    """Send nothing: while armed the dead-man's switch cancels them, otherwise they stay."""
    CANCEL = "cancel"
    """Cancel them at once, then turn the switch off."""
    LEAVE = "leave"
    """Leave them open, and turn the switch off."""


class Trading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[trading]` table: the user's own limits, and the meaning of keys."""

    armed_min: int = 15
    """Minutes that arming lasts."""
    max_notional: Decimal | None = Decimal(10_000)
    """Highest cost of one order, in the quote currency."""
    max_open_notional: Decimal | None = Decimal(50_000)
    """Highest cost of all open orders together, in the quote currency."""
    max_qty: Decimal | None = None
    """Highest quantity of one order, in the base currency."""
    max_distance_percent: Decimal | None = Decimal(3)
    """Highest distance of a price from the middle of the market."""
    when_lost: Lost = Lost.SWITCH
    sizes: dict[str, tuple[str, ...]] = {}
    """Sizes of the keys 1 to 5, by symbol, in the base currency:
    ``"BTC/USD" = ["0.01", "0.05"]``."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[monitor]` table of the file, with the tables `[keys]` and `[trading]`."""

    fps: int = 20
    theme: str = "night"
    ascii: bool = False
    mouse: bool = True
    keys: dict[str, str] = {}
    trading: Trading = Trading()


@says("{path}: [{table}] has no {name}; {_hint}")
class UnknownSetting(ConfigError):
    """A name in a table of the configuration that the monitor does not know."""

    path: Path
    table: str
    name: str
    known: tuple[str, ...]

    @property
    def _hint(self) -> str:
        near = get_close_matches(self.name, self.known, 1)
        return f"did you mean {near[0]}?" if near else f"known are {', '.join(self.known)}"


@says("{path}: {reason}")
class WrongSetting(ConfigError):
    """A value that the configuration cannot have."""

    path: Path
    reason: str


def config_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration file, whether it exists or not."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "kracked" / "config.toml"


def settings(options: Options, environment: Mapping[str, str] = os.environ) -> Settings:
    """Join the command line, the environment and the configuration file.

    Raises:
        UnknownSetting: A name in the file is not known; the error has the nearest known one.
        WrongSetting: The file cannot be read, or a value does not fit.
    """
    path = config_path(environment)
    values: dict[str, object] = {**_read(path)}
    for name in ("fps", "theme", "ascii", "mouse"):
        if name in ("fps", "theme") and (text := environment.get(f"KRACKED_{name.upper()}")):
            values[name] = text
        if (flag := getattr(options, name)) is not None:
            values[name] = flag
    try:
        return msgspec.convert(values, Settings, strict=False)
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
    monitor = dict(tables.get("monitor", {}))
    trading = dict(tables.get("trading", {}))
    changes = dict(tables.get("keys", {}))
    _check_names(path, "monitor", monitor, known)
    _check_names(path, "trading", trading, Trading.__struct_fields__)
    ids = tuple(key.id for key in (*keys.KEYS, *keys.REPLAY_KEYS))
    _check_names(path, "keys", changes, ids)
    return {**monitor, "keys": changes, "trading": trading}


def _check_names(path: Path, table: str, names: Iterable[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise UnknownSetting(path, table, name, known)


def credentials(file: Path | None) -> Credentials | None:
    """Find the API key; None without one. A file that is named goes before all else.

    The keyring is asked where the package `keyring` is installed; a locked one holds nothing.

    Raises:
        ConfigError: Half of a key is missing, or others may read the file.
    """
    if file is not None:
        return Credentials.from_file(file)
    if (found := Credentials.from_environment()) is not None or find_spec("keyring") is None:
        return found
    keyring, errors = import_module("keyring"), import_module("keyring.errors")
    with contextlib.suppress(errors.KeyringError):
        key, secret = (keyring.get_password(KEYRING_SERVICE, user) for user in ("key", "secret"))
        if key and secret:
            return Credentials(key, secret)
    return None
