"""The way of an order from a request to the engine, and of its fills back to the account."""
