"""Clients' accounts: their money, their orders, their limits, and who follows them.

Pure: the time is an argument, and messages leave through callbacks. Numbers are scaled
integers; REST's text and WebSocket's JSON numbers become requests in `private_api`.
"""
