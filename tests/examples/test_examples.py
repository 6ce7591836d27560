#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples say what they should, in an empty folder and again in the same one.

test_examples.py FOLDER   FOLDER: where the built examples are
"""
import os
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
import tap

SOURCES = os.path.join(TESTS, "..", "examples")
EXPECTED = {
    "first": ("record 1, stored now\n", "record 1, stored before\n"),
    "lock": ("closed, under fence 1\n", "closed, under fence 2\n"),
    "worker": ("delivered 3, requeued 1\n", "delivered 0, requeued 0\n"),
}


def run(*command, **how):
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **how)


def run_example(cases, program, name):
    with tempfile.TemporaryDirectory() as folder:
        for time, expected in zip(("first", "second"), EXPECTED[name]):
            done = run(program, cwd=folder)
            cases.check(f"{name}, the {time} time", done.returncode == 0 and done.stdout == expected,
                        f"exit status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    cases = tap.Cases()
    there = {name[:-2] for name in os.listdir(SOURCES) if name.endswith(".c")}
    cases.check("every example is expected to say something", there == set(EXPECTED), there ^ set(EXPECTED))
    with open(os.path.join(SOURCES, "shop", "shop.c")) as shop:
        cases.check("the shop in C has under 120 lines", len(list(shop)) < 120)
    for name in sorted(EXPECTED):
        run_example(cases, os.path.join(sys.argv[1], "example_" + name), name)
    cases.end()


main()
