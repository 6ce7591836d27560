#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a page of docs/ prints is so: its commands and programs work as printed.

test_pages.py receivers|operations|into [PAWL]   PAWL: the command; without it only the links are looked at
"""
import glob
import http.server
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap
from page import blocks, check_links, commands, read

PUBLISHED = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
BODY = b'{"test": 2432232314}'


class Place:
    """A folder in which commands run as a reader would run them."""

    def __init__(self, folder, pawl):
        self.folder = folder
        self.where = {**os.environ, "HOME": folder, "PAWL_STORE": "sqlite:shop.db",
                      "PATH": os.path.dirname(pawl) + ":" + os.environ["PATH"]}
        for name in ("PAWL_ACTOR", "PAWL_LISTEN"):
            self.where.pop(name, None)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def run(self, line, where=None, **more):
        words = ["sh", "-c", line] if isinstance(line, str) else line
        return subprocess.run(words, cwd=self.folder, env={**self.where, **(where or {})}, capture_output=True,
                              timeout=60, **more)

    def write(self, name, text, mode=0o755):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)


class Receiver:
    """Takes webhooks, and keeps them with their headers."""

    def __init__(self):
        self.received = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append((self.headers, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


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


# ---- commands ----

def newest(place):
    return json.loads(place.run("pawl messages list --json --limit 1 --quiet").stdout.splitlines()[0])["id"]


def ask(place, line):
    """Asks a server that is there as long as the question."""
    words = ["pawl", "serve", "--listen", "127.0.0.1:0", "--lane", "none"]
    server = subprocess.Popen(words, cwd=place.folder, env=place.where, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    address = server.stdout.readline().decode().strip().partition("http://")[2]
    done = place.run(line.replace("127.0.0.1:7295", address))
    server.terminate()
    server.communicate(timeout=60)
    return done


def run_commands(cases, place, page):
    """The lines of its blocks that are no program of their own."""
    for block in blocks(page, "sh"):
        for line in [] if block.startswith("#!") else commands(block):
            if line.startswith("curl"):
                if shutil.which("curl"):
                    check(cases, line, ask(place, line))
                continue
            check(cases, line, place.run(line[:-2] + newest(place) if line.endswith(" ID") else line))


def check_receivers(cases, place, page):
    place.run(["pawl", "init"], check=True)
    check_signatures(cases, place, page, Receiver())
    check_receiving(cases, page)
    check_program(cases, place, page)
    run_commands(cases, place, page)


def check_operations(cases, place, page):
    run_commands(cases, place, page)
    modes = {os.stat(path).st_mode & 0o777 for path in glob.glob(place.path("aside", "shop.db*"))}
    cases.check("the files of a store follow the mode of the database", modes == {0o660}, modes)


def check_into(cases, place, page):
    program = sqlite3.connect(place.path("app.db"))
    program.executescript("PRAGMA user_version = 7; CREATE TABLE orders (number TEXT PRIMARY KEY, item TEXT);"
                          "CREATE TABLE message (mine); INSERT INTO orders VALUES ('order-1', 'A-7'), ('order-2', 'B-1');")
    program.close()  # while it is open in another mode than WAL, init says busy
    run_commands(cases, place, page)
    for name in "app.db", "copy.db":
        program = sqlite3.connect(place.path(name))
        (query,) = blocks(page, "sql")
        rows = program.execute(query).fetchall()
        cases.check(f"{name}: own rows are joined with pawl's", rows == [("order-1", "A-7", "mail", "pending")], rows)
        program.close()


def main():
    cases = tap.Cases()
    path = f"docs/{sys.argv[1]}.md"
    check_links(cases, path)
    if len(sys.argv) > 2:
        with tempfile.TemporaryDirectory() as folder:
            check_page = {"receivers": check_receivers, "operations": check_operations, "into": check_into}[sys.argv[1]]
            check_page(cases, Place(folder, os.path.abspath(sys.argv[2])), read(path))
    cases.end()


main()
