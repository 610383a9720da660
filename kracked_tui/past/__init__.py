"""The past beside the live session: what was received in the last minutes, and how it is shown."""
