"""Books over a recording: quick replay, samples, queue positions."""
