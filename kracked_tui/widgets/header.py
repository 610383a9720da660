"""The first line of the screen, drawn from a frame."""

from __future__ import annotations

from kracked import times
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.header import HeaderView, countdown, header_line
from kracked_tui.widgets.painted_rows import LiveRows


class Header(LiveRows):
    """The symbol and its price, whether the data can be trusted, whether keys trade."""

    _shown_size = ""
    """The quantity shown."""

    def show(self, frame: FrameState) -> None:
        """Draw a frame."""
        market, quote, book = frame.market, frame.quote, frame.book
        ticker, replay = market.ticker, frame.source.mode == "REPLAY"
        exchange_time = book.exchange_time if book else None
        latency = book.received - exchange_time if book and exchange_time else None
        clock = fmt.clock(frame.now)
        if replay:  # a recording may be of another day
            clock = times.to_rfc3339(frame.now, 0)[:-1].replace("T", " ")
        if not fmt.recorded(frame.now):
            clock = fmt.moment(frame.now)
        view = HeaderView(
            symbol=frame.symbol or "no symbol",
            precision=frame.precision,
            data=frame.data_status,
            last=market.last,
            rising=market.rising,
            change=market.change,
            high=ticker.high if ticker else None,
            low=ticker.low if ticker else None,
            volume=ticker.volume if ticker else None,
            spread=quote[1] - quote[0] if quote else None,
            mid2=sum(quote) if quote else 0,
            verified=book is not None and book.verified,
            latency_ns=latency if latency and not replay else None,
            clock=clock,
            trading=frame.account.status,
            maintenance=countdown(frame.effect),
            past=frame.past,
        )
        self.set_lines([header_line(view, self.size.width)])
        self._shown_size = frame.account.status.size

    @property
    def shows_size(self) -> bool:
        """Whether the header has the quantity that a key would send at once."""
        text = "".join(line.text for line in self.lines)
        return bool(self._shown_size) and f"SIZE {self._shown_size} " in text and self.in_sight
