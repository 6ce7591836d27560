# SPDX-License-Identifier: MIT
"""What the tests of workflows share: each command, and what it printed."""
import json
import subprocess

import support

LONG = "x" * 200  # the longest id
HOUR = 3600000


def lines(*items):
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items)


class Case(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def state(self):
        rows = super().state()
        for words in (("workflows", "list", "--limit", "1000"), ("resources", "list"), ("kinds", "list"), ("journal", "list"),
                      ("ledger", "balance"), ("schedules", "list")):
            listed = self.json(*words)
            for row in listed:
                row.pop("lease_until", None)  # computed
            rows.append(listed)
        return rows

    def start(self, key="w", *words, kind="k"):
        (row,) = self.json("workflows", "start", kind, key, *words)
        return row

    def show(self, key="w", *words, kind="k"):
        (row,) = self.json("workflows", "show", kind, key, *words)
        return row

    def take(self, *words, kind="k"):
        """Claims one, as soon as there is one."""
        (row,) = self.json("workflows", "claim", kind, "--wait", 60000, *words)
        return row

    def started(self, key="w", *words, kind="k"):
        self.start(key, *words, kind=kind)
        return self.take("--id", key, kind=kind)

    def nothing_is_due(self, *words, kind="k"):
        self.assertEqual(self.json("workflows", "claim", kind, *words), [])

    def step(self, verb, claim, *words):
        (row,) = self.json("workflows", verb, claim["kind"], claim["id"], claim["token"], *words)
        return row

    def refused(self, status, verb, claim, *words, says=()):
        """As a step, and nothing at all is changed by it."""
        return self.writes_nothing(status, "workflows", verb, claim["kind"], claim["id"], claim["token"], *words, says=says)

    def ended(self, verb="done", key="w", *words, kind="k"):
        self.step(verb, self.started(key, kind=kind), *words)
        return self.show(key, kind=kind)

    def settle(self, *items):
        return self.run_it("workflows", "settle", "--jsonl", "-", "--json", stdin=lines(*items))

    def settlement(self, claim, result, **more):
        return {"kind": claim["kind"], "id": claim["id"], "token": claim["token"], "result": result, **more}

    def settled(self, *items):
        """All of them must go."""
        run = self.settle(*items)
        self.assertEqual((run.status, len(run.rows), run.err), (0, len(items), ""), run.out)
        return run.rows

    def submit(self, *items):
        return self.run_it("submit", "--jsonl", "-", "--json", stdin=lines(*items))

    def resource(self, key="r", *words):
        (row,) = self.json("resources", "show", key, *words)
        return row

    def has(self, key, state, holder=None):
        row = self.resource(key)
        self.assertEqual((row["state"], row.get("holder")), (state, holder), key)
        return row

    def held_by(self, key="w", *words, kind="k"):
        return sorted(self.show(key, *words, kind=kind).get("resources", []))

    def records(self, kind="pawl.step", *words):
        """Those of this type, oldest first."""
        return [row for row in self.json("journal", "list", "--limit", 1000, *words) if row["type"] == kind][::-1]

    def all_refused(self, status, *cases):
        """Each of them, and together they leave everything as it was."""
        before = self.state()
        for words, says in cases:
            self.fails(status, *words, says=says)
        self.assertEqual(self.state(), before)

    def run_of(self, status, *words):
        """A run that may end in each of these ways."""
        run = self.run_it(*words, "--json")
        self.assertIn(run.status, status, (words, run.err))
        return run

    def at_once(self, count, *words):
        """As many of it at the same time; what each printed."""
        runs = [subprocess.Popen([support.PAWL, "--json", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 env=self.env, cwd=self.folder) for _ in range(count)]
        outs = [[json.loads(line) for line in run.communicate()[0].splitlines()] for run in runs]
        return [(run.returncode, out) for run, out in zip(runs, outs)]
