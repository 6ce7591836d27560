#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve over a store that refuses, fails or is full: it ends as it should, or goes on when it can."""
import json
import os
import re
import signal
import subprocess
import unittest

import support


class Serve(support.Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.out = self.folder / "out"
        self.out.mkdir()
        self.ok("targets", "add", "t", f"file:{self.out}/o")

    def serve(self, *words, **env):
        """Until it says where it listens."""
        process = subprocess.Popen([support.PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-file", str(self.out),
                                    *(words if "--log-level" in words else ("--log-level", "3", *words))],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder, text=True,
                                   env={**self.env, **env})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn("listening", process.stdout.readline())
        return process

    def test_a_restored_store_is_refused_with_7_and_what_to_do(self):
        self.ok("backup", "copy.db")
        error = self.fails(7, "--store", f"sqlite:{self.folder}/copy.db", "serve", "--listen", "127.0.0.1:0", says="adopt")
        self.assertIn("restored", error["message"])

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_storage_that_failed_ends_it_with_1_and_the_message_is_sent_by_the_next(self):
        self.enqueue("l", "t", "1")
        process = self.serve(LD_PRELOAD=os.environ["PAWL_FAILING_DISK"], FAIL_SYNC="1")
        err = process.stderr.read()
        self.assertEqual(process.wait(), 1, err)
        self.assertRegex(err, r"(?m)^pawl: storage failed earlier: .*\n  hint: .+")
        process = self.serve()
        self.wait_for(process, "delivered")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.json("messages", "stats")[0]["counts"]["delivered"], 1)

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_a_full_disk_is_said_and_when_there_is_room_it_goes_on(self):
        self.enqueue("l", "t", "1")
        full = self.folder / "full"
        full.touch()
        process = self.serve(LD_PRELOAD=os.environ["PAWL_FAILING_DISK"], FULL_WHILE=str(full))
        self.assertIn("storage full", self.wait_for(process, "claim_failed"))
        full.unlink()
        self.wait_for(process, "delivered")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.json("messages", "stats")[0]["counts"]["delivered"], 1)

    def test_a_lane_and_a_scope_that_nobody_has_are_said(self):
        self.enqueue("mail", "smtp", "1")
        for words, said in ((("--lane", "mial"), "mial: no message has this lane yet: did you mean mail?"),
                            (("--scope", "shop"), "shop: no message has this scope yet")):
            self.assertIn(said, self.wait_for(self.serve(*words), "no message has this"))
        process = self.serve("--lane", "mail", "--scope", "default")
        self.assertNotIn("no message", process.stderr.readline())

    def test_a_log_that_a_reader_holds_back_is_said(self):
        self.hold_the_log()
        process = self.serve()
        self.assertRegex(self.wait_for(process, "log_held"), r"\d\d MiB of the log wait: another process reads an old snapshot")

    def test_trouble_of_one_kind_is_a_line_and_one_of_sixty_and_all_of_it_is_counted_A118(self):
        program = self.folder / "no"
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
        self.ok("targets", "add", "bad", f"exec:{program}")
        lines = "".join('{"lane":"l","target":"bad","data":%d}\n' % i for i in range(60))
        self.ok("enqueue", "--jsonl", "-", stdin=lines)
        process = self.serve("--allow-exec", str(self.folder), "--log-level", "2")
        while any(row["attempts"] == 0 for row in self.json("messages", "list", "--target", "bad", "--limit", "60")):
            pass
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        self.assertEqual(process.wait(), 0)
        told = len(re.findall(r"(?m)^\S+ \S+ retry ", said)) - len(re.findall(r" retry .*were left out", said))
        left_out = sum(map(int, re.findall(r"(\d+) more lines like this were left out", said)))
        attempts = sum(row["attempts"] for row in self.json("messages", "list", "--target", "bad", "--limit", "60"))
        left_out += sum(map(int, re.findall(r" retry .* folded=(\d+)", said)))
        self.assertEqual(told + left_out, attempts, said)
        self.assertEqual(told, 1 + (attempts - 1) // 60, said)

    def reason(self, key, code):
        """That reason why a message waits; None: it is none."""
        (why,) = self.json("why", key)
        return next((reason for reason in why["reasons"] if reason["code"] == code), None)

    def serve_and_deliver(self):
        """A server that has registered: it did so before it claimed."""
        process = self.serve()
        self.enqueue("l", "t", "1")
        self.wait_for(process, "delivered")
        return process

    def test_events_that_are_relayed_are_delivered_whatever_is_killed(self):
        """Each once, in order, though the server is killed while it relays and delivers."""
        count = 300
        lines = "".join(json.dumps({"type": "A", "events": [{"topic": "t", "type": "e", "key": "k", "data": n},
                                                            {"topic": "other", "type": "e", "data": n}]}) + "\n" for n in range(count))
        self.ok("submit", "--jsonl", "-", "--quiet", stdin=lines)
        self.ok("subscriptions", "add", "s", "--topic", "t", "--to", "l/t")
        for _ in range(3):
            process = self.serve()
            self.wait_for(process, "delivered")
            process.kill()
            process.wait()
        process = self.serve()
        self.ok("submit", "A", "--quiet", "--event", f"t:e:k={count}")
        while not (seen := {row["dedupe"] if "dedupe" in row else row["request_id"]: row["state"] for row in
                            self.json("messages", "list", "--limit", 10000)}) or set(seen.values()) != {"delivered"} or len(seen) <= count:
            self.wait_for(process, "delivered")
        (standing,) = self.json("subscriptions", "list")
        self.assertEqual((standing["position"], standing["behind"]), (f"{count + 1}.0", 0))
        process.terminate()
        process.wait()
        told = [json.loads(line)["data"] for line in open(self.out / "o")]
        numbers = [event["data"] for event in told]
        self.assertEqual(sorted(set(numbers)), list(range(count + 1)))
        first = [n for i, n in enumerate(numbers) if n not in numbers[:i]]
        self.assertEqual(first, list(range(count + 1)))  # in order; one whose outcome a kill hid may come again
        self.assertEqual(told[0] | {"seq": 1}, {"seq": 1, "index": 0, "topic": "t", "type": "e", "key": "k", "keep": "full",
                                                "content_type": "application/json", "data": 0})

    def test_who_is_killed_works_no_more_at_once_and_why_says_since_when(self):
        waits = self.enqueue("l", "t", "late", "--delay", "1d")
        self.assertIn("no worker has ever served this queue", self.reason(waits, "unserved")["text"])
        process = self.serve_and_deliver()
        (worker,) = self.json("workers")
        self.assertEqual((worker["consumer"], worker["alive"], worker["pid"]), ("serve", True, process.pid))
        self.assertEqual(worker["sinks"], ["http", "https", "exec", "file", "nats", "amqp"])
        self.assertIsNone(self.reason(waits, "unserved"))
        process.kill()
        process.wait()
        (dead,) = self.json("workers")
        self.assertEqual((dead["alive"], dead["last_seen"], "stopped" in dead), (False, worker["last_seen"], False))
        self.assertIn("died", self.ok("workers").out)
        reason = self.reason(waits, "unserved")
        self.assertEqual(reason["since"], dead["last_seen"])
        self.assertRegex(reason["text"], r"^no worker has served this queue since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ, when serve "
                         rf"\(pid {process.pid}\) was last seen; it died since: run \"pawl serve\"$")
        self.assertIn("unserved: no worker has served", self.ok("why", waits).out)
        process = self.serve_and_deliver()
        (worker,) = self.json("workers")  # the like takes its place
        self.assertEqual((worker["alive"], worker["pid"]), (True, process.pid))
        self.assertIsNone(self.reason(waits, "unserved"))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        (worker,) = self.json("workers")
        self.assertFalse(worker["alive"])
        self.assertEqual(self.reason(waits, "unserved")["since"], worker["stopped"])
        self.assertIn("stopped: run", self.reason(waits, "unserved")["text"])

    def test_of_two_that_serve_the_death_of_one_is_no_reason(self):
        waits = self.enqueue("l", "t", "late", "--delay", "1d")
        first = self.serve_and_deliver()
        first.kill()
        first.wait()
        second = self.serve_and_deliver()
        third = self.serve("--lane", "other")
        self.assertIsNone(self.reason(waits, "unserved"))
        second.kill()
        second.wait()
        self.enqueue("other", "t", "1")
        self.wait_for(third, "delivered")
        self.assertIn("; 1 that works takes other lanes", self.reason(waits, "unserved")["text"])
        self.assertEqual([worker["alive"] for worker in self.json("workers")], [True, False])

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "sanitizers need memory of their own")
    def test_a_backlog_costs_no_memory_when_the_sweep_has_walked_over_it(self):
        text = '{"lane":"l","target":"u"}\n' * 120_000 + '{"lane":"l","target":"u","expires_in_ms":1}\n'
        self.ok("enqueue", "--jsonl", "-", "--quiet", stdin=text)
        size = (self.folder / "s.db").stat().st_size
        process = self.serve()
        self.assertIn("1 expired", self.wait_for(process, "swept"))
        with open(f"/proc/{process.pid}/status") as status:
            own = int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) * 1024
        print(f"# {own} bytes of memory for {size} bytes of store")
        self.assertLess(own, size * 0.8)


if __name__ == "__main__":
    support.main()
