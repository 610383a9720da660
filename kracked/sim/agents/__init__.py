"""Market makers, noise traders and takers: the order flow of a market without clients."""
