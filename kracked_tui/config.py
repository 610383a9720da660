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
from typing import Any

import msgspec

from kracked.credentials import Credentials
from kracked.errors import ConfigError, says
from kracked_tui import config_checks, keys, palettes
from kracked_tui.options import Options

_TABLES = ("monitor", "keys", "trading", "buffer", "alerts")
_MOST_BYTES = 1 << 20
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


class Keeping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[buffer]` table: how much of what was received is kept to be looked at again."""

    minutes: int = 15
    """How long it is kept; 0 keeps nothing."""
    megabytes: int = 64
    """The memory that it may take; what is older leaves first."""


class Desktop(StrEnum):
    """The escape sequence of a desktop notification."""

    AUTO = "auto"
    """What the terminal is known to take; none in one that is not known."""
    OSC9 = "osc9"
    OSC99 = "osc99"
    OSC777 = "osc777"
    OFF = "off"


class Alerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[alerts]` table: what is waited for in every session, and how it is told."""

    rules: tuple[str, ...] = ()
    """Lines such as ``BTC/USD price above 65000``; without a pair for every one watched."""
    bell: bool = True
    """Whether the terminal's bell rings."""
    desktop: Desktop = Desktop.AUTO
    command: tuple[str, ...] = ()
    """The words of a command that is run for each; none by default."""
    in_replay: bool = False
    """Whether a replay rings, notifies and runs the command too."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[monitor]` table of the file, with the tables `[keys]`, `[trading]`, `[buffer]` and
    `[alerts]`.
    """

    fps: int = 20
    theme: str = "night"
    ascii: bool = False
    mouse: bool = True
    keys: dict[str, str] = {}
    trading: Trading = Trading()
    buffer: Keeping = Keeping()
    alerts: Alerting = Alerting()


@says("{path}: {_place} has no {name}; {_hint}")
class UnknownSetting(ConfigError):
    """A table of the configuration, or a name in one, that the monitor does not know."""

    path: Path
    table: str
    name: str
    known: tuple[str, ...]

    @property
    def _place(self) -> str:
        return f"[{self.table}]" if self.table else "the file"

    @property
    def _hint(self) -> str:
        near = get_close_matches(self.name, self.known, 1)
        return f"did you mean {near[0]}?" if near else f"known are {', '.join(self.known)}"


@says("{path}: [{table}] {name}: {reason}")
class WrongSetting(ConfigError):
    """A value that the configuration cannot have."""

    path: Path
    """The file; or the variable of the environment, or the flag, that it comes from."""
    table: str
    name: str
    reason: str


@says("{path}: {reason}")
class UnreadableConfig(ConfigError):
    """A configuration file that cannot be read."""

    path: Path
    reason: str


def config_path(environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration file, whether it exists or not."""
    home = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "kracked" / "config.toml"


def settings(
    options: Options, environment: Mapping[str, str] = os.environ, *, theme: str = ""
) -> Settings:
    """Join the command line, the environment and the configuration file, and check all of it.

    Args:
        options: The command line.
        environment: The variables of the environment.
        theme: The theme used before, where none of these names one; one that is gone is left out.

    Raises:
        UnknownSetting: A name in the file is not known; the error has the nearest known one.
        UnreadableConfig: The file cannot be read.
        WrongSetting: A value does not fit.
    """
    path = config_path(environment)
    before = theme if config_checks.is_theme(theme) else palettes.default_theme(environment)
    values: dict[str, object] = {"theme": before, **_read(path)}
    read_from = dict.fromkeys(("fps", "theme"), path)
    for name in ("fps", "theme", "ascii", "mouse"):
        variable = f"KRACKED_{name.upper()}"
        if name in read_from and (text := environment.get(variable)):
            values[name], read_from[name] = text, Path(variable)
        if (flag := getattr(options, name)) is not None:
            values[name], read_from[name] = flag, Path(f"--{name}")
    try:
        found = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        table, _, name = place.rstrip("`").partition(".")  # such as `trading.armed_min`
        if not name and table not in _TABLES:
            table, name = "monitor", table
        raise WrongSetting(read_from.get(name, path), table, name, reason) from error
    for table, name, reason in config_checks.problems(found):
        raise WrongSetting(read_from.get(name, path), table, name, reason)
    return found


def _tables(path: Path) -> dict[str, object]:
    """Parse the file; nothing where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UnreadableConfig(path, os.strerror(error.errno or 0).lower()) from error
    if len(content) > _MOST_BYTES:
        raise UnreadableConfig(path, f"it is larger than {_MOST_BYTES} bytes")
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableConfig(path, str(error)) from error
    except RecursionError as error:
        raise UnreadableConfig(path, "it is nested too deep") from error


def _read(path: Path) -> dict[str, object]:
    tables: dict[str, Any] = _tables(path)
    known = tuple(set(Settings.__struct_fields__) - set(_TABLES))
    for name, value in tables.items():
        if name in _TABLES and not isinstance(value, dict):
            raise UnreadableConfig(path, f"{name} is no table: write [{name}] above its lines")
        if name in known:
            raise UnreadableConfig(path, f"{name} belongs below [monitor]")
        if name not in _TABLES:
            raise UnknownSetting(path, "", name, _TABLES)
    monitor = dict(tables.get("monitor", {}))
    trading, alerts = dict(tables.get("trading", {})), dict(tables.get("alerts", {}))
    changes = dict(tables.get("keys", {}))
    _check_names(path, "monitor", monitor, known)
    _check_names(path, "trading", trading, Trading.__struct_fields__)
    buffer = dict(tables.get("buffer", {}))
    _check_names(path, "buffer", buffer, Keeping.__struct_fields__)
    _check_names(path, "alerts", alerts, Alerting.__struct_fields__)
    ids = tuple(key.id for key in (*keys.KEYS, *keys.REPLAY_KEYS, *keys.PAST_KEYS))
    _check_names(path, "keys", changes, ids)
    for name, given in changes.items():
        if not isinstance(given, str):
            raise WrongSetting(path, "keys", name, 'write keys as text, such as "x,ctrl+x"')
    own = {"keys": changes, "trading": trading, "buffer": buffer, "alerts": alerts}
    return {**monitor, **own}


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
