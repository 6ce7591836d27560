#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A build as anybody sets it up compiles what it installs, and nothing else; one for the tests has them."""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def inputs(build, *targets):
    """Everything that must be made or be there for these, themselves included."""
    said = run("ninja", "-C", build, "-t", "inputs", *targets).stdout.splitlines()
    return {line for line in said if not line.startswith("ninja: ")} | set(targets)


def built(build):
    """What `ninja` makes, and `meson install` before it installs."""
    phony = {"all", "meson-test-prereq", "meson-benchmark-prereq"}
    return inputs(build, "all") - phony


def installed(build):
    """What of the build is installed."""
    with open(os.path.join(build, "meson-info", "intro-installed.json")) as file:
        paths = [os.path.relpath(path, build) for path in json.load(file)]
    made = run("ninja", "-C", build, "-t", "targets", "all").stdout
    return [path for path in paths if f"\n{path}: " in made]


def main():
    cases = tap.Cases()
    with tempfile.TemporaryDirectory() as folder:
        build = os.path.join(folder, "build")
        made = run("meson", "setup", build, TOP)
        cases.check("a build is set up without options", made.returncode == 0, made.stdout + made.stderr)
        targets = installed(build)
        cases.check("the command and the library are installed, shared and static",
                    {"pawl", "src/libpawl.a"} <= set(targets) and any("libpawl.so" in name for name in targets), targets)
        needless = sorted(built(build) - inputs(build, *targets))
        cases.check("nothing is compiled that is not installed, or needed for it", not needless, "\n".join(needless))
    with open(os.path.join(TOP, "scripts", "suites.sh")) as suites:
        cases.check("scripts/test builds with the tests", "-Dtests=true" in suites.read())
    cases.end()


main()
