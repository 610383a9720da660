"""The events of a paper account: together, in order, they are the account.

They are decisions and not requests: nothing of the market is needed to replay them.
"""

from __future__ import annotations

import msgspec

from kracked.instruments import Instrument
from kracked.paper.terms import FeeRates, PaperRequest, PaperState


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened to the account."""

    time: int
    """ns since the Unix epoch: a fill's own instant, else the arrival of what caused it."""


_OVER = frozenset((PaperState.FILLED, PaperState.CANCELLED, PaperState.EXPIRED))


class Opened(AccountEvent, frozen=True, tag="opened"):
    """The account's first event: what it may trade, what it owns, what it pays."""

    instruments: tuple[Instrument, ...]
    balances: dict[str, str]
    """Decimal text by asset."""
    rates: FeeRates


class PaperOrder(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order of the account, in scaled integers."""

    order_id: str
    request: PaperRequest
    """Its terms as they are now, amends included."""
    state: PaperState
    placed: int
    """When it was accepted, ns since the Unix epoch."""
    touched: int
    """When it was placed or last amended."""
    ended: int = 0
    """When it was filled, cancelled or expired; 0 while it is open."""
    filled: int = 0
    notional: int = 0
    """Sum of price times quantity of its fills."""
    fee_weight: int = 0
    """Sum of what the fees of its fills are taken from, each times its rate: price times
    quantity, or the quantity where they are taken in the base asset."""
    fills: int = 0
    started: bool = True
    """Off while it is not in the market yet."""
    triggered: bool = False
    reason: str = ""
    """Why it ended, or why its outcome is unknown."""
    ref_id: str | None = None
    """The order whose fill placed this one as its conditional close."""

    @property
    def left(self) -> int:
        """The quantity that is not filled."""
        return self.request.qty - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it has not ended; one whose outcome is unknown is open."""
        return self.state not in _OVER


class Listed(AccountEvent, frozen=True, tag="listed"):
    """One more pair may be traded, or the rules of one have changed."""

    instrument: Instrument


class Accepted(AccountEvent, frozen=True, tag="accepted"):
    """An order was accepted."""

    order_id: str
    request: PaperRequest


class Started(AccountEvent, frozen=True, tag="started"):
    """A pending order came to the market: its time had come, or the fill that it closes."""

    order_id: str
    trigger_price: int | None
    """What triggers it from here on."""


class Filled(AccountEvent, frozen=True, tag="filled"):
    """An order was filled, all or in part."""

    order_id: str
    exec_id: str
    price: int
    qty: int
    maker: bool
    trade_id: int | None = None
    """The market's trade whose volume it was; None where there was none."""
    close_id: str | None = None
    """The order that closes this fill, pending from here on; None without one."""


class TermsChanged(AccountEvent, frozen=True, tag="terms_changed"):
    """An order has new terms."""

    order_id: str
    qty: int
    price: int | None
    trigger_price: int | None
    display_qty: int | None = None


class TriggerMoved(AccountEvent, frozen=True, tag="trigger_moved"):
    """The trigger of a trailing order followed the market."""

    order_id: str
    trigger_price: int


class TriggerMet(AccountEvent, frozen=True, tag="trigger_met"):
    """A trade at `last` triggered a waiting order."""

    order_id: str
    last: int
    price: int | None = None
    """The limit of a trailing order that has one: it is known from here on."""


class Ended(AccountEvent, frozen=True, tag="ended"):
    """An order was cancelled, or its time was over."""

    order_id: str
    reason: str
    expired: bool = False


class Obscured(AccountEvent, frozen=True, tag="obscured"):
    """Data were lost: the order's outcome from here on is unknown."""

    order_id: str
    reason: str


class SwitchSet(AccountEvent, frozen=True, tag="switch_set"):
    """The dead-man's switch was set, or disarmed."""

    deadline: int | None
    """When everything is cancelled; None when it is disarmed."""


class Carried(AccountEvent, frozen=True, tag="carried"):
    """The account as it was, in place of all events before: a log does not grow without end.

    Of closed orders and of fills it has the latest alone.
    """

    instruments: tuple[Instrument, ...]
    balances: dict[str, str]
    """Decimal text by asset."""
    rates: FeeRates
    open: tuple[PaperOrder, ...]
    closed: tuple[PaperOrder, ...]
    history: tuple[Filled, ...]
    orders: int
    """Orders that were ever placed."""
    fills: int
    """Fills that there ever were."""
    deadline: int | None
    """When the dead-man's switch cancels everything."""


AnyAccountEvent = (
    Opened
    | Carried
    | Listed
    | Accepted
    | Started
    | Filled
    | TermsChanged
    | TriggerMoved
    | TriggerMet
    | Ended
    | Obscured
    | SwitchSet
)
