"""The matching engine: one order book per instrument, and the rules that change it."""
