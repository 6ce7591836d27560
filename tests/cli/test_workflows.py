#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workflows, signals, resources and schedules from a script's side, as the contract has them. LAW(W1) LAW(J2) LAW(O2) LAW(O3) LAW(T1)

Nothing here knows how they are built. Where the contract leaves something open, each reading of it is taken."""
import datetime
import json
import subprocess
import time
import uuid
import zoneinfo

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


class Starting(Case):
    def test_a_workflow_is_shown_as_it_was_started(self):
        started = self.start("w", "--state", "reserve", "--data", '{"a": 1}', "--key", "order-7")
        row = self.show()
        self.assertEqual((started["kind"], started["id"], started["status"], started["replayed"]), ("k", "w", "runnable", False))
        self.assertEqual((row["kind"], row["id"], row["status"], row["state"], row["data"], row["key"]),
                         ("k", "w", "runnable", "reserve", {"a": 1}, "order-7"))
        self.assertEqual((row["attempts"], row["total_attempts"], row.get("resources", [])), (0, 0, []))
        self.assertIsInstance(row["generation"], int)
        self.assertLess(1_600_000_000_000, row["started_at"])
        self.assertLessEqual(row["started_at"], row["updated_at"])
        self.assertEqual({"token", "receipt", "last_error", "replayed", "held"} & set(row), set())
        self.assertEqual(self.json("messages", "list"), [])  # it is no message

    def test_A210_the_same_again_is_the_stored_one(self):
        words = ("w", "--state", "a", "--data", "[1,2]", "--key", "x")
        self.start(*words)
        before = self.state()
        self.assertTrue(self.start(*words)["replayed"])
        self.assertEqual(self.state(), before)
        self.step("next", self.take(), "--state", "b", "--data", "3")
        again = self.start(*words)
        self.assertTrue(again["replayed"])
        self.assertEqual(again["status"], "runnable")
        self.assertEqual((self.show()["state"], self.show()["data"]), ("b", 3))

    def test_A223_one_that_is_under_way_is_answered_and_not_touched(self):
        claim = self.started("w", "--data", "1")
        again = self.start("w", "--data", "1")
        self.assertEqual((again["replayed"], again["status"]), (True, "running"))
        self.nothing_is_due()
        self.step("next", claim)

    def test_other_content_under_the_same_id_is_4(self):
        self.start("w", "--state", "a", "--data", "1", "--key", "x")
        for words in (("--state", "b", "--data", "1", "--key", "x"), ("--state", "a", "--data", "2", "--key", "x"),
                      ("--state", "a", "--data", "1", "--key", "y"), ("--state", "a", "--data", "1"), ()):
            self.writes_nothing(4, "workflows", "start", "k", "w", *words)
        self.step("done", self.take())
        self.writes_nothing(4, "workflows", "start", "k", "w", "--state", "a", "--data", "2", "--key", "x")

    def test_A222_A225_a_finished_one_answers_its_receipt(self):
        self.step("done", self.started("w", "--data", "1"), "--receipt", '{"paid": 1.50}')
        before = self.show()
        self.assertEqual((before["status"], before["receipt"]), ("finished", {"paid": 1.5}))
        for _ in range(2):
            again = self.start("w", "--data", "1")
            self.assertEqual((again["replayed"], again["status"], again["receipt"]), (True, "finished", {"paid": 1.5}))
        self.assertEqual(self.show(), before)
        self.nothing_is_due()
        self.assertIn('"paid":1.50', self.ok("workflows", "show", "k", "w", "--json").out)  # as it was written

    def test_A224_a_failed_one_starts_anew_and_its_generation_goes_on(self):
        self.step("fail", self.started("w", "--data", "1"), "--error", "no funds")
        failed = self.show()
        self.assertEqual((failed["status"], failed["last_error"]["text"]), ("failed", "no funds"))
        self.nothing_is_due()
        again = self.start("w", "--data", "1")
        self.assertEqual((again["replayed"], again["status"]), (False, "runnable"))
        row = self.show()
        self.assertEqual((row["status"], row["attempts"], row["data"]), ("runnable", 0, 1))
        self.assertGreaterEqual(row["generation"], failed["generation"])
        self.assertTrue(self.start("w", "--data", "1")["replayed"])
        done = self.step("done", self.take(), "--receipt", '"second"')
        self.assertGreater(done["generation"], failed["generation"])
        self.assertEqual((self.show()["status"], self.show()["receipt"]), ("finished", "second"))

    def test_A224_so_does_one_that_was_stopped(self):
        claim = self.started()
        self.ok("workflows", "stop", "k", "w", "--reason", "r", "--force")
        generation = self.show()["generation"]
        self.assertFalse(self.start()["replayed"])
        again = self.take()
        self.assertGreaterEqual(again["generation"], generation)
        self.assertNotEqual(again["token"], claim["token"])
        self.refused(7, "next", claim)  # the fence of its first life
        self.step("next", again)

    def test_A202_two_kinds_with_equal_ids_are_two(self):
        for kind, data in (("pay", "1"), ("send", "2")):
            self.start("7", "--data", data, kind=kind)
        pay = self.take(kind="pay")
        self.assertEqual((pay["kind"], pay["data"]), ("pay", 1))
        self.nothing_is_due(kind="pay")
        self.fails(7, "workflows", "next", "send", "7", pay["token"])
        self.step("done", pay, "--receipt", '"p"')
        self.assertEqual((self.show("7", kind="send")["status"], self.show("7", kind="send")["data"]), ("runnable", 2))
        self.step("fail", self.take(kind="send"), "--error", "e")
        self.assertEqual(self.show("7", kind="pay")["status"], "finished")

    def test_A220_ids_are_checked(self):
        bad = ("", " ", "a/b", "a<b>", "a b", "ü", "a\nb", LONG + "x")
        self.all_refused(2, *((("workflows", "start", "k", key), "id") for key in bad),
                         *((("workflows", "show", "k", key), "id") for key in bad),
                         *((("workflows", "signal", "k", key, "go"), "id") for key in bad),
                         *((("workflows", "claim", "k", "--id", key), "id") for key in bad))
        for key in ("bark.lightning.send.42", "01abcdef.round.7", "a:b-c_d", "A", LONG):
            self.start(key)
            self.assertEqual(self.show(key)["id"], key)

    def test_kinds_have_names(self):
        for kind in ("", " ", "a/b", "a b", "pawl.k", "k" * 129):
            self.all_refused(2, (("workflows", "start", kind, "w"), "kind"), (("workflows", "claim", kind), "kind"),
                             (("kinds", "set", kind, "max_attempts=2"), "kind"))
        self.start("w", kind="k" * 128)

    def test_options_are_checked_and_nothing_is_written(self):
        self.all_refused(2, *((("workflows", *words), says) for words, says in [
            (("start", "k"), ()), (("start",), ()), (("start", "k", "w", "x"), ()), (("start", "k", "w", "--wake-in", -1), "wake-in"),
            (("start", "k", "w", "--wake-in", "soon"), "wake-in"), (("start", "k", "w", "--data", "@missing"), "missing"),
            (("start", "k", "w", "--key", ""), "key"), (("start", "k", "w", "--key", "k" * 257), "key"),
            (("start", "k", "w", "--colour", "red"), "colour"), (("started", "k", "w"), ())]))
        self.writes_nothing(7, "workflows", "start", "k", "w", "--data", "-", stdin=b"x" * (1024 * 1024 + 1), says="1048576")
        self.run_it("workflows", "start", "k", "w", "--data", "-", stdin=b"x" * (1024 * 1024))
        self.assertEqual(self.show()["status"], "runnable")

    def test_bytes_that_are_no_json_come_back_as_base64(self):
        self.ok("workflows", "start", "k", "w", "--data", "-", stdin=b"\x00\xff")
        self.assertEqual((self.show()["data_base64"], "data" in self.show()), ("AP8=", False))
        claim = self.take()
        self.assertEqual(claim["data_base64"], "AP8=")
        self.step("done", claim, "--receipt", "not JSON")
        self.assertEqual(self.show()["receipt_base64"], "bm90IEpTT04=")

    def test_one_that_begins_later_waits(self):
        self.start("w", "--wake-in", "1h")
        row = self.show()
        self.assertIn(row["status"], ("runnable", "parked"))
        self.assertEqual(row["wake_at"] - row["started_at"], HOUR)
        self.nothing_is_due()
        self.start("soon", "--wake-in", 5)
        self.assertEqual(self.take()["id"], "soon")

    def test_one_that_begins_later_is_claimed_by_its_id(self):
        self.start("w", "--wake-in", "1h")
        self.assertEqual([row["id"] for row in self.json("workflows", "claim", "k", "--id", "w")], ["w"])

    def test_of_many_starts_at_once_one_is_the_first(self):
        runs = self.at_once(12, "workflows", "start", "k", "w", "--data", "1")
        self.assertEqual([status for status, _ in runs], [0] * 12)
        self.assertEqual(sorted(row["replayed"] for _, (row,) in runs), [False] + [True] * 11)
        self.assertEqual(len(self.json("workflows", "list")), 1)

    def test_what_is_not_there_is_3(self):
        self.all_refused(3, *((("workflows", *words), ()) for words in [
            ("show", "k", "w"), ("signal", "k", "w", "go"), ("next", "k", "w", 1), ("park", "k", "w", 1), ("done", "k", "w", 1),
            ("fail", "k", "w", 1, "--error", "e"), ("extend", "k", "w", 1, 1000), ("retry", "k", "w", "--reason", "r"),
            ("cancel", "k", "w", "--reason", "r"), ("pause", "k", "w", "--reason", "r"), ("resume", "k", "w", "--reason", "r")]),
            (("why", "k/w"), ()), (("resources", "show", "r"), ()))
        none = f"sqlite:{self.folder}/none.db"
        for words in (("start", "k", "w"), ("claim", "k"), ("list",)):
            self.fails(3, "workflows", *words, "--store", none)

    def test_A209_a_stop_of_what_is_not_there_changes_nothing(self):
        before = self.state()
        self.run_of((0, 3), "workflows", "stop", "k", "w", "--reason", "r")  # A209 has 0, the table of exit statuses 3
        self.assertEqual(self.state(), before)

    def test_a_store_that_only_reads_is_5(self):
        self.start()
        only = ("--store", f"sqlite:{self.folder}/s.db?mode=ro")
        for words in (("start", "k", "v"), ("claim", "k"), ("signal", "k", "w", "go"), ("stop", "k", "w", "--reason", "r")):
            self.fails(5, "workflows", *words, *only)
        self.fails(5, "resources", "add", "r", *only)
        self.assertEqual(self.json("workflows", "show", "k", "w", *only), [self.show()])


class Listing(Case):
    def test_lists_are_newest_first_and_filtered(self):
        for n in range(3):
            self.start(f"w{n}")
        self.start("v", kind="j")
        self.step("done", self.take("--id", "w1"))
        ids = lambda *words: [row["id"] for row in self.json("workflows", "list", *words)]
        self.assertEqual(ids(), ["v", "w2", "w1", "w0"])  # where it was begun, whatever came after
        self.assertEqual(ids("--kind", "k"), ["w2", "w1", "w0"])
        self.assertEqual(ids("--kind", "k", "--status", "runnable"), ["w2", "w0"])
        self.assertEqual(ids("--status", "finished"), ["w1"])
        self.assertEqual(ids("--limit", 2), ["v", "w2"])
        self.assertEqual(ids("--kind", "none"), [])
        for status in ("running", "parked", "stuck", "failed"):
            self.assertEqual(ids("--status", status), [])
        self.all_refused(2, (("workflows", "list", "--status", "dead"), "status"), (("workflows", "list", "--limit", "x"), "limit"))

    def test_a_list_shows_what_show_shows(self):
        self.start("w", "--state", "a", "--data", "1", "--key", "x")
        listed, shown = self.json("workflows", "list")[0], self.show()
        self.assertEqual({name: listed[name] for name in ("kind", "id", "key", "status", "state", "generation", "started_at")},
                         {name: shown[name] for name in ("kind", "id", "key", "status", "state", "generation", "started_at")})

    def test_an_empty_list_prints_nothing(self):
        for words in (("workflows", "list"), ("workflows", "claim", "k"), ("resources", "list"), ("kinds", "list"), ("schedules", "list")):
            self.assertEqual(self.ok(*words, "--json").out, "", words)
            self.assertEqual(self.ok(*words).out, "", words)

    def test_fifty_unless_it_is_asked_for_more(self):
        starts = [{"kind": "k", "id": f"w{n}"} for n in range(60)]
        self.assertEqual(self.submit({"type": "A", "starts": starts}).status, 0)
        self.assertEqual(len(self.json("workflows", "list")), 50)
        self.assertEqual(len(self.json("workflows", "list", "--limit", 60)), 60)


class Claiming(Case):
    def test_a_claim_says_all_that_a_step_needs(self):
        self.start("w", "--state", "reserve", "--data", '{"a":1}')
        claim = self.take()
        self.assertEqual((claim["kind"], claim["id"], claim["status"], claim["state"], claim["data"]),
                         ("k", "w", "running", "reserve", {"a": 1}))
        self.assertRegex(claim["token"], r"^\d{1,20}$")
        self.assertEqual((claim["attempts"], claim["total_attempts"], claim.get("signals", [])), (1, 1, []))
        row = self.show()
        self.assertEqual((row["status"], row["attempts"], row["total_attempts"]), ("running", 1, 1))
        self.assertNotIn("token", row)
        self.assertIn("running", [row["status"] for row in self.json("workflows", "list")])

    def test_a_claim_is_read_by_a_shell(self):
        self.start("w", "--state", "a state", "--data", '{"text": "one  two\\n"}')
        script = """read -r id token generation state data; for word in "$id" "$generation" "$state" "$data"; do printf '%b|' "$word"; done"""
        line = self.ok("workflows", "claim", "k").out
        read = subprocess.run(["sh", "-c", script], input=line, capture_output=True, text=True, check=True).stdout
        self.assertEqual(read, 'w|0|a state|{"text": "one  two\\n"}|', line)

    def test_the_oldest_is_the_first(self):
        for key in ("c", "a", "b"):
            self.start(key)
        self.assertEqual(self.take()["id"], "c")
        claims = self.json("workflows", "claim", "k", "--limit", 10)
        self.assertEqual([row["id"] for row in claims], ["a", "b"])
        self.assertEqual(len({row["token"] for row in claims}), 2)
        self.nothing_is_due("--limit", 10)
        self.nothing_is_due("--id", "a")

    def test_one_is_claimed_by_its_id(self):
        for key in ("a", "b"):
            self.start(key)
        self.assertEqual([row["id"] for row in self.json("workflows", "claim", "k", "--id", "b")], ["b"])
        self.assertEqual(self.run_of((0, 3), "workflows", "claim", "k", "--id", "none").out, "")

    def test_A200_A219_of_many_claimers_one_wins(self):
        self.start()
        runs = self.at_once(10, "workflows", "claim", "k")
        self.assertEqual([status for status, _ in runs], [0] * 10)
        self.assertEqual([row["id"] for _, rows in runs for row in rows], ["w"])

    def test_A242_a_claim_waits_for_what_comes(self):
        process = subprocess.Popen([support.PAWL, "workflows", "claim", "k", "--wait", "60000", "--json"], stdout=subprocess.PIPE,
                                   env=self.env, cwd=self.folder)
        self.start("w", "--data", "1")
        self.assertEqual(json.loads(process.communicate(timeout=60)[0])["data"], 1)

    def test_rules_of_a_claim(self):
        self.start()
        self.all_refused(2, *((("workflows", "claim", "k", *words), says) for words, says in [
            (("--lease", 0), "lease"), (("--lease", 86400001), "lease"), (("--limit", 4097), "limit"), (("--wait", -1), "wait"),
            (("--consumer", " "), "consumer"), (("--lease", "x"), "lease")]), (("workflows", "claim"), ()))

    def test_tokens_and_ids_are_looked_at_first(self):
        self.started()
        verbs = (("next", ()), ("park", ()), ("done", ()), ("fail", ("--error", "e")), ("extend", (1000,)))
        self.all_refused(2, *((("workflows", verb, "--", "k", "w", token, *more) if verb == "extend" else
                               ("workflows", verb, "k", "w", *more, "--", token), "token")
                              for verb, more in verbs for token in ("", "x", "-1", "1" * 21, "1.0")),
                         *((("workflows", verb, "k", "a/b", 1, *more), "id") for verb, more in verbs))

    def test_a_key_serialises(self):
        for key, words in (("a", ("--key", "x")), ("b", ("--key", "x")), ("c", ("--key", "y")), ("d", ())):
            self.start(key, *words)
        first, *others = self.json("workflows", "claim", "k", "--limit", 10)
        self.assertEqual([first["id"]] + sorted(row["id"] for row in others), ["a", "c", "d"])
        self.nothing_is_due()
        self.nothing_is_due("--id", "b")  # which never ignores a key
        self.assertTrue(self.json("why", "k/b")[0]["reasons"])
        self.step("done", first)
        second = self.take()
        self.assertEqual(second["id"], "b")
        self.start("e", "--key", "x")
        self.nothing_is_due()
        self.step("fail", second, "--error", "e")
        self.assertEqual(self.take()["id"], "e")

    def test_the_same_key_in_another_kind_is_another(self):
        for kind in ("j", "k"):
            self.start("w", "--key", "x", kind=kind)
            self.take(kind=kind)

    def test_a_key_is_freed_by_a_stop(self):
        for key in ("a", "b"):
            self.start(key, "--key", "x")
        self.ok("workflows", "stop", "k", "a", "--reason", "r")
        self.assertEqual(self.take()["id"], "b")

    def test_A190_a_lost_claim_comes_back_at_the_last_checkpoint(self):
        self.start("w", "--state", "a", "--data", "1")
        self.step("next", self.take(), "--state", "b", "--data", "2")
        old = self.take("--lease", 1)
        new = self.take("--lease", HOUR)
        self.assertEqual((new["id"], new["state"], new["data"]), ("w", "b", 2))
        self.assertEqual((old["attempts"], new["attempts"], new["total_attempts"]), (1, 2, 3))
        self.assertNotEqual(new["token"], old["token"])
        for verb, more in (("next", ()), ("park", ()), ("done", ()), ("fail", ("--error", "e")), ("extend", (1000,)),
                           ("next", ("--keep",)), ("next", ("--state", "c", "--event", "t:e=1"))):
            self.refused(7, verb, old, *more)
        self.assertEqual(self.show()["status"], "running")
        self.step("done", new)

    def test_an_extension_renews_the_lease(self):
        claim = self.started("w", "--data", "1")
        self.assertEqual(self.step("extend", claim, HOUR)["result"], "extended")
        row = self.show()
        if "lease_until" in row:
            self.assertGreater(row["lease_until"] - row["updated_at"], HOUR // 2)
        for ms in (0, 86400001, "x"):
            self.refused(2, "extend", claim, ms)
        self.refused(7, "extend", {**claim, "token": int(claim["token"]) + 1}, 1000)
        self.step("done", claim)
        self.refused(7, "extend", claim, 1000)


class Steps(Case):
    def test_A189_each_state_is_stored_before_the_next_begins(self):
        self.start("w", "--state", "a")
        generations = [self.show()["generation"]]
        for before, after in (("a", "b"), ("b", "c")):
            claim = self.take()
            self.assertEqual(claim["state"], before)
            answer = self.step("next", claim, "--state", after, "--data", f'"{after}"')
            self.assertEqual(answer["result"], "next")
            row = self.show()
            self.assertEqual((row["state"], row["data"], row["status"], row["attempts"]), (after, after, "runnable", 0))
            self.assertEqual(answer["generation"], row["generation"])
            generations.append(row["generation"])
        self.assertEqual(generations, list(range(generations[0], generations[0] + 3)))
        self.assertEqual(self.step("done", self.take())["result"], "done")
        row = self.show()
        self.assertEqual((row["status"], row["state"], row["total_attempts"]), ("finished", "c", 3))
        self.assertNotIn("receipt", row)

    def test_a_token_is_spent_by_each_step(self):
        for n, (verb, more) in enumerate((("next", ()), ("park", ()), ("park", ("--wake-in", "1h")), ("park", ("--error", "e")),
                                          ("done", ()), ("fail", ("--error", "e")))):
            claim = self.started(f"w{n}")
            self.step(verb, claim, *more)
            for again, words in (("next", ()), ("park", ()), ("done", ()), ("fail", ("--error", "e")), ("extend", (1000,))):
                self.fails(7, "workflows", again, "k", claim["id"], claim["token"], *words)
        self.assertEqual(len({row["id"] for row in self.json("workflows", "list")}), 6)

    def test_a_wrong_token_changes_nothing(self):
        claim = self.started()
        for token in (int(claim["token"]) + 1, 1, "9" * 20):
            for verb, more in (("next", ("--state", "z")), ("park", ()), ("done", ()), ("fail", ("--error", "e"))):
                self.refused(7, verb, {**claim, "token": token}, *more)
        self.step("next", claim)

    def test_one_that_is_not_claimed_is_not_settled(self):
        self.start()
        self.writes_nothing(7, "workflows", "next", "k", "w", 1)

    def test_of_many_with_one_token_one_wins(self):
        claim = self.started()
        runs = self.at_once(8, "workflows", "next", "k", "w", claim["token"], "--state", "b", "--event", "t:e=1")
        self.assertEqual(sorted(status for status, _ in runs), [0] + [7] * 7)
        self.assertEqual((len(self.json("events")), len(self.records())), (1, 1))

    def test_a_step_may_keep_its_claim(self):
        claim = self.started("w", "--state", "a")
        first = self.step("next", claim, "--state", "b", "--keep")
        self.assertEqual(first["result"], "next")
        self.assertEqual((self.show()["status"], self.show()["state"], self.show()["generation"]), ("running", "b", first["generation"]))
        self.nothing_is_due()
        second = self.step("next", claim, "--state", "c", "--keep")
        self.assertEqual((first["generation"], second["generation"]), (claim["generation"] + 1, claim["generation"] + 2))
        self.step("extend", claim, 60000)
        self.step("next", claim, "--state", "d")
        self.assertEqual((self.show()["status"], self.show()["state"]), ("runnable", "d"))
        self.refused(7, "next", claim, "--keep")
        for verb in ("done", "park", "fail"):
            self.assertNotEqual(self.run_it("workflows", verb, "k", "w", claim["token"], "--keep", "--json").status, 0)

    def test_what_is_not_given_is_unchanged(self):
        self.start("w", "--state", "a", "--data", "1")
        self.step("next", self.take(), "--data", "2")
        self.assertEqual((self.show()["state"], self.show()["data"]), ("a", 2))
        self.step("next", self.take(), "--state", "b", "--state-version", 3, "--data", "3")
        self.assertEqual((self.show()["state"], self.show()["version"]), ("b", 3))
        self.step("next", self.take())
        self.assertEqual((self.show()["state"], self.show()["version"]), ("b", 3))
        self.step("park", self.take(), "--wake-in", 1)
        claim = self.take()
        self.assertEqual((claim["state"], claim["version"]), ("b", 3))
        self.refused(2, "next", claim, "--state", "c", "--state-version", "x", says="version")
        self.refused(2, "next", claim, "--state", "c", "--state-version", -1, says="version")

    def test_A217_a_receipt_is_written_once(self):
        claim = self.started()
        self.step("done", claim, "--receipt", '{"n":1}')
        self.refused(7, "done", claim, "--receipt", '{"n":2}')
        self.assertEqual(self.show()["receipt"], {"n": 1})

    def test_A209_a_finished_one_never_comes_back(self):
        claim = self.started()
        self.step("done", claim, "--receipt", "1")
        before = self.show()
        for words in (("next", "k", "w", claim["token"]), ("signal", "k", "w", "go"), ("retry", "k", "w", "--reason", "r"),
                      ("cancel", "k", "w", "--reason", "r")):
            self.writes_nothing(7, "workflows", *words)
        self.run_of((0, 7), "workflows", "stop", "k", "w", "--reason", "r", "--force")
        self.run_of((0, 7), "workflows", "pause", "k", "w", "--reason", "r")
        self.nothing_is_due()
        self.nothing_is_due("--id", "w")
        self.assertEqual([self.show()[name] for name in ("status", "receipt", "generation")],
                         [before[name] for name in ("status", "receipt", "generation")])

    def test_A226_a_failure_says_why(self):
        row = self.ended("fail", "w", "--error", "no such account")
        self.assertEqual((row["status"], row["last_error"]["text"]), ("failed", "no such account"))
        self.assertTrue(row["last_error"]["class"])
        self.assertLess(1_600_000_000_000, row["last_error"]["at"])
        self.assertNotIn("receipt", row)
        self.nothing_is_due("--id", "w")

    def test_options_of_a_step_are_checked(self):
        claim = self.started()
        for verb, more, says in (("next", ("--wake-in", 5), "wake-in"), ("next", ("--receipt", "1"), "receipt"),
                                 ("park", ("--receipt", "1"), "receipt"), ("fail", ("--error", "e", "--receipt", "1"), "receipt"),
                                 ("park", ("--wake-in", -5), "wake-in"), ("next", ("--event", "nonsense"), "TOPIC:TYPE"),
                                 ("next", ("--message", "nonsense"), "LANE/TARGET"), ("next", ("--post", "cash=1"), "--post"),
                                 ("next", ("--post", "cash:EUR=1e3"), "delta"), ("next", ("--hold", ""), ()),
                                 ("next", ("--data", "@missing"), "missing"), ("next", ("--colour", "red"), "colour")):
            self.refused(2, verb, claim, *more, says=says)
        self.refused(7, "next", claim, "--data", "x" * 100000, "--event", "t:e=@" + self.big(), says="1048576")
        self.step("next", claim)

    def big(self):
        (self.folder / "big").write_bytes(b"x" * (1024 * 1024 + 1))
        return "big"


class Parks(Case):
    def test_A191_without_a_time_it_waits_until_somebody_asks(self):
        claim = self.started("w", "--state", "a")
        self.assertEqual(self.step("park", claim, "--state", "b")["result"], "park")
        row = self.show()
        self.assertEqual((row["status"], row["state"], row["attempts"]), ("parked", "b", 0))
        self.assertIsNone(row.get("wake_at"))
        self.assertNotIn("last_error", row)
        self.nothing_is_due()
        self.ok("workflows", "retry", "k", "w", "--reason", "asked")
        self.assertEqual(self.take()["state"], "b")

    def test_A192_a_wake_time_is_stored(self):
        answer = self.step("park", self.started(), "--wake-in", "1h")
        row = self.show()
        self.assertEqual((row["status"], row["wake_at"] - row["updated_at"], row["generation"]), ("parked", HOUR, answer["generation"]))
        self.assertGreater(row["generation"], 0)
        self.nothing_is_due()
        self.ok("workflows", "retry", "k", "w", "--reason", "now")
        self.assertEqual(self.take()["id"], "w")

    def test_A193_it_wakes_by_itself(self):
        self.step("park", self.started(), "--wake-in", 20)
        claim = self.take()
        self.assertEqual((claim["id"], claim["attempts"], claim["total_attempts"]), ("w", 1, 2))

    def test_A197_with_an_error_it_waits_longer_and_longer_up_to_a_limit(self):
        self.ok("kinds", "set", "k", "backoff_ms=20", "backoff_max_ms=100", "jitter_percent=0")
        self.start()
        for attempt, wait in ((1, 20), (2, 40), (3, 80), (4, 100), (5, 100)):
            claim = self.take()
            self.assertEqual((claim["attempts"], claim["total_attempts"]), (attempt, attempt))
            self.step("park", claim, "--error", f"try {attempt}")
            row = self.show()
            self.assertEqual((row["status"], row["attempts"], row["wake_at"] - row["updated_at"]), ("parked", attempt, wait))
            self.assertEqual(row["last_error"]["text"], f"try {attempt}")
        self.step("next", self.take(), "--state", "b")  # progress
        self.assertEqual((self.show()["attempts"], self.show()["total_attempts"]), (0, 6))
        self.step("park", self.take(), "--error", "again")
        row = self.show()
        self.assertEqual((row["attempts"], row["total_attempts"], row["wake_at"] - row["updated_at"]), (1, 7, 20))

    def test_a_park_without_error_is_progress(self):
        self.ok("kinds", "set", "k", "backoff_ms=1", "jitter_percent=0")
        self.start()
        self.step("park", self.take(), "--error", "e")
        claim = self.take()
        self.assertEqual(claim["attempts"], 2)
        self.step("park", claim, "--wake-in", 1)
        self.assertEqual(self.show()["attempts"], 0)
        claim = self.take()
        self.assertEqual((claim["attempts"], claim["total_attempts"]), (1, 3))

    def test_a_time_beats_the_backoff_and_the_error_counts(self):
        self.ok("kinds", "set", "k", "backoff_ms=1", "jitter_percent=0")
        self.step("park", self.started(), "--error", "later", "--wake-in", "1h")
        row = self.show()
        self.assertEqual((row["wake_at"] - row["updated_at"], row["attempts"], row["last_error"]["text"]), (HOUR, 1, "later"))
        self.nothing_is_due()

    def test_A230_an_exhausted_one_is_stuck_and_an_operator_takes_it_up_again(self):
        self.ok("kinds", "set", "k", "max_attempts=2", "backoff_ms=1", "jitter_percent=0")
        self.start("w", "--state", "a", "--data", "1")
        for attempt in (1, 2):
            claim = self.take()
            self.assertEqual(claim["attempts"], attempt)
            self.step("park", claim, "--error", "refused")
        row = self.show()
        self.assertEqual((row["status"], row["state"], row["data"], row["last_error"]["text"]), ("stuck", "a", 1, "refused"))
        self.nothing_is_due()
        self.nothing_is_due("--wait", 5)
        self.assertEqual([row["id"] for row in self.json("workflows", "list", "--status", "stuck")], ["w"])
        (why,) = self.json("why", "k/w")
        self.assertEqual(why["state"], "stuck")
        self.assertTrue(why["reasons"])
        self.ok("workflows", "retry", "k", "w", "--reason", "mended")
        self.assertIn(self.show()["status"], ("runnable", "parked"))
        claim = self.take()
        self.assertEqual((claim["attempts"], claim["total_attempts"], claim["state"]), (1, 3, "a"))
        self.step("done", claim)

    def test_A231_two_failures_within_the_budget_and_then_it_goes_on(self):
        self.ok("kinds", "set", "k", "max_attempts=3", "backoff_ms=1", "jitter_percent=0")
        self.start()
        for _ in range(2):
            self.step("park", self.take(), "--error", "transient")
        self.step("done", self.take(), "--receipt", "1")
        self.assertEqual((self.show()["status"], self.show()["total_attempts"]), ("finished", 3))

    def test_lost_claims_are_attempts_too(self):
        self.ok("kinds", "set", "k", "max_attempts=2")
        self.start()
        first = self.take("--lease", 1)
        second = self.take("--lease", 1)
        self.assertEqual((first["attempts"], second["attempts"]), (1, 2))
        deadline = time.monotonic() + 60
        while self.show()["status"] != "stuck" and time.monotonic() < deadline:
            self.nothing_is_due()  # whoever asks settles what was lost
        row = self.show()
        self.assertEqual((row["status"], row["total_attempts"]), ("stuck", 2))
        self.refused(7, "next", second)

    def test_a_long_or_broken_error_is_cut_between_characters(self):
        for n, text in enumerate(("ü" * 5000, "x" * 100_000, b"bad \xff\xfe \x1b[31m".decode(errors="surrogateescape"))):
            self.step("park", self.started(f"w{n}"), "--error", text)
            stored = self.show(f"w{n}")["last_error"]["text"]
            self.assertLessEqual(len(stored.encode()), 1024)
            self.assertTrue(stored[0] in "üxb" and "\x1b" not in stored)


class Kinds(Case):
    def test_a_kind_has_a_policy(self):
        self.ok("kinds", "set", "k", "max_attempts=2", "backoff_ms=5")
        self.ok("kinds", "set", "j", "lease_ms=1234")
        rows = {row["kind"]: json.dumps(row) for row in self.json("kinds", "list")}
        self.assertEqual(set(rows), {"j", "k"})
        self.assertIn('"max_attempts": 2', rows["k"])
        self.assertIn('"backoff_ms": 5', rows["k"])
        self.assertIn('"lease_ms": 1234', rows["j"])
        self.ok("kinds", "set", "k", "max_attempts=3")
        self.assertIn('"max_attempts": 3', json.dumps([row for row in self.json("kinds", "list") if row["kind"] == "k"]))
        self.assertIn("k", self.ok("kinds", "list").out)

    def test_keys_and_values_are_checked(self):
        self.all_refused(2, *((("kinds", "set", "k", *words), says) for words, says in [
            (("colour=red",), "colour"), (("max_attempts",), ()), (("max_attempts=0",), "max_attempts"), (("max_attempts=x",), "max_attempts"),
            (("exhausted=failed",), "exhausted"), (("lease_ms=0",), "lease_ms"), (("max_attempts=2", "colour=red"), "colour")]),
            (("kinds", "set"), ()))
        self.ok("kinds", "set", "k", "exhausted=stuck")
        said = [self.run_it("kinds", "set", "k", f"may_start_again={value}", "--json") for value in ("1", "true", "yes")]
        self.assertIn(0, [run.status for run in said], said[0].err)

    def test_what_operators_set_is_in_their_journal(self):
        self.ok("kinds", "set", "k", "max_attempts=2")
        records = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual(len(records), 1)
        self.assertTrue(records[0]["type"].startswith("pawl."))
        self.assertEqual(self.json("journal", "list"), [])


class Signals(Case):
    def signal(self, name="go", *words, key="w"):
        return self.json("workflows", "signal", "k", key, name, *words)

    def names(self, claim):
        return [signal["name"] for signal in claim.get("signals", [])]

    def test_a_signal_is_kept_before_anybody_waits_for_it(self):
        self.start()
        self.signal("paid", "--data", '{"n": 1}')
        self.signal("sent")
        claim = self.take()
        self.assertEqual(self.names(claim), ["paid", "sent"])
        first, second = claim["signals"]
        self.assertEqual(first["data"], {"n": 1})
        self.assertNotEqual(first["id"], second["id"])
        self.assertLess(1_600_000_000_000, first["at"])

    def test_A242_it_wakes_what_is_parked(self):
        for words in ((), ("--wake-in", "1h")):
            key = f"w{len(words)}"
            self.step("park", self.started(key), *words)
            self.nothing_is_due()
            self.signal("go", "--data", "1", key=key)
            claim = self.take()
            self.assertEqual((claim["id"], self.names(claim)), (key, ["go"]))
            self.step("done", claim)

    def test_a_waiting_claim_is_woken(self):
        self.step("park", self.started())
        process = subprocess.Popen([support.PAWL, "workflows", "claim", "k", "--wait", "60000", "--json"], stdout=subprocess.PIPE,
                                   env=self.env, cwd=self.folder)
        self.signal("go")
        self.assertEqual(self.names(json.loads(process.communicate(timeout=60)[0])), ["go"])

    def test_a_step_takes_all_that_it_was_shown(self):
        self.start()
        self.signal("a")
        self.signal("b")
        claim = self.take()
        self.signal("c")  # after the claim
        self.step("next", claim)
        claim = self.take()
        self.assertEqual(self.names(claim), ["c"])
        self.step("next", claim)
        self.assertEqual(self.names(self.take()), [])

    def test_a_step_takes_those_that_it_names(self):
        self.start()
        for name in ("a", "b", "c"):
            self.signal(name)
        claim = self.take()
        self.settled(self.settlement(claim, "next", take=[claim["signals"][1]["id"]]))
        claim = self.take()
        self.assertEqual(self.names(claim), ["a", "c"])
        self.settled(self.settlement(claim, "next", take=[]))
        claim = self.take()
        self.assertEqual(self.names(claim), ["a", "c"])
        self.step("next", claim)
        self.assertEqual(self.names(self.take()), [])

    def test_a_lost_step_takes_none(self):
        self.start()
        self.signal("go")
        old = self.take("--lease", 1)
        new = self.take("--lease", HOUR)
        self.assertEqual(new["signals"], old["signals"])
        self.refused(7, "next", old)
        self.step("next", new)
        self.assertEqual(self.names(self.take()), [])

    def test_a_refused_step_takes_none(self):
        self.start()
        self.signal("go")
        claim = self.take()
        self.fails(2, "workflows", "next", "k", "w", claim["token"], "--event", "nonsense")
        self.run_of((3, 7), "workflows", "next", "k", "w", claim["token"], "--hold", "none")
        self.settled(self.settlement(claim, "next", take=[]))
        self.assertEqual(self.names(self.take()), ["go"])

    def test_one_that_comes_after_the_claim_makes_its_park_due_at_once(self):
        for n, words in enumerate(((), ("--wake-in", "1h"), ("--error", "e"))):
            claim = self.started(f"w{n}")
            self.signal("go", key=f"w{n}")
            self.step("park", claim, *words)
            (again,) = self.json("workflows", "claim", "k")  # no wait
            self.assertEqual((again["id"], self.names(again)), (f"w{n}", ["go"]))
            self.step("park", again)
            self.nothing_is_due()  # it was taken

    def test_a_dedupe_key_is_bound_for_life(self):
        self.start()
        for _ in range(3):
            self.signal("go", "--data", "1", "--dedupe", "d")
        self.signal("go", "--data", "1", "--dedupe", "e")
        claim = self.take()
        self.assertEqual(self.names(claim), ["go", "go"])
        self.step("park", claim)
        self.signal("go", "--data", "1", "--dedupe", "d")  # which was taken
        self.assertEqual([row for row in self.json("workflows", "claim", "k") if row.get("signals")], [])

    def test_a_dedupe_key_is_its_workflows_own(self):
        for key in ("w", "v"):
            self.start(key)
            self.signal("go", "--dedupe", "d", key=key)
            self.assertEqual(self.names(self.take()), ["go"])

    def test_other_content_under_a_dedupe_key_adds_nothing(self):
        self.start()
        self.signal("go", "--data", "1", "--dedupe", "d")
        self.run_of((0, 4), "workflows", "signal", "k", "w", "go", "--data", "2", "--dedupe", "d")
        self.assertEqual([signal["data"] for signal in self.take()["signals"]], [1])

    def test_to_whom_nobody_listens(self):
        self.fails(3, "workflows", "signal", "k", "none", "go")
        for key, verb, words in (("a", "done", ()), ("b", "fail", ("--error", "e"))):
            self.ended(verb, key, *words)
            self.writes_nothing(7, "workflows", "signal", "k", key, "go")
        self.start("c")
        self.ok("workflows", "stop", "k", "c", "--reason", "r")
        self.writes_nothing(7, "workflows", "signal", "k", "c", "go")

    def test_rules_of_a_signal(self):
        self.start()
        self.all_refused(2, *((("workflows", "signal", "k", "w", *words), says) for words, says in [
            ((), ()), (("",), "name"), ((" ",), "name"), (("go", "--dedupe", ""), "dedupe"), (("go", "--dedupe", "d" * 257), "dedupe"),
            (("go", "--data", "@missing"), "missing")]))
        self.assertEqual(self.names(self.take()), [])

    def test_two_workflows_do_not_hear_each_other(self):
        self.start("w")
        self.start("v")
        self.start("w", kind="j")
        self.signal("go", key="w")
        self.assertEqual([(row["id"], self.names(row)) for row in self.json("workflows", "claim", "k", "--limit", 9)],
                         [("w", ["go"]), ("v", [])])
        self.assertEqual(self.names(self.take(kind="j")), [])


class Resources(Case):
    def add(self, *keys):
        for key in keys:
            self.ok("resources", "add", key)

    def test_a_resource_is_added_once(self):
        (row,) = self.json("resources", "add", "r", "--kind", "coin")
        self.assertEqual((row["id"], row["state"]), ("r", "available"))
        row = self.resource()
        self.assertEqual((row["id"], row["kind"], row["state"]), ("r", "coin", "available"))
        self.assertIsInstance(row["generation"], int)
        self.assertNotIn("holder", row)

    def test_A215_what_is_there_keeps_its_state(self):
        self.ok("resources", "add", "r", "--kind", "coin")
        self.step("next", self.started(), "--hold", "r")
        before = self.resource()
        self.ok("resources", "add", "r", "--kind", "coin")
        self.assertEqual(self.resource(), before)
        self.writes_nothing(4, "resources", "add", "r", "--kind", "note")

    def test_rules_of_resources(self):
        self.all_refused(2, (("resources", "add"), ()), (("resources", "add", ""), ()), (("resources", "add", " "), ()),
                         (("resources", "list", "--state", "lost"), "state"), (("resources", "add", "r", "--colour", "red"), "colour"))

    def test_lists(self):
        for key, kind in (("a", "coin"), ("b", "coin"), ("c", "note")):
            self.ok("resources", "add", key, "--kind", kind)
        self.step("next", self.started(), "--hold", "a", "--hold", "c")
        ids = lambda *words: sorted(row["id"] for row in self.json("resources", "list", *words))
        self.assertEqual((ids(), ids("--kind", "coin"), ids("--state", "held"), ids("--state", "available"), ids("--holder", "k/w")),
                         (["a", "b", "c"], ["a", "b"], ["a", "c"], ["b"], ["a", "c"]))
        self.assertEqual((ids("--holder", "k/v"), ids("--kind", "coin", "--state", "held"), ids("--state", "consumed")), ([], ["a"], []))

    def test_A213_what_is_available_is_held_and_by_one(self):
        self.add("r")
        one, two = self.started("one"), self.started("two")
        self.step("next", one, "--hold", "r", "--keep")
        self.has("r", "held", "k/one")
        self.assertEqual(self.held_by("one"), ["r"])
        self.refused(7, "next", two, "--hold", "r")
        self.refused(7, "next", two, "--release", "r")
        self.refused(7, "next", two, "--consume", "r")
        self.refused(7, "done", two, "--release", "r")
        self.assertEqual(self.show("two")["status"], "running")
        self.step("next", one, "--release", "r", "--keep")
        self.has("r", "available")
        self.step("next", two, "--hold", "r")
        self.has("r", "held", "k/two")

    def test_A213_who_holds_it_may_ask_again(self):
        self.add("r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        before = self.resource()
        self.step("next", claim, "--hold", "r", "--keep")
        self.assertEqual(self.resource(), before)
        self.assertEqual(self.held_by(), ["r"])

    def test_it_is_held_over_steps_and_parks_and_lost_claims(self):
        self.add("r")
        self.step("park", self.started(), "--hold", "r", "--wake-in", 1)
        self.has("r", "held", "k/w")
        self.take("--lease", 1)
        claim = self.take("--lease", HOUR)
        self.assertEqual(claim["resources"], ["r"])
        self.has("r", "held", "k/w")
        self.step("done", claim, "--consume", "r")
        self.has("r", "consumed")

    def test_A207_done_with_a_leftover(self):
        self.add("a", "b", "c")
        claim = self.started()
        self.step("next", claim, "--hold", "a", "--hold", "b", "--hold", "c", "--keep")
        self.refused(7, "done", claim)
        self.refused(7, "done", claim, "--consume", "a", "--release", "c", says="b")
        self.refused(7, "done", claim, "--receipt", "1", "--event", "t:e=1", "--consume", "a")
        self.assertEqual((self.show()["status"], self.held_by()), ("running", ["a", "b", "c"]))
        self.step("done", claim, "--consume", "a", "--release", "b", "--consume", "c", "--receipt", "1")
        self.assertEqual((self.show()["status"], self.held_by()), ("finished", []))
        for key, state in (("a", "consumed"), ("b", "available"), ("c", "consumed")):
            self.has(key, state)

    def test_what_nobody_or_another_holds_is_no_leftover(self):
        self.add("r", "q")
        self.step("next", self.started("other"), "--hold", "q")
        self.step("done", self.started())
        self.has("r", "available")
        self.has("q", "held", "k/other")

    def test_A194_a_failure_releases_everything(self):
        self.add("a", "b", "c")
        claim = self.started()
        self.step("next", claim, "--hold", "a", "--hold", "b", "--hold", "c", "--keep")
        self.step("fail", claim, "--error", "e", "--consume", "c")
        self.has("a", "available")
        self.has("b", "available")
        self.has("c", "consumed")
        self.assertEqual(self.held_by(), [])

    def test_A209_a_stop_releases_everything(self):
        self.add("r")
        self.step("park", self.started(), "--hold", "r")
        self.ok("workflows", "stop", "k", "w", "--reason", "r")
        self.has("r", "available")
        self.assertEqual((self.show()["status"], self.held_by()), ("failed", []))

    def test_batches_are_all_or_nothing(self):
        self.add("a", "b", "c")
        self.step("next", self.started("other"), "--hold", "b")
        claim = self.started()
        self.refused(7, "next", claim, "--hold", "a", "--hold", "b", "--hold", "c")
        self.step("next", claim, "--hold", "a", "--keep")
        self.refused(7, "next", claim, "--release", "a", "--consume", "b")
        self.has("a", "held", "k/w")

    def test_what_was_consumed_is_not_held_again(self):
        self.add("r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.step("next", claim, "--consume", "r", "--keep")
        self.has("r", "consumed")
        self.refused(7, "next", claim, "--hold", "r")
        self.run_of((0, 7), "workflows", "next", "k", "w", claim["token"], "--consume", "r", "--keep")  # A215: twice is fine
        self.has("r", "consumed")
        self.step("done", claim)

    def test_a_resource_that_is_not_there(self):
        claim = self.started()
        for option in ("--hold", "--release", "--consume"):
            before = self.state()
            self.run_of((3, 7), "workflows", "next", "k", "w", claim["token"], option, "none")
            self.assertEqual(self.state(), before)
        self.step("next", claim)

    def test_generations_count_what_changed(self):
        self.add("r")
        generations = [self.resource()["generation"]]
        claim = self.started()
        for option in ("--hold", "--release", "--hold", "--consume"):
            self.step("next", claim, option, "r", "--keep")
            generations.append(self.resource()["generation"])
        self.assertEqual(generations, sorted(set(generations)))

    def test_transitions_move_resources(self):
        self.start()
        do = lambda *resources, **more: self.submit({"type": "A", "resources": list(resources), **more})
        act = lambda key, action, **more: {"id": key, "action": action, **more}
        self.assertEqual(do(act("a", "add", kind="coin"), act("b", "add", kind="coin")).status, 0)
        self.assertEqual((self.has("a", "available")["kind"], self.has("b", "available")["kind"]), ("coin", "coin"))
        self.assertEqual(do(act("a", "hold", holder="k/w")).status, 0)
        self.has("a", "held", "k/w")
        self.assertEqual(self.held_by(), ["a"])
        self.assertEqual(do(act("b", "withdraw")).status, 0)
        self.has("b", "withdrawn")
        self.assertIn('"a"', json.dumps(self.records("A")[1]["effects"]))
        before = self.state()
        for resources in ([act("a", "hold", holder="k/v")], [act("b", "hold", holder="k/w")], [act("a", "withdraw")],
                          [act("a", "consume", holder="k/v")], [act("c", "add"), act("b", "hold", holder="k/w")]):
            run = do(*resources, events=[{"topic": "t", "type": "e"}], messages=[{"lane": "l", "target": "t"}])
            self.assertEqual((run.status, run.rows, run.error["line"]), (7, [], 1), resources)
        self.assertEqual(self.state(), before)
        self.assertEqual(do(act("a", "release", holder="k/w")).status, 0)
        self.has("a", "available")
        self.assertEqual((self.held_by(), self.json("verify")[0]["ok"]), ([], True))

    def test_rules_of_resources_in_a_transition(self):
        self.start()
        before = self.state()
        for given, says in (({"id": "r", "action": "add", "colour": "red"}, "colour"), ({"id": "r", "action": "eat"}, "eat"),
                            ({"action": "add"}, "id"), ({"id": "r"}, "action"), ({"id": "", "action": "add"}, "id"),
                            ({"id": "r", "action": "hold", "holder": "w"}, "holder"), ({"id": 1, "action": "add"}, "id"),
                            ({"id": "r", "action": "hold", "holder": "k/a/b"}, "holder")):
            run = self.submit({"type": "A", "resources": [given]})
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), given)
            self.assertIn(says, run.error["message"] + run.error["hint"])
        self.assertEqual(self.state(), before)

    def test_A205_a_start_and_its_reservation_are_one(self):
        self.add("a", "b")
        hold = lambda key: {"id": key, "action": "hold", "holder": "k/w"}
        start = {"kind": "k", "id": "w", "state": "a", "data": 1}
        self.step("next", self.started("other"), "--hold", "b")
        before = self.state()
        run = self.submit({"type": "A", "starts": [start], "resources": [hold("a"), hold("b")]})
        self.assertEqual((run.status, run.rows), (7, []))
        self.assertEqual(self.state(), before)
        self.fails(3, "workflows", "show", "k", "w")
        self.assertEqual(self.submit({"type": "A", "starts": [start], "resources": [hold("a")]}).status, 0)
        self.has("a", "held", "k/w")
        self.assertEqual(self.take("--id", "w")["resources"], ["a"])


class Effects(Case):
    def test_a_step_with_effects_is_a_record(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--state", "b", "--event", 'orders:placed:o-1={"a":1}', "--event", "t:e=2", "--message", "mail/smtp:k=hello",
                  "--post", "alice:EUR=1.50", "--post", "bank:EUR=-1.50", "--hold", "r")
        (record,) = self.records()
        self.assertEqual(record["type"], "pawl.step")
        self.assertEqual([(e["index"], e["topic"], e["type"], e.get("key"), e["data"]) for e in record["events"]],
                         [(0, "orders", "placed", "o-1", {"a": 1}), (1, "t", "e", None, 2)])
        (message,) = self.json("messages", "list")
        self.assertEqual((record["messages"], message["lane"], message["target"], message["key"], message["seq"]),
                         ([message["id"]], "mail", "smtp", "k", record["seq"]))
        self.assertEqual({row["account"]: row["balance"] for row in self.json("ledger", "balance")}, {"alice": "1.5", "bank": "-1.5"})
        self.assertEqual(self.json("journal", "show", record["seq"]), self.json("journal", "show", record["request_id"]))
        shown = self.json("journal", "show", record["seq"])[0]
        self.assertEqual((shown["type"], shown["digest"]), ("pawl.step", record["digest"]))
        self.assertIn('"r"', json.dumps(shown["effects"]))
        self.assertIn("alice", json.dumps(shown["effects"]))
        self.assertEqual([row["ok"] for row in self.json("verify")], [True] * len(self.json("verify")))
        self.assertTrue(self.json("ledger", "check")[0]["ok"])
        self.assertIn("pawl.step", self.ok("journal", "show", record["seq"]).out)

    def test_a_step_that_changes_only_itself_is_none(self):
        claim = self.started("w", "--state", "a")
        self.ok("workflows", "signal", "k", "w", "go")
        self.step("next", claim, "--state", "b", "--data", "1")
        self.step("park", self.take(), "--wake-in", 1)
        self.step("done", self.take(), "--receipt", "1")
        self.ended("fail", "v", "--error", "e")
        self.assertEqual(self.records(), [])

    def test_every_result_may_have_effects(self):
        for n, (verb, more) in enumerate((("next", ()), ("park", ()), ("done", ("--receipt", "1")), ("fail", ("--error", "e")))):
            self.step(verb, self.started(f"w{n}"), *more, "--event", f"t:{verb}={n}", "--message", f"l/t={n}", "--post", f"a{n}:EUR=1")
        self.assertEqual([row["type"] for row in self.json("events", "--topic", "t")], ["next", "park", "done", "fail"])
        self.assertEqual((len(self.json("messages", "list")), len(self.json("ledger", "balance")), len(self.records())), (4, 4, 4))

    def test_resources_alone_are_effects(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.step("done", claim, "--consume", "r")
        self.assertEqual([sorted(record["effects"]) != [] for record in self.records()], [True, True])

    def test_each_generation_has_a_request_id_of_its_own(self):
        claim = self.started()
        for n in range(3):
            self.step("next", claim, "--event", f"t:e={n}", "--keep")
        self.step("fail", claim, "--error", "e", "--event", "t:e=3")
        self.assertFalse(self.start()["replayed"])
        claim = self.take()
        for n in range(4, 7):
            self.step("next", claim, "--event", f"t:e={n}", "--keep")
        self.step("done", self.started("w", kind="j"), "--event", "t:e=7")
        ids = [record["request_id"] for record in self.records()]
        self.assertEqual((len(ids), len(set(ids))), (8, 8))
        for request in ids:
            self.assertRegex(request, f"^{support.UUID}$")
        self.assertEqual([event["data"] for event in self.json("events")], list(range(8)))

    def test_a_refused_effect_refuses_the_step_whole(self):
        self.ok("assets", "set", "EUR", "scale=2")
        self.ok("resources", "add", "r")
        claim = self.started("w", "--state", "a")
        more = {"state": "b", "data": 2, "events": [{"topic": "t", "type": "e", "data": 1}], "messages": [{"lane": "l", "target": "t"}],
                "resources": [{"id": "r", "action": "hold"}]}
        before = self.state()
        for post in ({"delta": "-5", "floor": "0"}, {"delta": "1.234"}, {"delta": "1", "expect": "7"}):
            for result in ("next", "park", "done", "fail"):
                why = {"error": "e"} if result == "fail" else {}
                run = self.settle(self.settlement(claim, result, **more, **why, posts=[{"account": "a", "asset": "EUR", **post}]))
                self.assertIn(run.status, (7, 4) if "expect" in post else (7,), (post, run.err, run.out))
                self.assertEqual((run.rows, run.error["line"]), ([], 1), post)
        self.assertEqual(self.state(), before)
        self.refused(7, "next", claim, "--state", "b", "--event", "t:e=1", "--message", "l/t=1", "--hold", "r", "--post", "a:EUR=0.001")
        self.assertEqual((self.show()["status"], self.show()["state"]), ("running", "a"))
        self.step("next", claim, "--state", "b", "--post", "a:EUR=0.01")  # the claim was still there

    def test_posts_that_must_balance(self):
        claim = self.started()
        before = self.state()
        post = lambda account, delta: {"account": account, "asset": "EUR", "delta": delta}
        run = self.settle(self.settlement(claim, "next", balanced=True, posts=[post("a", "5"), post("b", "-4")]))
        self.assertIn(run.status, (2, 7), run.out)  # 2: a settlement may have no such field
        self.assertEqual(self.state(), before)
        if run.status == 7:
            self.settled(self.settlement(claim, "next", balanced=True, posts=[post("a", "5"), post("b", "-5")]))

    def test_an_event_that_needs_a_fill_refuses_the_step(self):
        self.ok("types", "set", "Trade", "needs=fill")
        claim = self.started()
        self.refused(2, "next", claim, "--event", "t:Trade=1")
        self.step("next", claim, "--event", "t:Other=1")

    def test_a_step_starts_others(self):
        claim = self.started()
        self.settled(self.settlement(claim, "next", keep=True, starts=[{"kind": "j", "id": "child", "state": "a", "data": 1}]))
        self.assertEqual((self.show("child", kind="j")["status"], self.show("child", kind="j")["data"]), ("runnable", 1))
        self.assertIn("child", json.dumps(self.records()[0]["effects"]))
        before = self.state()
        run = self.settle(self.settlement(claim, "next", starts=[{"kind": "j", "id": "new"}, {"kind": "j", "id": "child", "state": "b"}]))
        self.assertEqual((run.status, run.rows), (7, []), run.err)
        self.assertEqual(self.state(), before)

    def test_an_export_with_steps_proves_itself_and_is_imported(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--event", "t:e=1", "--message", "l/t=1", "--post", "a:EUR=1.5", "--hold", "r", "--keep")
        self.step("done", claim, "--release", "r", "--receipt", "1")
        self.submit({"type": "A", "starts": [{"kind": "k", "id": "v", "key": "x", "state": "s", "data": {"a": 1.0}}],
                     "resources": [{"id": "q", "kind": "coin", "action": "add"}]})
        text = self.ok("journal", "export").raw
        done = self.proven(text)
        self.assertEqual(done.returncode, 0, done.stderr)
        other = ("--store", f"sqlite:{self.folder}/other.db")
        self.ok("init", *other)
        (self.folder / "export").write_bytes(text)
        self.json("journal", "import", self.folder / "export", "--reason", "moved", *other)
        self.assertEqual(self.ok("journal", "export", *other).raw, text)
        self.assertEqual(self.json("workflows", "claim", "k", *other), [])

    def test_nobody_else_writes_such_records(self):
        self.writes_nothing(2, "submit", "pawl.step", says="type")
        self.writes_nothing(2, "enqueue", "pawl.workflow", "k", "1", says="lane")
        self.writes_nothing(2, "claim", "pawl.workflow", "k", says="lane")


class Submitting(Case):
    def test_a_transition_starts_a_workflow(self):
        key = str(uuid.uuid4())
        words = ("submit", "Order", "--id", key, "--start", 'k/o:7={"n":1}', "--start", "j/o:7=2", "--event", "t:e=1")
        (receipt,) = self.json(*words)
        self.assertFalse(receipt["replayed"])
        self.assertEqual((self.show("o:7")["status"], self.show("o:7")["data"], self.show("o:7", kind="j")["data"]), ("runnable", {"n": 1}, 2))
        self.assertIn("o:7", json.dumps(self.json("journal", "show", 1)[0]["effects"]))
        self.assertTrue(self.json(*words)[0]["replayed"])
        self.assertEqual(len(self.json("workflows", "list")), 2)
        self.assertEqual(self.take()["data"], {"n": 1})
        self.assertEqual(self.json("verify")[0]["ok"], True)

    def test_an_id_that_is_there_refuses_the_whole(self):
        self.start("w", "--data", "1")
        for data in ("1", "2"):
            self.writes_nothing(7, "submit", "A", "--start", f"k/v={data}", "--start", f"k/w={data}", "--event", "t:e=1", "--message", "l/t=1",
                                "--post", "a:EUR=1", says="w")
        self.step("done", self.take())
        self.writes_nothing(7, "submit", "A", "--start", "k/w=1")
        self.ok("submit", "A", "--start", "j/w=1")

    def test_rules_of_a_start(self):
        self.all_refused(2, *((("submit", "A", "--start", word), says) for word, says in [
            ("nonsense", ()), ("k=1", ()), ("/w=1", "kind"), ("k/=1", "id"), ("k/a/b=1", ()), ("pawl.k/w=1", "kind"),
            (f"k/{LONG}x=1", "id"), ("k/w=@missing", "missing")]))

    def test_starts_of_a_line(self):
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "w", "key": "x", "state": "s", "data": {"a": 1}},
                                                   {"kind": "k", "id": "later", "wake_in_ms": HOUR}]})
        self.assertEqual(run.status, 0, run.err)
        row = self.show()
        self.assertEqual((row["key"], row["state"], row["data"], row["status"]), ("x", "s", {"a": 1}, "runnable"))
        self.assertEqual(self.show("later")["wake_at"] - self.show("later")["started_at"], HOUR)
        self.assertEqual([row["id"] for row in self.json("workflows", "claim", "k", "--limit", 9)], ["w"])

    def test_rules_of_starts_of_a_line(self):
        for given, says in (({"kind": "k", "id": "w", "colour": "red"}, "colour"), ({"id": "w"}, "kind"), ({"kind": "k"}, "id"),
                            ({"kind": "k", "id": "a/b"}, "id"), ({"kind": "pawl.k", "id": "w"}, "kind"), ({"kind": 1, "id": "w"}, "kind"),
                            ({"kind": "k", "id": "w", "wake_in_ms": -1}, "wake_in_ms"), ({"kind": "k", "id": "w", "wake_in_ms": "1"}, "wake_in_ms"),
                            ({"kind": "k", "id": "w", "key": ""}, "key"), ({"kind": "k", "id": LONG + "x"}, "id")):
            run = self.submit({"type": "A", "starts": [given], "events": [{"topic": "t", "type": "e"}]})
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), given)
            self.assertIn(says, run.error["message"] + run.error["hint"])
        for starts in ({}, [1], "x"):
            self.assertEqual(self.submit({"type": "A", "starts": starts}).status, 2)
        self.assertEqual(self.json("journal", "list") + self.json("workflows", "list"), [])

    def test_a_bad_line_is_reported_and_the_good_ones_are_committed(self):
        self.start("there")
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "a"}]}, {"type": "A", "starts": [{"kind": "k", "id": "there"}]},
                          {"type": "A", "starts": [{"kind": "k", "id": "b", "x": 1}]}, {"type": "A", "starts": [{"kind": "k", "id": "c"}]})
        self.assertEqual((run.status, [(e["line"], e["status"]) for e in run.errors]), (7, [(2, 7), (3, 2)]))
        self.assertEqual(sorted(row["id"] for row in self.json("workflows", "list")), ["a", "c", "there"])

    def test_twice_in_one_transition_is_refused(self):
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "a"}, {"kind": "k", "id": "a"}]})
        self.assertIn(run.status, (2, 7))
        self.assertEqual(self.json("journal", "list") + self.json("workflows", "list"), [])


class Settling(Case):
    def test_a_line_for_each_and_none_fails_its_neighbours(self):
        claims = {key: self.started(key, "--state", "a") for key in ("a", "b", "c", "d", "e")}
        self.step("next", claims["b"])  # so its token is spent
        run = self.settle(self.settlement(claims["a"], "next", state="x", version=2, data={"n": 1}), self.settlement(claims["b"], "next"),
                          self.settlement(claims["c"], "park", wake_in_ms=HOUR), "nonsense",
                          self.settlement(claims["d"], "done", receipt={"ok": True}),
                          self.settlement(claims["e"], "fail", error="no"))
        self.assertEqual(len(run.answers), 6, run.out)
        self.assertEqual([answer.get("result") for n, answer in enumerate(run.answers) if n not in (1, 3)], ["next", "park", "done", "fail"])
        for n in (0, 2, 4, 5):
            self.assertIsInstance(run.answers[n]["generation"], int)
        lost, bad = run.answers[1], run.answers[3]
        self.assertTrue(lost.get("result") == "lost" or lost["error"]["status"] == 7, lost)
        self.assertEqual((bad["line"], bad["error"]["status"]), (4, 2))
        self.assertIn(run.status, (2, 7))  # of the first bad line: whether a lost claim is one is not said
        self.assertEqual(run.errors[-1]["line"], 4)
        rows = {key: self.show(key) for key in claims}
        self.assertEqual([rows[key]["status"] for key in "abcde"], ["runnable", "runnable", "parked", "finished", "failed"])
        self.assertEqual((rows["a"]["state"], rows["a"]["version"], rows["a"]["data"]), ("x", 2, {"n": 1}))
        self.assertEqual(rows["c"]["wake_at"] - rows["c"]["updated_at"], HOUR)
        self.assertEqual((rows["d"]["receipt"], rows["e"]["last_error"]["text"]), ({"ok": True}, "no"))

    def test_a_park_with_an_error(self):
        self.ok("kinds", "set", "k", "backoff_ms=60000", "jitter_percent=0")
        self.settled(self.settlement(self.started(), "park", error="refused"))
        row = self.show()
        self.assertEqual((row["status"], row["last_error"]["text"], row["wake_at"] - row["updated_at"]), ("parked", "refused", 60000))

    def test_effects_and_dispositions(self):
        for key in ("r", "s"):
            self.ok("resources", "add", key)
        claim = self.started()
        self.settled(self.settlement(claim, "next", keep=True, resources=[{"id": "r", "action": "hold"}, {"id": "s", "action": "hold"}],
                                     events=[{"topic": "t", "type": "e", "key": "k", "data": 1}],
                                     messages=[{"lane": "l", "target": "t", "data": 2}],
                                     posts=[{"account": "a", "asset": "EUR", "delta": "1.50", "expect": "1.5"}]))
        self.assertEqual(self.held_by(), ["r", "s"])
        run = self.settle(self.settlement(claim, "done", resources=[{"id": "r", "action": "consume"}]))
        self.assertEqual((run.status, run.rows, run.error["line"]), (7, [], 1))
        self.settled(self.settlement(claim, "done", resources=[{"id": "r", "action": "consume"}, {"id": "s", "action": "release"}]))
        self.has("r", "consumed")
        self.has("s", "available")
        self.assertEqual((len(self.records()), len(self.json("events")), len(self.json("messages", "list"))), (2, 1, 1))

    def test_every_rule_names_its_field_and_writes_nothing(self):
        claim = self.started()
        good = self.settlement(claim, "next")
        before = self.state()
        for change, says in (({"colour": "red"}, "colour"), ({"result": "won"}, "result"), ({"result": None}, "result"), ({"token": "x"}, "token"),
                             ({"token": "1" * 21}, "token"), ({"id": "a/b"}, "id"), ({"kind": ""}, "kind"), ({"take": 1}, "take"),
                             ({"events": [{"topic": "t", "type": "e", "colour": 1}]}, "colour"), ({"events": {}}, "events"),
                             ({"messages": [{"lane": "l"}]}, "target"), ({"posts": [{"delta": "1"}]}, "account"),
                             ({"resources": [{"id": "r", "action": "eat"}]}, "eat"), ({"resources": [{"id": "r", "action": "hold", "x": 1}]}, "x"),
                             ({"keep": 1}, "keep"), ({"version": "x"}, "version")):
            given = {name: value for name, value in {**good, **change}.items() if value is not None}
            run = self.settle(given)
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), (change, run.out))
            self.assertIn(says, run.error["message"] + run.error["hint"], change)
        for missing in ("kind", "id", "token"):
            run = self.settle({name: value for name, value in good.items() if name != missing})
            self.assertEqual(run.status, 2)
            self.assertIn(missing, run.error["message"] + run.error["hint"])
        self.assertEqual(self.state(), before)
        self.assertEqual(self.settle({**good, "id": "none"}).status, 3)
        self.assertEqual(self.settle("").out, "")
        self.fails(2, "workflows", "settle", "--jsonl", "missing", says="missing")
        self.fails(2, "workflows", "settle")
        self.settled(good)

    def test_two_lines_with_one_token(self):
        claim = self.started()
        run = self.settle(self.settlement(claim, "next", state="b"), self.settlement(claim, "next", state="c"))
        self.assertEqual(run.answers[0]["result"], "next")
        self.assertTrue(run.answers[1].get("result") == "lost" or run.answers[1]["error"]["status"] == 7)
        self.assertEqual(self.show()["state"], "b")

    def test_two_lines_with_one_token_that_is_kept(self):
        claim = self.started()
        rows = self.settled(*(self.settlement(claim, "next", state=f"s{n}", keep=True) for n in range(5)),
                            self.settlement(claim, "done", receipt=1))
        self.assertEqual([row["generation"] for row in rows], list(range(claim["generation"] + 1, claim["generation"] + 7)))
        self.assertEqual((self.show()["status"], self.show()["receipt"]), ("finished", 1))


class Operators(Case):
    def test_what_is_paused_does_not_move(self):
        self.start()
        self.ok("workflows", "pause", "k", "w", "--reason", "repairs")
        row = self.show()
        self.assertEqual((row["status"], row["held"]["reason"], row["held"]["by"]), ("runnable", "repairs", "ops"))
        self.nothing_is_due()
        self.nothing_is_due("--id", "w")
        (why,) = self.json("why", "k/w")
        self.assertTrue(any("repairs" in reason["text"] and reason["by"] == "ops" for reason in why["reasons"]), why)
        self.ok("workflows", "signal", "k", "w", "go")
        self.nothing_is_due()
        self.start("v")
        self.assertEqual(self.take()["id"], "v")  # others go on
        self.ok("workflows", "resume", "k", "w", "--reason", "mended")
        self.assertNotIn("held", self.show())
        self.assertEqual(self.take()["id"], "w")

    def test_what_runs_while_it_is_paused_ends_its_step(self):
        claim = self.started()
        self.ok("workflows", "pause", "k", "w", "--reason", "r")
        self.assertEqual((self.show()["status"], self.show()["held"]["reason"]), ("running", "r"))
        self.step("next", claim, "--state", "b")
        self.assertEqual((self.show()["status"], self.show()["state"]), ("runnable", "b"))
        self.nothing_is_due()
        self.ok("workflows", "resume", "k", "w", "--reason", "r")
        self.assertEqual(self.take()["state"], "b")

    def test_a_resume_of_what_is_not_paused_changes_nothing(self):
        self.start()
        before = self.show()
        self.run_of((0, 3, 7), "workflows", "resume", "k", "w", "--reason", "r")
        self.assertEqual(self.show(), before)

    def test_A209_a_stop_ends_it_at_once(self):
        self.start()
        self.ok("workflows", "stop", "k", "w", "--reason", "not wanted")
        row = self.show()
        self.assertEqual((row["status"], row["last_error"]["class"]), ("failed", "stopped"))
        self.nothing_is_due()
        self.nothing_is_due("--id", "w")
        for key, words in (("parked", ()), ("later", ("--wake-in", "1h"))):
            self.step("park", self.started(key), *words)
            self.ok("workflows", "stop", "k", key, "--reason", "r")
            self.assertEqual(self.show(key)["last_error"]["class"], "stopped")

    def test_a_stop_of_a_running_one_needs_force(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.writes_nothing(7, "workflows", "stop", "k", "w", "--reason", "r", says="force")
        self.ok("workflows", "stop", "k", "w", "--reason", "r", "--force")
        self.assertEqual((self.show()["status"], self.show()["last_error"]["class"]), ("failed", "stopped"))
        self.has("r", "available")
        for verb, more in (("next", ("--hold", "r")), ("done", ()), ("park", ()), ("extend", (1000,))):
            self.refused(7, verb, claim, *more)

    def test_a_reason_is_needed(self):
        self.step("park", self.started())
        self.all_refused(2, *((("workflows", verb, "k", "w"), "reason") for verb in ("retry", "stop", "cancel")),
                         *((("workflows", verb, "k", "w", "--reason", ""), "reason") for verb in ("retry", "stop", "cancel")))

    def test_a_move_again_under_its_id_is_the_stored_answer(self):
        self.start()
        key = str(uuid.uuid4())
        for _ in range(2):
            self.ok("workflows", "stop", "k", "w", "--reason", "r", "--id", key)
        self.run_of((0, 7), "workflows", "stop", "k", "w", "--reason", "r")
        self.assertFalse(self.start()["replayed"])
        self.ok("workflows", "stop", "k", "w", "--reason", "r", "--id", key)
        self.assertEqual(self.show()["status"], "runnable")  # it was answered, not done again

    def test_what_operators_do_is_in_their_journal(self):
        self.step("park", self.started())
        for verb in ("retry", "pause", "resume", "stop"):
            self.ok("workflows", verb, "k", "w", "--reason", f"because {verb}")
        records = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual([record["data"]["reason"] for record in records if "reason" in record["data"]][::-1],
                         [f"because {verb}" for verb in ("retry", "pause", "resume", "stop")])
        self.assertEqual({record["data"]["actor"] for record in records}, {"ops"})
        self.assertTrue(all(record["type"].startswith("pawl.") for record in records))
        self.assertEqual(self.records(), [])

    def test_A232_a_cancellation_ends_it_and_gives_back_what_it_held(self):
        self.ok("resources", "add", "r")
        self.step("park", self.started(), "--hold", "r")
        self.ok("workflows", "cancel", "k", "w", "--reason", "not wanted")
        if self.show()["status"] == "failed":
            self.assertEqual(self.show()["last_error"]["class"], "cancelled")
        else:  # then whoever runs it is asked
            self.step("fail", self.take(), "--error", "compensated")
        self.assertEqual((self.show()["status"], self.held_by()), ("failed", []))
        self.has("r", "available")
        self.writes_nothing(7, "workflows", "signal", "k", "w", "go")

    def test_A232_a_cancellation_of_one_that_did_nothing_yet(self):
        self.start()
        self.ok("workflows", "cancel", "k", "w", "--reason", "not wanted")
        if self.show()["status"] != "failed":
            self.step("fail", self.take(), "--error", "nothing to do")
        self.assertEqual(self.show()["status"], "failed")
        self.assertEqual(self.records(), [])

    def test_a_retry_makes_it_due(self):
        self.step("park", self.started(), "--wake-in", "1h")
        self.ok("workflows", "retry", "k", "w", "--reason", "now")
        (claim,) = self.json("workflows", "claim", "k")
        self.run_of((0, 7), "workflows", "retry", "k", "w", "--reason", "it runs")
        self.step("done", claim)  # whose claim it is all the same
        self.writes_nothing(7, "workflows", "retry", "k", "w", "--reason", "it is over")

    def test_a_retry_from_a_step_that_never_was(self):
        self.step("park", self.started("w", "--state", "a"), "--state", "b")
        before = self.show()
        self.run_of((2, 3, 7), "workflows", "retry", "k", "w", "--from", "999999", "--reason", "r")
        self.assertEqual(self.show(), before)

    def test_a_fork_is_another_from_there_on(self):
        self.ok("resources", "add", "r")
        self.start("w", "--state", "a", "--data", "1")
        claim = self.take()
        first = self.step("next", claim, "--state", "b", "--data", "2", "--hold", "r", "--keep")
        self.step("next", claim, "--state", "c", "--data", "3", "--keep")
        self.step("done", claim, "--release", "r", "--receipt", "1")
        before = self.show()
        for at in (first["generation"], "b"):  # a STEP may be a generation or a state
            run = self.run_it("workflows", "fork", "k", "w", "w2", "--at", at, "--reason", "r", "--json")
            if run.status == 2:
                run = self.run_it("workflows", "fork", "k", "w", "w2", "--at", at, "--json")
            if run.status == 0:
                break
        self.assertEqual(run.status, 0, run.err)
        row = self.show("w2")
        self.assertEqual((row["kind"], row["id"], row.get("resources", [])), ("k", "w2", []))
        self.assertIn(row["status"], ("runnable", "parked"))
        self.assertIn((row["state"], row["data"]), (("a", 1), ("b", 2), ("c", 3)))
        self.assertNotIn("receipt", row)
        self.assertEqual(self.show(), before)
        self.assertEqual(self.take("--id", "w2")["id"], "w2")

    def test_rules_of_a_fork(self):
        self.step("next", self.started("w", "--state", "a"), "--state", "b")
        self.start("there")
        before = self.state()
        for words, statuses in ((("none", "new", "--at", 1), (3,)), (("w", "there", "--at", 1), (3, 4, 7)), (("w", "new", "--at", 999999), (2, 3, 7)),
                                (("w", "a/b", "--at", 1), (2,)), (("w",), (2,)), (("w", "w", "--at", 1), (2, 3, 4, 7))):
            run = self.run_it("workflows", "fork", "k", *words, "--reason", "r", "--json")
            if run.status == 2 and 2 not in statuses:
                run = self.run_it("workflows", "fork", "k", *words, "--json")
            self.assertIn(run.status, statuses, (words, run.err))
        self.assertEqual(self.state(), before)

    def test_why_says_what_it_waits_for_and_changes_nothing(self):
        self.start("due")
        self.step("park", self.started("parked"))
        self.step("park", self.started("asleep"), "--wake-in", "1h")
        self.ok("kinds", "set", "k", "backoff_ms=3600000", "jitter_percent=0")
        self.step("park", self.started("failing"), "--error", "no route")
        self.started("running")
        self.ended("done", "done")
        self.ended("fail", "failed", "--error", "no funds")
        before = self.state()
        whys = {}
        for key, state in (("due", "runnable"), ("parked", "parked"), ("asleep", "parked"), ("failing", "parked"), ("running", "running"),
                           ("done", "finished"), ("failed", "failed")):
            (why,) = self.json("why", f"k/{key}")
            self.assertIn(why["id"], (f"k/{key}", key))
            self.assertEqual(why["state"], state)
            self.assertTrue(why["reasons"] and all(reason["code"] and reason["text"] for reason in why["reasons"]), why)
            self.assertIn(why["reasons"][0]["text"], self.ok("why", f"k/{key}").out.replace("\n", " ") + why["reasons"][0]["text"])
            whys[key] = why
        self.assertEqual([reason["until"] for reason in whys["asleep"]["reasons"] if "until" in reason], [self.show("asleep")["wake_at"]])
        self.assertIn("no route", json.dumps(whys["failing"]))
        self.assertIn("no funds", json.dumps(whys["failed"]))
        self.assertTrue(any(reason.get("by") for reason in whys["running"]["reasons"]))
        self.assertEqual(self.state(), before)
        self.fails(3, "why", "k/none")
        for bad in ("k/", "/w", "k/a/b", "k/a<b>"):
            self.fails(2, "why", bad)


class Scopes(Case):
    def test_scopes_are_separate(self):
        there = ("--scope", "b")
        self.start("w", "--data", "1")
        self.assertFalse(self.start("w", "--data", "2", *there)["replayed"])
        self.assertEqual((self.show()["data"], self.show("w", *there)["data"]), (1, 2))
        claim, other = self.take(), self.take(*there)
        self.fails(7, "workflows", "next", "k", "w", claim["token"], *there)
        self.start("only")
        for words in (("show", "k", "only"), ("signal", "k", "only", "go"), ("next", "k", "only", claim["token"])):
            self.fails(3, "workflows", *words, *there)
        self.ok("workflows", "signal", "k", "w", "go", *there)
        self.step("next", claim, "--event", "t:e=1")
        self.assertEqual(self.take("--id", "w").get("signals", []), [])
        self.assertEqual((len(self.records()), self.records("pawl.step", *there)), (1, []))
        self.assertEqual([row["id"] for row in self.json("workflows", "list", *there)], ["w"])
        self.step("done", other, *there)
        self.assertEqual(self.show()["status"], "running")

    def test_resources_and_kinds_are_too(self):
        there = ("--scope", "b")
        self.ok("resources", "add", "r", "--kind", "coin")
        self.ok("resources", "add", "r", "--kind", "note", *there)
        self.ok("resources", "add", "only")
        self.step("next", self.started(), "--hold", "r")
        self.assertEqual(self.resource("r", *there)["state"], "available")
        self.fails(3, "resources", "show", "only", *there)
        self.ok("kinds", "set", "k", "max_attempts=1", "backoff_ms=1", "jitter_percent=0")
        self.start("w", *there)
        self.step("park", self.take(*there), "--error", "e", *there)
        self.assertEqual(self.show("w", *there)["status"], "parked")  # this scope's kind has no such policy


class Screens(Case):
    def test_tables_fit_80_columns(self):
        self.ok("kinds", "set", "k", "max_attempts=2", "backoff_ms=60000")
        self.ok("resources", "add", "r", "--kind", "coin")
        self.ok("resources", "add", "q" * 100)
        for key in (LONG, "parked", "held", "running", "done", "failed", "stopped"):
            self.start(key, "--state", "reserve-inputs-of-the-round", "--data", json.dumps({"text": "ü日本 " * 50}), kind="k")
        self.step("park", self.take("--id", "parked"), "--error", "the other side " * 20, "--hold", "r")
        self.ok("workflows", "pause", "k", "held", "--reason", "repairs " * 20)
        self.take("--id", "running")
        self.step("done", self.take("--id", "done"), "--receipt", json.dumps("x" * 500))
        self.step("fail", self.take("--id", "failed"), "--error", "no")
        self.ok("workflows", "stop", "k", "stopped", "--reason", "r")
        self.ok("schedules", "add", "s" * 100, "--cron", "*/5 * * * *", "--message", "l/t=1")
        for words in (("workflows", "list"), ("workflows", "list", "--status", "stuck"), ("kinds", "list"), ("resources", "list"),
                      ("schedules", "list")):
            for line in self.on_terminal(*words).splitlines():
                self.assertLessEqual(support.width(line), 80, (words, line))
        for words in (("workflows", "show", "k", "parked"), ("workflows", "show", "k", LONG), ("workflows", "show", "k", "done"),
                      ("resources", "show", "r"), ("schedules", "show", "s" * 100), ("why", "k/parked"), ("why", f"k/{LONG}"),
                      ("workflows", "claim", "k", "--id", LONG), ("workflows", "signal", "k", LONG, "go"), ("workflows", "start", "k", "new")):
            self.assertTrue(self.on_terminal(*words).strip(), words)
        self.assertIn("parked", self.on_terminal("workflows", "list"))

    def test_in_words_every_command_says_something_and_quiet_ones_nothing(self):
        self.assertIn("w", self.ok("workflows", "start", "k", "w").out)
        claim = self.take()
        self.assertTrue(self.ok("workflows", "next", "k", "w", claim["token"], "--state", "b").out)
        claim = self.take()
        self.assertEqual(self.ok("workflows", "park", "k", "w", claim["token"], "--quiet").out, "")
        self.assertEqual(self.ok("workflows", "start", "k", "v", "--quiet").out, "")
        out = self.ok("workflows", "claim", "k").out
        self.assertIn("v", out)
        self.assertIn("b", self.ok("workflows", "show", "k", "w").out)

    def test_nothing_of_an_error_reaches_the_terminal_as_it_is(self):
        self.start("w", "--data", "-")
        self.step("park", self.take(), "--error", "bad \x1b[31m\x07", "--data", '"\x7f\\u001b[31m"')
        for words in (("workflows", "list"), ("workflows", "show", "k", "w"), ("why", "k/w")):
            self.assertEqual([c for c in "\x1b\x07\x7f" if c in self.ok(*words).out], [], words)


class Schedules(Case):
    """What fires them is a server; here is only what is kept of them."""

    def add(self, name, *words):
        (row,) = self.json("schedules", "add", name, *words)
        return row

    def shown(self, name="s", *words):
        (row,) = self.json("schedules", "show", name, *words)
        return row

    def toggled(self, verb, name):
        """With a reason where one is taken."""
        run = self.run_it("schedules", verb, name, "--reason", "r", "--json")
        run = self.run_it("schedules", verb, name, "--json") if run.status == 2 else run
        self.assertEqual(run.status, 0, run.err)

    def moments(self, name="s", zone="UTC"):
        return [datetime.datetime.fromtimestamp(slot / 1000, zoneinfo.ZoneInfo(zone)) for slot in self.shown(name)["next"]]

    def test_a_schedule_shows_its_next_five_slots(self):
        begin = int(time.time() * 1000)
        self.add("s", "--cron", "*/5 * * * *", "--message", "l/t=1")
        row = self.shown()
        self.assertEqual((row["name"], row["cron"], row["missed"]), ("s", "*/5 * * * *", "one"))
        self.assertFalse(row.get("paused", False))
        self.assertIsNone(row.get("last_slot"))
        self.assertNotIn("every_ms", row)
        slots = row["next"]
        self.assertEqual([slot - slots[0] for slot in slots], [n * 300000 for n in range(5)])
        self.assertEqual(slots[0] % 300000, 0)
        self.assertLess(begin, slots[0])
        self.assertLessEqual(slots[0], int(time.time() * 1000) + 300000)

    def test_every_counts_from_when_it_was_added(self):
        begin = int(time.time() * 1000)
        self.add("s", "--every", "90m", "--start", "k=1")
        end = int(time.time() * 1000)
        row = self.shown()
        self.assertEqual(row["every_ms"], 5400000)
        self.assertNotIn("cron", row)
        slots = row["next"]
        self.assertEqual([slot - slots[0] for slot in slots], [n * 5400000 for n in range(5)])
        self.assertLessEqual(begin, slots[0] if slots[0] <= end else slots[0] - 5400000)
        self.assertLessEqual(slots[0] - 5400000, end)

    def test_names_steps_lists_and_ranges(self):
        for name, cron, fits in (("names", "30 9 * jan,jul mon-fri", lambda t: (t.hour, t.minute) == (9, 30) and t.month in (1, 7) and t.weekday() < 5),
                                 ("or", "0 0 13 * fri", lambda t: t.day == 13 or t.weekday() == 4),
                                 ("step", "10-50/20 0-6/3 * * *", lambda t: t.minute in (10, 30, 50) and t.hour in (0, 3, 6)),
                                 ("list", "1,2,3 4 5 6 *", lambda t: (t.hour, t.day, t.month) == (4, 5, 6) and t.minute in (1, 2, 3)),
                                 ("sunday", "0 0 * * 0", lambda t: t.weekday() == 6), ("leap", "0 0 29 2 *", lambda t: (t.month, t.day) == (2, 29))):
            self.add(name, "--cron", cron, "--zone", "UTC", "--message", "l/t")
            moments = self.moments(name)
            self.assertEqual(len(moments), 5, name)
            self.assertTrue(all(fits(moment) for moment in moments), (name, moments))
            self.assertEqual(moments, sorted(set(moments)))

    def test_the_two_day_fields_are_one_or_the_other(self):
        self.add("s", "--cron", "0 0 13 * fri", "--zone", "UTC", "--message", "l/t")
        moments = self.moments()
        self.assertLessEqual(max(b - a for a, b in zip(moments, moments[1:])), datetime.timedelta(days=7))

    def test_a_zone_has_its_own_hours(self):
        self.add("s", "--cron", "0 9 * * *", "--zone", "Asia/Tokyo", "--message", "l/t")
        self.assertEqual(self.shown()["zone"], "Asia/Tokyo")
        self.assertEqual([(t.hour, t.minute) for t in self.moments(zone="Asia/Tokyo")], [(9, 0)] * 5)
        self.assertEqual({t.hour for t in self.moments()}, {0})

    def test_the_same_again_writes_nothing_and_another_is_4(self):
        words = ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/t=1")
        self.add("s", *words)
        before = self.state()
        self.ok("schedules", "add", "s", *words)
        self.assertEqual(self.state(), before)
        for other in (("--cron", "0 10 * * *", "--zone", "UTC", "--message", "l/t=1"), ("--cron", "0 9 * * *", "--zone", "Asia/Tokyo", "--message", "l/t=1"),
                      ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/t=2"), ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/u=1"),
                      ("--every", "1h", "--message", "l/t=1"), ("--cron", "0 9 * * *", "--zone", "UTC", "--start", "k=1"),
                      (*words, "--missed", "all"), (*words, "--jitter", 5000)):
            self.writes_nothing(4, "schedules", "add", "s", *other)

    def test_rules_of_schedules(self):
        when, what = ("--every", "1h"), ("--message", "l/t=1")
        crons = ("", "x", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
                 "5-1 * * * *", "* * * foo *", "* * * * someday", "-1 * * * *", "1,,2 * * * *", "1- * * * *")
        self.all_refused(2, *((("schedules", "add", "s", "--cron", cron, *what), "cron") for cron in crons),
                         *((("schedules", "add", name, *when, *what), "name") for name in ("", " ", "a b", "pawl.s", "n" * 129)),
                         *((("schedules", "add", "s", *words), says) for words, says in [
                             ((*when,), ()), ((*what,), ()), ((*when, "--cron", "* * * * *", *what), ()), ((*when, *what, "--start", "k=1"), ()),
                             (("--every", 0, *what), "every"), (("--every", -1, *what), "every"), (("--every", "x", *what), "every"),
                             (("--cron", "* * * * *", "--zone", "Mars/Olympus", *what), "zone"),
                             (("--cron", "* * * * *", "--zone", "../../etc/passwd", *what), "zone"),
                             ((*when, *what, "--missed", "most"), "missed"), ((*when, *what, "--catch-up", -1), "catch-up"),
                             ((*when, *what, "--catch-up", "x"), "catch-up"), ((*when, *what, "--jitter", -1), "jitter"),
                             ((*when, "--message", "nonsense"), "LANE/TARGET"), ((*when, "--message", " /t=1"), "lane"),
                             ((*when, "--message", "pawl.l/t=1"), "lane"), ((*when, "--start", "pawl.k=1"), "kind"), ((*when, "--start", "=1"), ()),
                             ((*when, "--message", "l/t=@missing"), "missing"), ((*when, *what, "--colour", "red"), "colour"), ((), ())]))

    def test_words_for_missed_slots(self):
        for missed in ("one", "all", "none"):
            self.add(missed, "--every", "1h", "--missed", missed, "--message", "l/t")
            self.assertEqual(self.shown(missed)["missed"], missed)
        self.add("many", "--every", "1h", "--missed", "all", "--catch-up", 7, "--message", "l/t")

    def test_lists(self):
        for name in ("a", "b"):
            self.add(name, "--every", "1h", "--message", "l/t")
        self.assertEqual(sorted(row["name"] for row in self.json("schedules", "list")), ["a", "b"])
        self.assertEqual(self.json("schedules", "list", "--scope", "b"), [])
        self.fails(3, "schedules", "show", "a", "--scope", "b")

    def test_pause_and_resume(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.toggled("pause", "s")
        self.assertTrue(self.shown()["paused"])
        self.assertTrue(self.json("schedules", "list")[0]["paused"])
        self.toggled("resume", "s")
        self.assertFalse(self.shown().get("paused", False))

    def test_remove(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.toggled("remove", "s")
        self.assertEqual(self.json("schedules", "list"), [])
        self.fails(3, "schedules", "show", "s")
        self.add("s", "--cron", "0 0 * * *", "--start", "k")
        self.assertEqual(self.shown()["cron"], "0 0 * * *")

    def test_what_is_not_there_is_3(self):
        for verb in ("show", "pause", "resume", "remove"):
            run = self.run_it("schedules", verb, "none", *(("--reason", "r") if verb != "show" else ()), "--json")
            run = self.run_it("schedules", verb, "none", "--json") if run.status == 2 else run
            self.assertEqual((run.status, run.out), (3, ""), verb)

    def test_nothing_is_told_before_it_fires(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.add("r", "--every", "1h", "--start", "k")
        self.assertEqual(self.json("messages", "list") + self.json("workflows", "list") + self.json("journal", "list"), [])


if __name__ == "__main__":
    support.main()
