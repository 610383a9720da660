"""Measures of one symbol's order flow: sums of facts and trades, exact, on the exchange's clock.

Each is fed by `kracked.flow.market_flow` and can be used without it. None reads a clock.
"""
