#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The order shop, killed at every write to the log, one after the other: nothing is lost, and nothing is done twice.

test_shop.py PAWL PROGRAM [PRELOAD]   PROGRAM: the shop, in C or in shell; PRELOAD: kills at KILL_WRITE, without it nothing does
"""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

KILLED = -signal.SIGKILL
CENTS = {"1001": "4200", "1002": "150", "1003": "99"}


class Shop:
    def __init__(self, folder, pawl, program, preload):
        self.folder, self.pawl, self.program, self.preload = folder, pawl, program, preload
        self.env = {**os.environ, "HOME": folder, "PAWL_STORE": "sqlite:shop.db", "PAWL_LISTEN": "127.0.0.1:0",
                    "PATH": os.path.dirname(pawl) + ":" + os.environ["PATH"]}
        self.kills = 0

    def run(self, *words, kill_write=0):
        preload, count = {}, os.path.join(self.folder, "writes")
        if kill_write:
            open(count, "w").close()
            preload = {"LD_PRELOAD": self.preload, "KILL_WRITE": str(kill_write), "KILL_COUNT": count}
        return subprocess.run([self.program, *words], cwd=self.folder, env={**self.env, **preload}, capture_output=True,
                              text=True, timeout=100)

    def run_through(self, *words):
        """Again and again, killed at a later write each time, until none is left at which it could be."""
        for kill_write in range(1, 1000) if self.preload else ():
            done = self.run(*words, kill_write=kill_write)
            if os.path.getsize(os.path.join(self.folder, "writes")) < kill_write:
                return done
            self.kills += 1
        return self.run(*words)

    def ask(self, *words):
        done = subprocess.run([self.pawl, *words, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True,
                              check=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def states(self, lane):
        return [message["state"] for message in self.ask("messages", "list", "--lane", lane)]

    def mails(self):
        """Ids, as often as they were sent."""
        if self.program.endswith(".sh"):
            sent = os.path.join(self.folder, "sent")
            return [name for name in os.listdir(sent) if len(name) == 36] if os.path.isdir(sent) else []
        with open(os.path.join(self.folder, "mails")) as mails:
            return [line.split()[0] for line in mails]

    def work(self, is_enough):
        """A worker, killed when it is enough, and all that it started."""
        with open(os.path.join(self.folder, "mails"), "a") as mails:
            worker = subprocess.Popen([self.program, "mail"], cwd=self.folder, env=self.env, stdout=mails,
                                      stderr=subprocess.DEVNULL, start_new_session=True)
            while not is_enough() and worker.poll() is None:
                pass
            os.killpg(worker.pid, signal.SIGKILL)
            return worker.wait() == KILLED


def check_records(cases, shop):
    records = shop.ask("journal", "list")
    cases.check("each order is one record, and so is its charge",
                sorted((record["ref"], record["type"]) for record in records if record["type"] == "Place") ==
                [(number, "Place") for number in sorted(CENTS)] and
                sum(record["type"] == "Charge" for record in records) == len(CENTS) == len(records) / 2, records)
    cases.check("the chain is whole", all(row["ok"] for row in shop.ask("verify")))


def check_rows(cases, shop):
    rows = sqlite3.connect(os.path.join(shop.folder, "shop.db")).execute("SELECT number, cents, paid FROM orders ORDER BY number")
    cases.check("each order is a row, paid once", list(rows) == [(n, int(c), int(c)) for n, c in sorted(CENTS.items())])


def main():
    cases = tap.Cases()
    pawl, program, *preload = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(folder, pawl, program, preload[0] if preload else None)
        for number, cents in CENTS.items():
            done = shop.run_through("place", number, cents)
            cases.check(f"order {number} is placed", done.returncode == 0, done)
            cases.check("and placed again it is the same", shop.run("place", number, cents).returncode == 0)
        shop.ask("lanes", "set", "payment", "crash_limit=1000")  # it is killed more often than any message should be
        done = shop.run_through("charge")
        cases.check("charges end", done.returncode == 0, done)
        cases.check("it was killed again and again", not preload or shop.kills > 10, shop.kills)
        cases.check("each payment is acknowledged", shop.states("payment") == ["delivered"] * len(CENTS), shop.states("payment"))
        for life in range(len(CENTS)):
            cases.check("a worker is killed", shop.work(lambda: len(shop.mails()) > life))
        shop.work(lambda: shop.states("mail") == ["delivered"] * len(CENTS))
        ids = {message["id"] for message in shop.ask("messages", "list", "--lane", "mail")}
        cases.check("each mail was sent, under one id", len(ids) == len(CENTS) and set(shop.mails()) == ids, shop.mails())
        check_records(cases, shop)
        if not program.endswith(".sh"):
            check_rows(cases, shop)
    cases.end()


main()
