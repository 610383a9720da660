"""What faults do to messages and orders, and when each is due."""
