"""Compaction of a long file: what it drops, and what a crash in the middle leaves."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kracked.orders import OrderState
from kracked.orders.outbox import compaction
from kracked.orders.outbox.compaction import MAX_ENDED, RETENTION_NS, records_of, retained
from kracked.orders.outbox.journal import Journal, JournalFull, JournalInUse
from kracked.orders.outbox.outbox import ActionKind, Outbox, PreparedAction, Record, StateChange
from tests.orders.conftest import OpenManager
from tests.rest.conftest import FrozenTime

T = 1_754_000_000_000_000_000


def prepared(number: int, at: int = T, kind: ActionKind = ActionKind.ADD) -> PreparedAction:
    request = {"ordertype": "limit", "price": "24900.0", "volume": "0.00100000"}
    return PreparedAction(
        at=at, id=f"k{number}", kind=kind, symbol="BTC/USD", deadline=at, request=request
    )


def life(number: int, *states: OrderState, at: int = T) -> list[Record]:
    moved = [
        StateChange(at=at, id=f"k{number}", state=state, txid=f"O{number}") for state in states
    ]
    return [prepared(number, at), *moved]


FILLED = (OrderState.SENT, OrderState.ACKNOWLEDGED, OrderState.LIVE, OrderState.FILLED)


def rebuilt(records: list[Record]) -> Outbox:
    return Outbox(lambda record: None, records)


def test_what_ended_long_ago_is_forgotten_and_what_ended_lately_is_not() -> None:
    outbox = rebuilt([*life(1, *FILLED, at=T - RETENTION_NS), *life(2, *FILLED)])
    assert [entry.id for entry in retained(outbox, T)] == ["k2"]


@pytest.mark.parametrize(
    "states", [(), FILLED[:1], FILLED[:2], FILLED[:3], (OrderState.SENT, OrderState.UNKNOWN)]
)
def test_what_has_not_ended_is_never_forgotten(states: tuple[OrderState, ...]) -> None:
    outbox = rebuilt(life(1, *states, at=0))
    assert len(retained(outbox, T)) == 1


def test_only_so_many_ended_ones_are_kept_the_latest() -> None:
    records = [record for number in range(MAX_ENDED + 5) for record in life(number, *FILLED)]
    assert retained(rebuilt(records), T)[0].id == "k5"


steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from([state for state in OrderState if state is not OrderState.PREPARED]),
        st.decimals(0, 10, places=8, allow_nan=False),
        st.none() | st.just("O1"),
        st.sampled_from(["", "User requested"]),
    ),
    max_size=30,
)


def history(told: list[tuple[int, OrderState, Decimal, str | None, str]]) -> list[Record]:
    """Return the records of a run with these changes."""
    written: list[Record] = []
    outbox = Outbox(written.append)
    for number in range(6):
        outbox.prepare(
            prepared(number, T + number, ActionKind.AMEND if number == 5 else ActionKind.ADD)
        )
    for at, (number, state, filled, txid, reason) in enumerate(told, T):
        if state is OrderState.SENT and outbox[f"k{number}"].state is not OrderState.PREPARED:
            continue
        news = StateChange(
            at=at, id=f"k{number}", state=state, filled=filled, txid=txid, reason=reason
        )
        outbox.learn(news)
    return written


@given(steps)
def test_the_fewest_records_rebuild_every_entry_exactly(told: Any) -> None:
    outbox = rebuilt(history(told))
    again = rebuilt(records_of(outbox))
    assert list(again) == list(outbox)
    assert {entry.id for entry in again.pending()} == {entry.id for entry in outbox.pending()}
    assert len(records_of(outbox)) <= 2 * len(outbox)


class Crash(BaseException):
    """A power cut."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(told=steps, after=st.integers(0, 4_000), when=st.sampled_from(["write", "fsync", "replace"]))
def test_a_crash_at_any_byte_leaves_the_old_file_or_the_new(
    tmp_path: Path, told: Any, after: int, when: str
) -> None:
    path = tmp_path / "outbox.jsonl"
    path.unlink(missing_ok=True)
    old = history(told)
    new = records_of(rebuilt(old))
    with Journal(path) as journal:
        for record in old:
            journal.append(record)
        with pytest.MonkeyPatch.context() as patch:
            _crash(patch, when, after)
            with pytest.raises(Crash):
                journal.replace(new)
    with Journal(path) as journal:
        assert journal.read() in (old, new)
        journal.append(prepared(9))
        assert journal.read()[-1] == prepared(9)


def _crash(patch: pytest.MonkeyPatch, when: str, after: int) -> None:
    real = os.write

    def torn(file: int, text: bytes) -> int:
        real(file, text[:after])
        raise Crash

    def gone(*args: object) -> None:
        raise Crash

    match when:
        case "write":
            patch.setattr(os, "write", torn)
        case "fsync":
            patch.setattr(os, "fsync", gone)
        case "replace":
            patch.setattr(Path, "replace", gone)


def test_a_disk_without_room_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, text: bytes) -> int:
        raise OSError("no space left on device")

    with Journal(tmp_path / "outbox.jsonl") as journal:
        journal.append(prepared(1))
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(JournalFull, match="no space left"):
            journal.replace([prepared(2)])
        monkeypatch.undo()
        journal.append(prepared(2))
        assert journal.read() == [prepared(1), prepared(2)]


def test_a_new_name_that_may_not_last_takes_no_further_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(folder: Path) -> None:
        raise OSError("input/output error")

    path = tmp_path / "outbox.jsonl"
    with Journal(path) as journal:
        journal.append(prepared(1))
        monkeypatch.setattr("kracked.orders.outbox.journal._sync_folder", failing)
        with pytest.raises(JournalFull):
            journal.replace([prepared(2)])
        with pytest.raises(JournalFull):
            journal.append(prepared(3))
    monkeypatch.undo()
    with Journal(path) as journal:
        assert journal.read() == [prepared(2)]


def test_a_second_program_is_turned_away_from_the_new_file_too(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    with Journal(path) as journal:
        journal.append(prepared(1))
        journal.replace([prepared(2)])
        with pytest.raises(JournalInUse):
            Journal(path)
        journal.append(prepared(3))
    with Journal(path) as journal:
        assert journal.read() == [prepared(2), prepared(3)]


def test_a_program_that_opened_the_old_file_as_it_was_replaced_takes_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "outbox.jsonl", os.open
    first = Journal(path)

    def late(*args: Any) -> int:
        file = real(*args)
        monkeypatch.undo()
        first.replace([prepared(1)])
        first.close()
        return file

    monkeypatch.setattr(os, "open", late)
    with Journal(path) as journal:
        assert journal.read() == [prepared(1)]


def test_a_desk_shortens_a_long_file_and_goes_on_from_it(
    opened: OpenManager, outbox_file: Path, frozen: FrozenTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kracked.orders.open.COMPACT_ABOVE_BYTES", 100)
    long_ago = frozen.now - RETENTION_NS
    records = [*life(1, *FILLED, at=long_ago), *life(2, *FILLED[:3], at=long_ago)]
    outbox_file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in records))
    with opened() as manager:
        assert [entry.id for entry in manager.outbox] == ["k2"]
    assert b"k1" not in outbox_file.read_bytes()
    assert compaction.COMPACT_ABOVE_BYTES > 100


def test_a_desk_starts_with_the_long_file_when_it_cannot_be_shortened(
    opened: OpenManager, outbox_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object) -> None:
        raise OSError("read-only file system")

    monkeypatch.setattr("kracked.orders.open.COMPACT_ABOVE_BYTES", 100)
    monkeypatch.setattr(Path, "replace", failing)
    records = life(1, *FILLED, at=0)
    outbox_file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in records))
    with opened() as manager:
        assert [entry.id for entry in manager.outbox] == ["k1"]
