"""What many fills were worth together, beside all makers of the same minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from kracked.flow.odds.reliability import Z_90, Band, wilson
from kracked.flow.review.mids import HORIZONS_S, MarkState
from kracked.flow.review.reviewed_fill import ReviewedFill
from kracked.times import NS_PER_S

ZERO = Decimal(0)
ADVERSE_AT = HORIZONS_S.index(10)
"""The horizon whose drift tells whether a fill was adverse."""
FEW = 30
"""Fewer fills than this say little."""
MINUTE_NS = 60 * NS_PER_S


class AdverseShare(msgspec.Struct, frozen=True):
    """The share of quantity after whose fill the mid went against it within 10 s."""

    share: Fraction
    """By quantity; where the mid stood still, half."""
    band: Band
    """Wilson's interval of it, 90 in 100, by the number of fills."""
    fills: int
    """Fills whose drift is known."""

    @property
    def few(self) -> bool:
        """Whether these are too few to say much."""
        return self.fills < FEW


class Chance(msgspec.Struct):
    """The earnings of makers at the touch in a minute, by horizon, and the value they traded."""

    prints: int = 0
    markouts: list[Decimal] = msgspec.field(default_factory=lambda: [ZERO] * len(HORIZONS_S))
    notional: Decimal = ZERO


class HorizonSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The mark-outs of all fills at one horizon. Figures in bp are weighted by value."""

    seconds: int
    known: int
    missing: int
    """Fills after which the book was not known for a while."""
    pending: int
    earned: Decimal
    """In the quote currency, of the fills that are known."""
    drift: Decimal
    earned_bp: Fraction | None
    drift_bp: Fraction | None
    others_bp: Fraction | None
    """The mark-out of all makers at the touch in the same minutes; None without any."""

    @property
    def markout_bp(self) -> Fraction | None:
        """Return what was earned and what drifted, together."""
        if self.earned_bp is None or self.drift_bp is None:
            return None
        return self.earned_bp + self.drift_bp


class FillSummary(msgspec.Struct, frozen=True, kw_only=True):
    """All fills of a symbol, or of a session."""

    fills: int
    qty: Decimal
    notional: Decimal
    maker_share: Fraction | None
    """By quantity, of the fills that say what they were."""
    maker_share_by_value: Fraction | None
    median_wait_ns: int | None
    """Weighted by quantity."""
    fill_ratio: Fraction | None
    """Filled of placed quantity, of the orders whose quantity was told."""
    adverse: AdverseShare | None
    horizons: tuple[HorizonSummary, ...]
    others: int
    """Prints of other makers at the touch in the same minutes."""


def summarize(
    fills: Sequence[ReviewedFill],
    *,
    placed: Mapping[str, Decimal],
    chances: Mapping[int, Chance],
) -> FillSummary:
    """Return what fills were worth together.

    Args:
        fills: The fills, of one symbol or several with the same quote currency.
        placed: The quantity of each order.
        chances: What other makers earned, by minute.
    """
    minutes = {fill.time // MINUTE_NS for fill in fills}
    others = [chances[minute] for minute in minutes if minute in chances]
    said = [fill for fill in fills if fill.maker is not None]
    made = [fill for fill in said if fill.maker]
    return FillSummary(
        fills=len(fills),
        qty=sum((fill.qty for fill in fills), ZERO),
        notional=sum((fill.notional for fill in fills), ZERO),
        maker_share=_share((f.qty for f in made), (f.qty for f in said)),
        maker_share_by_value=_share((f.notional for f in made), (f.notional for f in said)),
        median_wait_ns=_median_wait(fills),
        fill_ratio=_share((f.qty for f in fills if f.order_id in placed), placed.values()),
        adverse=_adverse(fills),
        horizons=tuple(_horizon(fills, at, others) for at in range(len(HORIZONS_S))),
        others=sum(one.prints for one in others),
    )


def _share(part: Iterable[Decimal], whole: Iterable[Decimal]) -> Fraction | None:
    total = sum(whole, ZERO)
    return Fraction(sum(part, ZERO)) / Fraction(total) if total else None


def _horizon(fills: Sequence[ReviewedFill], at: int, others: Sequence[Chance]) -> HorizonSummary:
    known, states = list[tuple[Decimal, Decimal, Decimal]](), Counter[MarkState]()
    for fill in fills:
        earned, drift = fill.earned, fill.drift(at)
        if earned is not None and drift is not None:
            known.append((earned, drift, fill.notional))
        else:
            states[fill.marks[at].state] += 1
    earned, drift, notional = (sum((row[n] for row in known), ZERO) for n in range(3))
    value = sum((one.notional for one in others), ZERO)
    return HorizonSummary(
        seconds=HORIZONS_S[at],
        known=len(known),
        missing=len(fills) - len(known) - states[MarkState.PENDING],
        pending=states[MarkState.PENDING],
        earned=earned,
        drift=drift,
        earned_bp=_bp(earned, notional),
        drift_bp=_bp(drift, notional),
        others_bp=_bp(sum((one.markouts[at] for one in others), ZERO), value),
    )


def _bp(amount: Decimal, notional: Decimal) -> Fraction | None:
    return 10_000 * Fraction(amount) / Fraction(notional) if notional else None


def _adverse(fills: Sequence[ReviewedFill]) -> AdverseShare | None:
    against, total, count = ZERO, ZERO, 0
    for fill in fills:
        drift = fill.drift(ADVERSE_AT)
        if drift is not None:
            count += 1
            total += fill.qty
            against += fill.qty if drift < 0 else fill.qty / 2 if drift == 0 else ZERO
    if not total:
        return None
    share = Fraction(against) / Fraction(total)
    return AdverseShare(share, wilson(float(share) * count, count, Z_90), count)


def _median_wait(fills: Sequence[ReviewedFill]) -> int | None:
    """Return the wait below and above which the same quantity waited."""
    waits = sorted((fill.wait_ns, fill.qty) for fill in fills if fill.wait_ns is not None)
    half, sofar = sum((qty for _, qty in waits), ZERO) / 2, ZERO
    for wait, qty in waits:
        sofar += qty
        if sofar >= half:
            return wait
    return None
