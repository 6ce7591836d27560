#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The exchange, killed at random and started again: its book, balances, trades and digests are those of one that was let alone.

test_exchange.py PAWL PROGRAM [PRELOAD]   PRELOAD: kills at KILL_WRITE, without it between two commands only
PAWL_TEST_SEED: of the commands and the kills; PAWL_COMMANDS: how many
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

SEED = int(os.environ.get("PAWL_TEST_SEED") or random.randrange(2**31))
COUNT = int(os.environ.get("PAWL_COMMANDS", "400"))
KILLS = COUNT // 20


class Exchange:
    def __init__(self, folder, pawl, program):
        self.folder, self.pawl, self.program = folder, pawl, program
        self.env = {**os.environ, "HOME": folder, "PAWL_STORE": "sqlite:exchange.db"}
        os.mkdir(folder)

    def start(self, **env):
        return subprocess.Popen([self.program, "run", str(SEED), str(COUNT)], cwd=self.folder, env={**self.env, **env},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def killed_behind(self, commands):
        """Whether it was: it may have come to its end before."""
        process = self.start()
        for _, line in zip(range(commands), process.stdout):
            pass
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def killed_at_write(self, preload, write):
        count = os.path.join(self.folder, "writes")
        open(count, "w").close()
        process = self.start(LD_PRELOAD=preload, KILL_WRITE=str(write), KILL_COUNT=count)
        process.communicate()
        return process.returncode == -signal.SIGKILL

    def ask(self, *words):
        done = subprocess.run([self.pawl, *words, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True,
                              check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def state(self):
        book = subprocess.run([self.program, "book"], cwd=self.folder, env=self.env, capture_output=True, text=True, check=True)
        records = self.ask("journal", "list", "--limit", "1000000")
        return {"book": book.stdout, "balances": self.ask("ledger", "balance"), "entries": self.ask("ledger", "entries"),
                "trades": self.ask("ledger", "fills"), "counter": self.ask("counters", "get", "command"),
                "records": [(r["seq"], r["request_id"], r["fingerprint"], r["state_digest"], r["data"]) for r in records]}


def main():
    cases = tap.Cases()
    pawl, program, *preload = map(os.path.abspath, sys.argv[1:])
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory() as top:
        quiet = Exchange(os.path.join(top, "quiet"), pawl, program)
        _, told = quiet.start().communicate()
        expected = quiet.state()
        other = Exchange(os.path.join(top, "killed"), pawl, program)
        kills = 0
        for _ in range(1000):
            if kills == KILLS:
                break
            if preload and dice.random() < 0.7:
                kills += other.killed_at_write(preload[0], dice.randrange(1, 40))
            else:
                kills += other.killed_behind(dice.randrange(0, COUNT // KILLS))
        process = other.start()
        process.communicate()
        found = other.state()
        print(f"# PAWL_TEST_SEED={SEED}: {COUNT} commands, {len(expected['records'])} records, {len(expected['trades'])} trades, "
              f"{kills} kills; {told.split(chr(10))[-2]}")
        cases.check("it came to its end", process.returncode == 0)
        cases.check("it was killed", kills > KILLS // 2, kills)
        cases.check("commands were refused, and trades made", "0 refused" != told.split("\n")[-2] and len(expected["trades"]) > 20)
        for name in expected:
            cases.check(f"the same {name}", found[name] == expected[name])
        for exchange in quiet, other:
            (checked,) = exchange.ask("ledger", "check")
            sums = {}
            name = os.path.basename(exchange.folder)
            balances = exchange.ask("ledger", "balance")
            for balance in balances:
                sums[balance["asset"]] = sums.get(balance["asset"], 0) + int(balance["balance"])
            below = [row for row in balances if int(row["balance"]) < 0 and row["account"] != "bank:0"]
            cases.check(f"{name}: nobody holds less than nothing", not below, below)
            cases.check(f"{name}: every balance is the sum of its entries", checked["ok"])
            cases.check(f"{name}: what one has another has not: each asset sums to 0", set(sums.values()) == {0}, sums)
            cases.check(f"{name}: the chain is whole", all(row["ok"] for row in exchange.ask("verify")))
        cases.check("it went on from snapshots", len(other.ask("snapshots", "list")) == 2)
    cases.end()


main()
