"""What anybody may ask over REST."""
