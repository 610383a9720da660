"""Sphinx settings. Build: `python -m sphinx -W --keep-going -b html docs docs/_build`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import kracked

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

os.environ["COLUMNS"] = "88"  # the width of the help of commands

project = "kracked"
author = "The kracked developers"
copyright = "The kracked developers, MIT licence"  # noqa: A001  the name Sphinx reads
release = kracked.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "generated_reference",
]
exclude_patterns = ["_build"]
default_role = "code"
smartquotes = False
html_theme = "furo"
html_title = f"kracked {release}"
html_static_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autoclass_content = "both"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
copybutton_prompt_text = "$ "
