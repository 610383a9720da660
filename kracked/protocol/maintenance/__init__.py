"""Planned maintenance and incidents: read, followed, told in words, and what they permit."""
