#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules of the house that a program can check. Speaks TAP.

tidy.py [FOLDER]    checks the tree
tidy.py --self-test each rule refuses an example that breaks it
"""
import os
import re
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))

# What each room of src/ may include; src/README.md says why. Public headers may be included by every room.
CORE = ["base", "env", "model", "store", "commit"]
LIBRARY = CORE + ["journal", "ledger", "outbox", "workflow", "sink", "testing", "work", "why", "about"]
ROOMS = {
    "base": [], "env": ["base"], "model": CORE[:2], "store": CORE[:3], "sink": CORE[:3], "commit": CORE[:4],
    "journal": CORE, "ledger": CORE, "outbox": CORE, "workflow": CORE, "work": CORE + ["journal", "outbox", "workflow", "sink"],
    "testing": CORE + ["workflow"], "why": CORE + ["journal", "outbox", "work"], "about": ["base", "store", "sink"],
    "api": ["base", "model"], "server": LIBRARY + ["api"], "cli": LIBRARY + ["api", "server"],
}
# Client libraries, and who may include them.
LIBRARIES = {"sqlite3.h": ("src/store/sqlite/", "tests/", "sim/", "bench/", "examples/"),
             "curl/": ("src/sink/http/", "src/about/", "tests/"), "nats/nats.h": ("src/sink/nats/", "tests/"),
             "amqp": ("src/sink/amqp/", "tests/"), "libpq-fe.h": ("src/store/postgres/",)}
BANNED = re.compile(r"\b(gets|strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|rand|srand|alloca|pthread_cancel)\s*\(")
MARKS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LINES_MAX = 800
LONGER = {"tests/conformance/test_claim.c", "tests/conformance/test_operator.c",
          "tests/sink/test_http.c", "tests/sink/test_relay.c", "tests/unit/test_model.c"}
SOURCES = (".c", ".h", ".def", ".py", ".sql", "meson.build")
FOLDERS = ("include", "src", "tests", "tools", "scripts", "examples", "docs", "sim", "bench", "fuzz", "man")


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def includes(path, text):
    room = room_of(path)
    for header in re.findall(r'^\s*#\s*include\s*[<"]([^">]+)[">]', text, re.M):
        target = header.split("/")[0]
        if room and "/" in header and target in ROOMS and target != room and target not in ROOMS.get(room, []):
            yield f"{room} may not include {header}"
        for library, homes in LIBRARIES.items():
            if header.startswith(library) and not path.startswith(homes):
                yield f"{header} is not for this room"


def licence(path, text):
    if path.endswith(SOURCES) or text.startswith("#!"):
        if "SPDX-License-Identifier: MIT" not in "".join(text.splitlines(True)[:3]):
            yield "its first lines have no licence"


def banned(path, text):
    if path.startswith(("src/", "include/", "examples/")):
        for name in BANNED.findall(text):
            yield f"{name} is not used here"


def marks(path, text):
    if path != "tools/tidy.py":
        for mark in MARKS.findall(text):
            yield f"unfinished: {mark}"


def state_writes(path, text):
    """Only commit/task.c moves a task; a store copies what is stored."""
    if path.startswith("src/") and not path.startswith(("src/commit/task.c", "src/store/")):
        for line in re.findall(r"^.*row\.(?:place|phase)\s*=[^=].*$", text, re.M):
            yield f"moves a task: {line.strip()}"


def mutexes(path, text):
    """Every mutex has its place in docs/locks.md."""
    if path.startswith("src/") and path.endswith((".c", ".h")) and re.search(r"\bpthread_mutex_t \w+[;, =]", text):
        with open(os.path.join(TOP, "docs/locks.md"), encoding="utf-8") as locks:
            if path.removeprefix("src/") not in locks.read():
                yield "has a mutex that docs/locks.md does not know"


def door(path, text):
    """Only store/store.c calls through the table of a store: what two stores could differ in is checked there."""
    if path.startswith(("src/", "tests/")) and path != "src/store/store.c":
        for line in re.findall(r"^.*(?:\b(?:store|inner|below|base)(?:\([^()]*\))?|\bfilter\w*)->ops\b.*$", text, re.M):
            yield f"goes around the door: {line.strip()}"


def kinds(path, text):
    """What a kind of effect is, its table says: nobody asks which one it has before him."""
    if path.startswith("src/"):
        for line in re.findall(r"^.*[=!]=\s*&pawli_effect_.*$", text, re.M):
            yield f"tests for a kind of effect: {line.strip()}"


def sizes(path, text):
    """Nobody reads a file of more lines at one sitting; LONGER are older than the rule, and no other becomes one of them."""
    count = text.count("\n")
    if path.endswith(SOURCES) and count > LINES_MAX and path not in LONGER:
        yield f"has {count} lines; {LINES_MAX} are the most"
    if path in LONGER and count <= LINES_MAX:
        yield "is short enough now: it is LONGER no more"


RULES = {"rooms and libraries": includes, "licences": licence, "banned calls": banned, "unfinished marks": marks,
         "moves of tasks": state_writes, "mutexes": mutexes, "the door": door,
         "kinds of effects": kinds, "sizes of files": sizes}

REFUSED = {
    "rooms and libraries": [("src/base/x.c", '#include "model/rows.h"\n'), ("src/journal/x.c", '#include "outbox/views.h"\n'),
                            ("src/commit/x.c", '#include <sqlite3.h>\n'), ("src/cli/x.c", '#include <curl/curl.h>\n'),
                            ("src/sink/x.c", '#include <amqp.h>\n'), ("src/work/x.c", '#include <nats/nats.h>\n')],
    "licences": [("src/base/x.c", "int x;\n"), ("scripts/x", "#!/bin/sh\ntrue\n")],
    "banned calls": [("src/base/x.c", "strcpy(a, b);\n"), ("examples/x.c", "sprintf (a, b);\n")],
    "unfinished marks": [("src/base/x.c", "/* TODO */\n")],
    "moves of tasks": [("src/outbox/x.c", "    task->row.place = PLACE_READY;\n")],
    "mutexes": [("src/base/x.h", "    pthread_mutex_t lock; /* of x */\n")],
    "the door": [("src/commit/x.c", "    committer->store->ops->tend(committer->store, NULL);\n"),
                 ("src/store/fault/x.c", "    below(store)->ops->close(below(store));\n"),
                 ("tests/unit/x.c", "    const struct store_ops *ops = opened->store->ops;\n")],
    "kinds of effects": [("src/commit/x.c", "    if (effect->ops == &pawli_effect_claim)\n")],
    "sizes of files": [("src/base/x.c", "int x;\n" * 801), ("tests/unit/test_model.c", "int x;\n" * 800)],
}


def files(top):
    for folder in FOLDERS:
        for path, folders, names in os.walk(os.path.join(top, folder)):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                full = os.path.join(path, name)
                try:
                    with open(full, encoding="utf-8") as file:
                        yield os.path.relpath(full, top), file.read()
                except UnicodeDecodeError:
                    continue


def self_test(cases):
    for rule, examples in REFUSED.items():
        for path, text in examples:
            cases.check(f"{rule}: {path} is refused: {text.strip().splitlines()[-1]}", list(RULES[rule](path, text)))
    cases.check("every rule has an example", set(REFUSED) == set(RULES))


def main():
    import tap

    cases = tap.Cases()
    if sys.argv[1:] == ["--self-test"]:
        self_test(cases)
        cases.end()
    tree = list(files(sys.argv[1] if len(sys.argv) > 1 else TOP))
    cases.check("there is a tree to read", len(tree) > 100, f"{len(tree)} files")
    for name, rule in RULES.items():
        found = [f"{path}: {what}" for path, text in tree for what in rule(path, text)]
        cases.check(f"{name}, in {len(tree)} files", not found, "\n".join(found))
    rooms = {room_of(path) for path, _ in tree} - {None}
    cases.check("every room has a place in the order", rooms <= set(ROOMS), rooms - set(ROOMS))
    for room in sorted(rooms & set(ROOMS)):
        cases.check(f"src/{room} says what it is for", any(path == f"src/{room}/README.md" for path, _ in tree))
    cases.end()


main()
