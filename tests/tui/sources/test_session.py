"""A recorded session as a recording, though some of it is damaged."""

from __future__ import annotations

from pathlib import Path

from kracked.format import frame
from kracked.format.frame import HEADER_SIZE, Frame, FrameKind
from kracked_tui.sources.recording import MessagePlace
from kracked_tui.sources.session import SessionRecording
from tests.record.seeded_market import Level3Market, record_stream


def test_a_damaged_frame_does_not_keep_a_session_from_playing(tmp_path: Path) -> None:
    stream = Level3Market(seed=2).stream(100)
    record_stream(tmp_path / "session", stream)
    [log] = tmp_path.glob("session/raw/*")
    content = bytearray(log.read_bytes())
    messages = [
        each
        for each in frame.scan(bytes(content))
        if isinstance(each, Frame) and each.kind is FrameKind.DATA
    ]
    damaged = messages[len(messages) // 2]
    content[damaged.offset + HEADER_SIZE + 5] ^= 4
    log.write_bytes(content)
    recording = SessionRecording(tmp_path / "session")
    assert recording.last_update(damaged.first_seq, "BTC/USD", "level3") == MessagePlace(
        damaged.first_seq - 1, stream[damaged.first_seq - 2][0]
    )
    assert recording.events_until(MessagePlace(len(stream), stream[-1][0])) is not None
