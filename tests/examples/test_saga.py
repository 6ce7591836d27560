#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The saga, killed at random and started again, at a service that fails and is killed too: every trip ends as one that was let
alone, each outside effect happened once, and of a trip that came to nothing each was undone once. A program that comes to other
steps than are recorded is stopped; one that has a version marker goes on.

test_saga.py PAWL PROGRAM OLDER SWAPPED [PRELOAD]   OLDER, SWAPPED: of change_saga.py; PRELOAD: kills at KILL_WRITE
PAWL_TEST_SEED: of the service's plan and the kills; PAWL_TRIPS: how many; PAWL_KILLS: of the saga, and half as many of the service
"""
import collections
import json
import os
import random
import selectors
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap

SEED = int(os.environ.get("PAWL_TEST_SEED") or random.randrange(2**31))
TRIPS = int(os.environ.get("PAWL_TRIPS", "30"))
KILLS = int(os.environ.get("PAWL_KILLS", "16"))
WRITES = 5  # to the log, for each line that it says
SERVICE = os.path.join(TOP, "examples", "saga", "service.py")
UNDONE_BY = {"/book": "/cancel", "/charge": "/refund", "/points": "/take-points", "/confirm": "/withdraw"}
DOES = {path: undo for undo, path in UNDONE_BY.items()}
SENT_LAST = ["/book", "/charge", "/points", "/confirm", "/mail"]


def free_port(dice):
    """Below those that the system gives to others: it stays free while the service is down."""
    while True:
        port = dice.randrange(20000, 30000)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Service:
    """Kept alive, and killed `kills` times, each after so many calls as the dice say."""

    def __init__(self, folder, dice, kills=0, port=None, **options):
        self.port = port = port or free_port(dice)
        self.url = f"http://127.0.0.1:{port}"
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.words = [sys.executable, SERVICE, "--port", str(port), "--seed", str(SEED), *words]
        self.folder, self.dice, self.kills, self.killed, self.lives = folder, dice, kills, 0, 0
        self.lock, self.is_ended, self.process = threading.Lock(), False, None
        self.up = threading.Event()
        self.thread = threading.Thread(target=self.keep)
        self.thread.start()
        self.up.wait()

    def keep(self):
        while True:
            with self.lock:
                if self.is_ended:
                    return
                self.process = subprocess.Popen(self.words, cwd=self.folder, stdout=subprocess.PIPE, text=True)
            patience = self.dice.randrange(2, 4 + 16 * TRIPS // KILLS) if self.killed < self.kills else None
            for calls, line in enumerate(self.process.stdout):
                self.lives += line.startswith("life")
                self.up.set()
                if calls == patience:
                    self.process.kill()
                    self.killed += 1
            self.process.wait()
            self.up.set()  # one that cannot live shall not be waited for

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.lock:
            self.is_ended = True
            self.process.kill()
        self.thread.join()


class Saga:
    def __init__(self, top, name, pawl, program, preload=None):
        self.folder, self.pawl, self.program, self.preload = os.path.join(top, name), pawl, program, preload
        os.mkdir(self.folder)
        self.env = {**os.environ, "HOME": self.folder, "PAWL_STORE": "sqlite:saga.db"}
        self.ask("init")
        for kind in "trip", "points":  # they are killed more often, and longer without a service, than any should be
            self.ask("kinds", "set", kind, "crash_limit=1000000", "max_attempts=1000000")
        self.ask("lanes", "set", "mail", "crash_limit=1000000", "max_attempts=1000000")

    def serve_from(self, service):
        self.env["SAGA_SERVICE"] = service.url
        return self

    def start(self, *words, program=None, **env):
        return subprocess.Popen([program or self.program, *map(str, words)], cwd=self.folder, env={**self.env, **env},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words, program=None):
        """To its end; one that comes to none is killed, which its status says."""
        process = self.start(*words, program=program)
        try:
            process.said = "".join(process.communicate(timeout=30 + TRIPS))
        except subprocess.TimeoutExpired:
            process.kill()
            process.said = "".join(process.communicate())
        return process

    def killed(self, dice, *words):
        """Killed at a write, or after so many lines that it says, or when it has nothing to say; whether it was: it may have
        come to its end before."""
        lines = dice.randrange(1, 3 + 16 * TRIPS // KILLS)
        if self.preload and dice.random() < 0.7:
            count = os.path.join(self.folder, f"writes-{words[0]}")
            open(count, "w").close()
            process = self.start(*words, LD_PRELOAD=self.preload, KILL_WRITE=str(lines * WRITES), KILL_COUNT=count)
            lines = -1
        else:
            process = self.start(*words)
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        while lines != 0 and selector.select(0.5) and (said := os.read(process.stdout.fileno(), 200)):
            lines = max(0, lines - said.count(b"\n")) if lines > 0 else lines
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def ask(self, *words, status=(0,)):
        done = subprocess.run([self.pawl, *words, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True)
        if done.returncode not in status:
            raise AssertionError(f"pawl {' '.join(words)}: {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def workflows(self, kind="trip", **wanted):
        rows = self.ask("workflows", "list", "--kind", kind, "--limit", "10000", "--quiet")
        return {row["id"]: row for row in rows if all(row.get(name) == value for name, value in wanted.items())}

    def cancel(self, number):
        """Unless it was refused, and ended, before."""
        self.ask("workflows", "cancel", "trip", f"trip-{number}", "--reason", "nobody answers", status=(0, 7))

    def wait_until(self, is_so):
        while not is_so():
            pass

    def effects(self):
        """What happened outside, by trip, in order."""
        db = sqlite3.connect(os.path.join(self.folder, "service.db"))
        found = collections.defaultdict(list)
        for trip, path, key in db.execute("SELECT trip, path, key FROM effects ORDER BY number"):
            found[trip].append((path, key))
        db.close()
        return found

    def state(self):
        """All that must be the same however often it was killed. How far one comes that is cancelled is left to chance."""
        never = {f"trip-{number}" for number in waits_for_ever()}

        def ended(row):
            why = row["last_error"]["text"] if row["status"] == "failed" and row["id"] not in never else None
            why = why and why.split(": no mail")[0]  # of half an answer the status counts, without its text
            return row["kind"], row["id"], row["status"], row.get("receipt", row.get("receipt_base64")), why

        outside = {}
        for trip, effects in self.effects().items():
            paths = [path for path, _ in effects]
            outside[trip] = sorted(path for path in paths if path not in DOES and UNDONE_BY.get(path) not in paths)
        steps = collections.Counter(row["data"]["id"] for row in self.ask("journal", "list", "--limit", "1000000")
                                    if row["type"] == "pawl.step")
        return {"ends": sorted(map(ended, [*self.workflows().values(), *self.workflows("points").values()])),
                "records": {of: count for of, count in steps.items() if of not in never},
                "balances": sorted((row["account"], row["balance"]) for row in self.ask("ledger", "balance")),
                "entries": sorted((row["account"], row["delta"]) for row in self.ask("ledger", "entries")),
                "messages": sorted((row["data"]["trip"], row["state"], row["data"]["ticket"])
                                   for row in self.ask("messages", "list", "--limit", "10000", "--quiet")),
                "resources": sorted((row["id"], row["state"], row.get("holder"))
                                    for row in self.ask("resources", "list", "--limit", "10000", "--quiet")),
                "outside": {trip: paths for trip, paths in outside.items() if paths}}


def waits_for_ever():
    return [number for number in range(1, TRIPS + 1) if number % 17 == 4]


def check_effects(cases, name, saga):
    """Each by trip, whatever the keys: a key that was drawn anew would be another call."""
    ends = {int(id.split("-")[1]): row["status"] for id, row in saga.workflows().items()}
    wrong = []
    for trip, effects in saga.effects().items():
        paths = [path for path, _ in effects]
        done, undone = [path for path in paths if path not in DOES], [path for path in paths if path in DOES]
        if len(set(paths)) != len(paths):
            wrong.append(f"trip {trip}: twice: {paths}")
        if ends[trip] == "finished" and (undone or sorted(done) != sorted(SENT_LAST)):
            wrong.append(f"trip {trip} finished: {paths}")
        if ends[trip] == "failed" and [DOES[path] for path in undone] != [path for path in reversed(done) if path != "/mail"]:
            wrong.append(f"trip {trip} failed: {paths}")
        if ends[trip] == "failed" and "/mail" in done:
            wrong.append(f"trip {trip} failed, and has a ticket")
    cases.check(f"{name}: each effect happened once, and where it came to nothing was undone once, the last first", not wrong,
                "\n".join(wrong))
    undone = sum(path in DOES for effects in saga.effects().values() for path, _ in effects)
    cases.check(f"{name}: there was something to undo", undone > TRIPS // 8, undone)


def check_told(cases, name, saga):
    """What the function was given again, when it was called again, is what the service had answered."""
    finished = {int(id[5:]): row["receipt"] for id, row in saga.workflows(status="finished").items()}
    told = {trip: {"booking": f"book-{trip}", "payment": f"charge-{trip}", "points": f"points-{trip}", "ticket": f"confirm-{trip}"}
            for trip in finished}
    cases.check(f"{name}: each receipt has what the service answered", finished == told, differences(told, finished))
    paid = sum(10000 + trip * 7 for trip in finished)
    balances = {row["account"]: int(row["balance"]) for row in saga.ask("ledger", "balance")}
    cases.check(f"{name}: the agency has what was paid", balances["agency"] == paid, (balances, paid))


def check_whole(cases, name, saga):
    (checked,) = saga.ask("ledger", "check")
    cases.check(f"{name}: every balance is the sum of its entries", checked["ok"])
    cases.check(f"{name}: the chain is whole", all(row["ok"] for row in saga.ask("verify")))


# ---- let alone ----

def run_quiet(top, programs, dice):
    saga = Saga(top, "quiet", *programs)
    with Service(saga.folder, dice, faults=0) as service:
        saga.serve_from(service)
        for words in ("book", TRIPS), ("answer", TRIPS):
            saga.run(*words)
        for number in waits_for_ever():
            saga.cancel(number)
        return saga, saga.run("serve")


# ---- killed ----

def run_killed(top, programs, preload, dice):
    """`answer` runs beside `serve`, and is killed as it is; those that wait for ever are cancelled somewhere on the way."""
    saga = Saga(top, "killed", *programs, preload)
    kills = 0
    while preload and kills < KILLS // 6 and saga.killed(dice, "book", TRIPS):
        kills += 1
    saga.run("book", TRIPS)
    with Service(saga.folder, random.Random(dice.random()), KILLS // 2, faults=35) as service:
        saga.serve_from(service)
        left = waits_for_ever()
        is_on = True  # until all have ended
        while is_on and kills < KILLS:
            if left and dice.random() < 0.2:
                saga.cancel(left.pop())
            beside = saga.start("answer", TRIPS) if dice.random() < 0.3 else None
            is_on = saga.killed(dice, "serve")
            kills += is_on
            if beside:
                beside.kill()
                beside.communicate()
        for number in left:
            saga.cancel(number)
        saga.run("answer", TRIPS)
        return saga, service, kills, saga.run("serve")


def check_killed(cases, top, programs, preload):
    dice = random.Random(SEED)
    quiet, done = run_quiet(top, programs, dice)
    expected = quiet.state()
    cases.check("let alone, it comes to its end", done.returncode == 0, done.said)
    ends = collections.Counter(row[2] for row in expected["ends"] if row[0] == "trip")
    cases.check("some trips finish and some fail", set(ends) == {"finished", "failed"} and min(ends.values()) > TRIPS // 8, ends)
    saga, service, kills, done = run_killed(top, programs, preload, dice)
    found = saga.state()
    print(f"# PAWL_TEST_SEED={SEED}: {TRIPS} trips, {dict(ends)}; {kills} kills of the saga, {service.killed} of the service, "
          f"which had {service.lives} lives")
    cases.check("killed, it comes to its end", done.returncode == 0, done.said[-2000:])
    cases.check("it was killed", kills >= KILLS // 4 and service.killed >= KILLS // 6, (kills, service.killed))
    why = [row["last_error"]["text"] for id, row in saga.workflows().items() if int(id[5:]) in waits_for_ever()]
    known = ("it was cancelled", "it was cancelled: nobody answers")  # the first where it had not begun
    garbled = [text for text in why if "cancelled" in text and text not in known]
    cases.check("those that were cancelled say why", not garbled, garbled)
    for name in expected:
        cases.check(f"the same {name}", found[name] == expected[name], differences(expected[name], found[name]))
    for name, one in ("quiet", quiet), ("killed", saga):
        check_effects(cases, name, one)
        check_told(cases, name, one)
        check_whole(cases, name, one)


def differences(expected, found):
    as_set = lambda value: {json.dumps(item) for item in (value.items() if isinstance(value, dict) else value)}
    return "\n".join([*("expected " + item for item in sorted(as_set(expected) - as_set(found))),
                      *("found " + item for item in sorted(as_set(found) - as_set(expected)))])


# ---- undone before it is known whether it was done ----

def check_unknown(cases, top, programs):
    """Nothing comes back of a service that fails always, though it books. Those who asked are cancelled, and it heals."""
    saga, dice, count = Saga(top, "unknown", *programs), random.Random(SEED), 4
    with Service(saga.folder, dice, faults=100, refusals=0) as service:
        saga.serve_from(service).run("book", count)
        serving = saga.start("serve")
        saga.wait_until(lambda: len(saga.effects()) == count)
        serving.kill()
        serving.communicate()
    for number in range(1, count + 1):
        saga.cancel(number)
    with Service(saga.folder, dice, port=service.port, faults=0) as service:
        done = saga.run("serve")
    paths = [[path for path, _ in effects] for effects in saga.effects().values()]
    cases.check("what is cancelled while nobody knows of its call is undone", done.returncode == 0 and
                paths == [["/book", "/cancel"]] * count, (paths, done.said))
    why = {row["last_error"]["text"] for row in saga.workflows().values()}
    cases.check("and says why it failed", why == {"it was cancelled: nobody answers"}, why)


# ---- other programs ----

def check_swapped(cases, top, programs, swapped):
    """Two trips wait for their traveller when a program comes that would charge before it books."""
    dice = random.Random(SEED)
    saga = Saga(top, "swapped", *programs)
    with Service(saga.folder, dice, faults=0, refusals=0) as service:
        saga.serve_from(service).run("book", 2)
        serving = saga.start("serve")
        saga.wait_until(lambda: len(saga.workflows(status="parked")) == 2 and len(saga.effects()[2]) == len(saga.effects()[1]) == 2)
        serving.kill()
        serving.communicate()
        saga.run("answer", 2)
        done = saga.run("serve", program=swapped)
        cases.check("a program with another order of calls is stopped", done.returncode == 1 and "2 wait for a person" in done.said, done.said)
        stuck = saga.workflows(status="stuck")
        said = [row["last_error"]["text"] for row in stuck.values()]
        cases.check("and what is recorded is named, and what it came to", len(said) == 2 and all(
            '"step:book" is recorded' in text and '"step:charge"' in text for text in said), said)
        cases.check("nothing more happened outside", all(len(effects) == 2 for effects in saga.effects().values()), saga.effects())
        done = saga.run("serve")
        cases.check("the right program alone does not take it up", done.returncode == 1, done.said)
        for id in stuck:
            saga.ask("workflows", "retry", "trip", id, "--reason", "the right program is back")
        done = saga.run("serve")
        cases.check("retried, it goes on to its end", done.returncode == 0 and len(saga.workflows(status="finished")) == 2, done.said)
    wrong = {trip: paths for trip, effects in saga.effects().items() if (paths := [path for path, _ in effects]) != SENT_LAST}
    cases.check("and each call was made once", not wrong and len(saga.effects()) == 2, wrong)


def check_older(cases, top, programs, older):
    """Two trips have sent their tickets, and wait for the mail, when the program comes that gives points; two begin with it."""
    dice = random.Random(SEED)
    saga = Saga(top, "older", *programs)
    with Service(saga.folder, dice, faults=0, refusals=0) as service:
        saga.serve_from(service)
        for words in ("book", 2), ("answer", 2):
            saga.run(*words)
        saga.ask("lanes", "pause", "mail", "--reason", "no mail today")
        serving = saga.start("serve", program=older)
        saga.wait_until(lambda: len(saga.ask("messages", "list", "--quiet")) == 2)
        serving.kill()
        serving.communicate()
        saga.ask("lanes", "resume", "mail", "--reason", "mail again")
        saga.run("book", 6)
        saga.run("answer", 6)
        saga.cancel(4)  # which would wait for ever
        done = saga.run("serve")
    points = {id: row["receipt"]["points"] for id, row in saga.workflows(status="finished").items()}
    cases.check("a newer program takes up what an older one began", done.returncode == 0, done.said)
    cases.check("trips that came by before there were points have none, and the others have them",
                points == {"trip-1": "", "trip-2": "", "trip-6": "points-6"}, points)
    given = {trip for trip, effects in saga.effects().items() if "/points" in dict(effects)}
    cases.check("outside, too", given == {6}, given)


def main():
    cases = tap.Cases()
    pawl, program, older, swapped, *preload = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory() as top:
        check_killed(cases, top, (pawl, program), preload[0] if preload else None)
        check_unknown(cases, top, (pawl, program))
        check_swapped(cases, top, (pawl, program), swapped)
        check_older(cases, top, (pawl, program), older)
    cases.end()


main()
