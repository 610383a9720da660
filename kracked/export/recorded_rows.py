"""The normal form of a recording: its level 3 and trades through the ledger, a symbol at a time."""

from __future__ import annotations

from collections.abc import Iterator

from kracked.errors import RecordError, says
from kracked.export.normal_form import NormalForm
from kracked.export.rows import NormalRow
from kracked.flow.ledger import Ledger
from kracked.frames.books.order_messages import depth_of, order_messages
from kracked.frames.order_lives import RecordedTrades
from kracked.frames.precision_periods import PrecisionPeriod
from kracked.frames.read.table_files import Source
from kracked.instruments import Precision


@says(
    "the decimals of {symbol} change in this recording, and one file cannot hold both: "
    "record or copy the parts apart"
)
class DecimalsChanged(RecordError):
    """A symbol's prices or quantities have other decimals from some moment on."""

    symbol: str


@says("no level 3 of {symbol} was recorded: exports need --channels level3 and trade")
class NoLevel3(RecordError):
    """There is no book of orders to export."""

    symbol: str


def recorded_rows(
    source: Source, symbol: str, form: NormalForm, *, exact: bool
) -> Iterator[tuple[Precision, list[NormalRow]]]:
    """Yield the rows of a symbol in the engine's order, some at a time, with their decimals.

    Args:
        source: The recording.
        symbol: The symbol.
        form: An empty normal form; it has the orders' numbers and the counts afterwards.
        exact: Read decimals, not doubles: slower, and needed for numbers of many digits.

    Raises:
        DecimalsChanged: The symbol's decimals change.
        NoLevel3: The symbol's orders were not recorded.
        TooManyDigits: Doubles do not hold the numbers.
    """
    ledger: Ledger | None = None
    before: PrecisionPeriod | None = None
    trades = RecordedTrades(source, symbol)
    for period, messages in order_messages(source, symbol, exact=exact):
        precision = period.precision
        if ledger is not None and before is not None and precision != before.precision:
            raise DecimalsChanged(symbol)
        before = period
        for message in messages:
            if ledger is None:
                if not message.snapshot:
                    continue
                remembered = 1 << 22  # a file is read to its end: nothing need be forgotten
                ledger = Ledger(symbol, depth_of(period, message), remembered=remembered)
            for received, traded in trades.until(message.received, precision):
                told = ledger.traded(traded, received)
                only = [trade for _, trade in traded]
                yield precision, form.traded(told, only, received)
            if message.suspect:
                told = ledger.lose(message.received)
            else:
                take = ledger.snapshot if message.snapshot else ledger.update
                told = take(message.bids, message.asks, message.at, message.received)
            whole = message.snapshot and not message.suspect
            yield precision, form.message(told, message.at, message.received, snapshot=whole)
    if ledger is None or before is None:
        raise NoLevel3(symbol)
    for received, traded in trades.until(None, before.precision):
        told = ledger.traded(traded, received)
        only = [trade for _, trade in traded]
        yield before.precision, form.traded(told, only, received)
    yield before.precision, form.finish(ledger.finish())
