"""Bars that reach into a time without trades are suspect, unless numbers prove it empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest
from msgspec.structs import replace

from kracked.format.session_info import SessionInfo, encode_info, read_info
from kracked.frames import bars, load_trades
from kracked.instruments import Precision
from kracked.protocol.codec import Codec
from kracked.protocol.events import Event, Gap, HealedTrades, Side, Trade
from kracked.record.convert import convert
from kracked.record.read.recording import open_recording
from kracked.record.write.session import Format, RecordingSession, record_into
from kracked.times import NS_PER_S, to_rfc3339

SYMBOL = "BTC/USD"
ZERO = 1_731_394_200 * NS_PER_S
"""A whole ten seconds."""


def at(second: float) -> int:
    return ZERO + round(second * NS_PER_S)


class Recorder:
    """Records trades of stated seconds and numbers."""

    def __init__(self, path: Path, session: RecordingSession, clock: list[int]) -> None:
        self.path, self._session, self._clock = path, session, clock
        self._codec = Codec()

    def acknowledge(self, second: float, method: str = "subscribe") -> None:
        text = (
            f'{{"method":"{method}","result":{{"channel":"trade","snapshot":true,'
            f'"symbol":"{SYMBOL}"}},"success":true,"time_in":"{to_rfc3339(at(second))}",'
            f'"time_out":"{to_rfc3339(at(second))}"}}'
        )
        self._take(at(second), text)

    def trades(self, made: dict[int, float], *, snapshot_at: float | None = None) -> None:
        """Record trades by their numbers, each when it was made; or all of them in a snapshot."""
        kind = "update" if snapshot_at is None else "snapshot"
        rows = [
            f'{{"symbol":"{SYMBOL}","side":"buy","price":1.0,"qty":1.0,"ord_type":"limit",'
            f'"trade_id":{number},"timestamp":"{to_rfc3339(at(second))}"}}'
            for number, second in made.items()
        ]
        if snapshot_at is not None:
            rows, times = [",".join(rows)], [snapshot_at]
        else:
            times = [*made.values()]
        for row, second in zip(rows, times, strict=True):
            self._take(at(second), f'{{"channel":"trade","type":"{kind}","data":[{row}]}}')

    def gap(self, start: float, end: float) -> None:
        self.tell(Gap(at(end), "trade", (SYMBOL,), at(start), at(end), "connection lost"))

    def heal(self, made: dict[int, float], second: float) -> None:
        found = tuple(
            Trade(Side.BID, 10, 10, "limit", number, to_rfc3339(at(when)))
            for number, when in made.items()
        )
        self.tell(HealedTrades(at(second), SYMBOL, Precision(1, 1), found))

    def tell(self, event: Event) -> None:
        self._clock[0] = event.received
        self._session.ingest.take([], [event])

    def _take(self, received: int, text: str) -> None:
        self._clock[0] = received
        data = text.encode()
        events = self._codec.decode(data, received)
        self._session.ingest.take([("public", received, data)], events)


def record(
    path: Path,
    script: Callable[[Recorder], None],
    *,
    until: float,
    form: Format = Format.CSV,
    start: float = 0,
) -> Path:
    """Record what a script tells, in a folder or on in it, until some second."""
    clock = [at(start)]
    info = SessionInfo(start=to_rfc3339(at(start), 9))
    with record_into(path, info, form=form, clock=lambda: clock[0]) as session:
        script(Recorder(path, session, clock))
        clock[0] = at(until)
    return path


def suspect(frame: pd.DataFrame) -> dict[int, bool]:
    """Return whether the bar that begins at each second is suspect."""
    begins = pd.DatetimeIndex(frame.index).as_unit("ns").asi8
    seconds = [(int(begin) - ZERO) // NS_PER_S for begin in begins]
    return dict(zip(seconds, frame["suspect"].tolist(), strict=True))


def lost_at_the_end(recorder: Recorder) -> None:
    recorder.acknowledge(0)
    recorder.trades({1: 1, 2: 5, 3: 12, 4: 18})
    recorder.gap(18.8, 31.9)


def unfinished(path: Path) -> None:
    """Leave a recording as one whose recorder was killed when it had just begun."""
    info = replace(read_info(path), end=None, clean_stop=False, files={}, trades={})
    for channels in info.tracks.values():
        for track in channels.values():
            track.gaps.clear()
    (path / "session.json").write_bytes(encode_info(info))


@pytest.mark.parametrize("form", [*Format])
def test_a_bar_that_reaches_into_a_gap_without_an_end_is_suspect(
    tmp_path: Path, form: Format
) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32, form=form)
    assert suspect(bars(path, "10s")) == {0: False, 10: True}


def test_parquet_tables_tell_the_same(tmp_path: Path) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32)
    convert(path)
    (path / "trades.csv").unlink()
    assert suspect(bars(path, "10s")) == {0: False, 10: True}


def test_an_open_recording_and_its_loaded_trades_tell_the_same(tmp_path: Path) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32)
    for given in (open_recording(path), load_trades(path), [path], load_trades([path])):
        assert suspect(bars(given, "10s")) == {0: False, 10: True}


def test_a_bar_in_which_the_recording_ended_is_suspect(tmp_path: Path) -> None:
    def whole(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})

    ended_within = record(tmp_path / "within", whole, until=15)
    ended_after = record(tmp_path / "after", whole, until=20)
    assert suspect(bars(ended_within, "10s")) == {0: False, 10: True}
    assert suspect(bars(ended_after, "10s")) == {0: False, 10: False}


def test_a_bar_in_which_the_subscription_was_dropped_is_suspect(tmp_path: Path) -> None:
    def dropped(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})
        recorder.acknowledge(15, "unsubscribe")

    path = record(tmp_path / "session", dropped, until=60)
    assert suspect(bars(path, "10s")) == {0: False, 10: True}


def _begun_within(told: dict[int, float]) -> Callable[[Recorder], None]:
    def script(recorder: Recorder) -> None:
        recorder.acknowledge(4)
        if told:
            recorder.trades(told, snapshot_at=4)
        recorder.trades({8: 6, 9: 15})

    return script


@pytest.mark.parametrize(
    ("told", "said"), [({}, True), ({6: -9, 7: 2}, True), ({6: -9, 7: -1}, False)]
)
def test_the_bar_in_which_it_began_is_suspect_unless_the_trade_before_was_made_before_it(
    tmp_path: Path, told: dict[int, float], said: bool
) -> None:
    path = record(tmp_path / "session", _begun_within(told), start=4, until=20)
    assert suspect(bars(path, "10s")) == {0: said, 10: False}


def test_with_history_the_bar_of_the_first_trade_is_suspect_and_the_next_are_not(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "session", _begun_within({6: -9, 7: 2}), start=4, until=20)
    assert suspect(bars(path, "10s", history=True)) == {-10: True, 0: False, 10: False}


def _reconnected(after: Iterable[int]) -> Callable[[Recorder], None]:
    def script(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 5, 3: 12})
        recorder.gap(14, 33)
        first, *others = after
        recorder.trades({3: 12}, snapshot_at=33)
        recorder.trades({first: 35.0} | dict.fromkeys(others, 38.0))

    return script


def test_a_gap_across_which_the_numbers_go_on_makes_no_bar_suspect(tmp_path: Path) -> None:
    path = record(tmp_path / "session", _reconnected([4, 5]), until=40)
    assert not bars(path, "10s")["suspect"].any()


def test_a_gap_of_which_numbers_are_missing_makes_the_bars_beside_it_suspect(
    tmp_path: Path,
) -> None:
    path = record(tmp_path / "session", _reconnected([9, 10]), until=40)
    assert suspect(bars(path, "10s")) == {0: False, 10: True, 30: True}


def test_trades_that_rest_gave_clear_a_gap(tmp_path: Path) -> None:
    def healed(recorder: Recorder) -> None:
        _reconnected([6])(recorder)
        recorder.heal({4: 16, 5: 25}, 39)

    path = record(tmp_path / "session", healed, until=40)
    assert suspect(bars(path, "10s")) == {0: False, 10: False, 20: False, 30: False}


def test_a_snapshot_without_a_newer_trade_proves_that_the_last_gap_was_empty(
    tmp_path: Path,
) -> None:
    def quiet(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})
        recorder.gap(14, 17)
        recorder.trades({1: 1, 2: 12}, snapshot_at=17)

    path = record(tmp_path / "session", quiet, until=20)
    assert suspect(bars(path, "10s")) == {0: False, 10: False}


def _went_on(path: Path, first: int, told: dict[int, float] | None = None) -> Path:
    def before(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})

    def after(recorder: Recorder) -> None:
        recorder.acknowledge(26)
        if told is not None:
            recorder.trades(told, snapshot_at=26)
        recorder.trades({first: 27, first + 1: 31})

    record(path, before, until=14)
    return record(path, after, start=25, until=40)


def test_where_a_recording_resumed_the_bars_of_both_sides_are_suspect(tmp_path: Path) -> None:
    assert suspect(bars(_went_on(tmp_path / "session", 7), "10s")) == {
        0: False,
        10: True,
        20: True,
        30: False,
    }


def test_where_a_recording_resumed_with_the_next_trade_nothing_is_suspect(tmp_path: Path) -> None:
    assert not bars(_went_on(tmp_path / "session", 3), "10s")["suspect"].any()


def test_a_count_that_began_anew_proves_nothing_of_the_gap(tmp_path: Path) -> None:
    path = _went_on(tmp_path / "session", 2, told={1: 25.5})
    said = suspect(bars(path, "10s"))
    assert said == {0: False, 10: True, 20: True, 30: False}


def _two(folder: Path, first: int) -> list[Path]:
    def before(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})

    def after(recorder: Recorder) -> None:
        recorder.acknowledge(16)
        recorder.trades({first: 18, first + 1: 21})

    return [
        record(folder / "one", before, until=14),
        record(folder / "two", after, start=15, until=30, form=Format.SQLITE),
    ]


@pytest.mark.parametrize(("first", "said"), [(3, False), (5, True)])
def test_a_bar_of_two_recordings_is_suspect_unless_the_numbers_go_on(
    tmp_path: Path, first: int, said: bool
) -> None:
    sources = list(map(open_recording, _two(tmp_path, first)))
    for given in (sources, sources[::-1], load_trades(sources)):
        assert suspect(bars(given, "10s")) == {0: False, 10: said, 20: False}


def test_the_last_bar_of_a_recording_that_never_ended_is_suspect(tmp_path: Path) -> None:
    def whole(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})

    path = record(tmp_path / "session", whole, until=20)
    unfinished(path)
    assert suspect(bars(path, "10s")) == {0: False, 10: True}


def test_a_gap_that_only_the_log_of_a_killed_recorder_has_counts_too(tmp_path: Path) -> None:
    path = _went_on(tmp_path / "session", 2, told={1: 25.5})
    unfinished(path)
    assert suspect(bars(path, "10s")) == {0: False, 10: True, 20: True, 30: True}


def test_the_offset_of_the_computer_s_clock_is_taken_off(tmp_path: Path) -> None:
    def whole(recorder: Recorder) -> None:
        recorder.acknowledge(0)
        recorder.trades({1: 1, 2: 12})

    path = record(tmp_path / "session", whole, until=20)
    info = json.loads((path / "session.json").read_bytes())
    (path / "session.json").write_text(json.dumps(info | {"clock_offset_ms": 500.0}))
    assert suspect(bars(path, "10s")) == {0: False, 10: True}


def test_bars_of_a_number_of_trades_begin_and_end_with_the_recording(tmp_path: Path) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32)
    assert not bars(path, ticks=2)["suspect"].any()


def test_a_table_apart_from_its_recording_tells_of_no_gap(tmp_path: Path) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32)
    alone = (path / "trades.csv").rename(tmp_path / "trades.csv")
    assert not bars(alone, "10s")["suspect"].any()


def test_frames_of_trades_can_still_be_kept_as_parquet(tmp_path: Path) -> None:
    path = record(tmp_path / "session", lost_at_the_end, until=32)
    load_trades(path).to_parquet(tmp_path / "kept.parquet")
    assert suspect(bars(pd.read_parquet(tmp_path / "kept.parquet"), "10s"))[10]
