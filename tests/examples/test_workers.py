#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workers of workflows in Python and in bash, on one store, killed at random and started again: each trip ends as it should, each effect
outside happened once, and nothing else differs from a run that was let alone. A worker that draws its keys anew is seen. LAW(W1)

test_workers.py PAWL FOLDER   FOLDER: examples/workers
PAWL_TEST_SEED: of the kills, and of when signals and cancellations come; PAWL_KILLS and PAWL_TRIPS: at most so many
"""
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

SEED = int(os.environ.get("PAWL_TEST_SEED") or random.randrange(2**31))
KILLS = int(os.environ.get("PAWL_KILLS", "15"))
TRIPS = int(os.environ.get("PAWL_TRIPS", "20"))
PATIENCE_S = 600  # then it does not happen
# Of a trip: whether it is refused and by whom, and what becomes of it in the end.
ENDS = {"early": "finished", "late": "finished", "twice": "finished", "declined": "failed", "no coach": "failed", "taken": "failed",
        "cancelled at once": "failed", "cancelled while it waits": "failed", "both": None, "after all": "finished"}
WORKERS = ("trip.py", "trip.sh")
BOOKED = ("charge", "book")
# What must have happened outside; of the others it depends on when they were cancelled.
EFFECTS = {"finished": {*BOOKED, "issue"}, "declined": set(), "taken": set(), "no coach": {"charge", "unbook", "refund"},
           "cancelled while it waits": {*BOOKED, "unbook", "refund"}}


class Agency:
    """A store, an office and workers in a folder of their own."""

    def __init__(self, folder, pawl, programs, count, trouble=()):
        os.mkdir(folder)
        self.folder, self.pawl, self.programs = folder, pawl, programs
        self.trips = {f"t{n}": list(ENDS)[n % len(ENDS)] for n in range(count)}
        self.env = {**os.environ, "HOME": folder, "PAWL_STORE": "sqlite:trips.db",
                    "PATH": os.path.dirname(pawl) + ":" + os.environ["PATH"]}
        self.trouble = trouble
        self.running, self.left, self.died = {}, [], []
        self.ask("init")
        self.ask("kinds", "set", "trip", "lease_ms=1500", "backoff_ms=10", "backoff_max_ms=50", "max_attempts=100000")
        lines = [{"type": "Open", "resources": [{"id": f"seat/{self.seat(trip)}", "action": action}
                                                for trip, how in self.trips.items()
                                                for action in ("add", *(["withdraw"] if how == "taken" else []))]}]
        self.ask("submit", "--jsonl", "-", given="".join(json.dumps(line) + "\n" for line in lines))
        self.start("office.py")

    def seat(self, trip):
        return f"{13 if self.trips[trip] == 'no coach' else 1}-{trip}"

    def ask(self, *words, given=None, statuses=(0,)):
        done = subprocess.run([self.pawl, *words, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True,
                              input=given, timeout=PATIENCE_S)
        if done.returncode not in statuses:
            raise AssertionError(f"{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    # ---- programs ----

    def start(self, name):
        more = self.trouble if name == "office.py" else ()
        with open(os.path.join(self.folder, name + ".log"), "a") as log:
            self.running[name] = subprocess.Popen([os.path.join(self.programs, name), *map(str, more)], cwd=self.folder, env=self.env,
                                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name, alone=False):
        """alone: what it has started itself is left behind, and comes late."""
        process = self.running.pop(name)
        if alone:
            process.kill()
            self.left.append((name, process))  # not waited for: its number stays that of its group
        else:
            self.end(name, process)

    def end(self, name, process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            self.died.append((name, process.returncode))

    def close(self):
        for name, process in [*self.running.items(), *self.left]:
            self.end(name, process)
        self.running, self.left = {}, []

    # ---- looking ----

    def rows(self):
        return {row["id"]: row for row in self.ask("workflows", "list", "--kind", "trip", "--limit", "10000")}

    def effects(self):
        """(verb, trip): how often it was done, under whatever key; and what remains of the money, by trip."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.folder, "office.db"), timeout=60)) as db:
            rows = db.execute("SELECT verb, key, cents, calls FROM effects").fetchall()
        done, money = collections.Counter(), collections.Counter()
        for verb, key, cents, _ in rows:
            done[verb, key.split("/")[1]] += 1
            money[key.split("/")[1]] += cents
        return done, money, sum(calls for *_, calls in rows) - len(rows)

    def wait_until(self, good):
        deadline = time.monotonic() + PATIENCE_S
        while not good():
            if time.monotonic() > deadline:
                raise AssertionError(f"it does not happen: {json.dumps(self.rows(), indent=1)}")
            time.sleep(0.05)

    def is_quiet(self, rows=None):
        """Each ended, or waits for its traveller."""
        return all(row["status"] in ("finished", "failed") or (row["status"] == "parked" and row["state"] == "wait")
                   for row in (rows or self.rows()).values())

    # ---- what happens to trips ----

    def begin(self, trip):
        cents = 60000 if self.trips[trip] == "declined" else 1000 + int(trip[1:])
        self.ask("workflows", "start", "trip", trip, "--state", "reserve", "--data", json.dumps({"seat": self.seat(trip), "cents": cents}))

    def confirm(self, trip, *words):
        self.ask("workflows", "signal", "trip", trip, "confirm", *words, statuses=(0, 7))  # 7: it ended

    def cancel(self, trip):
        self.ask("workflows", "cancel", "trip", trip, "--reason", "the traveller does not travel", statuses=(0, 7))

    def doings(self, dice):
        """What comes while they run, in an order of this seed."""
        found = []
        for trip, how in self.trips.items():
            if how in ("late", "twice", "both"):
                found.append((self.confirm, trip, "--dedupe", "yes"))
            if how == "twice":
                found += [(self.confirm, trip, "--dedupe", "yes"), (self.confirm, trip)]
            if how in ("cancelled at once", "both"):
                found.append((self.cancel, trip))
        dice.shuffle(found)
        return found

    def begin_all(self):
        for trip, how in self.trips.items():
            self.begin(trip)
            if how == "early":
                self.confirm(trip)
        for name in WORKERS:
            self.start(name)

    def end_all(self):
        """What was left waiting is cancelled; one of those that failed is started anew, and goes through."""
        self.wait_until(self.is_quiet)
        for how in ("cancelled while it waits", "after all"):
            for trip in self.trips:
                if self.trips[trip] == how:
                    self.cancel(trip)
        self.wait_until(lambda: all(row["status"] in ("finished", "failed") for row in self.rows().values()))
        for trip, how in self.trips.items():
            if how == "after all":
                self.begin(trip)
                self.confirm(trip)
        self.wait_until(lambda: all(row["status"] in ("finished", "failed") for row in self.rows().values()))
        self.close()

    # ---- what is left in the end ----

    def state(self):
        """What must not differ from a run that was let alone."""
        same = [trip for trip, how in self.trips.items() if ENDS[how]]
        rows, (done, money, _) = self.rows(), self.effects()
        return {
            "trips": {trip: (rows[trip]["status"], rows[trip].get("receipt"), rows[trip]["resources"], rows[trip].get("cancelled"),
                             rows[trip]["status"] == "failed" and rows[trip]["last_error"]["text"]) for trip in same},
            "seats": {row["id"]: (row["state"], row.get("holder")) for row in self.ask("resources", "list", "--limit", "10000")
                      if row["id"].split("-")[1] in same},
            "entries": sorted((row["account"], row["asset"], row["delta"]) for row in self.ask("ledger", "entries", "--limit", "10000")
                              if row["account"] != "railway" and row["account"].split("/")[1] in same),
            "mails": sorted((row["key"], row["lane"], row["target"], row["state"], row["data"]["text"])
                            for row in self.ask("messages", "list", "--limit", "10000") if row["key"] in same),
            "effects outside": sorted((verb, trip, count) for (verb, trip), count in done.items()
                                      if self.trips[trip] != "cancelled at once" and trip in same),
            "money outside": {trip: money[trip] for trip in same},
        }

    def problems(self):
        """What is wrong with it in itself, whatever others came to."""
        rows, (done, money, _) = self.rows(), self.effects()
        for trip, how in self.trips.items():
            status = rows[trip]["status"]
            if ENDS[how] and status != ENDS[how]:
                yield f"{trip}, {how}: it {status}"
            most = 2 if how == "after all" else 1  # started anew, under another key
            often = {verb: count for (verb, of), count in done.items() if of == trip and count > (most if verb in BOOKED else 1)}
            if often:
                yield f"{trip}, {how}: done more than once: {often}"
            verbs = {verb for verb, of in done if of == trip}
            expected = EFFECTS.get(how, EFFECTS["finished"] if status == "finished" and how != "after all" else None)
            if expected is not None and verbs != expected:
                yield f"{trip}, {how}: {verbs} happened outside, and not {expected}"
            if status == "failed" and how == "cancelled at once" and verbs not in ({"refund"}, {"charge", "refund"}, set(),
                                                                                  {"charge", "unbook", "refund"}, {*BOOKED, "unbook", "refund"}):
                yield f"{trip}, {how}: {verbs} happened outside"
            if money[trip] != (1000 + int(trip[1:]) if status == "finished" else 0):
                yield f"{trip}, {how}: it {status}, and {money[trip]} are with the bank"
            if rows[trip]["resources"]:
                yield f"{trip}, {how}: it ended, and holds {rows[trip]['resources']}"
        finished = sorted(trip for trip, row in rows.items() if row["status"] == "finished")
        mails = sorted(row["key"] for row in self.ask("messages", "list", "--limit", "10000"))
        if mails != finished:
            yield f"mails went to {mails}, and {finished} finished"
        consumed = sorted(row["id"] for row in self.ask("resources", "list", "--state", "consumed", "--limit", "10000"))
        if consumed != sorted(f"seat/{self.seat(trip)}" for trip in finished):
            yield f"used up are {consumed}"
        if self.ask("resources", "list", "--state", "held"):
            yield "a seat is held"
        balances = {row["account"]: int(row["balance"]) for row in self.ask("ledger", "balance")}
        if balances.pop("railway") != sum(1000 + int(trip[1:]) for trip in finished) or \
                balances != {f"traveller/{trip}": -1000 - int(trip[1:]) for trip in finished}:
            yield f"balances are {balances}"
        if not self.ask("ledger", "check")[0]["ok"] or not all(row["ok"] for row in self.ask("verify")):
            yield "it does not verify"
        if self.died:
            yield f"workers ended by themselves: {self.died}"


def run_quietly(agency, dice):
    agency.begin_all()
    for act, *words in agency.doings(dice):
        act(*words)
    agency.end_all()


def run_killed(agency, dice):
    """Kills, each once something moved; between them signals and cancellations come."""
    agency.begin_all()
    doings, kills = agency.doings(dice), collections.Counter()

    def moves():
        rows = agency.rows()
        return sum(row["generation"] for row in rows.values()), agency.is_quiet(rows)

    while sum(kills.values()) < KILLS:
        begun, want = moves()[0], dice.randrange(1, max(3, 8 * TRIPS // KILLS))
        agency.wait_until(lambda: (lambda moved, quiet: quiet or moved >= begun + want)(*moves()))
        if not doings and moves()[1]:
            break
        for act, *words in [doings.pop() for _ in range(min(len(doings), 1 + len(doings) // max(1, KILLS - sum(kills.values()))))]:
            act(*words)
        spared = [name for name in WORKERS if not kills[name]]
        victim = dice.choice(spared or [*WORKERS, *WORKERS, "office.py"])
        agency.kill(victim, alone=dice.random() < 0.5)
        kills[victim] += 1
        agency.start(victim)
    for act, *words in doings:
        act(*words)
    agency.end_all()
    return kills


def difference(expected, found):
    """The items of one alone."""
    one, other = ([str(item) for item in (items.items() if isinstance(items, dict) else items)] for items in (expected, found))
    return "\n".join([f"undisturbed: {item}" for item in one if item not in other] + [f"killed: {item}" for item in other if item not in one])


def planted(programs, folder):
    """The same workers, but each drive of a step draws a key of its own."""
    shutil.copytree(programs, folder)
    found = 0
    for name, old, new in (("trip.py", 'data["key"]}', 'data["key"] + os.urandom(4).hex()}'), ("trip.py", "import json\n", "import json\nimport os\n"),
                           ("trip.sh", "$(field key)\"", "$(field key)$RANDOM\"")):
        with open(os.path.join(folder, name)) as file:
            text = file.read()
        found += text.count(old)
        with open(os.path.join(folder, name), "w") as file:
            file.write(text.replace(old, new))
    return found


def main():
    cases = tap.Cases()
    pawl, programs = map(os.path.abspath, sys.argv[1:])
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory() as top, contextlib.ExitStack() as after:
        def agency(name, *more):
            made = Agency(os.path.join(top, name), pawl, *more)
            after.callback(made.close)
            return made

        quiet, killed = agency("quiet", programs, TRIPS), agency("killed", programs, TRIPS, (5,))
        run_quietly(quiet, dice)
        kills = run_killed(killed, dice)
        repeated = killed.effects()[2]
        print(f"# PAWL_TEST_SEED={SEED}: {TRIPS} trips, {sum(kills.values())} kills {dict(kills)}, {repeated} calls repeated what was done")
        expected, found = quiet.state(), killed.state()
        for made in quiet, killed:
            problems = list(made.problems())
            cases.check(f"{os.path.basename(made.folder)}: every trip ended as it should, and left what it should", not problems,
                        "\n".join(problems))
        for name in expected:
            cases.check(f"the same {name}", found[name] == expected[name], difference(expected[name], found[name]))
        cases.check("there was something of each", all(expected.values()), expected)
        cases.check("workers in both languages were killed", all(kills[name] for name in WORKERS), kills)
        cases.check("what was done was asked for again", repeated > 0)
        worked = {step.get("worker") for trip in killed.trips for step in killed.ask("workflows", "show", "trip", trip)[0]["steps"]}
        cases.check("both languages made steps", worked >= set(WORKERS), worked)
        cases.check("the mistake could be planted", planted(programs, os.path.join(top, "planted programs")) == 3)
        forgetful = agency("forgetful", os.path.join(top, "planted programs"), 3, (2,))
        run_quietly(forgetful, dice)
        problems = list(forgetful.problems())
        cases.check("a key that is drawn anew for each drive is seen", any("more than once" in problem for problem in problems), problems)
    cases.end()


main()
