"""A recorded session as a reel, though some of it is damaged."""

from __future__ import annotations

from pathlib import Path

from kracked.format import frame
from kracked.format.frame import HEADER_SIZE, Frame, FrameKind
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.sources.session import SessionRecording
from tests.record.seeded_market import Level3Market, record_stream


def test_a_damaged_frame_keeps_no_reel_from_playing(tmp_path: Path) -> None:
    stream = Level3Market(seed=2).stream(100)
    record_stream(tmp_path / "session", stream)
    [log] = tmp_path.glob("session/raw/*")
    content = bytearray(log.read_bytes())
    messages = [
        each
        for each in frame.scan(bytes(content))
        if isinstance(each, Frame) and each.kind is FrameKind.DATA
    ]
    hurt = messages[len(messages) // 2]
    content[hurt.offset + HEADER_SIZE + 5] ^= 4
    log.write_bytes(content)
    reel = SessionRecording(tmp_path / "session")
    assert reel.latest(hurt.first_seq, "BTC/USD", "level3") == MessagePlace(
        hurt.first_seq - 1, stream[hurt.first_seq - 2][0]
    )
    assert reel.past(MessagePlace(len(stream), stream[-1][0])) is not None
