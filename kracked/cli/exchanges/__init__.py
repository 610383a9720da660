"""Commands that serve an exchange: the simulated one, and a real market with a paper account."""
