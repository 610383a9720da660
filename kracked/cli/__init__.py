"""What the `kracked` commands do: one function each, joining the framework to a terminal.

Results go to stdout, talk and progress to stderr. Each function returns the exit code.
"""

DONE, FAILED, MISUSED = 0, 1, 2
