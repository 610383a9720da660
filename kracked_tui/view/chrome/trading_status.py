"""Whether the monitor can trade, in a word, and why not. Pure."""

from __future__ import annotations

from typing import NamedTuple

from kracked import times
from kracked_tui.view.line import Span

ARMED, DISARMED, NO_KEY, READ_ONLY = "ARMED", "DISARMED", "NO KEY", "READ-ONLY"
PAPER = "PAPER"
HOW_TO_GIVE_A_KEY = (
    "A key adds own orders, fills, balances and trading: set KRAKEN_API_KEY and "
    "KRAKEN_API_SECRET, or start with --key-file FILE (chmod 600)."
)

KEY_IN_SHORT = "A key adds orders: KRAKEN_API_KEY and _SECRET, or --key-file FILE"


class TradingStatus(NamedTuple):
    """Whether keys trade, why not, and the time left."""

    word: str = ""
    """One of the words above, or with the pair that is armed in place of the shown one; empty
    where there is nothing to trade on, as in a replay."""
    reason: str = ""
    """Why no order would be sent now; empty when one would."""
    armed_ns: int = 0
    """Time until it disarms by itself."""
    switch_ns: int | None = None
    """Time until the exchange cancels everything; None while the dead-man's switch is off."""

    size: str = ""
    """The quantity that a key sends at once; empty while none does."""
    paper: bool = False
    """Whether the account is one on paper."""

    @property
    def armed(self) -> bool:
        """Whether keys send orders."""
        return self.word == ARMED


def trading_spans(view: TradingStatus) -> tuple[Span, ...]:
    """Draw the status for the header: ``ARMED 14:32 switch 58s SIZE 0.01``."""
    if not view.word:
        return ()
    paper = (Span(f" {PAPER} ", "title"),) if view.paper else ()
    if not view.armed:
        return (*paper, Span(f" {view.word} ", "dim"))
    switch = f" switch {view.switch_ns // times.NS_PER_S}s" if view.switch_ns else ""
    role = "armed" if switch else "armed-alone"
    size = f"SIZE {view.size} " if view.size else ""
    armed = f" {ARMED} {minutes(view.armed_ns)}{switch or ' NO SWITCH'} {size}"
    return (*paper, Span(armed, role))


def minutes(left_ns: int) -> str:
    """Write a time left as minutes and seconds.

    >>> minutes(872 * 10**9)
    '14:32'
    """
    seconds = left_ns // times.NS_PER_S
    return f"{seconds // 60}:{seconds % 60:02d}"
