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

library, listed_file, include, calls_file, command = sys.argv[1:]
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



def pointers(parameters):
    """The names of the parameters that take an address, err aside."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(parameters + ","):
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append(parameters[start:i])
            start = i + 1
    for part in parts:
        if "*" in part or "[" in part:
            name = re.search(r"\(\*(\w+)\)|(\w+)\s*(?:\[[^]]*\])?\s*$", part)
            yield name[1] or name[2]


calls = dict(re.findall(r"^(?:STATUS|VALUE)\((\w+), (.*)\)$", pathlib.Path(calls_file).read_text(), flags=re.M))
unnamed = []
for header in headers:
    code = re.sub(r"/\*.*?\*/|^\s*#.*?$", "", header.read_text(), flags=re.S | re.M)
    for symbol, parameters in re.findall(r"PAWL_API[^;(]*?\b(pawl_\w+)\s*\((.*?)\);", code, flags=re.S):
        named = set(re.findall(r"(?:GIVE|MAY)\((\w+),", calls.get(symbol, ""))) | {"err"}
        unnamed += [f"{symbol}: {name} is not in calls.def" for name in pointers(parameters) if name not in named]

check("the library exports something", [] if exported else ["nm found no symbol"])
check("the exported symbols are those of the list", difference(("the library", exported), ("pawl.symbols", listed)))
check("the exported symbols are those of the headers", difference(("the library", exported), ("the headers", declared)))

check("every pointer that a call takes is in calls.def", unnamed if calls else ["calls.def has no calls"])

# The rule of pawl/status.h: what may grow says its size first; the rest never changes.
FROZEN = {"pawl_uuid", "pawl_error", "pawl_header", "pawl_setting", "pawl_cursor", "pawl_enqueued", "pawl_settled"}
sized, frozen = set(), set()
for header in headers:
    for body, name in re.findall(r"typedef struct \w+ \{\n(.*?)\n\} (\w+);", header.read_text(), flags=re.S):
        (sized if re.match(r"\s*size_t struct_size;", body) else frozen).add(name)
check("a struct begins with its size, or is one of those that never change",
      difference(("the headers", frozen), ("the list", FROZEN)) + ([] if sized else ["no struct has a size"]))


def needs(path):
    out = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"NEEDED.*\[(.*)\]", out)


# Clients of brokers are loaded when a message first needs one: both run where none is installed.
for name, path in (("the library", library), ("the command", command)):
    needed = needs(path)
    check(f"{name} is linked with no client of a broker",
          [lib for lib in needed if re.match("lib(nats|rabbitmq)", lib)] + ([] if needed else ["readelf found no library"]))

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
