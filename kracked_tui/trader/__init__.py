"""Everything in the monitor that can move money; nothing else in it reaches for orders."""

from kracked_tui.trader.ticket_to_order import MarketMoment
from kracked_tui.trader.trader import Trader

__all__ = ["MarketMoment", "Trader"]
