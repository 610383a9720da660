"""The raw log's frames: what is packed is read back, and no damage passes for data."""

from __future__ import annotations

import random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from kracked.errors import RecordError
from kracked.format import frame, line
from kracked.format.frame import Damage, Frame, FrameKind


def _frame(number: int, lines: int = 3) -> bytes:
    texts = [
        line.pack(number * 10 + n, number * 10 + n, "public", b'{"n":%d}' % n) for n in range(lines)
    ]
    return frame.pack(
        texts,
        kind=FrameKind.DATA,
        count=lines,
        received=(number * 10, number * 10 + lines - 1),
        seq=number * 10,
    )


FRAMES = [_frame(number, 1 + number % 7) for number in range(1, 40)]
LOG = b"".join(FRAMES)


def test_a_header_is_48_bytes() -> None:
    assert frame.HEADER_SIZE == 48


def test_headers_say_what_the_frames_hold() -> None:
    found = [item for item in frame.scan(LOG) if isinstance(item, Frame)]
    assert [(item.first_seq, item.lines, item.last_received) for item in found] == [
        (n * 10, 1 + n % 7, n * 10 + n % 7) for n in range(1, 40)
    ]


def test_a_log_is_plain_zstd_to_every_other_reader() -> None:
    reader = zstandard.ZstdDecompressor().stream_reader(LOG, read_across_frames=True)
    texts = b"".join(
        b"\n".join(frame.unpack(LOG, item)) + b"\n"
        for item in frame.scan(LOG)
        if isinstance(item, Frame)
    )
    assert reader.read() == texts


@pytest.mark.parametrize("seed", range(300))
def test_a_log_cut_anywhere_keeps_every_whole_frame(seed: int) -> None:
    at = random.Random(seed).randrange(1, len(LOG))
    whole = [item for item in frame.scan(LOG) if isinstance(item, Frame) and item.end <= at]
    *found, tail = [*frame.scan(LOG[:at]), None]
    if found and isinstance(found[-1], Damage):
        tail = found.pop()
    assert found == whole
    end = whole[-1].end if whole else 0
    assert tail == (Damage(end, at - end, "cut short") if end < at else None)


@pytest.mark.parametrize("seed", range(100))
def test_a_flipped_bit_costs_exactly_its_frame(seed: int) -> None:
    random_ = random.Random(seed)
    at = random_.randrange(len(LOG))
    flipped = bytearray(LOG)
    flipped[at] ^= 1 << random_.randrange(8)
    found = list(frame.scan(bytes(flipped)))
    hurt = next(item for item in frame.scan(LOG) if isinstance(item, Frame) and item.end > at)
    assert [item for item in found if isinstance(item, Frame)] == [
        item for item in frame.scan(LOG) if item != hurt
    ]
    assert [item[:2] for item in found if isinstance(item, Damage)] == [
        (hurt.offset, hurt.end - hurt.offset)
    ]


def test_a_tail_of_zeros_is_one_damage() -> None:
    *frames, tail = frame.scan(LOG + bytes(5000))
    assert len(frames) == len(FRAMES)
    assert tail == Damage(len(LOG), 5000, "no frame starts here")


def test_hopping_reads_no_bodies() -> None:
    flipped = bytearray(LOG)
    flipped[frame.HEADER_SIZE + 12] ^= 1
    assert len(list(frame.scan(bytes(flipped), verify=False))) == len(FRAMES)


@given(
    st.integers(0, 2**62), st.integers(0, 2**62), st.sampled_from(["public", "level3"]), st.binary()
)
def test_a_line_gives_back_the_bytes_that_came(
    received: int, seq: int, connection: str, data: bytes
) -> None:
    packed = line.pack(received, seq, connection, data)
    assert packed.count(b"\n") == 1
    assert line.unpack(packed[:-1]) == (received, seq, connection, data, False)


def test_a_message_of_the_exchange_stands_in_its_line_verbatim() -> None:
    message = b'{"channel":"heartbeat"}'
    assert line.pack(5, 7, "public", message) == (
        b'{"ts_recv":5,"seq":7,"conn":"public","msg":{"channel":"heartbeat"}}\n'
    )


def test_a_token_is_never_written() -> None:
    message = b'{"method":"subscribe","result":{"channel":"level3","token" : "s3cret/+="}}'
    assert b"s3cret" not in line.pack(5, 7, "level3", message)


@pytest.mark.parametrize("sized", [True, False])
def test_a_small_frame_that_unpacks_beyond_all_measure_is_damage(
    sized: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame, "MOST_UNPACKED", 1_000)
    packing = zstandard.ZstdCompressor(write_content_size=sized).compressobj()
    body = packing.compress(b"x" * 100_000) + packing.flush()
    if sized:
        body = zstandard.ZstdCompressor().compress(b"x" * 100_000)
    fields = frame._FIELDS.pack(frame.VERSION, 0, 1, 1, 1, 1, len(body))
    header = frame.MARK + fields
    data = header + frame._CRC.pack(frame._checksum(header, body)) + body
    [found] = frame.scan(data)
    with pytest.raises(frame.DamagedFrame):
        frame.unpack(data, found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damaged",
    [
        b'{"ts_recv":1,"seq":1,"conn":"l\xff","msg":{}}',
        b'{"ts_recv":1,"seq":1,"conn":"public","text":{}}',
        b'{"ts_recv":1,"seq":1,"conn":"public","text":"\xff"}',
        '{"ts_recv":1,"seq":1,"conn":"public","text":"€"}'.encode(),
        b'{"ts_recv":%b,"seq":1,"conn":"public","msg":{}}' % (b"9" * 5000),
    ],
)
def test_a_damaged_line_is_refused_and_raises_nothing_else(damaged: bytes) -> None:
    with pytest.raises(RecordError, match="not a line of a raw log"):
        line.unpack(damaged)
