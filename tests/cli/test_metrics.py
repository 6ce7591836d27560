#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""/metrics says what this process committed, in a form that Prometheus reads; and what happens when the disk fills."""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import unittest

import support

TOP = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)')


def families():
    """Of src/server/metrics.def: name, kind, labels, meaning."""
    text = (TOP / "src/server/metrics.def").read_text()
    return {name: (kind, set(filter(None, labels.split(", "))), meaning) for name, kind, labels, meaning in
            re.findall(r'^METRIC\(\w+, +"(\w+)", +(\w+), +"([^"]*)", "([^"]*)"\)', text, re.M)}


def labels_of(text):
    labels, at = {}, 0
    while at < len(text or ""):
        match = LABEL.match(text, at)
        assert match and match[1] not in labels, text
        labels[match[1]] = re.sub(r"\\(.)", lambda c: "\n" if c[1] == "n" else c[1], match[2])
        at = match.end()
    return labels


def parse(text):
    """The text form, strictly: each family once, HELP and TYPE before its samples, no sample twice."""
    found, name, seen = {}, None, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, meaning = line[7:].split(" ", 1)
            assert name not in found, line
            found[name] = {"meaning": meaning, "samples": {}}
        elif line.startswith("# TYPE "):
            assert line.split()[2] == name and "kind" not in found[name], line
            found[name]["kind"] = line.split()[3]
        else:
            sample, labels, value = SAMPLE.fullmatch(line).groups()
            suffix = sample[len(name):]
            assert sample.startswith(name) and (suffix == "" or found[name]["kind"] == "histogram"), line
            assert suffix in ("", "_bucket", "_sum", "_count"), line
            key = (suffix, tuple(sorted(labels_of(labels).items())))
            assert (name, key) not in seen, line
            seen.add((name, key))
            found[name]["samples"][key] = float(value)
    return found


class Served(support.Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.out = self.folder / "out"
        self.out.mkdir()
        self.ok("targets", "add", "t", f"file:{self.out}/o")

    def serve(self, *words, **env):
        process = subprocess.Popen([support.PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-file", str(self.out),
                                    "--log-level", "3", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder, text=True, env={**self.env, **env})
        for close in (process.stderr.close, process.stdout.close, process.wait, process.kill):
            self.addCleanup(close)
        self.port = int(re.search(r":(\d+)$", process.stdout.readline())[1])
        return process

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body

    def scrape(self):
        answer, body = self.ask("/metrics")
        self.assertEqual(answer.status, 200, body)
        self.assertEqual(answer.getheader("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        self.text = body
        return parse(body)

    def counted(self, found, **labels):
        """The sum over those samples of pawl_messages_total that have these labels."""
        return sum(value for (_, key), value in found["pawl_messages_total"]["samples"].items()
                   if set(labels.items()) <= set(key))

    def sample(self, found, name, **labels):
        return found[name]["samples"][("", tuple(sorted(labels.items())))]


class Metrics(Served):
    def test_it_says_what_its_table_says_and_nothing_else(self):
        self.ok("enqueue", "l", "t", "1")
        self.ok("enqueue", "l", "later", "1", "--delay", "1h")
        self.wait_for(self.serve(), "delivered")
        found, table = self.scrape(), families()
        self.assertEqual(list(found), list(table))
        for name, (kind, labels, meaning) in table.items():
            self.assertEqual((found[name]["kind"], found[name]["meaning"]), (kind, meaning))
            self.assertTrue(found[name]["samples"], name)
            for suffix, key in found[name]["samples"]:
                self.assertEqual(set(dict(key)), labels if suffix in ("", "_bucket") else labels - {"le"}, name)

    @unittest.skipUnless("PROMTOOL" in os.environ, "promtool is not there: scripts/setup fetches it")
    def test_promtool_reads_it(self):
        self.ok("enqueue", "l", "t", "1")
        self.wait_for(self.serve(), "delivered")
        self.scrape()
        for text, good in ((self.text, True), (self.text.replace("# TYPE pawl_queues gauge", "# TYPE pawl_queues counter"), False)):
            done = subprocess.run([os.environ["PROMTOOL"], "check", "metrics"], input=text, text=True, capture_output=True)
            self.assertEqual(done.returncode == 0 and not done.stdout + done.stderr, good, done.stdout + done.stderr)

    def test_it_counts_what_this_process_did_and_shows_what_all_did(self):
        for i in range(3):
            self.ok("enqueue", "l", "t", str(i))
        self.ok("--scope", "shop", "enqueue", "l", "later", "1", "--delay", "1h")
        self.ok("--scope", "shop", "enqueue", "l", "nobody", "1")
        process = self.serve()
        for _ in range(3):
            self.wait_for(process, "delivered")
        found = self.scrape()
        self.assertEqual(self.counted(found, result="enqueued"), 0)
        for result in "claimed", "delivered":
            self.assertEqual(self.counted(found, scope="default", lane="l", target="t", result=result), 3)
        self.assertEqual(self.counted(found), 6)
        queue = {"scope": "default", "lane": "l", "target": "t"}
        self.assertEqual(self.sample(found, "pawl_queue_messages", **queue, state="delivered"), 3)
        self.assertEqual(self.sample(found, "pawl_queue_oldest_due_seconds", **queue), 0)
        later = {"scope": "shop", "lane": "l", "target": "later"}
        self.assertEqual(self.sample(found, "pawl_queue_messages", **later, state="pending"), 1)
        self.assertTrue(3500 < self.sample(found, "pawl_queue_next_due_seconds", **later) <= 3600)
        nobody = {"scope": "shop", "lane": "l", "target": "nobody"}
        self.assertEqual(self.sample(found, "pawl_queue_due", **nobody), 1)
        self.assertGreater(self.sample(found, "pawl_queue_oldest_due_seconds", **nobody), 0)
        self.assertNotIn(("", tuple(sorted(nobody.items()))), found["pawl_queue_next_due_seconds"]["samples"])
        for name in "pawl_commits_total", "process_resident_memory_bytes", "process_open_fds", "pawl_store_log_bytes":
            self.assertGreater(self.sample(found, name), 0, name)
        buckets = [value for (suffix, _), value in found["pawl_sync_seconds"]["samples"].items() if suffix == "_bucket"]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(buckets[-1], found["pawl_sync_seconds"]["samples"][("_count", ())])

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_what_could_not_be_committed_is_not_counted_A153(self):
        self.ok("enqueue", "l", "t", "1")
        full = self.folder / "full"
        full.touch()
        process = self.serve(LD_PRELOAD=os.environ["PAWL_FAILING_DISK"], FULL_WHILE=str(full))
        for _ in range(2):
            self.wait_for(process, "claim_failed")
            found = self.scrape()
            self.assertEqual(self.counted(found), 0)
            self.assertEqual(self.sample(found, "pawl_disk_state"), 3)
        full.unlink()
        self.wait_for(process, "delivered")
        found = self.scrape()
        self.assertEqual((self.counted(found, result="claimed"), self.counted(found, result="delivered")), (1, 1))
        self.assertEqual(self.sample(found, "pawl_disk_state"), 0)


@unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
class Disk(Served):
    def setUp(self):
        super().setUp()
        self.used = self.folder / "used"
        self.env |= {"USED_PERCENT": str(self.used), "LD_PRELOAD": os.environ["PAWL_FAILING_DISK"]}

    def use(self, percent):
        self.used.write_text(str(percent))

    def disk(self):
        (row,) = [row for row in self.json("doctor") if row["check"] == "disk"]
        return row

    def test_a_disk_that_fills_is_told_and_refuses_and_drains_A138(self):
        self.use(50)
        self.assertEqual(self.disk()["finding"], "ok")
        first = self.enqueue("l", "t", "1", "--dedupe", "K")
        self.use(80)
        self.assertRegex(self.disk()["text"], r"^80 % used, \d+ MiB free, filling$")
        self.enqueue("l", "t", "2")
        self.use(95)
        self.assertEqual(self.disk()["finding"], "look")
        self.assertIn("refused", self.disk()["text"])
        self.fails(7, "enqueue", "l", "t", "3", says=("95 % full", "make room"))
        self.fails(7, "submit", "T", "--message", "l/t=4", says="95 % full")
        self.json("submit", "T", "--data", "{}")
        self.assertEqual(self.enqueue("l", "t", "1", "--dedupe", "K"), first)
        process = self.serve()
        self.assertIn("95 % of the disk are used", self.wait_for(process, "disk_refusing"))
        for _ in range(2):
            self.wait_for(process, "delivered")
        answer, body = self.ask("/healthz")
        self.assertEqual((answer.status, json.loads(body)["store"]["disk"]["state"]), (200, "refusing"))
        self.assertEqual(self.sample(self.scrape(), "pawl_disk_state"), 2)
        self.use(50)
        self.enqueue("l", "t", "5")
        self.wait_for(process, "delivered")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)

    def test_a_full_one_is_unhealthy_until_there_is_room(self):
        self.use(100)
        process = self.serve()
        self.wait_for(process, "disk_full")
        answer, body = self.ask("/healthz")
        self.assertEqual((answer.status, json.loads(body)["reasons"]), (503, ["the disk of the store is full"]))
        self.assertIn("full", self.disk()["text"])
        self.use(50)
        while self.ask("/healthz")[0].status == 503:  # looked at once a second
            pass
        self.enqueue("l", "t", "1")
        self.wait_for(process, "delivered")

    def test_where_it_begins_is_in_the_url(self):
        self.use(96)
        self.env["PAWL_STORE"] += "?disk_refuse=97"
        self.enqueue("l", "t", "1")
        self.env["PAWL_STORE"] = self.env["PAWL_STORE"].replace("97", "101")
        self.fails(2, "enqueue", "l", "t", "1", says=("disk_refuse", "percent"))


class LogFile(Served):
    def test_it_logs_into_a_file_in_the_format_that_is_asked_A127_A140(self):
        log = self.folder / "serve.log"
        log.write_text("x" * (1 << 20))
        self.ok("enqueue", "l", "t", "1")
        process = self.serve("--log-file", str(log), "--log-format", "json", "--log-mib", "1", "--log-archives", "2")
        while "delivered" not in log.read_text():
            pass
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)
        self.assertEqual(process.stderr.read(), "")
        self.assertEqual((self.folder / "serve.log.1").stat().st_size, 1 << 20)
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual([row["what"] for row in rows if row["what"] in ("started", "delivered")][-2:].count("delivered"), 1)
        self.assertEqual(rows[-1]["what"], "stopped")
        for row in rows:
            self.assertRegex(row["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(row["level"], range(4))

    def test_one_that_cannot_be_written_stops_nothing(self):
        self.ok("enqueue", "l", "t", "1")
        process = self.serve("--log-file", str(self.folder / "none" / "serve.log"))
        self.wait_for(process, "delivered")
        self.assertGreater(self.sample(self.scrape(), "pawl_log_failed_lines_total"), 0)

    def test_a_format_that_is_none_is_refused(self):
        self.fails(2, "serve", "--log-format", "xml", says=("xml", "text, json or auto"))


if __name__ == "__main__":
    support.main()
