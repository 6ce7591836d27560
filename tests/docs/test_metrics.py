#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/operations.md has the metrics and the results of src/server/metrics.def and src/model/counted.def, word for word."""
import os
import re
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


def table(page, head):
    """The rows below this first cell of a head, as lists of cells."""
    lines = iter(page.splitlines())
    for line in lines:
        if line.startswith(f"| {head} |"):
            break
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


def entries(path, name):
    """The arguments behind the first of each line of a table in the source."""
    for arguments in re.findall(rf"^{name}\(\w+, *(.*)\)$", read(path), re.M):
        yield [argument.strip('"') for argument in re.findall(r'"[^"]*"|\w+', arguments)]


def main():
    cases = tap.Cases()
    page = read("docs/operations.md")
    for head, path, name in ("name", "src/server/metrics.def", "METRIC"), ("`result`", "src/model/counted.def", "COUNTED"):
        shown, is_so = table(page, head), list(entries(path, name))
        differ = [f"{a} is not {b}" for a, b in zip(shown, is_so) if a != b]
        cases.check(f"docs/operations.md has the table of {path}", is_so and len(shown) == len(is_so) and not differ,
                    f"{len(shown)} rows, {len(is_so)} in the source\n" + "\n".join(differ))
    cases.check("a row that differs is noticed", table("| a | b |\n|---|---|\n| `x` | y |\n\nz", "a") == [["x", "y"]])
    cases.end()


main()
