#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""usage: page.py FUSEMAPCTL PAGE

The manual page's synopsis is the command table's, and the page explains every command and option that
there is, and no other option.
"""
import pathlib
import re
import subprocess
import sys

program, page = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()


def said(*arguments):
    done = subprocess.run((program, *arguments), capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def section(title):
    return page.split(f"\n# {title}\n", 1)[1].split("\n# ", 1)[0]


problems = []
synopsis = [line for line in section("SYNOPSIS").splitlines() if line.startswith("| ")]
table = said("--completion", "man").splitlines()
problems += [f"the synopsis lacks: {line}" for line in table if line not in synopsis]
problems += [f"not in the command table: {line}" for line in synopsis if line not in table]

terms = [line for line in section("OPTIONS").splitlines() if line.startswith("**-")]
explained = set(re.findall(r"--[\w-]+", "\n".join(terms)))
listed = set(re.findall(r"(--\w+)", said("--help").split("\n\n")[1]))
problems += [f"option {option} is not explained" for option in sorted(listed - explained)]
problems += [f"there is no option {option}" for option in sorted(explained - listed)]

headings = [line for line in section("COMMANDS").splitlines() if line.startswith("**")]
commands = set(re.findall(r"\*\*([\w-]+)", "\n".join(headings)))
for verb in sorted({line.split("**")[1].split()[1] for line in table}):
    if verb not in commands:
        problems.append(f"command {verb} is not explained")

print("\n".join(problems))
sys.exit(1 if problems or not table or not listed else 0)
