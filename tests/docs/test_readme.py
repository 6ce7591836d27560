#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the README prints is so: its program is the example, its links lead somewhere, its commands work as printed.

test_readme.py [PAWL]   PAWL: the command; without it the commands are not tried
"""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap
from page import blocks, check_links, commands, read

LONG_RUNNING = ("pawl serve",)


def run_commands(cases, lines, pawl):
    with tempfile.TemporaryDirectory() as folder:
        where = {**os.environ, "PATH": os.path.dirname(pawl) + ":" + os.environ["PATH"]}
        with open(os.path.join(folder, "orders.jsonl"), "w") as orders:
            for number in (1, 2):
                print(json.dumps({"type": "PlaceOrder", "data": {"number": number}}), file=orders)

        def run(line):
            return subprocess.run(["sh", "-c", line], cwd=folder, env=where, capture_output=True, text=True, timeout=60)

        for line in lines:
            if line.startswith(LONG_RUNNING):
                continue
            if line.endswith(" ID"):
                listed = run("pawl messages list --json").stdout.splitlines()
                line = line[:-2] + (json.loads(listed[0])["id"] if listed else "")
            done = run(line)
            cases.check(line, done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}{done.stderr}")


def main():
    cases = tap.Cases()
    readme = read("README.md")
    (heart,) = blocks(readme, "c")
    cases.check("the heart of the first program is that of examples/first.c", heart in read("examples/first.c"), heart)
    start, _, _, daily = map(commands, blocks(readme, "sh"))
    for line in start:
        cases.check(f"{line} is there and may be run", os.access(os.path.join(TOP, line), os.X_OK))
    check_links(cases, "README.md")
    if len(sys.argv) > 1:
        run_commands(cases, daily, os.path.abspath(sys.argv[1]))
    cases.end()


main()
