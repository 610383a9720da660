"""Reading the raw log: messages, gaps, verified books at any instant."""
