#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Includes go one way: engine/base <- engine <- ctl <- fusemap.

A target sees dm-target.h alone, ctl/ and fusemap/ see the engine's public face alone, fusemapctl sees the
protocol alone, and the engine knows neither FUSE nor sockets.
Tests may include anything.
"""
import pathlib
import re

from tree import ROOT, files, read, report

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)

# The longest that matches is a file's layer.
LAYERS = ("engine/base", "engine/targets", "engine", "ctl/fusemapctl", "ctl", "fusemap")

# What a layer may include of the project: layers and files.
ALLOWED = {
    "engine/base": {"engine/base"},
    "engine/targets": {"engine/base", "engine/targets", "engine/dm-target.h"},
    "engine": {"engine/base", "engine"},
    "ctl": {"engine/base", "engine/dm.h", "ctl"},
    "ctl/fusemapctl": {"engine/base", "ctl/place.h", "ctl/control.h", "ctl/fusemapctl"},
    "fusemap": {"engine/base", "engine/dm.h", "ctl", "fusemap"},
}

# System headers that a layer may not have.
FORBIDDEN = {
    "engine": re.compile(r"^(fuse.*|linux/fuse\.h|gio/.*|sys/socket\.h|sys/un\.h)$"),
}
FORBIDDEN["engine/base"] = FORBIDDEN["engine/targets"] = FORBIDDEN["engine"]

GENERATED = {"control.h": "ctl/control.h", "targets.inc": "engine"}


def layer_of(path):
    for layer in LAYERS:
        if f"{path}/".startswith(layer + "/"):
            return layer
    return None


def resolve(source, name):
    """The file of the tree that SOURCE means by NAME, None for one that is not of the tree."""
    for base in (source.parent, pathlib.Path("."), pathlib.Path("engine")):
        path = base / name
        if (ROOT / path).is_file():
            return (ROOT / path).resolve().relative_to(ROOT)
    return None


def check(source, kind, name):
    layer = layer_of(source)
    forbidden = FORBIDDEN.get(layer)
    if forbidden and forbidden.match(name):
        return f"{source}: <{name}> is not for {layer}/"
    if kind == "<":
        return None
    found = GENERATED.get(pathlib.Path(name).name) or resolve(source, name)
    if found is None:
        return f'{source}: "{name}" is not a file of the tree'
    if str(found) in ALLOWED[layer] or layer_of(found) in ALLOWED[layer]:
        return None
    return f"{source}: {layer}/ may not include {found}"


problems = []
for path in files(".c", ".h"):
    if layer_of(path):
        for match in INCLUDE.finditer(read(path)):
            problems.append(check(path, *match.groups()))
report([problem for problem in problems if problem])
