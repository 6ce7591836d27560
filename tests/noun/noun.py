#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""noun.py BUILD  adds a noun to a copy of the library, as docs/adding-a-noun.md does, and tries it on every store.

What the patch touches is counted: a noun is its struct and columns, its SQL and its effect, and nothing of a store. What
depends on these is compiled as the build compiles it, and linked with test_tally.c in place of another test. Speaks TAP.
"""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, "..", ".."))
MAY_TOUCH = {
    "src/model/rows.h": "its struct", "src/model/columns.h": "its name", "src/model/columns.c": "its columns",
    "src/store/sqlite/sql/0001_core.sql": "its table", "src/store/sqlite/sql/rows.sql": "its statements",
    "src/commit/count.h": "its effect", "src/commit/count.c": "its effect"}
ROOMS = ("src/model/", "src/store/", "src/commit/")  # what knows rows, slots or statements
LIKE = "tests/conformance/conformance_columns"        # a test that is linked with all that this one needs


def run(words, **how):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **how)
    if done.returncode:
        sys.exit(f"Bail out! {shlex.join(map(str, words))}\n{done.stdout}")
    return done.stdout


def compile_as(entry, build, folder, source, object_):
    words = shlex.split(entry["command"])
    for option, value in ("-o", object_), ("-MF", object_ + ".d"), ("-MQ", object_), ("-c", source):
        words[words.index(option) + 1] = value
    first = [f"-I{folder}/made", f"-I{folder}/src", f"-I{TOP}/tests", f"-I{TOP}/tests/conformance"]
    run(words[:1] + first + words[1:] + ["-O1", "-w"], cwd=build)
    return object_


def main():
    build = os.path.abspath(sys.argv[1])
    with open(os.path.join(HERE, "tally.patch")) as file:
        touched = sorted(set(re.findall(r"^\+\+\+ b/(\S+)", file.read(), re.M)))
    folder = tempfile.mkdtemp()
    try:
        shutil.copytree(os.path.join(TOP, "src"), os.path.join(folder, "src"))
        os.mkdir(os.path.join(folder, "made"))
        run(["patch", "-s", "-p1", "-i", os.path.join(HERE, "tally.patch")], cwd=folder)
        sql, made = os.path.join(folder, "src/store/sqlite/sql"), os.path.join(folder, "made")
        pack = [sys.executable, os.path.join(TOP, "tools/sqlpack.py")]
        run([*pack, "statements", f"{made}/sql.h", f"{made}/sql.c", f"{sql}/statements.sql", f"{sql}/verify.sql", f"{sql}/rows.sql",
             f"{sql}/journal.sql"])
        run([*pack, "migrations", f"{made}/migrations.c", f"{sql}/0001_core.sql", f"{sql}/0002_views.sql"])

        entries = {}
        for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
            file = os.path.relpath(os.path.normpath(os.path.join(entry["directory"], entry["file"])), TOP)
            if entry["output"].startswith(("src/libpawl_objects.a", "tests/conformance/libconformance_world.a", LIKE)):
                entries[file] = entry
        any_entry = entries["src/store/view.c"]
        jobs = [(entry, os.path.join(folder, file)) for file, entry in entries.items()
                if file.startswith(ROOMS) and os.path.exists(os.path.join(folder, file))]
        jobs += [(any_entry, f"{made}/sql.c"), (any_entry, f"{made}/migrations.c"), (any_entry, f"{folder}/src/commit/count.c"),
                 (entries["tests/conformance/test_columns.c"], os.path.join(HERE, "test_tally.c")),
                 (entries["tests/conformance/conformance.c"], os.path.join(TOP, "tests/conformance/conformance.c"))]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(lambda job: compile_as(job[0][0], build, folder, job[0][1], f"{made}/{job[1]}.o"),
                                    zip(jobs, range(len(jobs)))))
        words = shlex.split(run(["ninja", "-t", "commands", "-s", LIKE], cwd=build).splitlines()[-1])
        program = os.path.join(folder, "tally")
        words[words.index("-o") + 1] = program
        words = [word for word in words if not word.startswith(LIKE + ".p/")]
        at = words.index(program) + 1
        run(words[:at] + objects + words[at:], cwd=build)
        said = subprocess.run([program], env={**os.environ, "CMOCKA_MESSAGE_OUTPUT": "TAP"}, cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    finally:
        shutil.rmtree(folder)
    results = re.findall(r"^(ok|not ok) \d+ - (.*)$", said.stdout, re.M)
    strange = [file for file in touched if file not in MAY_TOUCH]
    good = not strange and len(touched) == len(MAY_TOUCH)
    print(f"1..{len(results) + 2}")
    print("ok" if good else "not ok", f"1 - a noun is {len(touched)} files: its struct and columns, its SQL, its effect")
    for file in strange:
        print("#", file, "is none of them")
    print("ok" if said.returncode == 0 and results else "not ok", "2 - every store keeps it")
    for number, (word, name) in enumerate(results, 3):
        print(word, number, "-", name)
    if said.returncode:
        print("".join("# " + line + "\n" for line in said.stdout.splitlines()[-40:]))
    sys.exit(0 if good and said.returncode == 0 and results else 1)


main()
