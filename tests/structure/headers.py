#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""usage: headers.py BUILD-DIRECTORY COMPILER...

Every header compiles alone: it includes what it needs, without a warning.
"""
import pathlib
import subprocess
import sys
import tempfile

from tree import ROOT, files, report

PACKAGES = ("fuse3", "gio-unix-2.0")
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function")

build, compiler = pathlib.Path(sys.argv[1]), sys.argv[2:]
packages = subprocess.run(("pkg-config", "--cflags", *PACKAGES), check=True, capture_output=True,
                          text=True).stdout.split()


def check(path):
    with tempfile.NamedTemporaryFile("w", suffix=".c") as source:
        source.write(f'#include "{ROOT / path}"\n')
        source.flush()
        done = subprocess.run((*compiler, *WARNINGS, "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/engine",
                               f"-I{build}/ctl", *packages, "-fsyntax-only", source.name),
                              capture_output=True, text=True)
    return done.stderr if done.returncode else None


failures = [check(path) for path in files(".h") if path.parts[0] in ("engine", "ctl", "fusemap")]
report([failure for failure in failures if failure])
