#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A service that books, charges, confirms and undoes it all, and that fails. What it has done it never does again under the same key.

It keeps what it did in an SQLite file: a call's answer, and its effect, in one transaction. By a plan of its seed it answers
500, hangs, does the work and loses the answer, or restarts; and of every third trip it refuses one call for good.
"""
import argparse
import http.server
import json
import os
import random
import sqlite3
import sys
import threading

UNDOES = {"/cancel": "/book", "/refund": "/charge", "/take-points": "/points", "/withdraw": "/confirm"}
REFUSES = {"/book": 409, "/charge": 402, "/points": 422, "/confirm": 422, "/mail": 422}  # and with what
FAULTS = ("fails", "fails", "hangs", "hangs and works", "loses", "loses", "restarts", "works and restarts")
TABLES = """
CREATE TABLE IF NOT EXISTS answers (path TEXT, key TEXT, status INTEGER, text TEXT, PRIMARY KEY (path, key)) STRICT;
CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, path TEXT, trip INTEGER, key TEXT) STRICT;
CREATE TABLE IF NOT EXISTS lives (number INTEGER PRIMARY KEY) STRICT;
"""


class Books:
    def __init__(self, options):
        self.options, self.lock = options, threading.Lock()
        self.db = sqlite3.connect(options.file, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(TABLES)
        self.life = self.db.execute("INSERT INTO lives DEFAULT VALUES").lastrowid
        self.dice = random.Random(f"{options.seed} {self.life}")

    def draw_fault(self):
        with self.lock:
            return self.dice.choice(FAULTS) if self.dice.random() * 100 < self.options.faults else None

    def is_refused(self, path, trip):
        nth, rest = divmod(trip, self.options.refusals or trip + 1)
        return rest == 0 and path == list(REFUSES)[(nth + self.options.seed) % len(REFUSES)]

    def known(self, path, key):
        return self.db.execute("SELECT status, text FROM answers WHERE path = ? AND key = ?", (path, key)).fetchone()

    def keep(self, path, key, status, text):
        self.db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (path, key, status, text))
        return status, text

    def work(self, path, trip, key):
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            answer = self.known(path, key) or self.decide(path, trip, key)
            self.db.execute("COMMIT")
            return answer

    def decide(self, path, trip, key):
        undone = UNDOES.get(path)
        if undone:
            before = self.known(undone, key)
            if not before:  # it may still come, late
                self.keep(undone, key, 409, "it was undone before it came")
            if not before or before[0] != 200:
                return self.keep(path, key, 200, "nothing to undo")
        elif self.is_refused(path, trip):
            return self.keep(path, key, REFUSES[path], f"no {path[1:]} for trip {trip}")
        self.db.execute("INSERT INTO effects (path, trip, key) VALUES (?, ?, ?)", (path, trip, key))
        return self.keep(path, key, 200, f"{path[1:]}-{trip}")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        trip = json.loads(self.rfile.read(int(self.headers["content-length"])))["trip"]
        key = self.headers["idempotency-key"] or self.headers["webhook-id"]  # a message's own id is its key
        fault = books.draw_fault() or "works"
        status, text = 500, "it fails"
        if "hangs" in fault:
            threading.Event().wait(0.8)  # longer than who asks
        if "works" in fault or "loses" in fault:
            status, text = books.work(self.path, trip, key)
        print(self.path, trip, status, fault, flush=True)
        if "restarts" in fault:
            os.execv(sys.executable, [sys.executable, *sys.argv])
        if "hangs" in fault or "loses" in fault:
            return
        self.send_response(status)
        self.send_header("content-length", str(len(text)))  # half an answer is none
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100

    def handle_error(self, *_):  # who asked is gone, or was killed
        pass


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--port", type=int, default=7297)
parser.add_argument("--file", default="service.db", help="what it did")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--faults", type=int, default=30, help="percent of the calls with which something goes wrong")
parser.add_argument("--refusals", type=int, default=3, help="it refuses one call for good of each so many-th trip; 0: of none")
options = parser.parse_args()
books = Books(options)
with Server(("127.0.0.1", options.port), Handler) as server:
    print(f"life {books.life}, on port {options.port}", flush=True)
    server.serve_forever()
