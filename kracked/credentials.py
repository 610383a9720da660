"""An API key and its secret, kept out of every log, traceback and screen.

They come from the environment or from a file that only its owner can read, never from a
command line flag: flags show in the process list and in shell histories.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from kracked.errors import ConfigError, says

__all__ = [
    "KEY_VARIABLE",
    "SECRET_VARIABLE",
    "Credentials",
    "ExposedFile",
    "IncompleteCredentials",
    "UnreadableKey",
]

KEY_VARIABLE = "KRAKEN_API_KEY"
SECRET_VARIABLE = "KRAKEN_API_SECRET"  # noqa: S105 - the variable's name, not a secret
_REDACTED = "<redacted>"
_BEYOND_OWNER = stat.S_IRWXG | stat.S_IRWXO


class Credentials:
    """The key pair that signs private calls. Prints as ``<redacted>``, however it is printed.

    It is no struct on purpose: structs encode and print their fields.

    Args:
        key: The API key.
        secret: The private key, base64 as Kraken shows it.

    Raises:
        UnreadableKey: The key holds a character that no key has.
    """

    __slots__ = ("key", "secret")

    def __init__(self, key: str, secret: str) -> None:
        if not (key.isascii() and key.isprintable()):
            raise UnreadableKey
        self.key, self.secret = key, secret

    def __repr__(self) -> str:
        return f"Credentials({_REDACTED})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("credentials are not written anywhere")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Credentials | None:
        """Return the pair in `KRAKEN_API_KEY` and `KRAKEN_API_SECRET`; None when neither is set.

        Raises:
            IncompleteCredentials: Only one of them is set.
            UnreadableKey: The key holds a character that no key has.
        """
        # A shell or a secrets file easily leaves a line end behind.
        key, secret = (
            environment.get(name, "").strip() for name in (KEY_VARIABLE, SECRET_VARIABLE)
        )
        if not key and not secret:
            return None
        if not key or not secret:
            raise IncompleteCredentials("the environment", SECRET_VARIABLE if key else KEY_VARIABLE)
        return cls(key, secret)

    @classmethod
    def from_file(cls, path: Path) -> Credentials:
        """Return the pair in a file of two lines: the key, then the secret.

        Raises:
            ExposedFile: Others than the owner may open the file.
            IncompleteCredentials: A line is missing.
            UnreadableKey: The key holds a character that no key has.
            OSError: The file cannot be opened.
        """
        # The permissions are those of the very file that is read: no second look-up by name.
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & _BEYOND_OWNER:
                raise ExposedFile(path, mode)
            lines = [line.strip() for line in file if line.strip()]
        if len(lines) < 2:
            raise IncompleteCredentials(str(path), "secret" if lines else "key")
        return cls(lines[0], lines[1])


@says("{where} holds half of an API key: {missing} is missing")
class IncompleteCredentials(ConfigError):
    """Half of a key pair."""

    where: str
    missing: str


@says("the API key holds a character no key has; copy it again, whole")
class UnreadableKey(ConfigError):
    """A key that cannot be sent in a header. The message never repeats it."""


@says("{path} can be opened by others (mode {mode:o}); run: chmod 600 {path}")
class ExposedFile(ConfigError):
    """A key file that others can open."""

    path: Path
    mode: int
