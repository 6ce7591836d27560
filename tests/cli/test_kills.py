#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two servers, a receiver that deduplicates and a submitter, killed at random: nothing is lost, and each repetition is known.

PAWL_KILLS says how many kills (20); PAWL_TEST_SEED which. The receiver keeps each id in a file that it syncs before it answers, as a
receiver must that shall not act twice.
"""
import json
import os
import random
import signal
import subprocess
import sys
import unittest

import support

KILLS = int(os.environ.get("PAWL_KILLS", "20"))
SEED = int(os.environ.get("PAWL_TEST_SEED", "") or random.SystemRandom().randrange(1 << 31))
BATCH = 200  # messages that a submitter enqueues in a life, at most

RECEIVER = r"""
import http.server, os, sys
path, port = sys.argv[1], int(sys.argv[2])
log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
with open(path) as file:
    known = {line.split()[1] for line in file if line.endswith("\n")}
size = os.path.getsize(path)
if size and os.pread(log, 1, size - 1) != b"\n":
    os.write(log, b"\n")  # it was killed in the middle of a line
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["webhook-id"]
        os.write(log, f"{'again' if name in known else 'first'} {name}\n".encode())
        os.fdatasync(log)
        known.add(name)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
server = Server(("127.0.0.1", port), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Kills(support.Case):
    def start(self, words, **how):
        process = subprocess.Popen(words, cwd=self.folder, env=self.env, text=True, stderr=subprocess.DEVNULL, **how)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start_receiver(self):
        process = self.start([sys.executable, "-c", RECEIVER, str(self.arrived), str(self.port)], stdout=subprocess.PIPE)
        self.port = int(process.stdout.readline())
        process.stdout.close()
        return process

    def start_server(self):
        process = self.start([support.PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-address", "127.0.0.0/8"],
                             stdout=subprocess.PIPE)
        self.assertIn("listening", process.stdout.readline())
        process.stdout.close()
        return process

    def start_submitter(self):
        """Each life says under ids of its own what the one before may have said already: a prefix of the same lines."""
        lines = [json.dumps({"lane": "l", "target": "t", "data": n, "dedupe": f"m{n}",
                             **({"key": f"k{n % 7}"} if n % 4 == 0 else {})})
                 for n in range(self.submitted, self.submitted + BATCH)]
        process = self.start([support.PAWL, "enqueue", "--jsonl", "-", "--json"], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL)
        try:
            process.stdin.write("\n".join(lines) + "\n")
            process.stdin.close()
        except BrokenPipeError:
            pass
        return process

    def submitter_again(self, process):
        """It did all: the next one has other lines; else it says the same again."""
        if process.wait() == 0:
            self.submitted += BATCH
        return self.start_submitter()

    def test_two_servers_a_receiver_and_a_submitter_are_killed_at_random(self):
        print(f"# seed {SEED}, {KILLS} kills")
        dice = random.Random(SEED)
        self.init()
        self.arrived, self.port, self.submitted = self.folder / "arrived", 0, 0
        receiver = self.start_receiver()
        self.ok("targets", "add", "t", f"http://127.0.0.1:{self.port}/", "--set", "backoff_max_ms=1000", "--set",
                "backoff_ms=10", "--set", "max_attempts=1000")
        servers = [self.start_server(), self.start_server()]
        submitter = self.start_submitter()
        for _ in range(KILLS):
            self.let_something_arrive(dice.randrange(1, 80))
            victim = dice.choice(["server", "server", "receiver", "submitter"])
            if victim == "server":
                which = dice.randrange(2)
                servers[which].kill()
                servers[which].wait()
                servers[which] = self.start_server()
            elif victim == "receiver":
                receiver.kill()
                receiver.wait()
                receiver = self.start_receiver()
            else:
                submitter.kill()
            if submitter.poll() is not None or victim == "submitter":
                submitter = self.submitter_again(submitter)
        self.assertEqual(submitter.wait(), 0)
        self.submitted += BATCH
        self.wait_until(lambda: self.counts()["delivered"] == self.submitted)
        self.assertEqual(sum(self.counts().values()), self.submitted)
        self.expect_each_known_once()
        self.assertTrue(all(line["ok"] for line in self.json("verify")))
        for server in servers:
            server.send_signal(signal.SIGTERM)
        self.assertEqual([server.wait() for server in servers], [0, 0])

    def lines(self):
        return [line.split() for line in self.arrived.read_text().splitlines() if len(line.split()) == 2]

    def let_something_arrive(self, count):
        """So many more, or nothing is on its way."""
        want = len(self.lines()) + count
        self.wait_until(lambda: len(self.lines()) >= want or
                        self.counts()["delivered"] == sum(self.counts().values()))

    def counts(self):
        queues = self.json("messages", "stats")
        return queues[0]["counts"] if queues else {"delivered": 0}

    def wait_until(self, good):
        for _ in range(60000):  # each asks the command: minutes, if it never is
            if good():
                return
        self.fail("it does not happen")

    def all_ids(self):
        ids, page = set(), self.json("messages", "list", "--oldest", "--limit", "10000")
        while page:
            ids |= {message["id"] for message in page}
            page = self.json("messages", "list", "--oldest", "--limit", "10000", "--after", page[-1]["id"])
        return ids

    def expect_each_known_once(self):
        first = [name for word, name in self.lines() if word == "first"]
        ids = self.all_ids()
        self.assertEqual(len(first), len(set(first)))
        self.assertEqual(set(first), ids)  # nothing is lost, and nothing arrived that nobody sent
        for word, name in self.lines():
            self.assertIn(name, ids)
        print(f"# {len(ids)} messages, {len(self.lines()) - len(first)} repetitions, each known")


if __name__ == "__main__":
    support.main()
