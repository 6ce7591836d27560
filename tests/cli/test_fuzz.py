#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mutated command lines and input lines: whatever is asked, pawl ends with a status of its own, says what is wrong in a form
that can be read, and the store stays whole. PAWL_TEST_SEED has a run again, PAWL_FUZZ_RUNS makes it longer."""
import json
import os
import random
import re
import runpy
import subprocess
import unicodedata

import support

RUNS = int(os.environ.get("PAWL_FUZZ_RUNS", "150"))
SEED = int(os.environ.get("PAWL_TEST_SEED", str(random.SystemRandom().getrandbits(32))))
SANITIZED = "PAWL_FAILING_DISK" not in os.environ
WAITS = {"--wait", "--follow"}  # for ever, if they are told to
ENDLESS = {"serve", "listen", "demo", "bench"}

PIECES = ["", " ", "-", "--", "@", "@missing", "@.", "=", ":", "/", "a=b", "0", "-1", "1", "9", "10", "4096", "4097", "999999999999999999",
          "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e3", "0x10", "1.5", "nan", "\n", "\t", "\x1b[31m", "\x7f",
          "\u0085", "\u202e", "\ufeff", "é" * 129, "x" * 257, "x" * 5000, "日本", "pawl.x", "PAWL", "%s%n%d", "../..", "'\"`$(x)", "\\", "\\x0a",
          "{", "[]", '{"a":1,"a":2}', "[" * 70, "00000000-0000-0000-0000-000000000000", support.NOBODY, "true", "null", "delivered", "pending"]
NAMES = ["l", "t", "mail", "smtp"]
LEDGER = {"type": "C", "posts": [{"account": "a", "asset": "USD", "delta": "1.50", "floor": "0", "reason": "r", "reference": "q"},
                                 {"account": "b", "asset": "USD", "delta": "-1.50"}], "balanced": True,
          "events": [{"topic": "t", "type": "fill", "data": {"n": 1}}, {"topic": "t", "type": "e", "data": "x", "keep": "reference"}],
          "fills": [{"event": 0, "trade_id": "t1", "market": "m", "buyer": "a", "seller": "b", "price": "3", "size": "0.5"}],
          "projections": [{"name": "p", "key": "k", "data": [1]}], "counters": [{"name": "c", "value": 9}]}


class Fuzz(support.Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.random = random.Random(SEED)
        self.ids = [self.enqueue("l", "t", str(n), "--key", "k") for n in range(4)]
        self.tokens = [row["token"] for row in self.json("claim", "l", "t", "--limit", "2")]
        self.ok("submit", "Place", "--id-from", "1", "--event", "t:e=1", "--message", "l/t=2", "--quiet")
        (self.folder / "some").write_bytes(b"some bytes \xff")
        self.commands, self.options = self.read_table()

    def read_table(self):
        """The commands and options that there are, as the manual's source lists them."""
        commands, options = [], []
        for line in self.ok("help", "--scdoc").out.splitlines():
            if line.startswith("## pawl "):
                words = re.sub(r"[A-Z\[|].*", "", line[8:]).split()
                commands.append((words, []))
            option = re.match(r"\*(--[a-z-]+)\*( \S+)?", line)
            if option and option[1] not in WAITS:
                (commands[-1][1] if commands else options).append((option[1], bool(option[2])))
        self.assertGreater(len(commands), 30)
        self.assertGreater(len(options), 3)
        return [(words, own) for words, own in commands if words[0] not in ENDLESS], options

    # ---- command lines ----

    def value(self):
        pick = self.random.random()
        if pick < 0.35:
            return self.random.choice(PIECES)
        if pick < 0.55:
            return self.random.choice(NAMES + self.ids + self.tokens + ["@some", "1.0", "l/t=x", "t:e:k=x", "x-a:b", "max_attempts=3"])
        if pick < 0.8:
            return self.mutate_text(self.random.choice(PIECES + NAMES + self.ids + self.tokens))
        return "".join(self.random.choice(PIECES) for _ in range(3))[:2000]

    def mutate_text(self, text):
        text = list(text)
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(text) + 1)
            how = self.random.randrange(3)
            if how == 0 and text:
                del text[at - 1]
            elif how == 1:
                text.insert(at, chr(self.random.choice([*range(1, 256), 0x2028, 0x202E, 0xFFFF, 0x1F600])))
            elif text:
                text[at - 1] = self.random.choice("0aA_-.=:/@ ")
        return "".join(text)

    def command_line(self):
        words, own = self.random.choice(self.commands)
        line = list(words)
        line += [self.value() for _ in range(self.random.randrange(5))]
        for _ in range(self.random.randrange(4)):
            name, takes = self.random.choice(own + self.options if own else self.options)
            if name in ("--store", "--help", "--json"):
                continue
            line += [name, self.value()] if takes and self.random.random() < 0.9 else [name]
        how = self.random.random()
        if how < 0.1:
            self.random.shuffle(line)
        elif how < 0.2 and line:
            line.pop(self.random.randrange(len(line)))
        elif how < 0.3:
            line.insert(self.random.randrange(len(line) + 1), self.random.choice(PIECES))
        return line

    def assert_readable(self, text, where):
        bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]
        self.assertEqual(bad, [], where)

    def parse(self, line, where):
        try:
            return json.loads(line)
        except ValueError:
            pass
        self.fail(f"{line[:200]} is no JSON\n{where}")

    def check(self, run, words):
        where = f"PAWL_TEST_SEED={SEED} {words!r}\n{run.status} {run.err[:500]}"
        self.assertIn(run.status, range(9), where)
        self.assertNotEqual(run.status, 1, where)
        is_json = words[:1] == ["--json"]
        if "--bash" not in words and "--scdoc" not in words and "help" not in words and "--help" not in words:
            self.assert_readable(run.out, where)
        self.assert_readable(run.err, where)
        if run.status:
            self.assertRegex(run.err, r'"error":\{"status":[2-8],' if is_json else "(?m)^pawl: .*\n  hint: .", where)
        if is_json:
            for line in run.err.splitlines():
                self.assertIn(*self.parse(line, where), ("error", "note"), where)
            for line in run.out.splitlines() if "help" not in words else ():
                self.parse(line, where)

    def test_command_lines(self):
        print(f"# test_command_lines: PAWL_TEST_SEED={SEED}, {RUNS} runs")
        seen = set()
        for _ in range(RUNS):
            words = self.command_line()
            if self.random.random() < 0.5:
                words.insert(0, "--json")
            words = [word.replace("\0", "").encode(errors="replace") for word in words]
            words = [os.fsdecode(word if self.random.random() < 0.97 else word + b"\xff\x80") for word in words]
            if ENDLESS & set(words):
                continue
            run = self.run_it(*words)
            self.check(run, words)
            seen.add(run.status)
        self.assertLessEqual({0, 2}, seen)
        self.assertTrue(all(row["ok"] for row in self.json("verify")))

    # ---- input lines ----

    def lines(self):
        return {"submit": [{"type": "A", "request_id": "018f4e7a-2c5b-7d3e-9f10-6b1c2d3e4f50", "ref": "r", "data": {"a": [1, "x"]},
                            "response": None, "events": [{"topic": "t", "type": "e", "key": "k", "data": 1, "keep": "full", "stream_seq": 5}],
                            "messages": [{"lane": "l", "target": "t", "data": 1}], "state_digest": {"pre": "00", "post": "ff"},
                            "settle": [{"id": self.ids[0], "token": self.tokens[0], "verdict": "retry", "retry_in_ms": 0,
                                        "messages": [{"lane": "l", "target": "t"}]}],
                            "duration_us": 7, "received_at": 1, "expect_seq": 3}, {"type": "B", "data_base64": "AAE="}, LEDGER],
                "enqueue": [{"lane": "l", "target": "t", "data": "x", "key": "k", "dedupe": "d", "priority": 3, "delay_ms": 5,
                             "expires_in_ms": 9, "max_attempts": 2, "headers": {"x-a": "b"}, "sender": "s", "deadline": 1},
                            {"lane": "l", "target": "t", "data_base64": "/w==", "content_type": "text/plain"}]}

    def mutate_value(self, value, depth=0):
        if isinstance(value, dict) and value and self.random.random() < 0.8:
            name = self.random.choice(list(value))
            how = self.random.randrange(6)
            if how == 0:
                return {k: v for k, v in value.items() if k != name}
            if how == 1:
                return {**value, self.random.choice(PIECES): 1}
            return {**value, name: self.mutate_value(value[name], depth + 1)}
        if isinstance(value, list) and value and self.random.random() < 0.7:
            return value * 2 if self.random.random() < 0.2 else [self.mutate_value(item, depth + 1) for item in value]
        return self.random.choice([None, True, 0, -1, 1.5, 2**63, 2**64, 10**30, "", [], {}, [[]], {"a": {}}, *PIECES])

    def input_line(self, item):
        text = json.dumps(self.mutate_value(item) if self.random.random() < 0.7 else item, ensure_ascii=self.random.random() < 0.5)
        data = bytearray(text.encode(errors="replace"))
        if self.random.random() < 0.4:
            self.mutate_bytes(data)
        return bytes(data).replace(b"\n", b" ")

    def mutate_bytes(self, data):
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(data)) if data else 0
            how = self.random.randrange(4)
            if how == 0:
                del data[at:at + self.random.randrange(1, 9)]
            elif how == 1:
                data[at:at] = bytes(self.random.choice(range(256)) for _ in range(self.random.randrange(1, 4)))
            elif how == 2 and data:
                data[at] ^= 1 << self.random.randrange(8)
            else:
                data[at:at] = data[at:at + self.random.randrange(1, 40)]

    def test_input_lines(self):
        """Every line that is not blank is answered once: by a row, or by an error with its number."""
        print(f"# test_input_lines: PAWL_TEST_SEED={SEED}, {RUNS} runs")
        for _ in range(max(2, RUNS // 20)):
            for command, items in self.lines().items():
                text = [self.input_line(self.random.choice(items)) for _ in range(100)]
                run = self.run_it(command, "--jsonl", "-", "--json", stdin=b"\n".join(text))
                where = f"PAWL_TEST_SEED={SEED} {command}"
                self.assertIn(run.status, {0, 2, 3, 4, 7}, (where, run.err[:500]))
                asked = [n for n, line in enumerate(text, start=1) if line.strip(b" \t\r")]
                refused = [error["line"] for error in run.errors]
                self.assertEqual(len(run.rows) + len(refused), len(asked), where)
                self.assertLessEqual(set(refused), set(asked), where)
                self.assertEqual(refused, sorted(refused), where)
                self.assertEqual(bool(run.status), bool(refused), where)
                self.assert_readable(run.out + run.err, where)
        self.assertTrue(all(row["ok"] for row in self.json("verify")))
        for words in (("messages", "list", "--limit", "10000"), ("journal", "export"), ("events",), ("holds", "list")):
            self.assert_readable(self.ok(*words).out, words)
            self.json(*words)

    # ---- exports ----

    def mutate_export(self, lines):
        at = self.random.randrange(len(lines))
        how = self.random.randrange(8)
        if how == 0:
            return lines[:at] + lines[at + 1:]
        if how == 1:
            return lines[:at] + [lines[self.random.randrange(len(lines))]] + lines[at:]
        if how == 2:
            return self.random.sample(lines, len(lines))
        if how == 3:
            data = bytearray(lines[at])
            self.mutate_bytes(data)
            return lines[:at] + [bytes(data)] + lines[at + 1:]
        text = json.dumps(self.mutate_value(json.loads(lines[at])), ensure_ascii=False, separators=(",", ":"))
        return lines[:at] + [text.encode(errors="replace")] + lines[at + 1:]

    def forge(self, lines):
        """What one record says is another thing, and the chain is made to agree: only who made it up can tell, and pawl if it cannot be."""
        head = json.loads(lines[0])
        at = self.random.randrange(1, len(lines))
        record = json.loads(lines[at])
        part = self.random.choice([name for name in ("effects", "effects", "events", "messages", "nonces") if name in record])
        record[part] = self.mutate_value(record[part])
        forged = [json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":")) for line in lines[1:]]
        forged[at - 1] = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        previous = bytes.fromhex(head["previous"])
        for n, line in enumerate(forged):
            _, fingerprint, made = self.script["prove"](line, head["scope"], n + 1, previous)
            for name, digest in ("fingerprint", fingerprint), ("digest", made):
                line = re.sub(f'"{name}":"[0-9a-f]{{64}}"', f'"{name}":"{digest.hex()}"', line)
            forged[n], previous = line.encode(), made
        return [json.dumps({**head, "head": previous.hex()}, separators=(",", ":")).encode(), *forged]

    def changed_export(self, lines):
        if self.random.random() < 0.6:
            return self.mutate_export(lines)
        try:
            return self.forge(lines)
        except (AttributeError, LookupError, TypeError, ValueError, OverflowError):  # of that no digest can be made
            return self.changed_export(lines)

    def test_exports(self):
        """What was changed is refused and leaves nothing, or it is one that pawl could have written: then the script that needs no
        store takes it too, what was made of it is whole, and its own export is taken again."""
        runs = RUNS // 2
        print(f"# test_exports: PAWL_TEST_SEED={SEED}, {runs} runs")
        self.script = runpy.run_path(str(support.VERIFY_EXPORT))
        self.ok("types", "set", "fill", "needs=fill")
        self.ok("submit", "--jsonl", "-", "--quiet", stdin=json.dumps(LEDGER).encode())
        lines = self.ok("journal", "export").raw.splitlines()
        self.assertEqual(len(lines), 3)
        other = ("--store", f"sqlite:{self.folder}/other.db")
        seen = set()
        for change in [lines, lines[:-1], lines[1:], *(self.changed_export(lines) for _ in range(runs))]:
            text = b"".join(line + b"\n" for line in change)
            self.ok("init", "--quiet", *other)
            run = self.run_it("journal", "import", "-", *other, stdin=text)
            where = f"PAWL_TEST_SEED={SEED} {text!r}\n{run.status} {run.err[:500]}"
            self.assertIn(run.status, {0, 2, 4, 7, 8}, where)
            self.assert_readable(run.out + run.err, where)
            seen.add(run.status)
            if run.status:
                self.assertRegex(run.err, "(?m)^pawl: .*\n  hint: .", where)
                self.assertEqual(self.json("journal", "list", *other) + self.json("ledger", "entries", *other), [], where)
                continue
            self.assertEqual(self.proven(text).returncode, 0, where)
            self.assertEqual((self.run_it("verify", *other).err, self.run_it("ledger", "check", *other).err), ("", ""), where)
            again = self.ok("journal", "export", *other).raw
            self.forget("other.db")
            self.ok("init", "--quiet", *other)
            self.ok("journal", "import", "-", "--quiet", *other, stdin=again)
            self.assertEqual(self.ok("journal", "export", *other).raw, again, where)
            self.forget("other.db")
        self.assertLessEqual({0, 2, 8}, seen)

    def forget(self, name):
        for path in self.folder.glob(name + "*"):
            path.unlink()


if __name__ == "__main__":
    if SANITIZED and "PAWL_FUZZ_RUNS" not in os.environ:
        RUNS = 60
    support.main()
