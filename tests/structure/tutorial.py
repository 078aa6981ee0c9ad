#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""usage: tutorial.py COMPILER...

The target that doc/writing-a-target.md walks through compiles as it stands there, without a warning.
"""
import subprocess
import sys
import tempfile

from tree import ROOT, read, report

PAGE = "doc/writing-a-target.md"
FIRST, LAST = "/* SPDX-License-Identifier: BSD-3-Clause */", "};"

compiler = sys.argv[1:]
packages = subprocess.run(("pkg-config", "--cflags", "glib-2.0"), check=True, capture_output=True,
                          text=True).stdout.split()
lines = [line[4:] if line.startswith("    ") else "" for line in read(PAGE).splitlines()]
first = lines.index(FIRST)
type_at = next(i for i in range(first, len(lines)) if lines[i].startswith("const struct dm_target_type"))
source = "\n".join(lines[first:lines.index(LAST, type_at) + 1]) + "\n"
with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
    file.write(source)
    file.flush()
    done = subprocess.run((*compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                           "-D_GNU_SOURCE", f"-I{ROOT}/engine", *packages, "-fsyntax-only", file.name),
                          capture_output=True, text=True)
report([done.stderr] if done.returncode else [])
