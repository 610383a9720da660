"""The exchange over REST: signed and public calls, their limits and their errors."""
