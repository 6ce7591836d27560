#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Workflows from a script's side: starting, claiming, steps, parks and signals, as the contract has them. LAW(W1) LAW(J2) LAW(O2) LAW(O3) LAW(T1)

Nothing here knows how they are built. Where the contract leaves something open, each reading of it is taken."""
import json
import subprocess
import time

import support
from workflows import Case, LONG, HOUR


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

    def test_a_store_that_only_reads_is_7(self):
        self.start()
        only = ("--store", f"sqlite:{self.folder}/s.db?mode=ro")
        for words in (("start", "k", "v"), ("claim", "k"), ("signal", "k", "w", "go"), ("stop", "k", "w", "--reason", "r")):
            self.fails(7, "workflows", *words, *only)
        self.fails(7, "resources", "add", "r", *only)
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
        self.assertEqual((ids("--since", "1h"), ids("--since", 1, "--until", "1h"), ids("--until", "1h")), (ids(), [], []))
        for status in ("running", "parked", "stuck", "failed"):
            self.assertEqual(ids("--status", status), [])
        self.all_refused(2, (("workflows", "list", "--status", "dead"), "status"), (("workflows", "list", "--limit", "x"), "limit"),
                             (("workflows", "list", "--since", "x"), "since"))

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
        self.ok("kinds", "set", "k", "backoff_ms=720000", "backoff_max_ms=3600000", "jitter_percent=0")
        self.start()
        for attempt, wait in ((1, HOUR // 5), (2, HOUR // 5 * 2), (3, HOUR // 5 * 4), (4, HOUR), (5, HOUR)):
            claim = self.take("--id", "w")
            self.assertEqual((claim["attempts"], claim["total_attempts"]), (attempt, attempt))
            self.step("park", claim, "--error", f"try {attempt}")
            row = self.show()
            self.assertEqual((row["status"], row["attempts"], row["wake_at"] - row["updated_at"]), ("parked", attempt, wait))
            self.assertEqual(row["last_error"]["text"], f"try {attempt}")
        self.step("next", self.take("--id", "w"), "--state", "b")  # progress
        self.assertEqual((self.show()["attempts"], self.show()["total_attempts"]), (0, 6))
        self.step("park", self.take("--id", "w"), "--error", "again")
        row = self.show()
        self.assertEqual((row["attempts"], row["total_attempts"], row["wake_at"] - row["updated_at"]), (1, 7, HOUR // 5))

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


if __name__ == "__main__":
    support.main()
