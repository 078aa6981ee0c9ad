#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What every file keeps to: a licence line, no tabs, no blanks at the end of a line, no lines that are
too long, a newline at the end, and no path of the machine that it was written on."""
import re

from tree import ROOT, files, read, report

COLUMNS = 110
SECTION = re.compile(r"^(/\*|#) -{4}.*-{4}( \*/)?$")  # a rule across the file may be longer
SPDX = "SPDX-License-Identifier: BSD-3-Clause"
MACHINE = re.compile(r"(?<![\w.~$}*-])/(work|root|Users|home)/\w")
TRANSCRIPTS = "tests/conformance/"  # the kernel's own words, blanks included
SOURCES = (".c", ".h", ".py", ".sh", ".build", ".xml")


def is_source(path, text):
    return path.suffix in SOURCES or path.name == "meson_options.txt" or text.startswith("#!")


def check_line(line):
    if "\t" in line:
        yield "a tab"
    if line != line.rstrip():
        yield "blanks at the end"
    if len(line) > COLUMNS and not SECTION.match(line):
        yield f"{len(line)} columns, {COLUMNS} are the limit"


def check_source(path, text):
    if SPDX not in "\n".join(text.splitlines()[:3]):
        yield f"{path}: no '{SPDX}' at the top"
    for number, line in enumerate(text.splitlines(), 1):
        for problem in check_line(line):
            yield f"{path}:{number}: {problem}"


def check(path):
    if b"\0" in (ROOT / path).read_bytes()[:4096]:
        return
    text = read(path)
    if not str(path).startswith(TRANSCRIPTS):
        if is_source(path, text):
            yield from check_source(path, text)
        if text and not text.endswith("\n") and "corpus-" not in str(path):
            yield f"{path}: no newline at the end"
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE.search(line):
            yield f"{path}:{number}: a path of somebody's machine: {line.strip()}"


report([problem for path in files() for problem in check(path)])
