from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from kracked.credentials import (
    KEY_VARIABLE,
    SECRET_VARIABLE,
    Credentials,
    ExposedFile,
    IncompleteCredentials,
    UnreadableKey,
)

PAIR = Credentials("the-key", "the-secret")


@pytest.mark.parametrize("text", [repr(PAIR), str(PAIR), f"{PAIR}", f"{PAIR:>40}", f"{[PAIR]}"])
def test_however_it_is_printed_it_is_redacted(text: str) -> None:
    assert "<redacted>" in text
    assert "the-" not in text


@pytest.mark.parametrize("spill", [pickle.dumps, copy.copy])
def test_it_cannot_be_written_anywhere(spill: object) -> None:
    with pytest.raises(TypeError):
        spill(PAIR)  # type: ignore[operator]


def test_the_environment_gives_a_pair() -> None:
    found = Credentials.from_environment({"KRAKEN_API_KEY": "k", "KRAKEN_API_SECRET": "s"})
    assert found is not None
    assert (found.key, found.secret) == ("k", "s")


def test_an_empty_environment_gives_none() -> None:
    assert Credentials.from_environment({}) is None


def test_half_a_pair_says_which_half_is_missing() -> None:
    with pytest.raises(IncompleteCredentials, match="KRAKEN_API_SECRET is missing"):
        Credentials.from_environment({"KRAKEN_API_KEY": "k"})


def test_a_private_file_gives_a_pair(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k\n\n s \n")
    file.chmod(0o600)
    found = Credentials.from_file(file)
    assert (found.key, found.secret) == ("k", "s")


def test_a_file_others_can_open_is_refused_with_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k\ns\n")
    file.chmod(0o640)
    with pytest.raises(ExposedFile, match=f"chmod 600 {file}"):
        Credentials.from_file(file)


def test_a_file_with_one_line_lacks_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("k\n")
    file.chmod(0o600)
    with pytest.raises(IncompleteCredentials, match="secret is missing"):
        Credentials.from_file(file)


def test_a_line_end_around_a_key_of_the_environment_is_no_part_of_it() -> None:
    found = Credentials.from_environment({KEY_VARIABLE: " key\n", SECRET_VARIABLE: "c2VjcmV0\r\n"})
    assert found is not None
    assert (found.key, found.secret) == ("key", "c2VjcmV0")


@pytest.mark.parametrize("key", ["ke\ny", "ke\x00y", "keé"])
def test_a_key_that_cannot_stand_in_a_request_is_refused_unspoken(key: str) -> None:
    with pytest.raises(UnreadableKey) as refused:
        Credentials(key, "c2VjcmV0")
    assert key not in str(refused.value)


def test_a_key_file_may_begin_with_the_mark_of_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xef\xbb\xbfkey\r\nc2VjcmV0\r\n")
    path.chmod(0o600)
    assert Credentials.from_file(path).key == "key"


def test_a_key_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe\x00\n\x01\n")
    path.chmod(0o600)
    with pytest.raises(UnreadableKey):
        Credentials.from_file(path)
