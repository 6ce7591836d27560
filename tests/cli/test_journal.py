#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reading the journal: lists, one record, events from a cursor, following, the proof."""
import hashlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import support

PROGRAM = """
import hashlib, json, sys
total = 0
def records():
    for line in sys.stdin:
        yield json.loads(line)
def post(number):
    print(json.dumps({} if number is None else {"post": hashlib.sha256(b"%d" % number).hexdigest()}), flush=True)
"""


def digest(number):
    return hashlib.sha256(b"%d" % number).hexdigest()


class Journal(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def fill(self, count, scope="default"):
        text = "".join(json.dumps({"type": "A", "ref": f"r{n}", "data": n, "events": [
            {"topic": "even" if n % 2 == 0 else "odd", "type": "e", "key": f"k{n % 3}", "data": n},
            {"topic": "all", "type": "e", "data": n}]}) + "\n" for n in range(1, count + 1))
        self.ok("submit", "--jsonl", "-", "--scope", scope, "--quiet", stdin=text)

    def test_a_list_is_newest_first_and_50_long(self):
        self.fill(60)
        self.assertEqual([row["seq"] for row in self.json("journal", "list")], list(range(60, 10, -1)))
        self.assertEqual([row["seq"] for row in self.json("journal", "list", "--limit", 3)], [60, 59, 58])
        run = self.run_it("journal", "list")
        self.assertEqual(len(run.out.splitlines()), 51)
        self.assertIn("--before 11", run.err)
        self.assertEqual([row["seq"] for row in self.json("journal", "list", "--before", 11)], list(range(10, 0, -1)))

    def test_records_are_found_by_what_is_known_of_them(self):
        orders = [{"type": "Place" if n < 4 else "Ship", "ref": f"order-{n % 3}", "id_from": f"key-{n}"} for n in range(6)]
        self.ok("submit", "--jsonl", "-", "--quiet", stdin="".join(json.dumps(order) + "\n" for order in orders))
        def seqs(*words):
            return [row["seq"] for row in self.json("journal", "list", *words)]
        self.assertEqual(seqs("--ref", "order-1"), [5, 2])
        self.assertEqual(seqs("--ref", "order-1", "--type", "Place"), [2])
        self.assertEqual(seqs("--type", "Ship", "--limit", 1), [6])
        self.assertEqual(seqs("--since", "1h"), [6, 5, 4, 3, 2, 1])
        self.assertEqual(seqs("--since", self.json("journal", "show", 6)[0]["committed_at"] + 1), [])
        self.assertEqual(self.json("journal", "show", "--ref", "order-2")[0]["seq"], 6)
        self.assertEqual(self.json("journal", "show", "--id-from", "key-3")[0]["seq"], 4)
        self.assertTrue(self.json("submit", "Place", "--id-from", "key-0", "--ref", "order-0")[0]["replayed"])
        self.fails(3, "journal", "show", "--ref", "order-9", says="order-9")
        self.fails(3, "journal", "show", "--id-from", "key-9")
        self.fails(2, "journal", "show", "--id-from", "", says="id-from")
        self.fails(2, "journal", "show", 1, "--ref", "order-1", says="twice")
        self.fails(2, "journal", "show", says="missing")
        for bad in ({"type": "A", "id_from": ""}, {"type": "A", "id_from": "x", "request_id": support.NOBODY}):
            run = self.run_it("submit", "--jsonl", "-", "--json", stdin=json.dumps(bad) + "\n")
            self.assertEqual(run.status, 2)
            self.assertIn("id_from", run.error["message"])

    def test_a_record_names_its_messages_with_queue_and_state(self):
        self.ok("submit", "A", "--message", "mail/smtp=1", "--message", "mail/sms=2")
        key, token = self.claim("mail", "smtp")
        self.ok("ack", key, token)
        words = self.ok("journal", "show", 1).out
        self.assertIn(f"{key}  mail/smtp  delivered", words)
        self.assertIn("mail/sms  pending", words)

    def test_a_list_may_be_longer_than_a_page_A88(self):
        self.fill(1200)
        self.assertEqual([row["seq"] for row in self.json("journal", "list", "--limit", 1100)], list(range(1200, 100, -1)))
        self.assertEqual([row["seq"] for row in self.json("journal", "export")[1:]], list(range(1, 1201)))

    def test_a_record_that_cannot_be_read_ends_no_list_and_no_following(self):
        self.fill(5)
        with sqlite3.connect(self.folder / "s.db") as database:
            database.execute("UPDATE record SET events = '9' WHERE seq = 3")
        database.close()
        self.fill(1)  # there is a log again: who only reads follows no file that nobody writes
        for words in (("journal", "list"), ("journal", "tail"), ("journal", "export"), ("events",)):
            run = self.run_it(*words, "--json")
            self.assertEqual(({row["seq"] for row in run.rows if "seq" in row}, run.status), ({1, 2, 3, 4, 5, 6}, 8), words)
            self.assertIn("record", run.error["message"])
        self.fails(8, "journal", "show", 3)
        for words in (("events", "--follow"), ("journal", "tail", "--follow")):
            head = self.run_it("journal", "list", "--json").rows[0]["seq"]
            process = subprocess.Popen([support.PAWL, *words, "--json"], stdout=subprocess.PIPE, env=self.env)
            seen = 0
            while seen != head:
                seen = json.loads(process.stdout.readline())["seq"]
            self.fill(1)
            while seen != head + 1:
                line = process.stdout.readline()
                self.assertNotEqual(line, b"", words)
                seen = json.loads(line)["seq"]
            process.terminate()
            process.communicate()

    def test_an_empty_list_prints_nothing_and_is_0(self):
        for words in (("journal", "list"), ("journal", "tail"), ("journal", "export"), ("events",), ("messages", "list"),
                      ("messages", "stats"), ("lanes", "list"), ("targets", "list"), ("holds", "list")):
            self.assertEqual(self.ok(*words).out, "", words)
            self.assertEqual(self.ok(*words, "--json").out, "", words)

    def test_tail_prints_the_last_ones_oldest_first(self):
        self.fill(12)
        self.assertEqual([row["seq"] for row in self.json("journal", "tail")], list(range(3, 13)))
        self.assertEqual([row["seq"] for row in self.json("journal", "tail", "--limit", 2)], [11, 12])

    def test_show_takes_a_seq_or_a_request_id_A171(self):
        self.fill(3)
        by_seq = self.json("journal", "show", 2)
        self.assertEqual(self.json("journal", "show", by_seq[0]["request_id"]), by_seq)
        words = self.ok("journal", "show", 2).out
        for text in (by_seq[0]["request_id"], by_seq[0]["digest"], "r2"):
            self.assertIn(text, words)
        self.fails(3, "journal", "show", 4, says="record")
        self.fails(3, "journal", "show", support.NOBODY)
        for bad in ("0", "nonsense", "-1", "9" * 30, ""):
            self.fails(2, "journal", "show", bad)

    def test_events_are_read_from_a_cursor_in_order_A184(self):
        self.fill(4)
        def read(*words):
            return [(row["seq"], row["index"]) for row in self.json("events", *words)]
        self.assertEqual(read(), [(s, i) for s in (1, 2, 3, 4) for i in (0, 1)])
        self.assertEqual(read("--after", 2), [(3, 0), (3, 1), (4, 0), (4, 1)])
        self.assertEqual(read("--after", "2.0"), [(2, 1), (3, 0), (3, 1), (4, 0), (4, 1)])
        self.assertEqual(read("--after", 4), [])
        self.assertEqual(read("--topic", "odd"), [(1, 0), (3, 0)])
        self.assertEqual(read("--topic", "odd", "--after", 1, "--limit", 1), [(3, 0)])
        self.assertEqual(read("--key", "k1"), [(1, 0), (4, 0)])
        for bad in ("nonsense", "1.x", "1.", "-1", "1.4294967295", str(2**63)):
            self.fails(2, "events", "--after", bad, says="after")
        self.fails(2, "events", "--after", 5, says="cursor")
        self.fails(2, "events", "--topic", "a b", says="topic")
        self.fails(2, "events", "--limit", 0, says="limit")

    def test_events_print_everything_unless_limited(self):
        self.fill(700)
        self.assertEqual(len(self.json("events")), 1400)
        self.assertEqual(len(self.json("events", "--limit", 1300)), 1300)

    def test_following_shows_what_is_committed_later(self):
        self.fill(1)
        for words, fields in ((("events", "--topic", "all", "--follow"), ("seq", "index")),
                              (("journal", "tail", "--follow"), ("seq", "ref"))):
            head = self.json("journal", "list")[0]["seq"]
            process = subprocess.Popen([support.PAWL, *words, "--json"], stdout=subprocess.PIPE, env=self.env)
            def next_row():
                return json.loads(process.stdout.readline())
            for _ in range(head):
                row = next_row()
            self.assertEqual(row["seq"], head)
            self.fill(1)
            self.assertEqual(next_row()["seq"], head + 1)
            process.terminate()
            process.communicate()

    def test_scopes_see_their_own_only_T1(self):
        self.fill(2, "a")
        self.fill(3, "b")
        self.assertEqual(len(self.json("journal", "list", "--scope", "a")), 2)
        self.assertEqual(len(self.json("events", "--scope", "b")), 6)
        self.assertEqual(self.json("journal", "list"), [])
        self.fails(3, "journal", "show", self.json("journal", "list", "--scope", "a")[0]["request_id"])

    def test_verify_covers_all_scopes_unless_one_is_given_J3(self):
        self.fill(2, "a")
        self.fill(3, "b")
        self.assertEqual(self.json("verify"), [{"scope": "a", "records": 2, "ok": True}, {"scope": "b", "records": 3, "ok": True}])
        self.assertEqual(self.json("journal", "verify", "--scope", "b"), [{"scope": "b", "records": 3, "ok": True}])
        self.fails(3, "verify", "--scope", "c", says="scope")

    def test_verify_names_the_first_record_that_was_changed_and_is_8_J3(self):
        self.fill(5)
        with sqlite3.connect(self.folder / "s.db") as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            self.assertIn("record", tables)
            columns = [row[1] for row in database.execute("PRAGMA table_info(record)")]
            self.assertIn("command", columns)
            changed = database.execute("UPDATE record SET command = '77' WHERE seq = 3").rowcount
            self.assertEqual(changed, 1)
        database.close()
        run = self.run_it("verify", "--json")
        self.assertEqual((run.status, run.error["status"]), (8, 8))
        self.assertEqual((run.row["ok"], run.row["first_bad"]["seq"]), (False, 3))
        self.assertTrue(run.row["first_bad"]["what"])
        doctor = self.run_it("doctor", "--json")
        self.assertEqual(doctor.status, 8)
        self.assertIn("bad", [row["finding"] for row in doctor.rows])
        self.assertEqual(self.run_it("verify").status, 8)

    def test_verify_compares_messages_with_the_records_that_made_them(self):
        first, second, third = ({"lane": "l", "target": "t", "data": n, "dedupe": f"d{n}"} for n in (1, 2, 3))
        text = "".join(json.dumps({"type": "A", "messages": messages}) + "\n" for messages in ([first, second], [second, third]))
        self.ok("submit", "--jsonl", "-", stdin=text.encode())
        self.enqueue("l", "t", "4")
        self.assertTrue(self.json("verify")[0]["ok"])
        database = sqlite3.connect(self.folder / "s.db", isolation_level=None)
        self.assertEqual(database.execute("SELECT number & 0xffffff, seq FROM message").fetchall(), [(1, 1), (2, 1), (3, 2), (4, None)])
        (listed,) = database.execute("SELECT messages FROM record WHERE seq = 1").fetchone()
        flipped = listed[:40] + bytes([listed[40] ^ 1]) + listed[41:]
        (tail,) = database.execute("SELECT tail FROM message WHERE number & 0xffffff = 1").fetchone()
        for flip, table, was in ((f"tail = {tail ^ 1} WHERE number & 0xffffff = 1", "message", f"tail = {tail} WHERE number & 0xffffff = 1"),
                                 ("seq = 2 WHERE number & 0xffffff = 1", "message", "seq = 1 WHERE number & 0xffffff = 1"),
                                 ("seq = 9 WHERE number & 0xffffff = 4", "message", "seq = NULL WHERE number & 0xffffff = 4"),
                                 (f"messages = x'{listed[:5].hex()}ff{listed[6:].hex()}' WHERE seq = 1", "record",
                                  f"messages = x'{listed.hex()}' WHERE seq = 1"),
                                 (f"messages = x'{flipped.hex()}' WHERE seq = 1", "record",
                                  f"messages = x'{listed.hex()}' WHERE seq = 1")):
            self.assertEqual(database.execute(f"UPDATE {table} SET {flip}").rowcount, 1)
            run = self.run_it("verify", "--json")
            self.assertEqual((run.status, run.row["ok"]), (8, False), flip)
            database.execute(f"UPDATE {table} SET {was}")
            self.assertTrue(self.json("verify")[0]["ok"])
        database.close()

    # ---- replay ----

    def program(self, body):
        """Reads a record a line; `post(value)` answers with the digest of a number."""
        path = pathlib.Path(self.folder, "program.py")
        path.write_text(f"#!{sys.executable}\n" + PROGRAM + body)
        path.chmod(0o755)
        return path

    def record_sums(self, *amounts, start=0):
        """Commands that are numbers, with the digest of their sum behind each; of None there is no digest."""
        total, lines = start, []
        for amount in amounts:
            total += amount
            lines.append({"type": "Add", "data": amount, "state_digest": {"pre": digest(total - amount), "post": digest(total)}})
        self.ok("submit", "--jsonl", "-", "--quiet", stdin="".join(json.dumps(line) + "\n" for line in lines))

    def test_a_program_in_another_language_comes_to_what_was_recorded(self):
        self.record_sums(1, 2, 3)
        self.ok("submit", "Note", "--quiet", "--data", "0")
        program = self.program("for record in records():\n    total += record['data']\n    post(total)\n")
        self.assertEqual(self.json("journal", "replay", "--exec", program),
                         [{"scope": "default", "records": 4, "compared": 3, "ok": True}])
        self.assertIn("4 records, 3 with a state digest", self.run_it("journal", "replay", "--exec", program).out)
        self.assertEqual(self.json("journal", "replay", "--exec", program, "--to", 2)[0]["records"], 2)
        late = self.program("total = 3\nfor record in records():\n    total += record['data']\n    post(total)\n")
        self.assertEqual(self.json("journal", "replay", "--exec", late, "--from", 3)[0]["compared"], 1)
        self.assertEqual(self.json("journal", "replay", "--exec", late, "--from", 5)[0]["records"], 0)

    def test_the_first_record_that_differs_is_named_with_both_digests(self):
        self.record_sums(1, 2, 3, 4)
        program = self.program("for record in records():\n    total += record['data'] if record['seq'] != 3 else 0\n    post(total)\n")
        run = self.run_it("journal", "replay", "--exec", program, "--json")
        self.assertEqual((run.status, run.row), (8, {
            "scope": "default", "records": 3, "compared": 3, "ok": False,
            "first_diff": {"seq": 3, "recorded": digest(6), "computed": digest(3)}}))
        run = self.run_it("journal", "replay", "--exec", program)
        self.assertEqual((run.status, run.out), (8, ""))
        for said in (digest(6), digest(3), "journal show 3"):
            self.assertIn(said, run.err)

    def test_an_answer_that_is_missing_is_a_difference(self):
        self.record_sums(1, 2, 3)
        for body, seq in (("for record in records():\n    total += record['data']\n    post(total if total != 3 else None)\n", 2),
                          ("records().__next__()\npost(1)\n", 2), ("", 1)):
            run = self.run_it("journal", "replay", "--exec", self.program(body), "--json")
            self.assertEqual((run.status, run.row["first_diff"]["seq"]), (8, seq), body)
            self.assertNotIn("computed", run.row["first_diff"])

    def test_a_program_that_ends_early_has_not_applied_what_has_no_digest(self):
        self.ok("submit", "Note", "--quiet", "--data", "0")
        self.fails(5, "journal", "replay", "--exec", self.program(""), says="before it answered record 1")

    def test_a_replay_begins_behind_the_newest_snapshot(self):
        self.record_sums(1, 2, 3, 4)
        resumes = self.program("for given in records():\n    if 'snapshot' in given:\n        total = given['snapshot']\n        continue\n"
                               "    total += given['data']\n    post(total)\n")
        for seq, state in ((1, "1"), (3, "6")):
            self.ok("snapshots", "add", seq, state)
        self.assertEqual(self.json("journal", "replay", "--exec", resumes, "--from", "snapshot"),
                         [{"scope": "default", "records": 1, "compared": 1, "snapshot": 3, "ok": True}])
        self.ok("snapshots", "add", 4, "11")
        self.assertEqual(self.json("journal", "replay", "--exec", resumes, "--from", "snapshot")[0]["records"], 0)
        self.record_sums(5, start=10)
        run = self.run_it("journal", "replay", "--exec", resumes, "--from", "snapshot", "--json")
        self.assertEqual((run.status, run.row["first_diff"]["seq"]), (8, 5))

    def test_in_the_shadow_a_program_says_what_it_would_do(self):
        self.ok("types", "set", "quiet", "keep=reference")
        made = {"type": "Pay", "data": 1, "posts": [{"account": "a", "asset": "USD", "delta": "1.50", "reason": "r"}],
                "events": [{"topic": "t", "type": "e", "key": "k", "data": {"a": 1.0}}, {"topic": "t", "type": "quiet", "data": 2}],
                "messages": [{"lane": "l", "target": "t", "data": {"x": 1}, "priority": 5, "headers": {"h": "v"}}],
                "state_digest": {"pre": digest(0), "post": digest(1)}}
        self.ok("submit", "--jsonl", "-", "--quiet", stdin=json.dumps(made) + "\n" + json.dumps({"type": "Note", "data": 5}))
        would = {name: made[name] for name in ("posts", "events", "messages")}
        answers = lambda first, rest="{}": self.program(
            f"FIRST = {first!r}\nfor record in records():\n    print(json.dumps({{'post': {digest(1)!r}}} | (FIRST if record['seq'] == 1 else {rest})), flush=True)\n")
        self.assertEqual(self.json("journal", "replay", "--shadow", "--exec", answers(would)),
                         [{"scope": "default", "records": 2, "compared": 1, "ok": True}])
        for name, change, what in (("posts", {"delta": "1.51"}, "posts"), ("posts", {"delta": "1.5"}, None), ("events", {"data": {"a": 2}}, "events"),
                                   ("events", {"key": None}, "events"), ("messages", {"target": "u"}, "messages"),
                                   ("messages", {"priority": 4}, "messages"), ("messages", {"priority": None}, None)):
            changed = would | {name: [{k: v for k, v in (made[name][0] | change).items() if v is not None}, *made[name][1:]]}
            run = self.run_it("journal", "replay", "--shadow", "--exec", answers(changed), "--json")
            self.assertEqual([(row["seq"], row["what"]) for row in run.rows[:-1]], [(1, what)] if what else [], run.out)
            self.assertEqual(run.status, 8 if what else 0, run.err)
        run = self.run_it("journal", "replay", "--shadow", "--exec", answers({}, '{"messages": [{"lane": "l", "target": "t"}]}'), "--json")
        self.assertEqual([(row["seq"], row["what"]) for row in run.rows[:-1]],
                         [(1, "posts"), (1, "events"), (1, "messages"), (2, "messages")])
        run = self.run_it("journal", "replay", "--shadow", "--exec", answers({"post": digest(7)} | would), "--json")
        self.assertEqual((run.status, run.row["records"], run.row["first_diff"]["seq"]), (8, 2, 1))  # and goes on
        self.fails(2, "journal", "replay", "--shadow", "--exec", answers({"posts": [{"delta": 1}]}), says="cannot be read")
        self.fails(2, "journal", "replay", "--exec", answers(would), says="unknown member")
        self.assertEqual(len(self.json("messages", "list")), 1)  # nothing was sent

    def test_a_snapshot_comes_back_byte_for_byte(self):
        self.fill(3)
        data = os.urandom(600000)
        (self.folder / "state").write_bytes(data)
        self.assertEqual(self.json("snapshots", "add", 2, f"@{self.folder}/state")[0]["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(self.ok("snapshots", "show").raw, data)
        self.ok("snapshots", "add", 3, "-", stdin=b"")
        self.assertEqual(self.json("snapshots", "show", 3)[0]["size"], 0)
        self.assertEqual([row["seq"] for row in self.json("snapshots", "list")], [3, 2])
        self.fails(4, "snapshots", "add", 2, "x", says="another snapshot")
        self.fails(3, "snapshots", "add", 4, "x", says="no record 4")
        self.fails(3, "snapshots", "show", 1, says="no snapshot")
        self.ok("snapshots", "add", 1, "x", "--keep", 1)
        self.assertEqual([row["seq"] for row in self.json("snapshots", "list")], [3])

    def test_types_of_events(self):
        self.assertEqual(self.json("types", "list"), [])
        self.assertEqual(self.json("types", "set", "Fill", "needs=fill", "keep=Reference"),
                         [{"type": "Fill", "needs": "fill", "keep": "reference"}])
        self.ok("types", "set", "--preset", "s3")
        self.assertEqual([row["type"] for row in self.json("types", "list")], ["Fill", "L2Update", "OrderFilled"])
        self.fails(2, "types", "set", says="no type")
        self.fails(2, "types", "set", "A", "--preset", "s3", says="both")
        self.fails(2, "types", "set", "A", "keep", says="KEY=VALUE")
        self.fails(2, "types", "set", "A", "colour=red", says="colour")
        self.fails(2, "types", "set", "--preset", "s9", says="s9")
        event = {"topic": "t", "type": "Fill", "data": 1}
        self.fails(2, "submit", "T", "--event", "t:Fill=1", says="needs one")
        fill = {"event": 0, "trade_id": "t1", "market": "m", "buyer": "a", "seller": "b", "price": "1", "size": "1"}
        self.ok("submit", "--jsonl", "-", "--quiet", stdin=json.dumps({"type": "T", "events": [event], "fills": [fill]}))
        self.assertEqual(self.json("events")[0]["keep"], "reference")

    def test_an_unknown_keep_is_full_with_one_warning_A170(self):
        lines = "".join(json.dumps({"type": "T", "events": [{"topic": "t", "type": "e", "data": 1, "keep": keep}]}) + "\n"
                        for keep in ("NONE", "summary", "Full", "most", "Reference"))
        run = self.run_it("submit", "--jsonl", "-", stdin=lines)
        self.assertEqual((run.status, run.err.count("warning")), (0, 1), run.err)
        self.assertIn("summary", run.err)
        self.assertEqual([row["keep"] for row in self.json("events")], ["full", "full", "full", "reference"])
        run = self.run_it("types", "set", "e", "keep=summary")
        self.assertEqual((run.status, run.err.count("warning")), (0, 1), run.err)

    def test_a_subscription_is_read_and_acknowledged(self):
        self.fill(3)
        self.ok("subscriptions", "add", "even", "--topic", "even")
        self.ok("subscriptions", "add", "k", "--key-prefix", "k", "--from", 2)
        self.ok("subscriptions", "add", "new", "--from", "now")
        places = lambda *words: [f"{row['seq']}.{row['index']}" for row in self.json("subscriptions", "read", *words)]
        self.assertEqual((places("even"), places("k"), places("new")), (["2.0"], ["2.0", "3.0"], []))
        self.assertEqual(places("k", "--limit", 1), ["2.0"])
        self.assertEqual(self.json("subscriptions", "ack", "k", "2.0")[0]["position"], "2.0")
        self.assertEqual(places("k"), ["3.0"])
        self.ok("subscriptions", "ack", "k", "2.0")
        self.fails(7, "subscriptions", "ack", "k", "1.0", says="forward only")
        self.fails(7, "subscriptions", "ack", "k", "9.0", says="no event")
        self.fails(2, "subscriptions", "ack", "k", "x", says="SEQ.INDEX")
        self.fails(3, "subscriptions", "read", "none", says="no subscription")
        self.fails(7, "subscriptions", "add", "x", "--from", 9, says="record 9")
        self.fails(2, "subscriptions", "add", "x", "--from", "then", says="beginning")
        self.fails(2, "subscriptions", "add", "x", "--to", "lane", says="LANE/TARGET")
        self.fails(4, "subscriptions", "add", "k", says="other settings")
        listed = self.json("subscriptions", "list")
        self.assertEqual([(row["name"], row["position"], row["behind"]) for row in listed],
                         [("even", "0.0", 1), ("k", "2.0", 1), ("new", "3.1", 0)])
        self.ok("subscriptions", "remove", "even")
        self.fails(3, "subscriptions", "remove", "even", says="no subscription")

    def test_who_waits_for_an_event_is_told_of_it(self):
        self.ok("subscriptions", "add", "all")
        waiting = subprocess.Popen([support.PAWL, "subscriptions", "read", "all", "--wait", "60s"], env=self.env, cwd=self.folder,
                                   stdout=subprocess.PIPE)
        self.ok("submit", "A", "--quiet")  # which has none
        self.fill(1)
        self.assertEqual(waiting.communicate()[0].split()[0], b"2.0")

    def test_an_export_proves_itself_and_is_imported_whole(self):
        self.ok("assets", "set", "USD", "scale=2")
        self.ok("types", "set", "t", "keep=reference")
        self.fill(3)
        self.ok("submit", "Pay", "--quiet", "--post", "a:USD=1.50", "--event", "x:t=secret", "--message", "l/t=1", "--data", ' {"a" : 1.0}\n')
        text = self.ok("journal", "export").raw
        done = self.proven(text)
        self.assertEqual((done.returncode, done.stdout.split()[:3]), (0, [b"default:", b"4", b"records,"]), done.stderr)
        other = ("--store", f"sqlite:{self.folder}/other.db")
        self.ok("init", *other)
        (self.folder / "export").write_bytes(text)
        row, = self.json("journal", "import", self.folder / "export", "--reason", "moved", *other)
        self.assertEqual((row["scope"], row["records"]), ("default", 4))
        self.assertEqual(self.ok("journal", "export", *other).raw, text)
        self.assertEqual(self.json("ledger", "balance", *other), self.json("ledger", "balance"))
        self.ok("verify", *other)
        self.assertEqual(self.json("messages", "list", *other), [])  # nothing is enqueued
        self.fails(7, "journal", "import", self.folder / "export", *other, says="not empty")
        for change, status in ((text.replace(b"Pay", b"Pat"), 8), (text[:text.rindex(b"\n", 0, -1) + 1], 8), (text[:50], 2), (b"", 2),
                               (self.ok("journal", "export", "--after", 1).raw, 2), (b"[]\n", 2)):
            third = ("--store", f"sqlite:{self.folder}/third.db")
            self.ok("init", "--quiet", *third)
            run = self.run_it("journal", "import", "-", *third, stdin=change)
            self.assertEqual(run.status, status, (change[:200], run.err))
            self.assertEqual(self.json("journal", "list", *third), [])
            if status == 8:
                self.assertEqual(self.proven(change).returncode, 1)
        self.assertEqual(self.proven(self.ok("journal", "export", "--after", 2).raw).returncode, 0)

    def test_what_is_pruned_is_proven_all_the_same(self):
        self.fill(6)
        self.fails(2, "journal", "prune", "--reason", "old", says="--before")
        self.fails(2, "journal", "prune", "--before", 3, says="reason")
        self.fails(7, "journal", "prune", "--before", 3, "--reason", "old", says="snapshot")
        self.ok("snapshots", "add", 4, "state")
        self.assertEqual(self.json("journal", "prune", "--before", 5, "--reason", "old"), [{"scope": "default", "before": 5, "pruned": 4}])
        self.ok("verify")
        self.assertEqual(["data" in row for row in self.json("journal", "list")], [True, True, False, False, False, False])
        self.assertEqual(["data" in row for row in self.json("events")], [False] * 8 + [True] * 4)
        self.assertEqual(self.proven(self.ok("journal", "export").raw).returncode, 0)
        self.assertIn("pruned", self.ok("journal", "show", 1).out)
        self.fails(8, "journal", "replay", "--exec", "cat", says="pruned")
        with sqlite3.connect(self.folder / "s.db") as database:
            self.assertEqual(database.execute("SELECT count(*) FROM events WHERE data IS NOT NULL").fetchone(), (4,))
        database.close()

    def test_views_of_types_snapshots_and_subscriptions(self):
        self.fill(1)
        self.ok("types", "set", "e", "keep=none")
        self.ok("snapshots", "add", 1, "x")
        self.ok("subscriptions", "add", "s", "--from", "now")
        db = sqlite3.connect(self.folder / "s.db")
        self.assertEqual(db.execute("SELECT scope, type, needs, keep, critical FROM types").fetchall(), [("default", "e", None, "none", 0)])
        self.assertEqual(db.execute("SELECT scope, seq, size, sha256 FROM snapshots").fetchall(),
                         [("default", 1, 1, hashlib.sha256(b"x").hexdigest())])
        self.assertEqual(db.execute('SELECT name, seq, "index", lane FROM subscriptions').fetchall(), [("s", 1, None, None)])
        db.close()

    def test_a_replay_that_cannot_be_done_says_what_to_do(self):
        self.record_sums(1, 2)
        fine = self.program("for record in records():\n    total += record['data']\n    post(total)\n")
        self.fails(2, "journal", "replay", says="--exec")
        self.fails(5, "journal", "replay", "--exec", "./nothing", says="cannot run")
        self.fails(2, "journal", "replay", "--exec", fine, "--from", 4, says="from_seq 4")
        self.fails(2, "journal", "replay", "--exec", fine, "--from", 2, "--to", 1, says="to_seq 1")
        self.fails(3, "journal", "replay", "--exec", fine, "--from", "snapshot", says="no snapshot")
        for answer, says in (("sums: 3", "no JSON object"), ('{"post":"xy"}', "hexadecimal"), ('{"post":3}', "hexadecimal"),
                             ('{"past":"00"}', "unknown member"), (json.dumps({"post": "00" * 65}), "64 bytes")):
            self.fails(2, "journal", "replay", "--exec", self.program(f"for _ in records():\n    print({answer!r}, flush=True)\n"),
                       says=says)
        failing = self.program("for record in records():\n    total += record['data']\n    post(total)\nsys.exit(3)\n")
        self.fails(5, "journal", "replay", "--exec", failing, says="exit status 3")


if __name__ == "__main__":
    support.main()
