"""Alerts of the monitor: evaluated on every event, told once, kept on disk."""
