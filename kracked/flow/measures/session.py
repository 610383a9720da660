"""A trading session: what traded since its start, as a profile, an average price and a delta.

A market without a closing bell has no session of its own, so its start is a time of day: 00:00
UTC unless another one is chosen, which is the exchange's own day in REST.
"""

from __future__ import annotations

from collections.abc import Iterable

from kracked.flow.measures.profile import VolumeProfile, profile_step
from kracked.flow.measures.vwap import Vwap
from kracked.protocol.events import Candle, Side
from kracked.times import NS_PER_S

DAY_NS = 86_400 * NS_PER_S


def session_start(time: int, offset_ns: int = 0) -> int:
    """Return when the session that holds an instant began.

    Args:
        time: ns since the Unix epoch.
        offset_ns: The time of day at which sessions begin, after 00:00 UTC.
    """
    return (time - offset_ns) // DAY_NS * DAY_NS + offset_ns


class TradingSession:
    """Everything that is summed since a session began.

    Attributes:
        start: When it began, ns since the Unix epoch.
        watched_from: From when on every trade is counted; later than `start` where watching
            began in mid-session.
        candles_from: From when on candles stand for the trades before; None without any.
        profile: Quantity by price row.
        vwap: The average price since the start.
        bought: What takers bought.
        sold: What takers sold.
    """

    def __init__(self, start: int, first_time: int, first_price: int, tick: int = 1) -> None:
        """Begin a session with its first trade, which `add` counts.

        Args:
            start: When it began.
            first_time: The instant of the first trade that is seen.
            first_price: Its price, which fixes the rows of the profile.
            tick: The instrument's price increment.
        """
        self.start, self.watched_from = start, first_time
        self.candles_from: int | None = None
        self.profile = VolumeProfile(profile_step(first_price, tick))
        self.vwap = Vwap(start)
        self.bought = self.sold = 0

    def add(self, side: Side, price: int, qty: int) -> None:
        """Count a trade."""
        self.profile.add(price, qty)
        self.vwap.add(price, qty)
        if side is Side.BID:
            self.bought += qty
        else:
            self.sold += qty

    @property
    def delta(self) -> int:
        """Bought minus sold of the trades seen: candles do not tell it."""
        return self.bought - self.sold

    def fill_from(self, candles: Iterable[Candle]) -> None:
        """Let candles stand for the trades before watching began; only once.

        A candle's volume is counted in one row, that of its average price. One that is not
        wholly before the watched time and within the session is left out.
        """
        if self.candles_from is not None:
            return
        counted = [
            each
            for each in candles
            if self.start <= each.begin and each.end <= self.watched_from and each.volume
        ]
        for each in counted:
            self.profile.add(each.vwap, each.volume)
            self.vwap.add(each.vwap, each.volume)
        if counted:
            self.candles_from = min(each.begin for each in counted)
