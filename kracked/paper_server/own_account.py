"""The file of a paper account and its key, where a program keeps them by default."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from kracked.credentials import Credentials, IncompleteCredentials
from kracked.endpoints import Endpoints
from kracked.errors import ConfigError, says
from kracked.gateway.auth import new_key
from kracked.state_files import replace_file, state_folder


@says(
    "{path} holds no whole key, and the paper account beside it has a history; put the key back,"
    " or delete {path}: the account goes on with a new key"
)
class KeyLost(ConfigError):
    """The key file of an account that was traded is empty, or half of it is missing."""

    path: Path


def account_file(endpoints: Endpoints) -> Path:
    """Return the file of the account on an exchange's market; make its folder.

    Exchanges on this machine are told apart by their ports.

    Raises:
        OSError: The folder cannot be made.
    """
    folder = state_folder() / "paper"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    address = urlsplit(endpoints.rest)
    name = address.hostname or ""
    if address.port is not None and (name in ("localhost", "::1") or name.startswith("127.")):
        name = f"{name}-{address.port}"
    return folder / f"{name}.log"


def account_key(account: Path) -> tuple[str, str]:
    """Return the key of an account, which stands beside its file; make one for a new account.

    A file without a whole key, as a crash can leave it, is replaced while the account is new.

    Raises:
        OSError: The file cannot be read or written.
        KeyLost: The file holds no whole key, and the account has a history.
        ConfigError: Others may read it.
    """
    file = account.with_name(f"{account.name}.key")
    if file.exists():
        try:
            known = Credentials.from_file(file)
        except IncompleteCredentials:
            if account.exists() and b"\n" in account.read_bytes():
                raise KeyLost(file) from None
            file.unlink()
        else:
            return known.key, known.secret
    key, secret = new_key()
    staged = file.with_name(f"{file.name}.{os.getpid()}")
    replace_file(staged, f"{key}\n{secret}\n".encode())
    try:
        os.link(staged, file)
    except FileExistsError:  # another process has made one just now
        return account_key(account)
    finally:
        staged.unlink()
    return key, secret
