#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the pages print is so: every command line runs as it stands there, programs do what is said of them, links lead somewhere,
and what is named between backticks is there.

test_pages.py PAWL BUILD [PAGE...]   PAGE: only these

UPDATE=1 writes examples of JSON anew whose shape is another: look at what changed before it is committed."""
import glob
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import types

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap
from page import MANUAL, blocks, check_links, pages, read, steps
from place import NOT_RUN, Place, install, rows
from receiver import Receiver

PUBLISHED = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
BODY = b'{"test": 2432232314}'


def check(cases, name, done, good=True):
    cases.check(name, (done.returncode == 0) == good,
                f"exit status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")


# ---- signatures ----

def send(place, receiver, secret, *more):
    """What a target with this secret is sent: id, timestamp, signatures and body."""
    name = f"signed-{len(receiver.received)}"
    place.run(["pawl", "targets", "add", name, receiver.url, "--secret-file", secret], check=True)
    place.run(["pawl", "targets", "test", name, BODY.decode(), "--allow-address", "127.0.0.0/8", *more], check=True)
    headers, body = receiver.received[-1]
    return [headers[f"webhook-{field}"] for field in ("id", "timestamp", "signature")], body


def programs(place, page):
    """The verifying programs of the page that can run here, each as the words that start it."""
    shell = next(block for block in blocks(page, "sh") if "openssl dgst" in block)
    python = next(block for block in blocks(page, "python") if "sys.argv" in block)
    yield "python", [sys.executable, place.write("verify.py", python)]
    yield "sh", ["sh", place.write("verify.sh", shell)]
    if shutil.which("node"):
        yield "node", ["node", place.write("verify.js", blocks(page, "js")[0])]


def check_signatures(cases, place, page, receiver):
    old, new = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "whsec_" + "QUJD" * 8 + "\n"
    first, second = place.write("first", old, 0o600), place.write("second", new, 0o600)
    sent, body = send(place, receiver, first)
    both, _ = send(place, receiver, place.write("both", old + new, 0o600))
    cases.check("a message arrives as it was given", body == BODY, body)
    plain = {"host", "accept", "content-length"}
    came = {name.lower() for name in receiver.received[0][0]} - plain
    unsaid = [name for name in came if f"\n| `{name}` |" not in page]
    cases.check("every header that came is on the page", not unsaid, unsaid)
    cases.check("the vector of the page is the published one", all(part in page for part in PUBLISHED))
    for name, program in programs(place, page):
        def verify(secret, values, data=body):
            return place.run([*program, secret, *values], input=data)

        check(cases, f"{name} takes a signature of pawl's", verify(first, sent))
        check(cases, f"{name} takes the second of two", verify(second, both))
        check(cases, f"{name} refuses another secret", verify(second, sent), False)
        check(cases, f"{name} refuses a changed body", verify(first, sent, body + b" "), False)
        check(cases, f"{name} refuses another id", verify(first, ["x" + sent[0], *sent[1:]]), False)
        check(cases, f"{name} refuses what is old", verify(first, PUBLISHED), False)


# ---- the other programs of the page ----

def check_receiving(cases, page):
    module = types.ModuleType("page")
    exec(next(block for block in blocks(page, "python") if "def receive" in block), module.__dict__)
    db, done = sqlite3.connect(":memory:"), []
    db.execute("CREATE TABLE received (id TEXT PRIMARY KEY)")

    def fail(_):
        raise ValueError

    try:
        module.receive(db, "a", fail)
    except ValueError:
        pass
    answers = [module.receive(db, "a", lambda _: done.append("a")) for _ in range(2)]
    cases.check("work is done once, and not lost when it failed", (answers, done) == ([True, False], ["a"]), answers)
    exec(next(block for block in blocks(page, "python") if "def was" in block), module.__dict__)
    said = [module.was(db, *asked) for asked in (("a", False), ("b", False), ("b", True))]
    cases.check("whoever is asked says what happened, what did not, and when that is not known yet", said == [200, 404, 503], said)


def check_program(cases, place, page):
    program = place.write("take", next(block for block in blocks(page, "sh") if "PAWL_MESSAGE_ID" in block))
    os.mkdir(place.path("shop"))
    place.run(["pawl", "targets", "add", "take", f"exec:{program}"], check=True)

    def test(data):
        done = place.run(["pawl", "targets", "test", "take", data, "--allow-exec", place.folder, "--json"])
        return done, sorted(os.listdir(place.path("shop")))

    done, kept = test("one")
    check(cases, "the program keeps a message", done)
    cases.check("and under its id alone", len(kept) == 1 and len(kept[0]) == 36, kept)
    again = place.run([program], {"PAWL_MESSAGE_ID": kept[0]}, input=b"two")
    check(cases, "and leaves alone what it knows", again)
    with open(place.path("shop", kept[0])) as file:
        cases.check("and its payload", file.read() == "one")
    done, _ = test("")
    cases.check("an empty one is dead at once", b"exit status 65" in done.stdout + done.stderr, done)


# ---- JSON ----

def shape(value):
    """Names and kinds, without the values; of a list the kinds that are in it."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(member), sort_keys=True) for member in value})
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def shapes(values):
    return {json.dumps(shape(value), sort_keys=True) for value in values}


def objects(text):
    """One behind the other, each on as many lines as it takes."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def wrapped(value, room=110, indent=1):
    """As the command prints it, but over lines where it is long."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(plain) <= room or not isinstance(value, (dict, list)) or not value:
        return plain
    named = value.items() if isinstance(value, dict) else ((None, member) for member in value)
    lines = [""]
    for name, member in named:
        text = ("" if name is None else json.dumps(name) + ":") + wrapped(member, room - indent, indent + 1)
        if lines[-1] and len(lines[-1]) + len(text) > room:
            lines.append("")
        lines[-1] += text + ","
    first, last = "{}" if isinstance(value, dict) else "[]"
    return first + ("\n" + " " * indent).join(lines)[:-1] + last


def renew(path, step, printed):
    """Puts what was printed, one of each shape, in place of what is shown."""
    kept = {json.dumps(shape(row), sort_keys=True): row for row in reversed(printed)}
    text = read(path)
    start = re.search(rf"^{re.escape(step.line)}( *#.*)?\n```\n\n```json\n", text, re.M).end()
    end = text.index("```", start)
    with open(os.path.join(TOP, path), "w") as file:
        file.write(text[:start] + "".join(wrapped(row) + "\n" for row in reversed(kept.values())) + text[end:])


# ---- every page ----

def check_shown(cases, path, step, printed):
    """That what a block printed has the shapes that are shown behind it."""
    there, shown = shapes(printed), shapes(objects(step.shown))
    if there != shown and os.environ.get("UPDATE"):
        renew(path, step, printed)
        shown = there
    cases.check(f"{path}: the JSON of {step.line} is as it is shown", there == shown,
                "\n".join(["printed, not shown:", *there - shown, "shown, not printed:", *shown - there,
                           "UPDATE=1 shows what was printed"]))


def run_steps(cases, place, path):
    printed = []  # by the block so far
    for step in steps(path):
        if step.line in NOT_RUN:
            cases.check(f"{path}: {step.line} may be run", os.access(os.path.join(TOP, step.line), os.X_OK))
            continue
        done = place.step(step.line)
        printed += rows(done.stdout) + rows(done.stderr)
        cases.check(f"{path}: {step.line.splitlines()[0]}", done.returncode == step.status,
                    f"exit status {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
        if not step.is_last:
            continue
        printed += place.end_servers()
        if step.shown is not None:
            check_shown(cases, path, step, printed)
        printed = []


class Named:
    """What the command has: its commands, and the options of each."""

    def __init__(self, pawl):
        def ask(*words):
            return subprocess.run([pawl, "help", *words], capture_output=True, text=True, check=True).stdout

        self.names = re.findall(r"^    '([a-z]+(?: [a-z]+)?)'\|", ask("--bash"), re.M)
        self.options = {name: set(re.findall(r"^  (--[a-z-]+)", ask(*name.split()), re.M)) for name in self.names}

    def problem(self, words):
        """What there is not of a command line that stands in a sentence; None: it is all there."""
        name = " ".join(words[:2]) if " ".join(words[:2]) in self.names else words[0]
        if name not in self.names:
            return None if any(other.startswith(name + " ") for other in self.names) else f"no command {name}"
        missing = [word for word in words if word.startswith("--") and word not in self.options[name]]
        return f"{name} has no {' '.join(missing)}" if missing else None


def check_sentences(cases, named, path):
    text = re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S)
    spans = re.findall(r"\*pawl ([a-z][^*]*)\*" if path == MANUAL else r"`pawl ([a-z][^`]*)`", text)
    problems = [problem for problem in (named.problem(span.split()) for span in spans) if problem]
    if spans:
        cases.check(f"{path}: what it names of the command is there", not problems, problems)


# ---- what is special of one ----

def check_readme(cases, place, page):
    (heart,) = blocks(page, "c")
    cases.check("the heart of the first program is that of examples/first.c", heart in read("examples/first.c"), heart)


def check_receivers(cases, place, page):
    check_signatures(cases, place, page, Receiver())
    check_receiving(cases, page)
    check_program(cases, place, page)


def check_codes(cases, page):
    with open(os.path.join(TOP, "src", "why", "codes.def")) as file:
        codes = re.findall(r'^CODE\(\w+, *"(\w+)", *"([^"]*)"\)$', file.read(), re.M)
    missing = [code for code, meaning in codes if f"| `{code}` | {meaning} |\n" not in page]
    cases.check("every reason for which something may not move stands there, as it means", codes and not missing, missing)


def check_operations(cases, place, page):
    check_codes(cases, page)
    modes = {os.stat(path).st_mode & 0o777 for path in glob.glob(place.path("aside", "shop.db*"))}
    cases.check("the files of a store follow the mode of the database", modes == {0o660}, modes)


def check_json(cases, place, page):
    shown = {step.line for step in steps("docs/json.md")}
    unshown = [name for name in Named(place.pawl).names
               if name not in WITHOUT_JSON and not any(re.search(rf"\bpawl {name}\b", line) for line in shown)]
    cases.check("every command that prints JSON has its example", not unshown, unshown)


def check_locks(cases, place, page):
    example = read("examples/lock.c")
    cases.check("the code of the page is that of the example", all(block in example for block in blocks(page, "c")))


def prepare_replay(place):
    deposits, resumes = blocks(read("docs/replay.md"), "python")
    place.write("deposits.py", deposits, 0o644)
    place.write("resumes.py", resumes, 0o755)


def prepare_moving(place):
    place.write("verify_export.py", read("tools/verify_export.py"), 0o755)


def prepare_workflows(place):
    for name, program in zip(("order.c", "trip.c"), blocks(read("docs/workflows.md"), "c"), strict=True):
        place.write(name, program, 0o644)
    place.write("invoices.sh", next(block for block in blocks(read("docs/workflows.md"), "sh") if block.startswith("#!")), 0o644)


def prepare_into(place):
    """The program's own database, as it is before pawl comes."""
    program = sqlite3.connect(place.path("app.db"))
    program.executescript("PRAGMA user_version = 7; CREATE TABLE orders (number TEXT PRIMARY KEY, item TEXT);"
                          "CREATE TABLE message (mine); INSERT INTO orders VALUES ('order-1', 'A-7'), ('order-2', 'B-1');")
    program.close()  # while it is open in another mode than WAL, init says busy


def check_into(cases, place, page):
    for name in "app.db", "copy.db":
        program = sqlite3.connect(place.path(name))
        (query,) = blocks(page, "sql")
        rows = program.execute(query).fetchall()
        cases.check(f"{name}: own rows are joined with pawl's", rows == [("order-1", "A-7", "mail", "pending")], rows)
        program.close()


WITHOUT_JSON = ("help", "workflows check")  # which shows what its program prints
PREPARE = {"docs/into.md": prepare_into, "docs/moving.md": prepare_moving,
           "docs/replay.md": prepare_replay, "docs/workflows.md": prepare_workflows}
SPECIAL = {"README.md": check_readme, "docs/receivers.md": check_receivers, "docs/operations.md": check_operations,
           "docs/json.md": check_json, "docs/into.md": check_into, "docs/named-locks.md": check_locks}


def main():
    cases = tap.Cases()
    pawl, build = map(os.path.abspath, sys.argv[1:3])
    named = Named(pawl)
    with tempfile.TemporaryDirectory() as top:
        root = install(top, build)
        for number, path in enumerate(sys.argv[3:] or pages()):
            folder = os.path.join(top, str(number))
            os.mkdir(folder)
            place = Place(folder, pawl, root, build)
            check_links(cases, path)
            check_sentences(cases, named, path)
            if path in PREPARE:
                PREPARE[path](place)
            run_steps(cases, place, path)
            if path in SPECIAL:
                SPECIAL[path](cases, place, read(path))
    cases.end()


main()
