"""A market with a paper account in it, as an exchange: pure, like the simulator's.

The market is passed on as it comes; orders and private channels are the paper account's. A
server brings the sockets and the time: `kracked.paper_server` on the live market,
`kracked.replay_server` on a recording.
"""
