# SPDX-License-Identifier: BSD-3-Clause
"""The project's files, for the tests of this directory."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def files(*suffixes):
    """Every file of the tree, or those with one of the suffixes: paths relative to ROOT, sorted."""
    found = []
    for top, dirs, names in os.walk(ROOT):
        dirs[:] = [d for d in dirs if d not in (".git", "__pycache__") and not d.startswith("build")]
        for name in names:
            path = (pathlib.Path(top) / name).relative_to(ROOT)
            if name != ".git" and (not suffixes or path.suffix in suffixes):
                found.append(path)
    return sorted(found)


def read(path):
    return (ROOT / path).read_text(errors="replace")


def report(problems):
    """Ends the test: a line for each problem."""
    for problem in problems:
        print(problem)
    raise SystemExit(1 if problems else 0)
