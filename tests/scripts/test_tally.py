#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/tally.py: every way in which a test program can fail is counted, and nothing that passed is."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

HERE = os.path.dirname(os.path.abspath(__file__))
TALLY = os.path.join(HERE, "..", "..", "tools", "tally.py")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def tally(folder, *suites):
    """What tally.py prints about suites of the fixture that are run at once, and its total."""
    build, name = os.path.join(folder, "build"), "-".join(suites)
    totals = os.path.join(folder, "totals-" + name)
    run("meson", "test", "-C", build, "--logbase", name, *(f"--suite={suite}" for suite in suites))
    said = run(sys.executable, TALLY, "build", os.path.join(build, "meson-logs", name + ".json"), totals, *suites)
    return said.stdout, run(sys.executable, TALLY, "--total", totals)


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = run("meson", "setup", os.path.join(folder, "build"), os.path.join(HERE, "fixture"))
        good, good_total = tally(folder, "good")
        bad, bad_total = tally(folder, "bad")
        none, none_total = tally(folder, "none")
        both, both_total = tally(folder, "none", "good")

    cases = tap.Cases()
    cases.check("the fixture is built", made.returncode == 0, made.stdout)
    cases.check("what passed is counted, what was skipped is not", good_total.stdout == "3 passed, 0 failed\n", good)
    cases.check("a run in which all passed is good", good_total.returncode == 0)
    for program, what in {
        "one-fails": "second", "fails-and-exits-0": "only", "crashes": "was killed by signal 11",
        "crashes-at-the-end": "was killed by signal 6", "says-nothing": "announced nothing, reported 0",
        "no-tap": "announced nothing, reported 0", "stops-early": "announced 3, reported 1",
        "goes-on-too-long": "announced 1, reported 2", "skips-all": "tested nothing", "bad-exit": "ended with status 3",
        "hangs": "ran out of time",
    }.items():
        cases.check(f"{program} is a failure", f"FAILED  {program}: {what}\n" in bad, bad)
    cases.check("each failure is counted once", bad_total.stdout.endswith(" passed, 11 failed\n"), bad_total.stdout)
    cases.check("a run in which one failed is bad", bad_total.returncode == 1)
    cases.check("a suite without programs is a failure", none_total.stdout == "0 passed, 1 failed\n", none)
    cases.check("a run that ran nothing is bad", none_total.returncode == 1)
    cases.check("each suite of a run has its line, also the one that is missing",
                re.findall(r"^  build (\w+) +(\d+) passed, (\d+) failed", both, re.M) == [("none", "0", "1"), ("good", "3", "0")], both)
    cases.check("a run in which a suite is missing is bad", both_total.returncode == 1)
    cases.end()


main()
