"""Detectors: what facts and takers show that a person should see, with the evidence for it.

Each says what was observed, never why somebody did it. The same events make the same sightings,
live and in replay.
"""
