"""The form of a recording on disk: what its writer and all its readers agree on."""
