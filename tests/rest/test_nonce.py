"""Nonces only rise: across a clock that is set back, a restart, a crash and another program."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kracked.rest.nonce import BLOCK_NS, Nonces

T = 1_754_000_000_000_000_000


def at(*instants: int) -> Callable[[], int]:
    """A clock that returns these instants in turn, then the last one for ever."""
    left = list(instants)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_a_nonce_is_the_time_in_nanoseconds() -> None:
    assert Nonces(at(T)).next() == str(T)


@given(st.lists(st.integers(0, 2**62), min_size=2, max_size=50))
def test_nonces_rise_whatever_the_clock_does(instants: list[int]) -> None:
    nonces = Nonces(at(*instants))
    drawn = [int(nonces.next()) for _ in instants]
    assert drawn == sorted(set(drawn))


def test_a_run_after_a_crash_starts_above_all_that_was_reserved(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    crashed = Nonces(at(T), file)
    last = [int(crashed.next()) for _ in range(1000)][-1]
    assert int(Nonces(at(T - 10**15), file).next()) > last


def test_a_clean_end_gives_the_reserve_back(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    first = Nonces(at(T), file)
    first.next()
    first.close()
    assert Nonces(at(T - 10**15), file).next() == str(T + 1)


def test_a_burst_is_written_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nonces, writes, real = Nonces(at(T), tmp_path / "nonce"), [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: writes.append(real(handle)))
    for _ in range(1000):
        nonces.next()
    assert len(writes) == 1


def test_a_refused_nonce_rises_above_what_another_program_reserved(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    mine, other = Nonces(at(T), file), Nonces(at(T + BLOCK_NS), file)
    mine.next()
    theirs = int(other.next())
    mine.refused()
    assert int(mine.next()) > theirs


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "state" / "nonce"
    Nonces(at(T), file).next()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    file.write_text("17540000x")
    assert Nonces(at(T), file).next() == str(T)


def test_a_folder_that_cannot_be_written_stops_no_trading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    nonces = Nonces(at(T), tmp_path / "file" / "nonce")
    assert (nonces.next(), nonces.next()) == (str(T), str(T + 1))
    assert caplog.messages == ["nonce not saved"]


def test_a_reserve_half_used_is_renewed_while_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [T]
    nonces = Nonces(lambda: clock[0], tmp_path / "nonce")
    nonces.next()
    clock[0] += BLOCK_NS * 2 // 3
    nonces.renew()
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("the order waited for the disk"))
    clock[0] += BLOCK_NS * 2 // 3
    nonces.next()


def test_a_reserve_hardly_used_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonces = Nonces(at(T), tmp_path / "nonce")
    nonces.next()
    monkeypatch.setattr(os, "fsync", lambda handle: pytest.fail("written for nothing"))
    nonces.renew()


def test_a_program_behind_another_never_takes_its_number_back(tmp_path: Path) -> None:
    file = tmp_path / "nonce"
    ahead, behind = Nonces(at(T + 10 * BLOCK_NS), file), Nonces(at(T), file)
    last = int(ahead.next())
    behind.next()
    assert int(Nonces(at(T), file).next()) > last


def test_what_a_crash_left_beside_the_file_is_cleared_and_fresh_work_is_not(
    tmp_path: Path,
) -> None:
    file, old, new = (tmp_path / name for name in ("nonce", "nonceabc123", "noncexyz789"))
    for leftover, age_s in ((old, 3600), (new, 0)):
        leftover.write_text("1")
        os.utime(leftover, ns=(T - age_s * 10**9,) * 2)
    Nonces(at(T), file)
    assert (old.exists(), new.exists()) == (False, True)


@given(st.integers(0, 30), st.integers(T, 2 * T))
def test_a_crash_while_it_is_written_leaves_the_number_before_or_after(
    cut: int, before: int
) -> None:
    class Crash(BaseException):
        pass

    def torn(handle: int) -> None:
        os.ftruncate(handle, min(cut, os.fstat(handle).st_size))
        raise Crash

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        file = Path(folder) / "nonce"
        last = int(Nonces(at(before), file).next())
        patch.setattr(os, "fsync", torn)
        with pytest.raises(Crash):
            Nonces(at(before + 2 * BLOCK_NS), file).next()
        patch.undo()
        assert int(Nonces(at(T - BLOCK_NS), file).next()) > last


def test_the_number_is_with_the_system_before_the_disk_is_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        written.append(os.pread(handle, 100, 0))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    nonces = Nonces(lambda: 1_000, tmp_path / "nonce")
    nonces.next()
    assert written == [(tmp_path / "nonce").read_bytes()]
    assert int(written[0]) > 1_000
