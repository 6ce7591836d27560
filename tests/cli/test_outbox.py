#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""enqueue, claim, ack, nack, extend, from a script's side. LAW(O1) LAW(O2) LAW(O3) LAW(O4) LAW(O5)"""
import json
import re
import subprocess
import uuid

import support


class Outbox(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    # ---- enqueue ----

    def test_a_dedupe_key_again_is_the_stored_message_A7_A13(self):
        (first,) = self.json("enqueue", "l", "t", "1", "--dedupe", "d")
        self.assertEqual((first["state"], first["replayed"]), ("pending", False))
        self.assertEqual(self.json("enqueue", "l", "t", "1", "--dedupe", "d"), [{**first, "replayed": True}])
        key, token = self.claim("l", "t")
        self.ok("ack", key, token)
        self.assertEqual(self.json("enqueue", "l", "t", "1", "--dedupe", "d"),
                         [{"id": first["id"], "state": "delivered", "replayed": True}])

    def test_a_dedupe_key_for_other_content_is_4_A8(self):
        key = self.enqueue("l", "t", "1", "--dedupe", "d")
        before = self.message(key)
        for words in (("l", "t", "2"), ("l", "t", "1", "--priority", 1), ("l", "t", "1", "--header", "a:b"),
                      ("l", "t", "1", "--key", "k")):
            self.writes_nothing(4, "enqueue", *words, "--dedupe", "d", says="d")
        self.assertEqual(self.message(key), before)

    def test_a_conflict_says_what_is_stored_A93_A100(self):
        key = self.enqueue("l", "t", "1", "--dedupe", "d")
        fingerprint = self.message(key)["fingerprint"]
        error = self.writes_nothing(4, "enqueue", "l", "t", "2", "--dedupe", "d")
        other = self.message(self.enqueue("l", "t", "2"))["fingerprint"]
        told = {"reason": "pending_fingerprint_mismatch", "fingerprint": other[:16], "stored_fingerprint": fingerprint[:16]}
        self.assertEqual({name: error.get(name) for name in (*told, "remote_id")}, {**told, "remote_id": None})
        self.ok("ack", *self.claim("l", "t"), "--remote-id", "r-7")
        line = json.dumps({"lane": "l", "target": "t", "data": 2, "dedupe": "d"})
        run = self.run_it("enqueue", "--jsonl", "-", "--json", stdin=line + "\n")
        (answer,) = run.answers
        self.assertEqual({**answer["error"], "line": 1}, run.error)
        self.assertEqual((run.status, run.error["reason"], run.error["remote_id"]), (4, "delivered_fingerprint_mismatch", "r-7"))

    def test_a_lane_says_what_a_key_does_again_A101(self):
        key = self.enqueue("l", "t", "1", "--dedupe", "d")
        self.ok("messages", "cancel", key, "--reason", "r")
        self.ok("lanes", "set", "l", "accept=bind")
        error = self.writes_nothing(4, "enqueue", "l", "t", "1", "--dedupe", "d", says=(key, "cancelled"))
        self.assertEqual(error["reason"], "cancelled_fingerprint_match")
        self.ok("lanes", "set", "l", "accept=rebind")
        new = self.enqueue("l", "t", "2", "--dedupe", "d")
        self.assertEqual((self.message(key)["state"], self.message(key)["superseded_by"]), ("cancelled", new))
        self.writes_nothing(2, "lanes", "set", "l", "accept=maybe", says=("accept", "maybe"))

    def test_a_dedupe_key_belongs_to_its_queue_and_scope_A9_A84(self):
        ids = {self.enqueue(*words, "--dedupe", "d") for words in
               (("l", "t", "1"), ("l2", "t", "2"), ("l", "t2", "3"), ("l", "t", "4", "--scope", "b"))}
        self.assertEqual(len(ids), 4)

    def test_an_id_stands_in_place_of_a_dedupe_key(self):
        request = str(uuid.uuid4())
        first = self.enqueue("l", "t", "1", "--id", request)
        self.assertEqual(self.enqueue("l", "t", "1", "--id", request), first)
        self.assertEqual(self.message(first)["request_id"], request)
        self.writes_nothing(4, "enqueue", "l", "t", "2", "--id", request)
        self.writes_nothing(2, "enqueue", "l", "t", "1", "--id", request, "--dedupe", "d")

    def test_every_rule_names_its_field_and_writes_nothing_A1_A2_A3(self):
        for words, says in [
                ((" ", "t"), "lane"), (("l", "  "), "target"), (("", "t"), "lane"), (("l" * 129, "t"), ("lane", "128")),
                (("l/x", "t"), "lane"), (("pawl.l", "t"), "lane"),
                (("l", "t", "1", "--dedupe", " "), "dedupe"), (("l", "t", "1", "--dedupe", ""), "dedupe"),
                (("l", "t", "1", "--key", "k" * 257), ("key", "256")), (("l", "t", "1", "--sender", "\x07"), "sender"),
                (("l", "t", "1", "--max-attempts", 0), "max-attempts"), (("l", "t", "1", "--max-attempts", "x"), "max-attempts"),
                (("l", "t", "1", "--priority", 0), "priority"), (("l", "t", "1", "--priority", 10), "priority"),
                (("l", "t", "1", "--delay", -1), "delay"), (("l", "t", "1", "--delay", "5x"), "delay"),
                (("l", "t", "1", "--ttl", 0), "ttl"), (("l", "t", "1", "--ttl", 2**63), "ttl"),
                (("l", "t", "1", "--header", "nocolon"), "NAME:VALUE"), (("l", "t", "1", "--header", "Big:1"), "Big"),
                (("l", "t", "1", "--header", "a:1", "--header", "a:2"), "twice"),
                (("l", "t", "1", "--header", "content-type:x"), "content-type"),
                (("l", "t", "1", "--content-type", ""), "content_type"), (("l", "t", "{", "--content-type", "application/json"), "JSON"),
                (("l", "t", "1", "--id", "x"), "id"), (("l", "t", "@missing"), "missing")]:
            self.writes_nothing(2, "enqueue", *words, says=says)
        self.ok("enqueue", "l", "t", "1", "--max-attempts", 1)

    def test_times_near_the_end_of_the_range_do_not_wrap_A34(self):
        self.enqueue("l", "t", "1", "--delay", 2**63 - 2)
        self.enqueue("m", "t", "1", "--ttl", 2**63 - 2)
        self.assertEqual(self.ok("claim", "l", "t").out, "")
        self.claim("m", "t", "--lease", 86400000)

    # ---- claim ----

    def test_a_claim_takes_the_older_one_under_a_token_A21_A27(self):
        ids = [self.enqueue("l", "t", str(n)) for n in (1, 2)]
        (row,) = self.json("claim", "l", "t", "--consumer", "me", "--lease", 60000)
        self.assertEqual((row["id"], row["state"], row["attempt"], row["claimed_by"], row["data"]),
                         (ids[0], "claimed", 1, "me", 1))
        self.assertRegex(row["token"], r"^\d{1,20}$")
        self.assertEqual(row["lease_until"] - row["updated_at"], 60000)
        self.assertEqual([r["id"] for r in self.json("claim", "l", "t", "--limit", 10)], [ids[1]])
        self.assertEqual(self.json("claim", "l", "t"), [])

    def test_a_claim_skips_what_is_not_due_and_other_queues_A22_A42(self):
        late = self.enqueue("l", "t", "1", "--delay", 3600000)
        self.enqueue("m", "t", "2")
        due = self.enqueue("l", "t", "3")
        self.assertEqual([r["id"] for r in self.json("claim", "l", "t", "--limit", 10)], [due])
        self.assertEqual([r["id"] for r in self.json("claim", "l", "t", "--id", late)], [late])
        self.assertEqual(self.json("claim", "l", "t", "--id", late), [])

    def test_urgent_ones_go_first_A30(self):
        ids = {p: self.enqueue("l", "t", "x", "--priority", p) for p in (9, 5, 1)}
        self.assertEqual([r["id"] for r in self.json("claim", "l", "t", "--limit", 3)], [ids[1], ids[5], ids[9]])

    def test_a_key_goes_one_at_a_time_in_order_A31_O5(self):
        ids = [self.enqueue("l", "t", "x", "--key", "k") for _ in range(2)]
        other = self.enqueue("l", "t", "x", "--key", "j")
        claimed = self.json("claim", "l", "t", "--limit", 10)
        self.assertEqual([r["id"] for r in claimed], [ids[0], other])
        self.assertIn("behind", [r["code"] for r in self.json("why", ids[1])[0]["reasons"]])
        self.ok("ack", ids[0], claimed[0]["token"])
        self.assertEqual(self.claim("l", "t")[0], ids[1])

    def test_rules_of_a_claim_A32_A33(self):
        self.enqueue("l", "t", "1")
        for words, says in [((" ", "t"), "lane"), (("l", ""), "target"), (("l", "t", "--consumer", " "), "consumer"),
                            (("l", "t", "--lease", 0), "lease"), (("l", "t", "--lease", 86400001), "lease"),
                            (("l", "t", "--limit", 4097), "limit"), (("l", "t", "--wait", -1), "wait"),
                            (("l", "t", "--id", "x"), "id")]:
            self.writes_nothing(2, "claim", *words, says=says)
        self.assertEqual(self.json("claim", "l", "t", "--limit", 0), [])

    def test_a_claim_waits_for_what_comes(self):
        process = subprocess.Popen([support.PAWL, "claim", "l", "t", "--wait", "60000"], stdout=subprocess.PIPE,
                                   env=self.env, text=True)
        key = self.enqueue("l", "t", "hello")
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual((out.split()[0], out.split()[3]), (key, "hello"))

    def test_sixteen_claimers_get_one_message_once_A25(self):
        key = self.enqueue("l", "t", "1")
        runs = [subprocess.Popen([support.PAWL, "claim", "l", "t"], stdout=subprocess.PIPE, env=self.env, text=True)
                for _ in range(16)]
        outs = [run.communicate()[0] for run in runs]
        self.assertEqual([run.returncode for run in runs], [0] * 16)
        self.assertEqual([out.split()[0] for out in outs if out], [key])

    def test_a_lost_lease_comes_back_under_another_token_A24_A35_A47(self):
        key = self.enqueue("l", "t", "1", "--max-attempts", 2)
        _, old = self.claim("l", "t", "--lease", 1)
        (row,) = self.json("claim", "l", "t", "--wait", 60000, "--lease", 60000)
        self.assertEqual((row["id"], row["attempt"]), (key, 2))
        self.assertNotEqual(row["token"], old)
        self.fails(7, "ack", key, old, says="lost")
        self.assertEqual(self.message(key)["state"], "claimed")
        self.ok("ack", key, row["token"])

    # ---- settle ----

    def test_an_ack_delivers_once_A45_A46_A54(self):
        key = self.enqueue("l", "t", "1")
        self.fails(7, "ack", key, 1, says="pending")
        _, token = self.claim("l", "t")
        self.fails(7, "ack", key, int(token) + 1, says="claimed")
        self.fails(7, "ack", key, "9" * 20)
        self.assertEqual(self.json("ack", key, token, "--remote-id", "r"), [{"id": key, "result": "delivered", "state": "delivered"}])
        self.assertEqual(self.message(key)["remote_id"], "r")
        self.writes_nothing(7, "ack", key, token, says="delivered")
        self.writes_nothing(7, "nack", key, token, says="delivered")

    def test_ids_and_tokens_are_looked_at_first(self):
        key = self.enqueue("l", "t", "1")
        self.writes_nothing(3, "ack", support.NOBODY, 1, says="message")
        for command, more in (("ack", ()), ("nack", ()), ("extend", (1000,)), ("progress", ("x",))):
            self.writes_nothing(2, command, "nonsense", 1, *more, says="id")
            for token in ("", "x", "-1", "1" * 21, "1.0"):
                self.writes_nothing(2, command, "--", key, token, *more, says="token")

    def test_another_scope_settles_nothing_A86(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        for words in (("ack",), ("nack",)):
            self.writes_nothing(3, *words, key, token, "--scope", "b")
        self.assertEqual(self.message(key)["state"], "claimed")

    def test_a_nack_tries_again_later_A48(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.assertEqual(self.json("nack", key, token, "--error", "temporary", "--retry-in", 3600000)[0]["result"], "requeued")
        row = self.message(key)
        self.assertEqual((row["state"], row["attempts"], row["last_error"]["class"], row["last_error"]["text"]),
                         ("pending", 1, "transient", "temporary"))
        self.assertEqual(row["available_at"] - row["updated_at"], 3600000)
        self.assertEqual(self.json("claim", "l", "t"), [])
        self.assertNotIn("claimed_by", row)
        self.assertEqual([a["verdict"] for a in row["history"]], ["retry"])

    def test_a_nack_at_the_cap_or_for_ever_is_dead_A49_A51(self):
        for words, cap in (((), 1), (("--permanent",), 9)):
            key = self.enqueue("l", "t", "1", "--max-attempts", cap)
            _, token = self.claim("l", "t")
            self.assertEqual(self.json("nack", key, token, "--error", "no", *words)[0]["result"], "dead")
            self.assertEqual(self.message(key)["last_error"]["text"], "no")

    def test_a_nack_that_knows_nothing_is_uncertain_under_hold_O4(self):
        self.ok("lanes", "set", "l", "unknown=hold")
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.assertEqual(self.json("nack", key, token, "--uncertain", "--error", "who knows")[0]["result"], "uncertain")
        self.assertEqual(self.message(key)["last_error"]["class"], "unknown")

    def test_a_nack_says_one_thing(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.writes_nothing(2, "nack", key, token, "--permanent", "--uncertain", says="--permanent")
        self.writes_nothing(2, "nack", key, token, "--permanent", "--retry-in", 5, says="--permanent")
        self.writes_nothing(2, "nack", key, token, "--retry-in", "soon", says="retry-in")

    def test_a_long_or_broken_error_text_is_cut_between_characters_A57(self):
        for text in ("ü" * 5000, "x" * 100_000, b"bad \xff\xfe \x1b[31m"):
            key = self.enqueue("l", "t", "1")
            _, token = self.claim("l", "t")
            self.ok("nack", key, token, "--error", text if isinstance(text, str) else text.decode(errors="surrogateescape"))
            stored = self.message(key)["last_error"]["text"]
            self.assertLessEqual(len(stored.encode()), 1024)
            self.assertTrue(stored[0] in "üxb" and "\x1b" not in stored)
            self.ok("messages", "cancel", key, "--reason", "next")

    def test_an_extension_renews_the_lease_A39(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t", "--lease", 1000)
        self.assertEqual(self.json("extend", key, token, 3600000)[0]["result"], "extended")
        self.assertGreater(self.message(key)["lease_until"] - self.message(key)["updated_at"], 3_000_000)
        for ms in (0, -1, 86400001, "x"):
            self.writes_nothing(2, "extend", "--", key, token, ms, says="MS")
        self.fails(7, "extend", key, int(token) + 1, 1000)

    def test_what_an_attempt_stored_is_the_next_ones(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.writes_nothing(3, "progress", support.NOBODY, token, "x", says="message")
        self.writes_nothing(7, "progress", key, int(token) + 1, "x", says="lost")
        self.writes_nothing(7, "progress", key, token, "x" * 65537, says="65536")
        self.assertEqual(self.json("progress", key, token, "not JSON")[0]["result"], "extended")
        for data, shown in (("not JSON", {"progress_base64": "bm90IEpTT04="}), ('{"a":1}', {"progress": {"a": 1}})):
            self.ok("progress", key, token, data)
            self.ok("nack", key, token, "--retry-in", 0)
            claimed, = self.json("claim", "l", "t")
            token = claimed["token"]
            self.assertEqual({name: claimed[name] for name in claimed if name.startswith("progress")}, shown)

    def test_a_script_consumes_everything_once(self):
        ids = {self.enqueue("mail", "smtp", f"a message {n}", "--dedupe", f"d{n}") for n in range(20)}
        script = '''while read -r id token attempt data && [ -n "$id" ]; do
            echo "$id $data"; "$PAWL" ack "$id" "$token" --quiet || exit 9
        done < <(while out=$("$PAWL" claim mail smtp --limit 7) && [ -n "$out" ]; do echo "$out"; done)'''
        run = subprocess.run(["bash", "-c", script], env={**self.env, "PAWL": support.PAWL}, capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual({line.split()[0] for line in run.stdout.splitlines()}, ids)
        self.assertTrue(all(re.search(r" a message \d+$", line) for line in run.stdout.splitlines()))
        self.assertEqual(self.json("messages", "stats")[0]["counts"]["delivered"], 20)


class Workers(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def test_claims_by_hand_are_listed_by_consumer_and_scope(self):
        self.assertEqual(self.ok("workers").out, "")
        for lane, scope in ("l", "default"), ("m", "default"), ("l", "other"):
            self.enqueue(lane, "t", "1", "--scope", scope)
            self.claim(lane, "t", "--consumer", "bob", "--scope", scope, "--lease", "1h")
        here, there = self.json("workers")
        self.assertEqual((here["consumer"], here["by_hand"], here["scope"], here["claims"]), ("bob", True, "default", 2))
        self.assertEqual((sorted(here["lanes"]), there["scope"], there["claims"]), (["l", "m"], "other", 1))
        self.assertLess(1_600_000_000_000, here["since"])
        self.assertLessEqual(here["since"], here["last_seen"])
        self.assertEqual({"alive", "pid", "sinks", "stopped"} & set(here), set())  # nobody knows
        self.assertEqual(self.json("workers", "--scope", "other"), [there])
        head, first, _ = self.ok("workers").out.splitlines()
        self.assertEqual(head.split(), ["CONSUMER", "STATE", "PID", "SCOPE", "LANES", "CLAIMS", "SINCE", "SEEN"])
        self.assertRegex(first, r"^bob +by hand +- +default +\S+ +2 +20\d\d-")
        key, token = self.claim("l", "t", "--wait", "0") if self.enqueue("l", "t", "2") else None
        self.ok("ack", key, token)
        self.assertEqual(len(self.json("workers")), 2)  # what was settled is nobody's

    def test_why_says_that_nobody_serves_where_somebody_should(self):
        key = self.enqueue("l", "t", "1")
        self.assertEqual([r["code"] for r in self.json("why", key)[0]["reasons"]], ["no_target"])
        self.ok("targets", "add", "t", "https://example.com/")
        ready, unserved = self.json("why", key)[0]["reasons"]
        self.assertEqual((ready["code"], unserved["code"]), ("ready", "unserved"))
        self.assertIn('run "pawl serve"', unserved["text"])
        self.assertNotIn("since", unserved)


if __name__ == "__main__":
    support.main()
