"""`kracked schema`: the data dictionary of every recording."""

from __future__ import annotations

import msgspec

from kracked.cli import DONE
from kracked.cli.output import safe_print
from kracked.format.schema import data_package, markdown


def schema(*, as_json: bool) -> int:
    """Print the tables of a recording: as Markdown, or as a Frictionless data package."""
    text = msgspec.json.format(msgspec.json.encode(data_package())).decode()
    safe_print(text if as_json else markdown(), lines=True)
    return DONE
