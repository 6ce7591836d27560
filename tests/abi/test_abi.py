#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shared library exports what pawl.symbols lists and what the headers declare, and nothing else.

A name that is new is added to the list by hand: so that nothing becomes a promise by accident."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

library, listed_file, include = sys.argv[1:]
results = []


def check(name, problems):
    results.append(not problems)
    print(f"{'ok' if not problems else 'not ok'} {len(results)} - {name}")
    for problem in problems:
        print(f"# {problem}")


def difference(left, right):
    return [f"only in {left[0]}: {name}" for name in sorted(left[1] - right[1])] + \
           [f"only in {right[0]}: {name}" for name in sorted(right[1] - left[1])]


out = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
exported = {line.split()[-1].split("@")[0] for line in out.splitlines()}
listed = set(pathlib.Path(listed_file).read_text().split())
headers = sorted(pathlib.Path(include, "pawl").glob("*.h"))
declared = set()
for header in headers:
    code = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    declared |= set(re.findall(r"PAWL_API[^;(]*?\b(pawl_\w+)\s*\(", code))

check("the library exports something", [] if exported else ["nm found no symbol"])
check("the exported symbols are those of the list", difference(("the library", exported), ("pawl.symbols", listed)))
check("the exported symbols are those of the headers", difference(("the library", exported), ("the headers", declared)))

soname = re.search(r"SONAME.*\[(.*)\]", subprocess.run(["readelf", "-d", library], check=True, capture_output=True,
                                                       text=True).stdout)
check("the soname is libpawl.so.0", [] if soname and soname[1] == "libpawl.so.0" else [f"it is {soname and soname[1]}"])

with tempfile.TemporaryDirectory() as folder:
    for compiler, suffix, standard in (("cc", "c", "c99"), ("c++", "cpp", "c++11")):
        if not shutil.which(compiler):
            continue
        for header in headers:
            source = pathlib.Path(folder, f"one.{suffix}")
            source.write_text(f'#include "pawl/{header.name}"\nint main(void) {{ return 0; }}\n')
            run = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                                  "-fsyntax-only", f"-I{include}", str(source)], capture_output=True, text=True)
            check(f"{header.name} compiles alone as {standard}", run.stderr.splitlines())

print(f"1..{len(results)}")
sys.exit(not all(results))
