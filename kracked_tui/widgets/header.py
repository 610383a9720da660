"""The first line of the screen."""

from __future__ import annotations

from kracked import times
from kracked_tui.state.frame_state import FrameState
from kracked_tui.view import format as fmt
from kracked_tui.view.chrome.header import HeaderView, header_line
from kracked_tui.widgets.painted_rows import LiveRows


class Header(LiveRows):
    """What is watched, what it costs, whether it can be trusted, whether keys trade."""

    def show(self, frame: FrameState) -> None:
        self.set_lines([header_line(_view(frame), self.size.width)])


def _view(frame: FrameState) -> HeaderView:
    market, quote, book = frame.market, frame.quote, frame.book
    ticker, replay = market.ticker, frame.source.mode == "REPLAY"
    stated = book.exchange_time if book else None
    latency = book.received - stated if book and stated else None
    return HeaderView(
        symbol=frame.symbol or "no symbol",
        precision=frame.precision,
        state=frame.data_status,
        last=market.last,
        rising=market.rising,
        change=market.change,
        high=ticker.high if ticker else None,
        low=ticker.low if ticker else None,
        volume=ticker.volume if ticker else None,
        spread=quote[1] - quote[0] if quote else None,
        mid2=sum(quote) if quote else 0,
        verified=int(book is not None and book.verified),
        latency_ns=latency if latency and not replay else None,
        # Of a recording the day is news too.
        clock=_date_and_time(frame.now) if replay else fmt.clock(frame.now),
        standing=frame.account.status,
    )


def _date_and_time(now: int) -> str:
    return times.to_rfc3339(now, 0)[:-1].replace("T", " ")
