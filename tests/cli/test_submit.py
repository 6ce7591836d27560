#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""submit: receipts, replays, conflicts, data arguments, and every rule of a transition. LAW(J1) LAW(J2)"""
import uuid

import support


class Submit(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def submit(self, *words, **how):
        (row,) = self.json("submit", *words, **how)
        return row

    def record(self, which):
        (row,) = self.json("journal", "show", which)
        return row

    def test_a_receipt_says_what_the_record_says_A158(self):
        receipt = self.submit("PlaceOrder", "--ref", "o-1", "--data", '{"n":1}', "--response", '{"ok":true}',
                              "--event", 'orders:placed:o-1={"a":1}', "--message", "mail/smtp:k=hello")
        record = self.record(1)
        self.assertEqual((receipt["scope"], receipt["seq"], receipt["replayed"]), ("default", 1, False))
        for field in ("request_id", "digest", "response", "messages"):
            self.assertEqual(receipt[field], record[field], field)
        self.assertEqual((record["type"], record["ref"], record["data"]), ("PlaceOrder", "o-1", {"n": 1}))
        event = record["events"][0]
        self.assertEqual((event["topic"], event["type"], event["key"], event["data"], event["index"]),
                         ("orders", "placed", "o-1", {"a": 1}, 0))
        (message,) = self.json("messages", "show", receipt["messages"][0])
        self.assertEqual((message["lane"], message["target"], message["key"], message["data_base64"], message["seq"]),
                         ("mail", "smtp", "k", "aGVsbG8=", 1))

    def test_the_same_id_again_is_the_stored_answer_A159_A160(self):
        for option, value in (("--id", str(uuid.uuid4())), ("--id-from", "order-7")):
            first = self.submit("A", option, value, "--data", "1", "--response", '"first"', "--message", "l/t=x")
            again = self.submit("A", option, value, "--data", "1", "--response", '"other"', "--message", "l/t=y")
            self.assertEqual(again, {**first, "replayed": True, "differs": True}) # its message was another
            same = self.submit("A", option, value, "--data", "1", "--response", '"third"', "--message", "l/t=x")
            self.assertEqual(same, {**first, "replayed": True})
            for other in ([], ["--message", "l/t=x", "--message", "l/t=x"], ["--message", "l/t=x", "--event", "t:e=1"]):
                self.assertTrue(self.submit("A", option, value, "--data", "1", *other)["differs"], other)
            self.assertIn("differ from the stored ones", self.ok("submit", "A", option, value, "--data", "1").out)
        (stats,) = self.json("messages", "stats")
        self.assertEqual(stats["counts"]["pending"], 2)
        self.assertEqual(len(self.json("journal", "list")), 2)

    def test_a_transition_settles_what_was_claimed(self):
        for number, form in ((1, lambda id: id), (3, lambda id: f"3-{id[-4:]}")):
            key = self.enqueue("work", "me", "1")
            _, token = self.claim("work", "me")
            self.writes_nothing(7, "submit", "Done", "--settle", f"{form(key)}:1=delivered", says="claim")
            self.submit("Done", "--settle", f"{form(key)}:{token}=delivered", "--message", "next/me=x")
            self.assertEqual(self.json("messages", "show", key)[0]["state"], "delivered")
            self.writes_nothing(7, "submit", "Again", "--settle", f"{key}:{token}=retry")
        for bad, says in (("x", "ID:TOKEN=VERDICT"), (f"{key}={token}", "ID:TOKEN=VERDICT"), (f"{key}:x=retry", "token"),
                          (f"{key}:{token}=done", "done"), (f"{key}:{token}=extend", "extend"), (f"x:{token}=retry", "id")):
            self.writes_nothing(2, "submit", "A", "--settle", bad, says=says)

    def test_the_same_id_for_other_content_is_4_and_names_both_A162(self):
        key = str(uuid.uuid4())
        self.submit("A", "--id", key, "--data", "1")
        before = self.record(1)
        for words in (("A", "--data", "2"), ("B", "--data", "1"), ("A", "--data", "1", "--ref", "r")):
            error = self.writes_nothing(4, "submit", *words, "--id", key)
            self.assertIn(before["fingerprint"], error["message"])
        self.assertEqual(self.record(1), before)

    def test_one_id_in_two_scopes_is_two_records_A84(self):
        key = str(uuid.uuid4())
        for scope, data in (("a", "1"), ("b", "2")):
            self.assertEqual(self.submit("A", "--id", key, "--data", data, "--scope", scope)["seq"], 1)

    def test_data_is_literal_a_file_or_standard_input(self):
        body = b'{"a": [1, 2],\n "b":"\xc3\xbc"}'
        (self.folder / "body").write_bytes(body)
        for words, stdin in ((("@body",), b""), (("-",), body), ((body.decode(),), b"")):
            self.submit("A", "--data", *words, stdin=stdin)
        self.assertEqual(len({self.record(seq)["fingerprint"] for seq in (1, 2, 3)}), 1)
        self.assertEqual(self.record(1)["data"], {"a": [1, 2], "b": "ü"})

    def test_bytes_that_are_no_json_come_back_as_base64(self):
        self.submit("A", "--data", "-", stdin=b"\x00\xff\x1b[31m")
        record = self.record(1)
        self.assertEqual((record["data_base64"], record["content_type"]), ("AP8bWzMxbQ==", "application/octet-stream"))

    def test_a_body_at_the_limit_goes_and_one_byte_more_is_7(self):
        limit = 1024 * 1024
        self.submit("A", "--data", "-", stdin=b"x" * limit)
        self.writes_nothing(7, "submit", "A", "--data", "-", stdin=b"x" * (limit + 1), says=("data", "1048576"))
        (self.folder / "big").write_bytes(b"x" * 10_000_000)
        self.writes_nothing(7, "submit", "A", "--data", "@big", says=("data", "1048576"))
        self.writes_nothing(7, "submit", "A", "--event", "t:e=@big", says=("event", "1048576"))
        self.writes_nothing(7, "submit", "A", "--message", "l/t=@big", says=("message", "1048576"))
        self.writes_nothing(7, "submit", "A", "--response", "@big", says=("response", "1048576"))

    def test_every_rule_names_its_field_and_writes_nothing_A1_A2(self):
        long_key = "k" * 257
        for words, says in [
                ((" ",), "type"), (("",), "type"), (("a b",), "type"), (("x" * 129,), "type"), (("pawl.x",), "type"),
                (("A", "--ref", " "), "ref"), (("A", "--ref", long_key), ("ref", "256")), (("A", "--ref", "a\nb"), "ref"),
                (("A", "--ref", b"\xff"), "ref"),
                (("A", "--id", "nonsense"), "id"), (("A", "--id", ""), "id"),
                (("A", "--id", "00000000-0000-0000-0000-000000000000"), "id"),
                (("A", "--id-from", ""), "id-from"),
                (("A", "--id", str(uuid.uuid4()), "--id-from", "x"), "--id-from"),
                (("A", "--event", "nonsense"), "TOPIC:TYPE"), (("A", "--event", "t=1"), "TOPIC:TYPE"),
                (("A", "--event", "t:=1"), "event type"), (("A", "--event", "a b:e=1"), "topic"),
                (("A", "--event", "t:e:=1"), "event key"), (("A", "--event", f"t:e:{long_key}=1"), "256"),
                (("A", "--event", "pawl.t:e=1"), "topic"),
                (("A", "--message", "nonsense"), "LANE/TARGET"), (("A", "--message", " /t=1"), "lane"),
                (("A", "--message", "l/ =1"), "target"), (("A", "--message", f"l/t:{long_key}=1"), ("key", "256")),
                (("A", "--data", "@missing"), "missing"),
                (("A", "--data", "-", "--response", "-"), "standard input"),
                (("A", "--post", "cash=1"), "--post"), (("A", "--post", "cash:EUR=1e3"), "delta"),
                (("A", "--post", "ca sh:EUR=1"), "account"),
                (("A", "--jsonl", "x"), "--jsonl"),
                (("A", "--scope", "pawl.operator"), "scope")]:
            words = [w.decode(errors="surrogateescape") if isinstance(w, bytes) else w for w in words]
            self.writes_nothing(2, "submit", *words, says=says)
        self.assertEqual(self.json("journal", "list"), [])

    def test_names_and_keys_at_their_limits_are_taken(self):
        self.submit("x" * 128, "--ref", "ü" * 128, "--event", "a/b-c.d_e:T=1", "--message", f"l/t:{'k' * 256}=1")

    def test_an_unchanged_body_is_compact_in_print_only(self):
        self.submit("A", "--data", '{ "n" : 1.50e+10, "s" : " a  b " }')
        self.assertIn('"data":{"n":1.50e+10,"s":" a  b "}', self.ok("journal", "show", "1", "--json").out)

    def test_unicode_goes_through(self):
        self.submit("A", "--ref", "Bestellung-№-日本-😀", "--data", '"😀\\u0000"')
        record = self.record(1)
        self.assertEqual((record["ref"], record["data"]), ("Bestellung-№-日本-😀", "😀\0"))


if __name__ == "__main__":
    support.main()
