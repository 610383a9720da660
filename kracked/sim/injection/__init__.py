"""The faults of a running exchange: connections that fail, and a market that stops."""
