#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Another program made of the saga: change_saga.py older|swapped SOURCE INTO

older: as it was before there were points; swapped: it charges before it books. A change that no longer fits is an error.
"""
import sys

CHANGES = {
    "older": [("pawl_run_version(run, \"points\", 1, &version, err)", "PAWL_OK")],
    "swapped": [("act(run, &trip, BOOK, err)", "act(run, &trip, FIRST, err)"),
                ("act(run, &trip, CHARGE, err)", "act(run, &trip, BOOK, err)"),
                ("act(run, &trip, FIRST, err)", "act(run, &trip, CHARGE, err)")],
}


def main():
    what, source, into = sys.argv[1:]
    with open(source) as file:
        text = file.read()
    for before, after in CHANGES[what]:
        if text.count(before) != 1:
            sys.exit(f"{source} has {text.count(before)} of: {before}")
        text = text.replace(before, after)
    with open(into, "w") as file:
        file.write(text)


main()
