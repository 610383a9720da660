"""The file and the key of a paper account, where a program keeps them by default."""

from __future__ import annotations

from pathlib import Path

import pytest

from kracked.endpoints import Endpoints
from kracked.paper_server.own_account import KeyLost, account_file, account_key


def test_exchanges_on_this_machine_have_accounts_of_their_own() -> None:
    ports = ("http://127.0.0.1:8001", "http://127.0.0.1:8002", "http://localhost:8001")
    files = [account_file(Endpoints.at(address)).name for address in ports]
    assert files == ["127.0.0.1-8001.log", "127.0.0.1-8002.log", "localhost-8001.log"]


def test_the_account_of_the_exchange_keeps_its_name() -> None:
    assert account_file(Endpoints()).name == "api.kraken.com.log"


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    account = tmp_path / "paper.log"
    assert account_key(account) == account_key(account)
    [file] = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("paper.log.key", 0o600)


@pytest.mark.parametrize("left", ["", "half of a key\n"])
def test_a_key_file_that_a_crash_left_is_replaced_while_the_account_is_new(
    tmp_path: Path, left: str
) -> None:
    account, file = tmp_path / "paper.log", tmp_path / "paper.log.key"
    account.write_bytes(b"")
    file.write_text(left)
    file.chmod(0o600)
    assert account_key(account) == account_key(account)


def test_an_empty_key_file_of_an_account_with_a_history_is_refused_with_what_to_do(
    tmp_path: Path,
) -> None:
    account, file = tmp_path / "paper.log", tmp_path / "paper.log.key"
    account.write_bytes(b"an event\n")
    file.touch(mode=0o600)
    with pytest.raises(KeyLost, match=r"delete .*paper\.log\.key"):
        account_key(account)
    file.unlink()
    assert account_key(account)
