"""Finding and reading the files of a table, with pyarrow or with pandas alone."""
