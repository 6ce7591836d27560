#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""--jsonl: many lines in flight, answers in order, bad lines reported by number, the good ones committed."""
import json
import os
import subprocess
import unittest
import uuid

import support


def lines(*items):
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items)


class Lines(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def stream(self, command, text):
        return self.run_it(command, "--jsonl", "-", "--json", stdin=text)

    def test_receipts_come_in_the_order_of_the_lines(self):
        ids = [str(uuid.uuid4()) for _ in range(10_000)]
        run = self.stream("submit", lines(*({"type": "A", "request_id": i, "data": {"n": n}} for n, i in enumerate(ids))))
        self.assertEqual((run.status, run.err), (0, ""))
        self.assertEqual([row["request_id"] for row in run.rows], ids)
        self.assertEqual([row["seq"] for row in run.rows], list(range(1, len(ids) + 1)))
        self.assertEqual(self.json("verify")[0]["records"], len(ids))

    def test_lines_are_committed_in_groups(self):
        before = int(self.commits().split(",")[-1].split()[0])
        self.assertEqual(self.stream("submit", lines(*({"type": "A"} for _ in range(5000)))).status, 0)
        self.assertLess(int(self.commits().split(",")[-1].split()[0]) - before, 5000)

    def test_the_same_file_again_is_replayed_and_adds_nothing_A92(self):
        text = lines(*({"type": "A", "request_id": str(uuid.uuid4()), "messages": [{"lane": "l", "target": "t"}]}
                       for _ in range(100)))
        first, again = self.stream("submit", text).rows, self.stream("submit", text).rows
        self.assertEqual(again, [{**row, "replayed": True} for row in first])
        self.assertEqual(self.json("messages", "stats")[0]["counts"]["pending"], 100)

    def test_a_bad_line_is_reported_with_its_number_and_the_good_ones_are_committed(self):
        bound = str(uuid.uuid4())
        run = self.stream("submit", lines({"type": "A", "request_id": bound, "data": 1}, "", "nonsense",
                                          {"type": "A", "request_id": bound, "data": 2}, {"type": "B", "nonsense": 1},
                                          {"type": "C", "expect_seq": 99}, {"type": "D"}))
        self.assertEqual(run.status, 2)
        self.assertEqual([(e["line"], e["status"]) for e in run.errors], [(3, 2), (4, 4), (5, 2), (6, 4)])
        self.assertEqual([row["seq"] for row in run.rows], [1, 2])
        self.assertEqual([row.get("seq") or -row["line"] for row in run.answers], [1, -3, -4, -5, -6, 2]) # one a line, in order
        self.assertEqual([{**row["error"], "line": row["line"]} for row in run.answers if "error" in row], run.errors)
        self.assertEqual([row["type"] for row in self.json("journal", "list")], ["D", "A"])
        self.assertIn("nonsense", run.errors[2]["message"])
        in_words = self.run_it("submit", "--jsonl", "-", stdin="nonsense\n")
        self.assertEqual(in_words.status, 2)
        self.assertRegex(in_words.err, r"(?m)^pawl: line 1: .*\n  hint: .+")

    def test_the_status_is_that_of_the_first_bad_line(self):
        bound = {"type": "A", "request_id": str(uuid.uuid4())}
        self.assertEqual(self.stream("submit", lines(bound, {**bound, "type": "B"}, "nonsense")).status, 4)

    def test_the_last_line_needs_no_end_and_windows_ends_are_fine(self):
        self.assertEqual(len(self.stream("submit", '{"type":"A"}\r\n \t\r\n{"type":"B"}').rows), 2)
        self.assertEqual(self.stream("submit", "").out, "")

    def test_a_line_over_8_MiB_is_7_and_the_next_one_goes_on(self):
        long = '{"type":"' + "x" * (10 * 1024 * 1024) + '"}'
        run = self.stream("submit", long + "\n" + lines({"type": "A"}) + long)
        self.assertEqual(run.status, 7)
        self.assertEqual([(e["line"], e["status"]) for e in run.errors], [(1, 7), (3, 7)])
        self.assertIn("8388608", run.errors[0]["message"])
        self.assertEqual(run.row["seq"], 1)

    def test_an_answer_comes_before_the_next_line_does(self):
        process = subprocess.Popen([support.PAWL, "submit", "--jsonl", "-", "--json"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=self.env)
        for seq in (1, 2, 3):
            process.stdin.write(b'{"type":"A"}\n')
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())["seq"], seq)
        process.communicate()
        self.assertEqual(process.returncode, 0)

    def test_nul_bytes_and_broken_utf8_are_bad_lines(self):
        for bad in (b'{"type":"A\0"}\n', b'{"type":"A","ref":"\xff"}\n', b'{"type":"A","ref":"a\\u0000b"}\n',
                    b'{"type":"A","data":"\\ud800"}\n', b'\0\n'):
            run = self.run_it("submit", "--jsonl", "-", "--json", stdin=bad)
            self.assertEqual((run.status, run.rows, run.answers[0]["line"]), (2, [], 1), bad)
        self.assertEqual(self.json("journal", "list"), [])

    def test_every_field_of_a_transition_goes_in_and_comes_out(self):
        given = {"request_id": str(uuid.uuid4()), "type": "A", "ref": "r", "data": {"n": 1}, "response": [2],
                 "events": [{"topic": "t", "type": "e", "key": "k", "data": "x", "keep": "full", "stream_seq": 2**64 - 1},
                            {"topic": "t", "type": "f", "data_base64": "AAE=", "content_type": "image/png"},
                            {"topic": "t", "type": "g", "data": 1, "keep": "reference"},
                            {"topic": "t", "type": "h", "data": 1, "keep": "none"}],
                 "state_digest": {"pre": "00ff", "post": "ab" * 64}, "duration_us": 7, "received_at": 42, "expect_seq": 1}
        (receipt,) = self.stream("submit", lines(given)).rows
        (record,) = self.json("journal", "show", receipt["request_id"])
        for field in ("request_id", "type", "ref", "data", "response", "state_digest", "duration_us", "received_at"):
            self.assertEqual(record[field], given[field], field)
        shown = [{k: v for k, v in event.items() if k not in ("seq", "content_type")} for event in record["events"]]
        self.assertEqual(shown, [
            {"index": 0, "topic": "t", "type": "e", "key": "k", "stream_seq": 2**64 - 1, "keep": "full", "data": "x"},
            {"index": 1, "topic": "t", "type": "f", "keep": "full", "data_base64": "AAE="},
            {"index": 2, "topic": "t", "type": "g", "keep": "reference"}])

    def test_every_field_of_a_message_goes_in_and_comes_out(self):
        given = {"lane": "l", "target": "t", "data": [1], "key": "k", "dedupe": "d", "priority": 9, "delay_ms": 3600000,
                 "expires_in_ms": 7200000, "max_attempts": 3, "headers": {"x-b": "2", "x-a": "1"}, "sender": "s",
                 "deadline": 99}
        (answer,) = self.stream("enqueue", lines(given)).rows
        (message,) = self.json("messages", "show", answer["id"])
        for field in set(given) - {"delay_ms", "expires_in_ms"}:
            self.assertEqual(message[field], given[field], field)
        self.assertEqual(message["available_at"] - message["created_at"], 3600000)
        self.assertEqual(message["expires_at"] - message["created_at"], 7200000)
        self.assertEqual((message["state"], message["attempts"], message["created_at"]),
                         ("pending", 0, message["updated_at"]))

    def test_absent_fields_are_absent_again_A4_A5(self):
        (answer,) = self.stream("enqueue", lines({"lane": "l", "target": "t"})).rows
        (message,) = self.json("messages", "show", answer["id"])
        self.assertFalse({"key", "dedupe", "sender", "headers", "claimed_by", "lease_until", "last_error", "remote_id",
                          "ended_at", "deadline", "expires_at", "max_attempts", "request_id", "token"} & set(message))
        self.assertEqual((message["priority"], message["attempts"]), (5, 0))

    def test_a_settlement_of_a_transition_has_messages(self):
        key = self.enqueue("l", "t", "x")
        _, token = self.claim("l", "t")
        item = {"id": key, "token": token, "verdict": "delivered",
                "messages": [{"lane": "m", "target": "u", "data": n, "dedupe": f"d{n}"} for n in (1, 2)]}
        run = self.stream("submit", lines({"type": "A", "messages": [{"lane": "m", "target": "u", "data": 0}], "settle": [item]}))
        self.assertEqual((run.status, run.err), (0, ""))
        ids = run.row["messages"]
        self.assertEqual([self.message(id)["data"] for id in ids], [0, 1, 2])
        self.assertEqual(self.json("journal", "show", "1")[0]["messages"], ids)
        self.assertEqual(self.message(key)["state"], "delivered")
        run = self.stream("submit", lines({"type": "B", "settle": [item]}))
        self.assertEqual((run.status, run.error["status"]), (7, 7))
        self.assertEqual(len(self.json("messages", "list")), 4)

    def test_a_transition_settles_what_was_claimed(self):
        self.enqueue("l", "t", "1")
        key, token = self.claim("l", "t")
        item = {"id": key, "token": token, "verdict": "delivered", "remote_id": "r-1"}
        self.assertEqual(self.stream("submit", lines({"type": "A", "settle": [item]})).status, 0)
        (message,) = self.json("messages", "show", key)
        self.assertEqual((message["state"], message["remote_id"]), ("delivered", "r-1"))
        run = self.stream("submit", lines({"type": "B", "settle": [item]}))
        self.assertEqual((run.status, run.error["line"]), (7, 1))
        self.assertEqual(len(self.json("journal", "list")), 1)

    def test_every_rule_of_the_shapes_names_the_field_and_writes_nothing_A3_A107_A176(self):
        token = {"id": support.NOBODY, "token": "1", "verdict": "delivered"}
        good = {"submit": {"type": "A"}, "enqueue": {"lane": "l", "target": "t"}}
        for command, extra, says in [
                ("submit", {"nonsense": 1}, "nonsense"), ("submit", {"type": 1}, "type"), ("submit", {"type": None}, "type"),
                ("submit", {"ref": ["a"]}, "ref"), ("submit", {"request_id": "x"}, "request_id"),
                ("submit", {"data": 1, "data_base64": "AA=="}, "data_base64"), ("submit", {"data_base64": "A"}, "data_base64"),
                ("submit", {"data_base64": "AB=="}, "data_base64"), ("submit", {"response_base64": 1}, "response_base64"),
                ("submit", {"events": {}}, "events"), ("submit", {"events": [1]}, "events"),
                ("submit", {"events": [{"topic": "t", "type": "e", "nonsense": 1}]}, ("event 1", "nonsense")),
                ("submit", {"events": [{"type": "e"}]}, "topic"), ("submit", {"events": [{"topic": "t"}]}, "event type"),
                ("submit", {"messages": [{"lane": "l", "target": "t"}, {"lane": "l"}]}, "target"),
                ("submit", {"messages": [{"lane": "l", "target": "t", "request_id": support.NOBODY}]}, "request_id"),
                ("submit", {"settle": [{**token, "verdict": "nonsense"}]}, "verdict"),
                ("submit", {"settle": [{**token, "token": "x"}]}, "token"),
                ("submit", {"settle": [{**token, "token": "1" * 21}]}, "token"),
                ("submit", {"settle": [{"id": support.NOBODY, "verdict": "delivered"}]}, "token"),
                ("submit", {"posts": [{"delta": "1"}]}, "account"), ("submit", {"fills": [{}]}, "event"),
                ("submit", {"posts": {}}, "an array"), ("submit", {"balanced": 1}, "true or false"),
                ("submit", {"posts": [{"account": "a", "asset": "U", "delta": 1}]}, "a string"),
                ("submit", {"projections": [{"name": "p", "key": "k"}]}, "data"),
                ("submit", {"counters": [{"name": "c"}]}, "value"),
                ("submit", {"state_digest": {"pre": "0"}}, "pre"), ("submit", {"state_digest": {"pre": "00" * 65}}, "64"),
                ("submit", {"state_digest": {"middle": "00"}}, "middle"),
                ("submit", {"received_at": -1}, "received_at"), ("submit", {"received_at": 1.5}, "received_at"),
                ("submit", {"received_at": 2**63}, "received_at"), ("submit", {"duration_us": -1}, "duration_us"),
                ("submit", {"expect_seq": 0}, "expect_seq"), ("submit", {"content_type": "\u0001"}, "content_type"),
                ("submit", {"content_type": "application/json", "data_base64": "AA=="}, "not JSON"),
                ("enqueue", {"nonsense": 1}, "nonsense"), ("enqueue", {"lane": " "}, "lane"), ("enqueue", {"target": ""}, "target"),
                ("enqueue", {"dedupe": " "}, "dedupe"), ("enqueue", {"key": ""}, "key"), ("enqueue", {"sender": "a\u007f"}, "sender"),
                ("enqueue", {"priority": 0}, "priority"), ("enqueue", {"priority": 10}, "priority"),
                ("enqueue", {"priority": "high"}, "priority"), ("enqueue", {"max_attempts": 0}, "max_attempts"),
                ("enqueue", {"available_at": -1}, "available_at"), ("enqueue", {"delay_ms": 2**63}, "delay_ms"),
                ("enqueue", {"available_at": 1, "delay_ms": 1}, "delay_ms"), ("enqueue", {"expires_in_ms": 0}, "expires_in_ms"),
                ("enqueue", {"headers": []}, "headers"), ("enqueue", {"headers": {"X-A": "1"}}, "X-A"),
                ("enqueue", {"headers": {"a": 1}}, "header"), ("enqueue", {"headers": {"a": "b\nc"}}, "control"),
                ("enqueue", {"headers": {"webhook-id": "1"}}, "webhook-id"),
                ("enqueue", {"dedupe": "d", "request_id": support.NOBODY}, "request_id")]:
            before = self.commits()
            run = self.stream(command, lines({**good[command], **extra}))
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), (extra, run.err))
            for word in (says,) if isinstance(says, str) else says:
                self.assertIn(word, run.error["message"] + run.error["hint"])
            self.assertEqual(self.commits(), before, extra)

    def test_over_a_size_limit_is_7_by_name(self):
        big = "x" * (1024 * 1024)
        for command, line, says in [
                ("submit", {"type": "A", "data": big}, "1048576"), ("enqueue", {"lane": "l", "target": "t", "data": big}, "1048576"),
                ("enqueue", {"lane": "l", "target": "t", "headers": {"a": "x" * 4096}}, "4096"),
                ("enqueue", {"lane": "l", "target": "t", "headers": {f"h{i}": "" for i in range(65)}}, "64"),
                ("submit", {"type": "A", "messages": [{"lane": "l", "target": "t"}] * 4097}, "4096"),
                ("submit", {"type": "A", "events": [{"topic": "t", "type": "e"}] * 65537}, "65536")]:
            run = self.stream(command, lines(line))
            self.assertEqual((run.status, run.error["status"]), (7, 7), run.err[:300])
            self.assertIn(says, run.error["message"])
        self.assertEqual(self.json("journal", "list") + self.json("messages", "list"), [])

    def test_the_input_must_be_a_file_that_is_there(self):
        self.fails(2, "submit", "--jsonl", "missing", says="missing")
        self.fails(2, "enqueue", "--jsonl", ".", says="input")

    def peak(self, *words, status=0):
        """The most memory that a run had, in KiB."""
        process = subprocess.Popen([support.PAWL, *words], env=self.env, cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        _, how, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(how)
        self.assertEqual(process.returncode, status, words)
        return usage.ru_maxrss

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "a sanitizer sees leaks by itself, and needs memory of its own")
    def test_memory_does_not_grow_with_the_lines(self):
        """An arena that is not given back is 4 KiB a line: what 30,000 lines take more than 10,000 tells it (4096 in flight may be 25 MiB)."""
        peaks = []
        for count in (10_000, 30_000):
            self.env["PAWL_STORE"] = f"sqlite:{self.folder}/{count}.db"
            self.ok("init")
            for name, item in (("good", '{"lane":"l","target":"t","data":"%d","headers":{"a":"b"}}'), ("bad", '{"lane":"l","data":"%d","x":1}'),
                               ("records", '{"type":"A","data":%d,"events":[{"topic":"t","type":"e","data":1}]}')):
                (self.folder / name).write_text("".join(item % n + "\n" for n in range(count)))
            everything = str(count + 1)
            peaks.append({
                "enqueue": self.peak("enqueue", "--jsonl", "good", "--json"), "words": self.peak("enqueue", "--jsonl", "good"),
                "refused": self.peak("enqueue", "--jsonl", "bad", status=2),
                "submit": self.peak("submit", "--jsonl", "records", "--json"),
                "list": self.peak("messages", "list", "--limit", everything, "--json"),
                "export": self.peak("journal", "export"), "tail": self.peak("journal", "tail", "--limit", everything),
                "events": self.peak("events"), "claim": self.peak("claim", "l", "t", "--limit", "4096")})
        grown = {name: peaks[1][name] - peaks[0][name] for name in peaks[0]}
        self.assertLess(max(grown.values()), 50_000, grown)


if __name__ == "__main__":
    support.main()
