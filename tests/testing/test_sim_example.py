#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The example of pawl_sim: what is right ends the same, each mistake is named, and a point is run again alone.

test_sim_example.py PROGRAM
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

EXPECTED = {
    "machine": "the same end in ",
    "code": "the same end in ",
    "key drawn in each drive": 'killed behind call "bank.pay" of workflow pay/7: check: paid 2 times',
    "key drawn in each drive, in code": 'killed behind call "bank.pay" of workflow pay/7: check: paid 2 times',
    "child drawn in each drive": 'killed before the commit of "book" of workflow pay/7: workflow receipt/',
    # Which of both depends on whether the real clock's millisecond passes between the two times that the step is made.
    "clock of its own": ('"book": message to smtp of lane mail', '"book": workflow pay/7: made twice from the same checkpoint'),
    "clock of its own, in code": '"send:mail": message to smtp of lane mail',
    "sent before it is recorded": 'killed behind call "bank.pay" of workflow pay/7: check: paid 2 times',
}


def run(*words):
    return subprocess.run([sys.argv[1], *words], capture_output=True, text=True, timeout=100)


def main():
    cases = tap.Cases()
    done = run()
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    cases.check("it ends with 0", done.returncode == 0, done.stdout + done.stderr)
    cases.check("each is tried", set(told) == set(EXPECTED), done.stdout)
    for name, expected in EXPECTED.items():
        texts = expected if isinstance(expected, tuple) else (expected,)
        cases.check(f"{name}: it says so", any(text in told.get(name, "") for text in texts), told.get(name))
    name = "sent before it is recorded"
    point = re.search(r"point (\d+)", told.get(name, "")) or re.search("()", "")
    cases.check("its point tells the same", run("7", name, point[1]).stdout == f"{name}: {told.get(name)}\n", point)
    cases.end()


main()
