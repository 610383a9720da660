"""Everything in the monitor that can move money: nothing outside it sends an order or a cancel."""

from kracked_tui.trader.trader import Trader

__all__ = ["Trader"]
