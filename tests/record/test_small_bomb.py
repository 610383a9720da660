"""A small compressed table that unpacks to gigabytes costs no memory."""

from __future__ import annotations

from pathlib import Path

import zstandard

from kracked.record import file_integrity


def test_a_table_of_zeros_without_end_is_damage_in_bounded_pieces(tmp_path: Path) -> None:
    packing = zstandard.ZstdCompressor().compressobj()
    path = tmp_path / "trades-20241112T06Z.csv.zst"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(packing.compress(bytes(1 << 20)))
        file.write(packing.flush())
    longest = max(map(len, file_integrity._decompressed(path)))
    assert longest <= 128 * 1024 * 1024
    assert [damage.reason for _, damage in file_integrity.damaged_rows(tmp_path)]
