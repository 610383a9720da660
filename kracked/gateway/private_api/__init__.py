"""The requests of clients about their own accounts, over REST and over WebSocket."""
