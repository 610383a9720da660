"""The requests that anybody may make over REST."""
