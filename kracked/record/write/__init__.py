"""The recorder: from messages and events to files."""
