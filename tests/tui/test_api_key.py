"""Where the key comes from, and that nothing ever shows it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from textual.worker import WorkerFailed

from kracked.credentials import Credentials
from kracked.errors import ConfigError
from kracked_tui import config
from tests.tui.conftest import Opened

KEY, SECRET = "a-key-nobody-may-see", "a-secret-nobody-may-see"


def written(folder: Path, mode: int) -> Path:
    path = folder / "key"
    path.write_text(f"{KEY}\n{SECRET}\n")
    path.chmod(mode)
    return path


def test_a_private_file_goes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRAKEN_API_KEY", "other")
    monkeypatch.setenv("KRAKEN_API_SECRET", "other")
    found = config.credentials(written(tmp_path, 0o600))
    assert found is not None
    assert found.key == KEY


def test_a_file_others_may_read_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = written(tmp_path, 0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}") as refused:
        config.credentials(path)
    assert SECRET not in str(refused.value)


def test_the_systems_keyring_is_asked_last_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    ring.__spec__ = errors.__spec__ = sys.__spec__
    held = {("kracked", "key"): KEY, ("kracked", "secret"): SECRET}
    vars(ring)["get_password"] = lambda service, user: held.get((service, user))
    vars(errors)["KeyringError"] = OSError
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    found = config.credentials(None)
    assert found is not None
    assert (found.key, found.secret) == (KEY, SECRET)
    held.clear()
    assert config.credentials(None) is None


def test_credentials_print_as_redacted() -> None:
    credentials = Credentials(KEY, SECRET)
    assert KEY not in f"{credentials}{credentials!r}"


async def test_a_crash_shows_where_it_was_and_no_variable_of_it(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash() -> None:
        token = SECRET
        raise ZeroDivisionError(f"{len(token)} is no divisor")

    async def watched() -> None:
        async with opened((80, 24)) as (monitor, _):
            await monitor.run_worker(crash()).wait()

    with pytest.raises(WorkerFailed):
        await watched()
    text = capsys.readouterr().err
    assert "is no divisor" in text
    assert SECRET not in text
