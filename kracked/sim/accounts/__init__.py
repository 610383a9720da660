"""The simulated exchange's private half: accounts, orders, and the rules that guard them.

Pure: time is an argument, what is to be sent leaves through callbacks. Numbers are
scaled integers; REST's text and WebSocket's JSON numbers become requests at the edge.
"""
