"""The queue of messages that wait to be sent to one client."""

from __future__ import annotations

from kracked.gateway.send_queue import SendQueue


async def test_a_full_queue_drops_everything_and_says_why() -> None:
    queue = SendQueue(limit=10)
    queue.put(b"12345678")
    queue.put(b"12345678")
    assert await queue.take() is None
    assert queue.ending == "more than 10 bytes were left unread"


async def test_a_closed_queue_still_hands_out_what_waits() -> None:
    queue = SendQueue()
    queue.put(b"last words")
    queue.close("idle")
    queue.put(b"too late")
    assert [await queue.take(), await queue.take()] == [b"last words", None]
