"""Recording a feed to disk, and reading, checking, converting and replaying a recording."""
