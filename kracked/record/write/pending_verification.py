"""Books that await their proof while they are recorded."""

from __future__ import annotations

from collections.abc import Iterator

from kracked.format.line import OurEvent
from kracked.protocol import events
from kracked.protocol.client.subscription import BOOKS


class PendingVerification:
    """Hears of doubts and proofs; what is left when a recording stops was never proven."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], int] = {}
        """By channel and symbol."""

    def hear(self, event: OurEvent) -> None:
        match event:
            case events.Verified(channel=channel, symbol=symbol):
                self._since.pop((channel, symbol), None)
            case events.Resync(channel=channel, symbol=symbol) if channel in BOOKS:
                self._since.setdefault((channel, symbol), event.received)
            case events.Gap(channel=channel, symbols=symbols, start=start):
                for symbol in symbols:  # told when it is over, be it with the feed itself
                    if start <= self._since.get((channel, symbol), start - 1):
                        del self._since[channel, symbol]

    def gaps(self, now: int) -> Iterator[events.Gap]:
        """One for each book that waits still."""
        for (channel, symbol), since in [*self._since.items()]:
            yield events.Gap(now, channel, (symbol,), since, now, "not proven before the end")


def told_by_books(event: OurEvent) -> bool:
    """Whether keeping the books again will tell it again: then the log need not."""
    match event:
        case events.Verified():
            return True
        case events.Resync(reason=reason):
            return reason in ("checksum", "impossible", "precision")
    return False
