"""A recording served as an exchange: any Kraken client can run on what was recorded.

Above `kracked.record`, which reads it, and `kracked.sim`, whose conversations, accounts
and sockets it shares, so that it is exactly as strict.
"""
