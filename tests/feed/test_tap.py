from __future__ import annotations

from kracked.feed.tap import RawMessage, Tap


def test_frames_come_out_once_in_order_of_arrival() -> None:
    tap = Tap(100, lambda _: None)
    tap.put("public", 1, b"a")
    tap.put("level3", 2, b"b")
    assert tap.take() == [RawMessage("public", 1, b"a"), RawMessage("level3", 2, b"b")]
    assert tap.take() == []


def test_past_its_limit_all_frames_are_left_out_and_counted() -> None:
    tap = Tap(3, lambda _: None)
    for data in (b"ab", b"cd", b"e"):
        tap.put("public", 0, data)
    assert [frame.data for frame in tap.take()] == [b"ab"]
    assert tap.dropped == 2


def test_taking_makes_room() -> None:
    tap = Tap(2, lambda _: None)
    tap.put("public", 0, b"ab")
    tap.take()
    tap.put("public", 0, b"cd")
    assert len(tap.take()) == 1
