#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples say what they should, in an empty folder and again in the same one.

test_examples.py FOLDER [BUILD]   FOLDER: where the built examples are; BUILD: also installs it and links a program with it
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


def link_installed(cases, build):
    """first.c as a user builds it: the installed library, by pkg-config."""
    with tempfile.TemporaryDirectory() as folder:
        root, program = os.path.join(folder, "root"), os.path.join(folder, "first")
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", root)
        found = [path for path, _, files in os.walk(root) if "pawl.pc" in files]
        cases.check("pawl.pc is installed", len(found) == 1, found)
        where = {**os.environ, "PKG_CONFIG_PATH": ":".join(found), "PKG_CONFIG_SYSROOT_DIR": root}
        flags = run("pkg-config", "--cflags", "--libs", "pawl", env=where)
        libdir = os.path.dirname(found[0]) if found else root
        private = os.path.join(libdir, "pawl")
        linked = run("cc", "-Wall", "-Werror", "-o", program, os.path.join(SOURCES, "first.c"), *flags.stdout.split(),
                     f"-Wl,-rpath-link,{private}")
        cases.check("a program links the installed library", linked.returncode == 0, flags.stderr + linked.stderr)
        done = run(program, cwd=folder, env={**os.environ, "LD_LIBRARY_PATH": f"{libdir}:{private}"})
        cases.check("and runs with it", done.stdout == EXPECTED["first"][0], done.stderr)


def main():
    cases = tap.Cases()
    there = {name[:-2] for name in os.listdir(SOURCES) if name.endswith(".c")}
    cases.check("every example is expected to say something", there == set(EXPECTED), there ^ set(EXPECTED))
    with open(os.path.join(SOURCES, "shop", "shop.c")) as shop:
        cases.check("the shop in C has under 120 lines", len(list(shop)) < 120)
    for name in sorted(EXPECTED):
        run_example(cases, os.path.join(sys.argv[1], "example_" + name), name)
    if len(sys.argv) > 2:
        link_installed(cases, sys.argv[2])
    cases.end()


main()
