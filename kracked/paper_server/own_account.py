"""The file of a paper account and its key, where a program keeps them by default."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from kracked.credentials import Credentials
from kracked.endpoints import Endpoints
from kracked.gateway.auth import new_key
from kracked.state_files import state_folder


def account_file(endpoints: Endpoints) -> Path:
    """Return the file of the account on an exchange's market; make its folder.

    Raises:
        OSError: The folder cannot be made.
    """
    folder = state_folder() / "paper"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{urlsplit(endpoints.rest).hostname}.log"


def account_key(account: Path) -> tuple[str, str]:
    """Return the key of an account, which stands beside its file; make one for a new account.

    Raises:
        OSError: The file cannot be read or written.
        ConfigError: The file holds no key, or others may read it.
    """
    file = account.with_name(f"{account.name}.key")
    if file.exists():
        known = Credentials.from_file(file)
        return known.key, known.secret
    key, secret = new_key()
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as lines:
        lines.write(f"{key}\n{secret}\n")
    return key, secret
