"""A recording served as an exchange: any Kraken client can run on what was recorded.

It stands on `kracked.record`, which reads the recording, and on `kracked.gateway`, whose
sessions and sockets make it exactly as strict as the simulated exchange. It knows nothing
of the simulator.
"""
