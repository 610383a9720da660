"""Which faults there are, how they are written, and what they do to single messages. Pure."""
