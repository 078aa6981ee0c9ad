#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""usage: options.py PROGRAM PAGE

What --help lists and the options that the manual page explains are the same.
"""
import re
import subprocess
import sys

from tree import read, report

program, page = sys.argv[1:]
helped = subprocess.run((program, "--help"), check=True, capture_output=True, text=True).stdout
listed = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", helped, re.MULTILINE))
explained = set()
for line in re.findall(r"^\*\*-.*", read(page), re.MULTILINE):
    explained |= set(re.findall(r"--[\w-]+", line))
problems = [f"{page}: {option} is missing" for option in sorted(listed - explained)]
problems += [f"{page}: {option} is not in --help" for option in sorted(explained - listed)]
report(problems if listed else ["--help lists no options"])
