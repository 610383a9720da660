"""Torn files: every whole row survives, the rest is moved and not deleted."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kracked.format import tables
from kracked.record.durable_files import SymbolicLink
from kracked.record.repair import cut, find_torn

HEADER = b"symbol,price,note\n"
ROWS = [b'BTC/USD,%d.%d,"a, b"\n' % (n, n % 10) for n in range(500)]
TABLE = HEADER + b"".join(ROWS)


CUTS = 50
"""Of each seed; ten seeds for tables and ten for logs are a thousand cuts."""


@pytest.mark.parametrize("seed", range(10))
def test_a_table_cut_anywhere_keeps_every_whole_row(seed: int, tmp_path: Path) -> None:
    for at in random.Random(seed).sample(range(len(HEADER), len(TABLE)), CUTS):
        (tmp_path / "trades.csv").write_bytes(TABLE[:at])
        for torn in find_torn(tmp_path):
            cut(torn)
        end = TABLE.rfind(b"\n", 0, at) + 1
        assert (tmp_path / "trades.csv").read_bytes() == TABLE[:end]
        assert not find_torn(tmp_path)


def test_what_is_cut_off_is_kept_beside(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_bytes(TABLE + b"BTC/U")
    [torn] = find_torn(tmp_path)
    assert cut(torn).read_bytes() == b"BTC/U"


def test_a_second_repair_adds_to_what_was_kept(tmp_path: Path) -> None:
    table = tmp_path / "trades.csv"
    for tail in (b"BTC/U", b"ETH"):
        table.write_bytes(TABLE + tail)
        [torn] = find_torn(tmp_path)
        kept = cut(torn)
    assert kept.read_bytes() == b"BTC/UETH"


@pytest.mark.parametrize("tail", [bytes(9000), b"BTC/USD,1\n", b"BTC/USD,1.0,\0\0\0\n", b"x\n" * 9])
def test_zeros_and_rows_of_another_shape_are_torn(tail: bytes, tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_bytes(TABLE + tail)
    [torn] = find_torn(tmp_path)
    assert (torn.whole, torn.torn) == (len(TABLE), len(tail))


@pytest.mark.parametrize("damage", [b" ", b"\r", b",,"])
def test_a_damaged_header_makes_no_row_a_torn_one(damage: bytes, tmp_path: Path) -> None:
    header, row = tables.CONNECTIONS.header.encode(), b"public,clock,,,agrees,public,7,\n"
    (tmp_path / "connections.csv").write_bytes(header.replace(b",", damage, 1) + b"\n" + row * 9)
    assert not find_torn(tmp_path)


def test_a_row_that_no_csv_can_have_is_torn(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_bytes(TABLE + b"BTC/USD,1.0\r2,odd\n")
    [torn] = find_torn(tmp_path)
    assert torn.whole == len(TABLE)


def test_a_header_cut_short_leaves_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_bytes(HEADER[:7])
    [torn] = find_torn(tmp_path)
    assert torn.whole == 0


@pytest.mark.parametrize("seed", range(10))
def test_a_raw_log_cut_anywhere_is_mended(seed: int, record: Callable[..., Path]) -> None:
    path = record()
    [log] = path.glob("raw/*.zst")
    whole, kept = log.read_bytes(), log.with_name(f"{log.name}.torn")
    for at in random.Random(seed).sample(range(1, len(whole)), CUTS):
        log.write_bytes(whole[:at])
        kept.write_bytes(b"")
        for torn in find_torn(path):
            cut(torn)
        assert not find_torn(path)
        left = log.read_bytes() if log.exists() else b""
        assert left + kept.read_bytes() == whole[:at]


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "session"
    victim.write_bytes(TABLE + b"BTC/U")
    folder.mkdir()
    (folder / "trades.csv").symlink_to(victim)
    [torn] = find_torn(folder)
    with pytest.raises(SymbolicLink, match=r"trades\.csv is a symbolic link"):
        cut(torn)
    assert victim.read_bytes() == TABLE + b"BTC/U"
    assert not (folder / "trades.csv.torn").exists()
