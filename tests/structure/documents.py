#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the documents point at is there: links to files, and the commands that README begins with."""
import os
import re

from tree import ROOT, files, read, report

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"(?:^|[\s`])\./([\w./-]+)")


def check_links(path):
    for target in LINK.findall(read(path)):
        if "://" not in target and not (ROOT / path.parent / target).exists():
            yield f"{path}: links to {target}, which is not there"


def check_commands(path):
    for name in set(COMMAND.findall(read(path))):
        if not os.access(ROOT / name, os.X_OK):
            yield f"{path}: ./{name} is no command of the tree"


problems = [problem for path in files(".md") for problem in check_links(path)]
problems += check_commands("README.md")
report(problems)
