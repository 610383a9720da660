"""What faults do to connections, messages and the market; `kracked.sim.faults` says when."""
