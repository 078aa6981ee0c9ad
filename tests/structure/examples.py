#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""usage: examples.py [--mounted] DOCUMENT...

Types in the examples of a document, in order and in one shell, and compares what comes with what the
document says.  An example is a block, indented or fenced, whose first line begins with "$ ".

  $ COMMAND      with its here-document, and the lines after a backslash
  output         is compared if there is any; "..." stands for anything, on a line of its own for lines
  [N]            the exit status, when it is not 0

The shell begins in an empty directory, with the fusemaps of others out of sight; with --mounted a fusemap
runs there already, on mnt.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MARK = "---example-ends---"
HERE = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
LIMIT = 60  # seconds that a document may take


class Example:
    def __init__(self, line, command):
        self.line, self.command, self.output, self.status = line, command, [], 0


def blocks(text):
    """(number of the first line, lines) of each code block."""
    block, first, fenced = [], 0, False
    for number, line in enumerate(text.splitlines() + [""], 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            first = first or number
            block.append(line if fenced else line[4:])
            continue
        elif not line and block and not fenced:
            block.append(line)  # a blank line within an indented block
            continue
        if block:
            yield first, block
        block, first = [], 0


def examples(text):
    for first, lines in blocks(text):
        if not lines[0].startswith("$ "):
            continue
        example, until = None, None
        for number, line in enumerate(lines, first):
            if until:
                example.command += "\n" + line
                until = None if line == until else until
            elif example and example.command.endswith("\\"):
                example.command += "\n" + line
            elif line.startswith("$ "):
                if example:
                    yield example
                example = Example(number, line[2:])
                here = HERE.search(line)
                until = here.group(1) if here else None
            elif re.fullmatch(r"\[\d+\]", line):
                example.status = int(line[1:-1])
            elif line or example.output:
                example.output.append(line)
        yield example


def matches(wanted, got):
    while wanted and not wanted[-1]:
        wanted = wanted[:-1]
    if not wanted:
        return True
    pattern = ""
    for line in wanted:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ ]*\n"
    return re.fullmatch(pattern, "".join(line + "\n" for line in got)) is not None


def shell(directory):
    """A shell that sees no other fusemap, and whose children end with it."""
    env = dict(os.environ, HOME=directory, XDG_RUNTIME_DIR=directory, LC_ALL="C.UTF-8")
    env.pop("FUSEMAP_SOCKET", None)
    command = ["bash"]
    if os.getuid() == 0:
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                   "sh", "-c", "mount -t tmpfs tmpfs /run && exec bash"]
    return subprocess.Popen(command, cwd=directory, env=env, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def script(found, mounted):
    text = "mkdir mnt && fusemap mnt\n" if mounted else ""
    for example in found:
        text += f"{example.command}\necho \"\n{MARK} $?\"\n"
    return text


def run(document, directory, mounted):
    found = list(examples(pathlib.Path(document).read_text()))
    if not found:
        print(f"{document}: no examples")
        return 1
    process = shell(directory)
    try:
        output, _ = process.communicate(script(found, mounted), timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    parts = re.split(rf"\n{MARK} (\d+)\n", output)
    failures = 0
    for number, example in enumerate(found):
        at = f"{document}:{example.line}: $ {example.command}"
        if 2 * number + 1 >= len(parts):
            print(f"{at}\n  did not end; it said:\n{parts[-1]}")
            return failures + 1
        got = parts[2 * number].strip("\n")
        got, status = got.splitlines(), int(parts[2 * number + 1])
        if status != example.status or not matches(example.output, got):
            failures += 1
            print(at)
            print("".join(f"  wanted: {line}\n" for line in example.output + [f"[{example.status}]"]) +
                  "".join(f"  got:    {line}\n" for line in got + [f"[{status}]"]))
    return failures


mounted = "--mounted" in sys.argv
failures = 0
for name in sys.argv[1:]:
    if name != "--mounted":
        with tempfile.TemporaryDirectory(prefix="fusemap-examples-") as scratch:
            failures += run(os.path.abspath(name), scratch, mounted)
sys.exit(1 if failures else 0)
