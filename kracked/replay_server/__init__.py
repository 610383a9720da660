"""A recording served as an exchange: any Kraken client can run on what was recorded.

`kracked.record` reads the recording; the sessions and sockets of `kracked.gateway` make the
server exactly as strict as the simulated exchange. It must never import the simulator.
"""
