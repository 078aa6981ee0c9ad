# SPDX-License-Identifier: BSD-3-Clause
"""The build that is measured."""

import os
import sys

from .contestants import run

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def build_programs(directory=os.path.join(TOP, "build-bench")):
    """An optimised build, without assertions, as packages are made."""
    print(f"building in {directory}", file=sys.stderr, flush=True)
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        run("meson", "setup", "--buildtype=release", "-Dcriterion=disabled", directory, TOP)
    run("ninja", "-C", directory)
    return directory
