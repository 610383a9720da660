"""A slice of the damaged and foreign files that `tests.benchmarks.damaged_files` makes."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.damaged_files import broken_rule, damaged_files, foreign_files


def test_damaged_tables_load_alike_in_both_readers_and_lose_no_row_silently(
    tmp_path: Path,
) -> None:
    files = damaged_files(tmp_path, 60, seed=11)
    assert [rule for made in files if (rule := broken_rule(made))] == []


def test_foreign_tables_are_read_whole_or_refused(tmp_path: Path) -> None:
    files = foreign_files(tmp_path, 40, seed=11)
    assert [rule for made in files if (rule := broken_rule(made))] == []
