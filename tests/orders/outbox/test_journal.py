"""The outbox's file: private, torn ends cut, damage refused, one program at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kracked.orders.outbox.journal import DamagedJournal, Journal, JournalFull, JournalInUse
from kracked.orders.outbox.order_states import OrderState
from kracked.orders.outbox.outbox import ActionKind, PreparedAction, StateChange

T = 1_754_000_000_000_000_000
PREPARED = PreparedAction(
    at=T, id="k", kind=ActionKind.ADD, symbol="BTC/USD", deadline=T, request={}
)
SENT = StateChange(at=T, id="k", state=OrderState.SENT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "outbox.jsonl"


def test_records_come_back_as_they_were(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(PREPARED)
        journal.append(SENT)
    with Journal(path) as journal:
        assert journal.read() == [PREPARED, SENT]


def test_a_line_is_one_json_object(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(SENT)
    assert path.read_text() == f'{{"do":"moved","at":{T},"id":"k","state":"sent"}}\n'


def test_a_torn_last_line_is_cut_off_and_written_over(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(PREPARED)
    with path.open("ab") as file:
        file.write(b'{"do":"moved","at":17540')
    with Journal(path) as journal:
        assert journal.read() == [PREPARED]
        journal.append(SENT)
        assert journal.read() == [PREPARED, SENT]


def test_damage_in_the_middle_stops_the_start_and_names_the_line(path: Path) -> None:
    with Journal(path) as journal:
        journal.append(PREPARED)
    path.write_bytes(path.read_bytes() + b"garbage\n" + path.read_bytes())
    with Journal(path) as journal, pytest.raises(DamagedJournal, match="line 2"):
        journal.read()


def test_only_the_owner_may_read_it(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    with Journal(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_program_is_turned_away(path: Path) -> None:
    with Journal(path), pytest.raises(JournalInUse, match="another kracked"):
        Journal(path)


def test_the_file_is_free_again_after_the_first(path: Path) -> None:
    for _ in range(2):
        with Journal(path):
            pass


def test_a_line_the_disk_took_in_part_is_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(path) as journal:
        journal.append(PREPARED)
        real = os.write
        monkeypatch.setattr(os, "write", lambda file, line: real(file, line[:7]))
        with pytest.raises(JournalFull):
            journal.append(SENT)
        monkeypatch.undo()
        assert journal.read() == [PREPARED]


def test_a_disk_that_does_not_keep_its_word_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int) -> None:
        raise OSError("input/output error")

    with Journal(path) as journal:
        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(JournalFull, match="input/output error"):
            journal.sync()


def test_a_half_line_that_cannot_be_taken_back_ends_all_writing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int, size: int) -> None:
        raise OSError("input/output error")

    with Journal(path) as journal:
        real = os.write
        monkeypatch.setattr(os, "write", lambda file, line: real(file, line[:7]))
        monkeypatch.setattr(os, "ftruncate", failing)
        with pytest.raises(JournalFull):
            journal.append(PREPARED)
        monkeypatch.undo()
        with pytest.raises(JournalFull):
            journal.append(SENT)
    with Journal(path) as journal:
        assert journal.read() == []


def test_a_closed_journal_writes_into_no_other_file(path: Path, tmp_path: Path) -> None:
    journal = Journal(path)
    journal.close()
    with (tmp_path / "other").open("wb") as other:
        with pytest.raises(JournalFull):
            journal.append(SENT)
        assert other.tell() == 0


def test_news_of_an_order_whose_own_line_is_gone_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "outbox"
    path.write_bytes(b'{"do":"moved","at":1,"id":"k","state":"sent"}\n')
    with Journal(path) as journal, pytest.raises(DamagedJournal, match="line 1"):
        journal.read()


def test_a_place_where_no_file_can_be_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(JournalFull, match="cannot be written"):
        Journal(tmp_path / "state" / "outbox")


def test_the_name_of_a_new_file_is_on_the_disk_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[os.stat_result] = []
    real = os.fsync

    def noting(file: int) -> None:
        synced.append(os.fstat(file))
        real(file)

    monkeypatch.setattr(os, "fsync", noting)
    with Journal(path):
        assert any(os.path.samestat(each, path.parent.stat()) for each in synced)


def test_a_file_that_cannot_be_opened_whole_is_free_for_the_next_try(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(file: int, mode: int) -> None:
        raise OSError("not permitted")

    monkeypatch.setattr(os, "fchmod", failing)
    with pytest.raises(JournalFull, match="not permitted"):
        Journal(path)
    monkeypatch.undo()
    with Journal(path) as journal:
        assert journal.read() == []


def test_a_journal_that_is_closed_leaves_no_file_open(path: Path) -> None:
    free = os.dup(0)
    os.close(free)
    with Journal(path) as journal:
        journal.append(PREPARED)
        journal.replace([PREPARED])
    after = os.dup(0)
    os.close(after)
    assert after == free
