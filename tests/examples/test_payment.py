#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Payments, killed at random and started again, and so is the other side: what is paid, given back and taken is what it is where
nobody was killed. LAW(J2)

test_payment.py PAWL PROGRAM [PRELOAD]   PRELOAD: kills at KILL_WRITE, without it after a while only
PAWL_TEST_SEED: of the payments and the kills; PAWL_PAYMENTS, PAWL_KILLS: how many
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap

SEED = int(os.environ.get("PAWL_TEST_SEED") or random.randrange(2**31))
COUNT = int(os.environ.get("PAWL_PAYMENTS", "30"))
KILLS = int(os.environ.get("PAWL_KILLS", "40"))
KILLED = -signal.SIGKILL


class House:
    def __init__(self, folder, pawl, program):
        self.folder, self.pawl, self.program, self.peer = folder, pawl, program, None
        self.env = {**os.environ, "HOME": folder, "PAWL_STORE": "sqlite:payment.db"}
        os.mkdir(folder)
        self.start_peer()

    def start_peer(self):
        self.peer = subprocess.Popen([self.program, "peer"], cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.peer.stdout.readline()

    def kill_peer(self):
        self.peer.kill()
        self.peer.communicate()

    def start(self, **env):
        return subprocess.Popen([self.program, "run", str(SEED), str(COUNT)], cwd=self.folder, env={**self.env, **env},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def killed_at_write(self, preload, write):
        count = os.path.join(self.folder, "writes")
        open(count, "w").close()
        process = self.start(LD_PRELOAD=preload, KILL_WRITE=str(write), KILL_COUNT=count)
        process.communicate()
        return process.returncode == KILLED

    def killed_after(self, seconds, with_peer):
        """Whether it was: it may have come to its end before."""
        process = self.start()
        if with_peer:
            time.sleep(seconds / 2)
            self.kill_peer()
            self.start_peer()
        time.sleep(seconds / 2)
        process.kill()
        process.communicate()
        return process.returncode == KILLED

    def ask(self, *words):
        done = subprocess.run([self.pawl, *words, "--json"], cwd=self.folder, env=self.env, capture_output=True, text=True,
                              check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def effects(self):
        told = subprocess.run([self.program, "effects"], cwd=self.folder, capture_output=True, text=True, check=True).stdout
        return [line.split() for line in told.splitlines()]

    def resources(self):
        rows, more = [], self.ask("resources", "list", "--limit", "1000")
        while more:
            rows += more
            more = self.ask("resources", "list", "--limit", "1000", "--after", rows[-1]["id"])
        return rows

    def state(self, told):
        """All that must not depend on when it was killed: no times, no generations, not how often anything was tried."""
        shown = [self.ask("workflows", "show", "payment", line.split()[1])[0] for line in told.splitlines()]
        return {"payments": sorted((w["id"], w["status"], str(w.get("receipt"))) for w in shown),
                "resources": [(r["id"], r["state"], r.get("holder")) for r in self.resources()],
                "balances": [(b["account"], b["balance"]) for b in self.ask("ledger", "balance")],
                "effects": sorted(tuple(effect[:3]) for effect in self.effects())}


def check_house(cases, name, house, state):
    paid = {id for id, status, _ in state["payments"] if status == "finished"}
    settled = [hash for hash, _, how in state["effects"] if how == "settled"]
    taken = [hash for hash, _, how in state["effects"] if how in ("settled", "pending")]
    balances = dict(state["balances"])
    (checked,) = house.ask("ledger", "check")
    cases.check(f"{name}: all ended", len(state["payments"]) == COUNT and
                {status for _, status, _ in state["payments"]} == {"finished", "failed"}, state["payments"])
    cases.check(f"{name}: what is paid was taken, once, and nothing else", sorted(settled) == sorted(taken) == sorted(paid),
                (settled, taken, paid))
    cases.check(f"{name}: and what was taken is what was paid for it",
                sum(int(amount) for _, amount, how in state["effects"] if how == "settled") == int(balances["paid"]))
    cases.check(f"{name}: no coin is held", {how for _, how, _ in state["resources"]} == {"available", "consumed"},
                state["resources"])
    cases.check(f"{name}: nothing is set aside", all(int(balance) == 0 for account, balance in state["balances"]
                                                      if account.startswith("held:")), balances)
    cases.check(f"{name}: every balance is the sum of its entries", checked["ok"])
    cases.check(f"{name}: the chain is whole", all(row["ok"] for row in house.ask("verify")))


def kill_again_and_again(house, dice, preload, took):
    """Until it has come to its end all the same: behind that nothing could be disturbed. took: how long it takes, let alone; each
    kill comes so early that there is room for all of them."""
    kills, writes, seconds = 0, 2 + 40 * COUNT // KILLS, took * 20 / KILLS
    while kills < KILLS:
        is_killed = (house.killed_at_write(preload[0], dice.randrange(1, writes)) if preload and dice.random() < 0.6 else
                     house.killed_after(dice.random() * seconds, dice.random() < 0.3))
        if not is_killed:
            break
        kills += 1
    return kills


def check_killed(cases, house, expected, dice, preload, took):
    kills = kill_again_and_again(house, dice, preload, took)
    told, said = (process := house.start()).communicate(timeout=1000)
    cases.check("killed again and again it comes to its end, too", process.returncode == 0, said)
    found = house.state(told)
    counts = {how: sum(effect[2] == how for effect in found["effects"]) for how in ("settled", "revoked", "forced", "dead")}
    print(f"# PAWL_TEST_SEED={SEED}: {COUNT} payments, {kills} kills; the other side: {counts}")
    for name in expected:
        cases.check(f"the same {name}", found[name] == expected[name], (expected[name], found[name]))
    check_house(cases, "killed", house, found)
    return kills


def main():
    cases = tap.Cases()
    pawl, program, *preload = map(os.path.abspath, sys.argv[1:])
    dice = random.Random(SEED)
    with tempfile.TemporaryDirectory() as top:
        house = quiet = House(os.path.join(top, "quiet"), pawl, program)
        try:
            began = time.monotonic()
            told, said = (process := quiet.start()).communicate(timeout=1000)
            took = time.monotonic() - began
            cases.check("let alone it comes to its end", process.returncode == 0, said)
            expected, kills, lives = quiet.state(told), 0, 0
            check_house(cases, "quiet", quiet, expected)
            while kills <= KILLS / 4 and lives < 20:  # where the disk is fast one life has few
                house.kill_peer()
                house = House(os.path.join(top, str(lives)), pawl, program)
                kills += check_killed(cases, house, expected, dice, preload, took)
                lives += 1
            cases.check("it was killed, again and again", kills > KILLS / 4, kills)
        finally:
            house.kill_peer()
    cases.end()


main()
