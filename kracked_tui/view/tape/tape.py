"""The tape: one row for every taker order, newest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kracked.instruments import Precision
from kracked.protocol.events import Side, Trades
from kracked_tui.view import format as fmt
from kracked_tui.view.line import Line, Span, fit

_LARGE = 4
"""A print this many times the recent mean is large."""
_SAMPLE = 200
_WIDE = 44
"""Width from which times have milliseconds and sides are words."""


class Print(NamedTuple):
    """All the fills of one taker order."""

    time: int
    side: Side
    """BID where the taker bought."""
    price: int
    """Price of the first fill."""
    last_price: int
    qty: int
    fills: int
    levels: int
    first_id: int = 0
    """Number of its first trade; the exchange numbers the trades of a pair in order."""
    last_id: int = -1
    missing: int = 0
    """Trades that never came between the print before and this one."""
    notional: int = 0
    """Sum of price times quantity, scaled by both."""

    def among(self, trade_ids: frozenset[int]) -> bool:
        """Whether one of its trades is among these."""
        return any(number in trade_ids for number in range(self.first_id, self.last_id + 1))


def prints(event: Trades) -> list[Print]:
    """Join the fills of an event to taker orders: those of one time and side belong together."""
    found: list[Print] = []
    prices: set[int] = set()
    for trade in event.trades:
        time = trade.exchange_time
        if found and (found[-1].time, found[-1].side) == (time, trade.side):
            prices.add(trade.price)
            found[-1] = found[-1]._replace(
                last_price=trade.price,
                qty=found[-1].qty + trade.qty,
                fills=found[-1].fills + 1,
                levels=len(prices),
                last_id=trade.trade_id,
                notional=found[-1].notional + trade.price * trade.qty,
            )
        else:
            prices = {trade.price}
            found.append(
                Print(
                    time=time,
                    side=trade.side,
                    price=trade.price,
                    last_price=trade.price,
                    qty=trade.qty,
                    fills=1,
                    levels=1,
                    first_id=trade.trade_id,
                    last_id=trade.trade_id,
                    notional=trade.price * trade.qty,
                )
            )
    return found


class TapeRow(NamedTuple):
    """One print as it is drawn."""

    print: Print
    large: bool = False
    mine: bool = False
    """Whether an own order had a part in it."""
    note: str = ""
    """What the detectors saw in it, in a word or two."""


def tape_view(
    newest_first: Iterable[Print],
    *,
    at_least: int,
    skip: int,
    rows: int,
    own: frozenset[int] = frozenset(),
    large: int | None = None,
    notes: Mapping[int, str] | None = None,
) -> tuple[TapeRow, ...]:
    """Return the prints in sight.

    Args:
        newest_first: Prints, newest first.
        at_least: The smallest quantity shown, scaled.
        skip: Prints scrolled past.
        rows: Prints in sight.
        own: Numbers of the trades of own orders.
        large: The quantity from which a taker is large; None to go by the mean of the recent ones.
        notes: What the detectors saw in prints, by their time.
    """
    sample = 0
    count = 0
    found: list[Print] = []
    for each in newest_first:
        if count < _SAMPLE:
            count += 1
            sample += each.qty
        if each.qty >= at_least:
            found.append(each)
        if len(found) >= skip + rows and count >= _SAMPLE:
            break
    if large is None:
        large = _LARGE * sample // count if count else 0
    told = notes or {}
    return tuple(
        TapeRow(each, each.qty >= large, bool(own) and each.among(own), told.get(each.time, ""))
        for each in found[skip : skip + rows]
    )


def filters(newest_first: Iterable[Print]) -> tuple[int, ...]:
    """Return round sizes to filter by: none, and those of the larger half, fifth, twentieth."""
    qtys = sorted(each.qty for each in newest_first)
    if not qtys:
        return (0,)
    chosen = set()
    for share in (50, 80, 95):
        qty = qtys[len(qtys) * share // 100]
        power = 10 ** max(0, len(str(qty)) - 1)
        chosen.add(next((nice * power for nice in (5, 2, 1) if nice * power <= qty), 0))
    return (0, *sorted(chosen - {0}))


def head_line(width: int, price_width: int, unit: str = "qty") -> Line:
    """Draw the heads of the columns; `unit` is that of the quantities."""
    wide = width >= _WIDE
    time, side, qty = ("time".ljust(12), "side   ", 9) if wide else ("time".ljust(8), "", 10)
    text = f"{time} {'price':>{price_width}} {' ' if wide else ''}{side}{unit[:qty]:>{qty}}"
    return Line(fit([Span(text, "header")], width))


def tape_line(
    row: TapeRow,
    width: int,
    price_width: int,
    precision: Precision,
    decimals: int,
    *,
    money: bool = False,
) -> Line:
    """Draw time, price, side, quantity, and a remark where there is room.

    Args:
        row: The print.
        width: Cells of a row.
        price_width: Characters of a price.
        precision: Decimals of the instrument.
        decimals: Decimals of a quantity on the screen.
        money: Write what was paid, in the quote currency, in place of the quantity.
    """
    each, wide = row.print, width >= _WIDE
    role = "buy" if each.side is Side.BID else "sell"
    word = ("BUY" if each.side is Side.BID else "SELL").ljust(7)
    shown = min(precision.qty, decimals + wide)
    qty = fmt.qty(each.qty, precision.qty, shown, 8)
    if money:
        qty = fmt.compact(each.notional, precision.price + precision.qty, 8)
    mark = Span("◀", "mine") if row.mine else Span("•" if row.large else " ", "mark")
    mark = Span("!", "warn") if each.missing else mark
    spans = (
        Span(fmt.clock(each.time, 3 if wide else 0), "faint"),
        Span(f" {precision.price_text(each.price):>{price_width}} ", role),
        Span(f" {word}" if wide else word[0], role),
        Span(qty.rjust(9), "large" if row.large else role),
        mark,
        Span(" yours " if row.mine and wide else "", "mine"),
    )
    room = width - sum(len(span.text) for span in spans) if wide else 0
    remark = next((text for text in _remarks(row, precision) if len(text) <= room), "")
    return Line(fit((*spans, Span(remark, "dim")), width), "cursor" if row.mine else "")


def _remarks(row: TapeRow, precision: Precision) -> tuple[str, ...]:
    """Return the remarks on a print, the longest first; one that fits is drawn whole."""
    each, note = row.print, f" {row.note}" if row.note else ""
    if each.missing:
        return f" {each.missing} missing before", f" -{each.missing}"
    if each.levels > 1:
        levels = f"{each.levels} levels"
        last = precision.price_text(each.last_price)
        average = ""
        if each.qty and each.notional:  # rounded to the decimals of a price, and one more
            tenths = (20 * each.notional + each.qty) // (2 * each.qty)
            finer = Precision(precision.price + 1, precision.qty)
            average = f" avg {finer.price_text(tenths)}"
        word = note or ""
        return (
            f"▸{last} {levels}{average}{word}",
            f"▸{last} {levels}{average}",
            f"▸{last} {levels}",
            f" {levels}",
        )
    if note:
        return (note,)
    return (f" {each.fills} fills",) if each.fills > 1 else ()
