"""The odds of a resting order: filled within 30, 60 and 300 s, or left behind by the price.

A table is fitted for each symbol, from ghosts that stood in the queues of the user's own
recordings. What is told is a band, never a point. Nothing here opens anything or knows a clock,
but for `store`, which alone touches a file.
"""
