# SPDX-License-Identifier: MIT
"""What the tests of the command share: a store of their own in a folder of its own, running the command, TAP."""
import fcntl
import json
import os
import pathlib
import re
import pty
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
import unittest

PAWL = os.environ["PAWL"]
VERIFY_EXPORT = pathlib.Path(__file__).parents[2] / "tools/verify_export.py"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
NOBODY = "00000000-0000-8009-8123-456789abcdef"  # a well-formed message id that nobody has


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)


def short(key):
    """As tables show the id of a message."""
    return f"{(int(key[:8] + key[9:13] + key[15:18], 16))}-{key[-4:]}"


class Run:
    """How a run ended. `answers` are the JSON lines of standard output, `rows` those of them that are not the answer to a bad
    line of an input, `error` the last JSON error."""

    def __init__(self, process, out, err):
        self.status, self.raw, self.err = process.returncode, out, err.decode(errors="replace")
        self.out = out.decode(errors="surrogateescape")

    @property
    def answers(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self):
        return [row for row in self.answers if set(row) != {"line", "error"}]

    @property
    def row(self):
        (row,) = self.rows
        return row

    @property
    def errors(self):
        return [said["error"] for said in map(json.loads, self.err.splitlines()) if "error" in said]

    @property
    def error(self):
        return self.errors[-1]


class Case(unittest.TestCase):
    longMessage = True

    def setUp(self):
        root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-cli-", dir=root))
        self.addCleanup(shutil.rmtree, self.folder)
        self.env = {"PATH": os.environ["PATH"], "PAWL_ACTOR": "ops", "PAWL_STORE": f"sqlite:{self.folder}/s.db", "LC_ALL": "C"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def proven(self, text):
        """What the script says of it that needs no store."""
        return subprocess.run([sys.executable, VERIFY_EXPORT, "-"], input=text, capture_output=True)

    def run_it(self, *words, stdin=b"", env=None):
        process = subprocess.Popen([PAWL, *map(os.fsencode, map(str, words))], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder,
                                   env={**self.env, **(env or {})})
        out, err = process.communicate(stdin if isinstance(stdin, bytes) else stdin.encode())
        return Run(process, out, err)

    def wait_for(self, process, text):
        """The next line of its log with this, one of those that were passed over first: what its threads say has no order."""
        passed = vars(process).setdefault("passed", [])
        for at, line in enumerate(passed):
            if text in line:
                return passed.pop(at)
        for line in process.stderr:
            if text in line:
                return line
            passed.append(line)
        self.fail(f"it ended without {text}")

    def on_terminal(self, *words, columns=80, stderr_too=False, status=0, env=None):
        """What a terminal of this width is sent; status None: however it ends."""
        control, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(terminal)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)
        process = subprocess.Popen([PAWL, *map(str, words)], env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL,
                                   stdout=terminal, stderr=terminal if stderr_too else subprocess.PIPE, cwd=self.folder)
        os.close(terminal)
        shown = b""
        while True:
            try:
                chunk = os.read(control, 65536)
            except OSError:  # the other side is closed
                break
            if not chunk:
                break
            shown += chunk
        os.close(control)
        process.communicate()
        self.assertEqual(process.returncode, process.returncode if status is None else status, (words, shown))
        return shown.decode()

    def ok(self, *words, **how):
        """Runs, and must succeed without a word on standard error, but that a name is new or a secret is not there yet."""
        run = self.run_it(*words, **how)
        expected = re.compile(r"no message has this|until the process that serves can read it")
        run.err = "".join(line for line in run.err.splitlines(True) if not expected.search(line))
        self.assertEqual((run.status, run.err), (0, ""), words)
        return run

    def json(self, *words, **how):
        """The rows of a run that must succeed; that a list was cut may be said."""
        run = self.run_it(*words, "--json", **how)
        self.assertEqual(run.status, 0, (words, run.err))
        self.assertEqual([line for line in run.err.splitlines() if list(json.loads(line)) != ["note"]], [], words)
        return run.rows

    def hold_the_log(self):
        """An old snapshot, and behind it more than may wait. Close what is returned."""
        reader = sqlite3.connect(self.folder / "s.db", isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM store").fetchall()
        line = json.dumps({"lane": "l", "target": "held", "data": "x" * 1000000}) + "\n"
        self.ok("enqueue", "--jsonl", "-", stdin=line * 70)
        return reader

    def fails(self, status, *words, says=(), **how):
        """Must end with this status, say what is wrong and what to do, in words and in JSON alike, and print nothing."""
        run = self.run_it("--json", *words, **how)
        self.assertEqual((run.status, run.out), (status, ""), (words, run.err))
        error = run.error
        self.assertEqual(error["status"], status)
        self.assertTrue(error["message"] and error["hint"], error)
        for word in (says,) if isinstance(says, str) else says:
            self.assertIn(word, error["message"] + " " + error["hint"])
        return error

    def init(self):
        self.ok("init")

    def state(self):
        """What the store holds, as far as anybody can tell."""
        rows = [self.json(*words) for words in (("verify",), ("messages", "list", "--limit", "1000"), ("lanes", "list"),
                                                ("targets", "list"), ("holds", "list"))]
        for row in rows[1]:
            row.pop("lease_until", None)  # computed: what is left of it, from now on
        return rows

    def commits(self):
        """What the store says of itself: it ends with how many transactions it has seen."""
        for row in self.json("doctor"):
            if row["check"] == "store":
                return row["text"]
        self.fail("doctor says nothing about the store")

    def writes_nothing(self, *words, **how):
        before = self.state()
        error = self.fails(*words, **how)
        self.assertEqual(self.state(), before, words)
        return error

    def enqueue(self, *words):
        (row,) = self.json("enqueue", *words)
        return row["id"]

    def message(self, key):
        (row,) = self.json("messages", "show", key)
        return row

    def claim(self, *words):
        (row,) = self.json("claim", *words)
        return row["id"], row["token"]


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def say(self, verdict, test, detail=""):
        self.count += 1
        print(f"{verdict} {self.count} - {test.id().split('.', 1)[1]}")
        for line in detail.splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        self.say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test, self.errors[-1][1])

    def addSkip(self, test, reason):
        self.count += 1
        print(f"ok {self.count} - {test.id()} # SKIP {reason}")


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = Tap()
    suite.run(result)
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() and result.count else 1)
