#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the cases that test programs reported, from the JSON log of a `meson test` run.

tally.py BUILD LOG TOTALS SUITE...  prints a line for each suite of the run and what failed in it; adds its counts to TOTALS
tally.py --total TOTALS             prints "N passed, N failed"; exit status 0 when something passed and nothing failed

Only TAP counts. A program that crashed, timed out, reported nothing, or not what it had announced is one failure more; a
suite without programs is one.
"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b[ \t]*\d*[ \t]*-?[ \t]*([^#\n]*)(#[ \t]*skip\b)?", re.I)


def read_program(run):
    """The cases of one program: passed, skipped, and a sentence for each failure."""
    passed, skipped, failures, cases, plans = 0, 0, [], 0, []
    for line in (run.get("stdout") or "").splitlines():
        plan = re.match(r"^1\.\.(\d+)", line)
        case = CASE.match(line)
        if plan:
            plans.append(int(plan[1]))
        elif case:
            cases += 1
            if case[3]:
                skipped += 1
            elif case[1]:
                failures.append(case[2].strip() or f"case {cases}")
            else:
                passed += 1
        elif line.startswith("Bail out!"):
            failures.append(line)
    status = run.get("returncode", 1)
    if run["result"] in ("TIMEOUT", "INTERRUPT"):
        failures.append("ran out of time")
    elif status < 0 or status >= 128:
        failures.append(f"was killed by signal {-status if status < 0 else status - 128}")
    elif plans != [cases]:
        failures.append(f"announced {' and '.join(map(str, plans)) or 'nothing'}, reported {cases}")
    elif status != 0 and not failures:
        failures.append(f"ended with status {status}")
    if not failures and passed == 0:
        failures.append("tested nothing")
    return passed, skipped, failures


def read_runs(path):
    try:
        with open(path) as log:
            return [json.loads(line) for line in log]
    except FileNotFoundError:
        return []


def suite_of(run):
    """meson names a run "PROJECT:SUITE / TEST"."""
    return run["name"].split(" / ")[0].split(":")[-1]


def tally(build, path, totals, suites):
    runs = read_runs(path)
    for suite in dict.fromkeys([*suites, *map(suite_of, runs)]):
        tally_suite(f"{build} {suite}", [run for run in runs if suite_of(run) == suite], path, totals)


def tally_suite(name, runs, path, totals):
    passed = skipped = 0
    failures = [] if runs else ["no program was run"]
    for run in runs:
        run_passed, run_skipped, run_failures = read_program(run)
        passed += run_passed
        skipped += run_skipped
        failures += [f"{run['name'].split(' / ')[-1]}: {what}" for what in run_failures]
    took = sum(run.get("duration", 0) for run in runs)
    notes = (f", {skipped} skipped" if skipped else "") + f"  ({len(runs)} programs, {took:.0f} s)"
    print(f"  {name:<22} {passed:5} passed, {len(failures)} failed{notes}")
    for what in failures:
        print(f"      FAILED  {what}")
    if failures and runs:
        print(f"      see {path.removesuffix('.json')}.txt")
    with open(totals, "a") as out:
        print(passed, len(failures), file=out)


def total(totals):
    counts = [tuple(map(int, line.split())) for line in open(totals)]
    passed, failed = (sum(column) for column in zip(*counts)) if counts else (0, 0)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if sys.argv[1] == "--total":
    sys.exit(total(sys.argv[2]))
tally(*sys.argv[1:4], sys.argv[4:])
