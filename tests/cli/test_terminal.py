#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a person sees: tables within 80 columns, progress, and nothing that steers the terminal."""
import re
import sys
import unicodedata

import support

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\b\x9b31m\u202egnp\u2028\x7f"


class Terminal(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def fill(self):
        for n, text in enumerate(("plain", "日本語の長い長い長い長い長い長い長い長い長い長い参照番号", "x" * 200, "ü" * 120)):
            self.ok("submit", "T" * (20 + n), "--ref", text, "--event", f"some/topic:type:{text}={text}",
                    "--message", f"{'lane' * (n + 1)}/{'target' * (n + 1)}:{text}={text * 30}")
        self.ok("lanes", "set", "a-lane-with-a-long-name", "max_attempts=3", "backoff_ms=5", "lease_ms=1000", "keep_ms=100000")
        self.ok("lanes", "pause", "a-lane-with-a-long-name", "--reason", "r" * 300)
        self.ok("targets", "add", "web", "https://example.com/" + "path/" * 40, "--set", "timeout_ms=500", "--secret-file", "/" + "f" * 99)

    def test_every_table_fits_80_columns(self):
        self.fill()
        key = self.json("messages", "list")[0]["id"]
        for lane, target in ("lanelane", "targettarget"), ("lanelanelane", "targettargettarget"):
            self.claim(lane, target, "--consumer", "c" * 90)
        for words in (("journal", "list"), ("journal", "tail"), ("events",), ("messages", "list"), ("messages", "stats"),
                      ("lanes", "list"), ("targets", "list"), ("holds", "list"), ("workers",), ("verify",), ("help",),
                      ("claim", "lane", "target")):
            for line in self.on_terminal(*words).splitlines():
                self.assertLessEqual(support.width(line), 80, (words, line))
        self.assertIn(support.short(key), self.on_terminal("messages", "list"))

    def test_ids_and_numbers_are_never_cut(self):
        self.fill()
        ids = {row["id"] for row in self.json("messages", "list")}
        for columns in (80, 100):
            self.assertEqual(set(re.findall("^[0-9]+-[0-9a-f]{4}", self.on_terminal("messages", "list", columns=columns),
                                            re.MULTILINE)), {support.short(key) for key in ids})
        requests = {row["request_id"] for row in self.json("journal", "list")}
        self.assertEqual(set(re.findall(support.UUID, self.on_terminal("journal", "list", columns=120))), requests)
        self.assertEqual(re.findall(r"REQUEST|[0-9a-f]{8}-", self.on_terminal("journal", "list")), [])

    def test_queues_and_states_are_never_cut_and_what_is_ends_in_an_ellipsis(self):
        self.fill()
        shown = self.on_terminal("messages", "list")
        for n in (1, 2, 3, 4):
            self.assertIn("lane" * n + "/" + "target" * n, shown)
        self.assertEqual(shown.count("pending"), 4)
        key, token = self.claim("lane", "target")
        self.ok("nack", key, token, "--error", "a long error text " * 20)
        self.assertIn("…", self.on_terminal("messages", "list"))
        self.assertNotIn("…", self.ok("messages", "list").out)

    def test_an_empty_list_says_so_on_a_terminal(self):
        for words, says in ((("messages", "list"), "no messages"), (("messages", "stats"), "no messages"),
                            (("journal", "list"), "no records"), (("lanes", "list"), "no lanes"),
                            (("targets", "list"), "no targets"), (("holds", "list"), "nothing is held"), (("workers",), "nobody works")):
            self.assertIn(says, self.on_terminal(*words, stderr_too=True))
            self.assertEqual(self.on_terminal(*words, "--quiet", stderr_too=True), "")

    def test_times_have_their_zone_and_totals_their_line(self):
        self.fill()
        self.assertRegex(self.ok("journal", "list").out, r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ")
        self.assertIn("total", self.on_terminal("messages", "stats"))
        self.assertNotIn("total", self.ok("messages", "stats").out)

    def test_without_a_terminal_nothing_is_cut(self):
        self.ok("submit", "A", "--ref", "r" * 200, "--event", "t:e=" + "d" * 500)
        self.assertIn("r" * 200, self.ok("journal", "list").out)
        self.assertIn("d" * 500, self.ok("events").out)

    def safe(self, shown):
        bad = [c for c in shown if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs"))]
        self.assertEqual(bad, [], repr(shown))

    def test_nothing_hostile_reaches_the_terminal(self):
        (self.folder / "body").write_text(HOSTILE)
        self.ok("submit", "A", "--data", "-", "--event", "t:e=@body", "--message", "l/t=@body", "--response", "@body",
                "--quiet", stdin=HOSTILE)
        key, token = self.claim("l", "t")
        self.ok("nack", key, token, "--error", "x\u202e" + HOSTILE.replace("\x00", ""), "--retry-in", 0)
        self.ok("lanes", "pause", "l", "--reason", HOSTILE)
        for words in (("journal", "show", "1"), ("journal", "list"), ("events",), ("messages", "list"), ("messages", "show", key),
                      ("holds", "list"), ("why", key), ("workers",)):
            self.safe(self.on_terminal(*words))
            self.safe(self.ok(*words).out)
        self.ok("lanes", "resume", "l")
        self.safe(self.on_terminal("claim", "l", "t"))

    def test_nothing_hostile_comes_back_in_errors(self):
        for words in ((HOSTILE,), ("journal", HOSTILE), ("submit", HOSTILE), ("submit", "A", "--" + HOSTILE),
                      ("messages", "show", HOSTILE), ("submit", "A", "--data", "@" + HOSTILE), ("lanes", "set", "l", HOSTILE + "=1")):
            run = self.run_it(*words)
            self.assertEqual(run.status, 2)
            self.safe(run.err)
            run = self.run_it("--json", *words)
            self.safe(run.err)
            self.assertEqual(run.error["status"], 2)
        self.safe(self.run_it("--store", "sqlite:/" + HOSTILE + "/x", "journal", "list").err)

    def test_json_escapes_what_json_must(self):
        self.ok("submit", "A", "--ref", "a\"b\\c", "--data", "-", stdin='"\\u001b\\u0000"')
        run = self.run_it("journal", "show", "1", "--json")
        self.assertNotIn("\x1b", run.out)
        self.assertEqual((run.row["ref"], run.row["data"]), ('a"b\\c', "\x1b\0"))

    def test_progress_is_for_terminals_and_never_for_pipes(self):
        text = '{"type":"A"}\n' * 20_000
        (self.folder / "in").write_text(text)
        self.assertEqual(self.run_it("submit", "--jsonl", "in", "--quiet").err, "")
        self.assertIn("lines", self.on_terminal("submit", "--jsonl", str(self.folder / "in"), "--json", stderr_too=True))
        self.assertNotIn("\x1b", self.on_terminal("submit", "--jsonl", str(self.folder / "in"), "--quiet", stderr_too=True))


if __name__ == "__main__":
    support.main()
