#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tests that docs/laws.md and docs/cases.md name are there.

test_names.py TESTS   TESTS: meson-info/intro-tests.json of the build
"""
import json
import os
import re
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


def programs(path):
    """What `meson test` knows: names of tests, and of suites."""
    with open(path) as file:
        tests = json.load(file)
    return {test["name"] for test in tests} | {suite.split(":")[-1] for test in tests for suite in test["suite"]}


def rows(text):
    """The first and the last cell of each row that is about something."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and not re.fullmatch(r"-+", cells[1]) and cells[1] not in ("case", "law", "kind"):
            yield cells[1], cells[-2]


def missing(cell, known):
    """Names of a cell that are neither a program, nor a file below tests/, nor in the file named last."""
    file = None
    for name in re.findall(r"`([^`]+)`", re.sub(r"Design: .*", "", cell)):
        if "/" in name and os.path.isfile(os.path.join(TOP, "tests", name)):
            file = read(os.path.join("tests", name))
        elif name not in known and not (file and re.search(rf"\b{re.escape(name)}\b", file)):
            yield name


def names_nothing(cell):
    return "`" not in cell and "later" not in cell and "not built yet" not in cell


def main():
    cases = tap.Cases()
    known = programs(sys.argv[1])
    for path in "docs/laws.md", "docs/cases.md":
        found = list(rows(read(path)))
        absent = [f"{row}: {name}" for row, cell in found for name in missing(cell, known)]
        cases.check(f"every test that {path} names is there", not absent, "\n".join(absent))
        bare = [row for row, cell in found if re.search(r"\d", row) and names_nothing(cell)]
        cases.check(f"every row of {path} names one", found and not bare, bare)
    wrong = "`crash append`, `crash nothing`; `docs/test_names.py`: `names_nothing`, `names_" "some`; `docs/no" "ne.py`"
    cases.check("what is not there is noticed",
                list(missing(wrong, known)) == ["crash nothing", "names_" "some", "docs/no" "ne.py"],
                list(missing(wrong, known)))
    cases.end()


main()
