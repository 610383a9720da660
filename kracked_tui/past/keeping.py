"""Keeps the last minutes of a running feed, beside everything else that listens to it."""

from __future__ import annotations

from kracked.book.l2 import L2Book
from kracked.book.l3 import L3Book
from kracked.feed.fanout import Policy
from kracked.feed_manager import FeedManager
from kracked.times import NS_PER_S
from kracked_tui.config import Keeping
from kracked_tui.past.recording import BufferRecording
from kracked_tui.past.ring import Bound, MessageRing
from kracked_tui.state.store import Store
from kracked_tui.view.replay.past import BufferFill

_GATHER_S = 0.02
"""How often messages are taken, many at a time."""


class AlwaysOnBuffer:
    """The last minutes of a feed, ready to be looked at. A task of its owner awaits `run`."""

    def __init__(self, keeping: Keeping) -> None:
        """Keep nothing yet; `keeping` says how much will be."""
        bound = Bound(keeping.minutes * 60 * NS_PER_S, keeping.megabytes * 1_000_000)
        self._base = Store("REPLAY")
        """The state before the oldest message that is kept."""
        self._ring = MessageRing(bound, self._base.apply)

    @property
    def on(self) -> bool:
        """Whether anything is kept by now."""
        return bool(self._ring.segments)

    async def run(self, feed: FeedManager) -> None:
        """Keep what a feed receives until it ends, or until cancelled."""
        ring, clock, limit = self._ring, feed.clock, self._ring.bound.size
        if not ring.bound.span_ns:
            return
        with feed.tap(limit_bytes=limit) as tap, feed.consumer(Policy.NEVER_SKIP) as consumer:
            ring.begin(feed.current_state(), _books(feed), clock.wall())
            dropped = 0
            while happened := await consumer.batch():
                # Both were queued in the same steps of the loop: the books hold just these.
                ring.take(tap.take(), happened)
                if tap.dropped > dropped:
                    ring.skip(tap.dropped - dropped, clock.wall())
                    dropped = tap.dropped
                if ring.needs_segment(_books(feed), clock.wall()):
                    ring.begin_segment(_books(feed), clock.wall())
                await clock.sleep(_GATHER_S)

    def recording(self) -> BufferRecording:
        """Return all of it as a recording, to be played from any position."""
        return BufferRecording(self._ring, self._base)

    def fill(self) -> BufferFill:
        """Return how much is kept, and how much may be."""
        ring = self._ring
        span = ring.end - ring.start if ring.segments else 0
        return BufferFill(span, ring.size, *ring.bound)


def _books(feed: FeedManager) -> list[L2Book | L3Book]:
    return [*feed.l2.values(), *feed.l3.values()]
