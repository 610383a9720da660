"""The server side of Kraken's protocol, without an exchange behind it.

Every server of ours uses this layer: the simulated exchange and the server of a recording.
It knows how clients connect, authenticate, subscribe and call. It must never know what is
traded, so it imports no server.
"""
