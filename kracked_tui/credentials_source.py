"""Where the API key comes from: a private file, the environment, or the system's keyring."""

from __future__ import annotations

import contextlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kracked.credentials import Credentials

SERVICE = "kracked"
"""In the keyring, with the users `key` and `secret`."""


def credentials(file: Path | None) -> Credentials | None:
    """The key pair, or None where there is none. A file that is named goes before all else.

    Raises `ConfigError` for half a pair and for a file that others may read.
    """
    if file is not None:
        return Credentials.from_file(file)
    return Credentials.from_environment() or _from_keyring()


def _from_keyring() -> Credentials | None:
    """Return the pair that the keyring holds; a keyring that is locked holds nothing.

    Only where the package is installed: ``pip install 'kracked[keyring]'``.
    """
    if find_spec("keyring") is None:
        return None
    keyring, errors = import_module("keyring"), import_module("keyring.errors")
    with contextlib.suppress(errors.KeyringError):
        key, secret = (keyring.get_password(SERVICE, user) for user in ("key", "secret"))
        if key and secret:
            return Credentials(key, secret)
    return None
