"""`kracked schema`: the data dictionary of every recording."""

from __future__ import annotations

import msgspec

from kracked.cli import DONE
from kracked.format.schema import data_package, markdown


def schema(*, as_json: bool) -> int:
    """Print the tables of a recording: as Markdown, or as a Frictionless data package."""
    print(
        msgspec.json.format(msgspec.json.encode(data_package())).decode() if as_json else markdown()
    )
    return DONE
