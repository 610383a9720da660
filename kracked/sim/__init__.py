"""The simulated exchange: a market of agents that any Kraken client can trade on.

From the bottom: `engine` matches orders, `agents` send them, `market_data` words what the
public sees; `accounts` and `order_entry` keep clients' money and orders; `private_api` and
`public_api` answer requests; `exchange` joins them; `faults` and `injection` make things go
wrong; `server` puts it all on a socket. Only the server knows a clock or a socket.
"""
