#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""serve over a store that refuses, fails or is full: it ends as it should, or goes on when it can."""
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

    def serve(self, **env):
        """Until it says where it listens."""
        process = subprocess.Popen([support.PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-file", str(self.out),
                                    "--log-level", "3"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder, text=True,
                                   env={**self.env, **env})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertIn("listening", process.stdout.readline())
        return process

    def wait_for(self, process, text):
        for line in process.stderr:
            if text in line:
                return line
        self.fail(f"it ended without {text}")

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

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "sanitizers need memory of their own")
    def test_a_backlog_costs_no_memory_when_the_sweep_has_walked_over_it(self):
        text = '{"lane":"l","target":"u"}\n' * 60_000 + '{"lane":"l","target":"u","expires_in_ms":1}\n'
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
