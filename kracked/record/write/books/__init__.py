"""What a recording keeps of the books for the rows of its tables, in Python and compiled."""
