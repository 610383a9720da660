"""The compiled books: optional where kracked is built from source, never in a wheel's job.

`KRACKED_NATIVE=require` makes a failing build an error, `KRACKED_NATIVE=skip` builds none.
`KRACKED_SANITIZE=1` builds for AddressSanitizer and UndefinedBehaviorSanitizer.
"""

import os
import sys

from setuptools import Extension, setup

WISH = os.environ.get("KRACKED_NATIVE", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-g", "-O1"]
FLAGS = [] if sys.platform == "win32" else ["-std=c11", "-O3"]
CORE = ("cells", "crc", "levels", "memory", "names", "orders", "scan")

engine = Extension(
    "kracked._native.engine",
    sources=[
        "kracked/_native/module.c",
        "kracked/_native/rows.c",
        "kracked/_native/blocks.c",
        *(f"kracked/_native/core/{name}.c" for name in CORE),
    ],
    depends=[
        "kracked/_native/binding.h",
        "kracked/_native/rows.h",
        "kracked/_native/core/core.h",
    ],
    extra_compile_args=SANITIZE if os.environ.get("KRACKED_SANITIZE") else FLAGS,
    extra_link_args=SANITIZE[:1] if os.environ.get("KRACKED_SANITIZE") else [],
    optional=WISH != "require" and not os.environ.get("CIBUILDWHEEL"),
)
setup(ext_modules=[] if WISH == "skip" else [engine])
