"""A market passed on to clients: subscriptions, books at any depth, the list of instruments."""
