"""The server side of Kraken's protocol, without an exchange behind it.

Every server of ours stands on this layer: the simulated exchange and the server of a
recording. It knows how clients connect, authenticate, subscribe and call; it must never
know what is traded, so it imports no server.
"""
