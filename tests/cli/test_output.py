#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is printed can be read back: nothing in a text from outside looks like a line, a field or a word of pawl's own."""
import base64
import calendar
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import unicodedata

import support

HIDDEN = "\x1b\x7f\x80\x85\x9b\u00ad\u061c\u180e\u200b\u200e\u2028\u2029\u202e\u2066\ufeff\ufff9\U000e0041"
PAYLOADS = [bytes(range(256)), b"", b"a\nb", rb"a\x0ab", rb"a\nb", b"a\\", rb"\c \0101", b" both ends ", b"  two  ", b" ", b"\t\t",
            b"line\n\n\n", b"\r\n", HIDDEN.encode(), b"\xff\xfe 1", b"\0" + b"7" * 9, "日本 é 😀".encode(), b"-n", b"%s%b", b"'\"$(id)`"]
MANUAL = pathlib.Path(__file__).parents[2] / "man" / "pawl.1.scd"


def encoded(data):
    return base64.b64encode(data).decode()


def read_back(shown):
    """The bytes behind a text that is shown: what the manual says of it."""
    letters = {b"\\": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
    return re.sub(rb"\\(0[0-3][0-7]{2}|.)", lambda m: letters[m[1]] if len(m[1]) == 1 else bytes([int(m[1], 8)]),
                  os.fsencode(shown), flags=re.S)


class Output(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def put(self, name, data):
        (self.folder / name).write_bytes(data)
        return "@" + name

    def field(self, run, name):
        (value,) = re.findall(rf"^{name:<14}(.*)$", run.out, flags=re.M)
        return read_back(value)

    def assert_plain(self, text):
        bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cs")]
        self.assertEqual(bad, [], repr(text))

    def enqueue_all(self, lane, target, payloads):
        """Their ids, in order."""
        lines = ({"lane": lane, "target": target, "data_base64": encoded(data), "content_type": "text/plain"} for data in payloads)
        return [row["id"] for row in self.json("enqueue", "--jsonl", "-", stdin="\n".join(map(json.dumps, lines)))]

    def test_the_loop_of_the_manual_sends_the_bytes_that_it_acknowledges(self):
        (loop,) = re.findall(r"^pawl claim mail smtp .*?^done$", MANUAL.read_text(), flags=re.M | re.S)
        shells = [shell for shell in ("dash", "bash") if shutil.which(shell)]
        self.assertTrue(shells)
        for shell in shells:
            ids = dict(zip(self.enqueue_all("mail", "smtp", PAYLOADS), PAYLOADS))
            script = 'send() { cat >"$OUT/$id"; }\n' + loop.replace("--wait 60000", f"--limit {len(ids)}")
            out = self.folder / shell
            out.mkdir()
            run = subprocess.run([shell, "-c", script], capture_output=True,
                                 env={**self.env, "OUT": out, "COLUMNS": "80",
                                      "PATH": f"{os.path.dirname(support.PAWL)}:{self.env['PATH']}"})
            self.assertEqual((run.returncode, run.stderr), (0, b""), shell)
            self.assertEqual({path.name: path.read_bytes() for path in out.iterdir()}, ids, shell)
            delivered = {row["id"] for row in self.json("messages", "list", "--state", "delivered")}
            self.assertLessEqual(set(ids), delivered)

    def test_a_payload_is_one_line_and_reads_back(self):
        payloads = [*filter(None, PAYLOADS), b"x\nstate         delivered\nheld"]
        for key, data in zip(self.enqueue_all("l", "t", payloads), payloads):
            shown = self.ok("messages", "show", key)
            self.assertEqual(self.field(shown, "data"), data)
            self.assertEqual(self.field(shown, "state"), b"pending")
            self.assert_plain(shown.out)

    def test_a_record_is_lines_of_its_own_and_reads_back(self):
        payloads = [*filter(None, PAYLOADS), b"x\nseq   9\nevent 0 a b"]
        lines = ({"type": "A", "data_base64": encoded(data), "response_base64": encoded(data),
                  "events": [{"topic": "t", "type": "e", "data_base64": encoded(data)}]} for data in payloads)
        self.ok("submit", "--jsonl", "-", "--quiet", stdin="\n".join(map(json.dumps, lines)))
        for seq, data in enumerate(payloads, start=1):
            shown = self.ok("journal", "show", seq)
            self.assertEqual((self.field(shown, "data"), self.field(shown, "response")), (data, data))
            self.assertEqual(self.field(shown, "seq"), b"%d" % seq)
            self.assertEqual(len(re.findall("^event", shown.out, flags=re.M)), 1)
            self.assert_plain(shown.out)
        events = self.ok("events").out.splitlines()
        self.assertEqual([read_back(event.split("  ", 3)[3]) for event in events], payloads)

    def test_json_has_no_character_that_is_not_seen_and_means_the_same(self):
        body = json.dumps({"a": HIDDEN[1:], HIDDEN[1:]: ["\x1b"]}, ensure_ascii=False)
        self.ok("submit", "A", "--ref", "r\u202e\u200b", "--data", "-", "--event", "t:e:k\u2066=x", "--message", "l/t:\ufeffk=y",
                "--response", body, stdin=body)
        for words in (("journal", "show", "1"), ("journal", "export"), ("journal", "list"), ("events",), ("messages", "list")):
            run = self.run_it(*words, "--json")
            self.assert_plain(run.out)
            row = run.rows[-1]
            if words[1:] == ("export",):  # an export is exact: there are no other characters in what it does not encode
                row |= {name: json.loads(base64.b64decode(row[name + "_base64"])) for name in ("data", "response")}
            if "ref" in row:
                self.assertEqual((row["ref"], row["data"], row["response"]), ("r\u202e\u200b", *[json.loads(body)] * 2))
        self.assertEqual(self.json("events")[0]["key"], "k\u2066")
        self.assertEqual(self.json("messages", "list")[0]["key"], "\ufeffk")
        run = self.run_it("submit", "A", "--id-from", "1", "--data", "other\u202e")
        run = self.run_it("--json", "submit", "A\u202e\x85")
        self.assertEqual(run.status, 2)
        self.assert_plain(run.err)
        self.assertEqual(run.error["status"], 2)

    def test_a_file_with_an_odd_name_is_named_in_json(self):
        for name in (b"\xff\xfe.db", b"new\nline", "bidi\u202e\x85".encode(), rb"back\slash", b"quote\"d"):
            path = os.fsencode(self.folder) + b"/" + name
            run = self.run_it("backup", os.fsdecode(path), "--json")
            self.assertEqual((run.status, run.err), (0, ""))
            self.assert_plain(run.out)
            row = run.row
            named = base64.b64decode(row["backup_base64"]) if "backup_base64" in row else row["backup"].encode()
            self.assertEqual(named, path)
            self.assertTrue(os.path.exists(path))
            url = "sqlite:" + os.fsdecode(path) + ".other"
            for words in (("init",), ("doctor",)):
                run = self.run_it("--store", url, *words, "--json")
                self.assertEqual(run.status, 0, run.err)
                self.assert_plain(run.out)
                self.assertTrue(run.rows)
            self.assert_plain(self.ok("--store", url, "doctor").out)

    def test_what_looks_like_json_and_is_not_is_said(self):
        twice, deep, cut = '{"a":1,"a":2}', "[" * 65 + "]" * 65, '{"a":'
        marked = b"\xef\xbb\xbf{}"
        for data, why in ((twice, "the same name twice"), (deep, "limit is 64 levels"), (cut, "ends where"), (marked, "not a JSON value")):
            self.put("data", data if isinstance(data, bytes) else data.encode())
            for words in (("submit", "A", "--data", "@data"), ("submit", "A", "--event", "t:e=@data", "--response", "1"),
                          ("enqueue", "l", "t", "@data")):
                run = self.run_it(*words)
                self.assertEqual(run.status, 0)
                self.assertRegex(run.err, f"^pawl: note: .* looks like JSON but is not .*{why}.* application/octet-stream\\n$")
                self.fails(2, *words, "--json-only", says=why)
            run = self.run_it("submit", "A", "--response", "@data", "--json")
            self.assertIn(why, json.loads(run.err)["note"]["message"])
            self.assertEqual(self.run_it("submit", "A", "--message", "l/t=@data", "--quiet").err, "")
            self.assertEqual(self.run_it("enqueue", "l", "t", "@data", "--content-type", "text/x").err, "")
        self.ok("enqueue", "l", "t", "plain words")
        self.writes_nothing(2, "enqueue", "l", "t", "plain words", "--json-only", says="--json-only")
        self.ok("enqueue", "l", "t", '{"a":1}', "--json-only")
        self.ok("submit", "A", "--json-only", "--data", "1", "--event", "t:e=[]")

    def test_json_in_lines_is_json_or_refused(self):
        deep = "[" * 64 + "]" * 64
        for command, line in (("submit", '{"type":"A","data":%s,"response":%s,"events":[{"topic":"t","type":"e","data":%s}],'
                                         '"messages":[{"lane":"l","target":"t","data":%s}]}'),
                              ("enqueue", '{"lane":"l","target":"t","data":%s}')):
            bodies = line.count("%s")
            self.ok(command, "--jsonl", "-", stdin=line % ((deep,) * bodies))
            for bad in range(bodies):
                text = line % tuple(f"[{deep}]" if i == bad else deep for i in range(bodies))
                run = self.run_it(command, "--jsonl", "-", stdin=text)
                self.assertEqual((run.status, run.out), (2, ""))
                self.assertIn("64 levels", run.err)
        row = self.json("journal", "show", "1")[0]
        self.assertEqual(row["data"], json.loads(deep))
        self.assertEqual((row["response"], row["events"][0]["data"]), (row["data"], row["data"]))

    def test_a_byte_order_mark_before_the_lines_is_skipped(self):
        line, mark = b'{"lane":"l","target":"t","data":1}\n', b"\xef\xbb\xbf"
        self.put("marked", mark + line * 2)
        self.assertEqual(len(self.json("enqueue", "--jsonl", "marked")), 2)
        self.assertEqual(len(self.json("enqueue", "--jsonl", "-", stdin=mark + b"\n" + line)), 1)
        for text in (mark, mark[:2], b"\n" + mark + line, line + mark + line):
            run = self.run_it("enqueue", "--jsonl", "-", stdin=text)
            self.assertEqual(run.status, 0 if text == mark else 2, text)
        slow = subprocess.Popen([support.PAWL, "enqueue", "--jsonl", "-", "--json"], env=self.env, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, bufsize=0)
        for byte in mark + line:
            slow.stdin.write(bytes([byte]))
        slow.stdin.close()
        self.assertEqual(len(slow.stdout.read().splitlines()), 1)
        self.assertEqual(slow.wait(), 0)
        slow.stdout.close()

    def assert_time(self, shown, ms, text):
        """The first time of a text, in UTC; a lease is reckoned anew each time, so a second may lie between."""
        found = re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", shown)
        self.assertTrue(found, text)
        seconds = calendar.timegm(time.strptime(found[0], "%Y-%m-%d %H:%M:%S"))
        self.assertLessEqual(abs(seconds - ms // 1000), 1, text)

    def test_every_time_that_is_shown_is_the_rows(self):
        delayed = self.enqueue("l", "t", "1", "--delay", "86400000", "--ttl", "172800000")
        self.enqueue("l", "t", "2")
        claimed, token = self.claim("l", "t", "--lease", "3600000")
        for key, names in ((delayed, {"created": "created_at", "updated": "updated_at", "due": "available_at", "expires": "expires_at"}),
                           (claimed, {"created": "created_at", "updated": "updated_at", "lease until": "lease_until"})):
            row, shown = self.message(key), self.ok("messages", "show", key)
            for name, field in names.items():
                self.assert_time(self.field(shown, name).decode(), row[field], name)
        for key, code, field in ((delayed, "not_due", "available_at"), (claimed, "claimed", "lease_until")):
            (reason,) = [r for r in self.json("why", key)[0]["reasons"] if r["code"] == code]
            self.assertLessEqual(abs(reason["until"] - self.message(key)[field]), 1000)
            (line,) = [line for line in self.ok("why", key).out.splitlines() if line.startswith(f"  {code}:")]
            self.assert_time(line.partition(", until ")[2], reason["until"], line)
        self.assertLess(abs(self.message(delayed)["available_at"] - self.message(delayed)["created_at"] - 86400000), 1000)
        self.ok("nack", claimed, token, "--permanent")
        self.assert_time(self.field(self.ok("messages", "show", claimed), "ended").decode(), self.message(claimed)["ended_at"], "ended")
        self.ok("submit", "A", "--quiet")
        row, shown = self.json("journal", "show", "1")[0], self.ok("journal", "show", "1")
        for name, field in (("received", "received_at"), ("committed", "committed_at")):
            self.assert_time(self.field(shown, name).decode(), row[field], name)
        self.assert_time(self.ok("journal", "list").out, row["committed_at"], "list")
        self.assert_time(self.ok("journal", "tail").out, row["committed_at"], "tail")

    def test_an_error_quotes_what_reads_back_on_one_line(self):
        run = self.run_it("submit", "a\nb\\n\x1b\u202e")
        self.assertEqual(run.status, 2)
        self.assert_plain(run.err)
        self.assertIn(r'"a\nb\\n\0033\0342\0200\0256"', run.err)
        self.assertEqual([line[:7] for line in run.err.splitlines()], ["pawl: t", "  hint:"])
        self.assertIn(r'"a\nb\\n\0033\0342\0200\0256"', self.run_it("--json", "submit", "a\nb\\n\x1b\u202e").error["message"])
        long = self.run_it("--json", "submit", "x" * 200 + "\u202e" * 60)
        self.assertEqual(long.status, 2)

    def test_what_listen_prints_of_a_request_is_one_line(self):
        for flags in ((), ("--json",)):
            process = subprocess.Popen([support.PAWL, "listen", "127.0.0.1:0", "--data", *flags], env=self.env,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                address = re.search(rb"127\.0\.0\.1:(\d+)", process.stdout.readline())[1]
                for data in PAYLOADS:
                    connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=20)
                    connection.request("POST", "/in", data, {"webhook-id": "m" + str(len(data))})
                    connection.getresponse().read()
                    connection.close()
                    line = process.stdout.readline().decode()
                    self.assert_plain(line)
                    if flags:
                        row = json.loads(line)
                        if "data_base64" in row:
                            self.assertEqual(base64.b64decode(row["data_base64"]), data)
                    else:
                        shown = process.stdout.readline()
                        self.assertEqual((shown[:2], read_back(shown[2:-1])), (b"  ", data))
            finally:
                process.terminate()
                process.communicate()

    def test_the_completion_offers_file_names_whole(self):
        (self.folder / "a file; $(x).jsonl").touch()
        script = self.ok("help", "--bash").out + r'''
            COMP_WORDS=(pawl submit --jsonl a); COMP_CWORD=3; _pawl; printf '<%s>' "${COMPREPLY[@]}"
            COMP_WORDS=(pawl jour); COMP_CWORD=1; _pawl; printf '<%s>' "${COMPREPLY[@]}"'''
        run = subprocess.run(["bash", "-c", script], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual((run.stdout, run.stderr), ("<a file; $(x).jsonl><journal>", ""))


if __name__ == "__main__":
    support.main()
