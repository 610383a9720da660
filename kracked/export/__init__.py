"""Recordings written for other tools: one normal form of what happened, and a writer a format."""

from kracked.export.export import FORMATS, Exported, export
from kracked.export.normal_form import NormalForm
from kracked.export.rows import Action, NormalRow, Why

__all__ = ["FORMATS", "Action", "Exported", "NormalForm", "NormalRow", "Why", "export"]
