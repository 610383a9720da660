"""What clients may ask about their own accounts, over REST and over WebSocket."""
