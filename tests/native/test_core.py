"""The core without Python: its invariants on real and odd streams, also when memory runs out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.fuzz import SANITIZERS, build, write_corpus


def test_the_core_keeps_its_invariants_whichever_allocation_fails(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    harness = tmp_path / "harness"
    try:
        build(compiler, harness, "-DSTANDALONE", *SANITIZERS)
    except subprocess.CalledProcessError:
        build(compiler, harness, "-DSTANDALONE")  # a compiler without sanitizers
    inputs = write_corpus(tmp_path / "inputs", seeds=3)
    done = subprocess.run([harness, *inputs], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout.split()[0]) > len(inputs)
