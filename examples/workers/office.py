#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The world outside of the workers: a bank and a railway behind one door. What it did is in ./office.db, and never done twice under a key.

office.py [N]   where it listens is in ./office.url; N: every Nth call fails, and every Nth answer is lost
"""
import http.server
import itertools
import json
import os
import sqlite3
import sys

UNDOES = {"refund": "charge", "unbook": "book"}
UNDONE_BY = {done: undone for undone, done in UNDOES.items()}
TROUBLE = int(sys.argv[1]) if len(sys.argv) > 1 else 0
calls, answers = itertools.count(), itertools.count()


def find(verb, key):
    return db.execute("SELECT cents, answer FROM effects WHERE verb = ? AND key = ?", (verb, key)).fetchone()


def refusal(verb, key, order):
    """Why it is not done; the same whenever it is asked."""
    if find(UNDONE_BY.get(verb), key):
        return 409, "it was undone"  # a worker that comes late does not do it after all
    if verb == "charge" and order["cents"] > 50000:
        return 402, "that is more than the card allows"
    if verb == "book" and order["seat"].startswith("13-"):
        return 409, "there is no coach 13"
    return None


def act(verb, key, order):
    """An HTTP status and a text. What was done under this key is not done again: its answer is."""
    known = find(verb, key)
    if known:
        db.execute("UPDATE effects SET calls = calls + 1 WHERE verb = ? AND key = ?", (verb, key))
        return 200, known[1]
    refused = refusal(verb, key, order)
    if refused:
        return refused
    undone = find(UNDOES.get(verb), key)
    cents = order["cents"] if verb == "charge" else -undone[0] if undone else 0  # what never was is undone, too
    answer = f"ticket for seat {order['seat']}" if verb == "issue" else f"{verb} done"
    db.execute("INSERT INTO effects VALUES (?, ?, ?, ?, 1)", (verb, key, cents, answer))
    return 200, answer


class Door(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if TROUBLE and next(calls) % TROUBLE == 0:
            return self.say(503, "closed for the moment")
        status, text = act(self.path[1:], self.headers["idempotency-key"], order)
        if not TROUBLE or next(answers) % TROUBLE:
            self.say(status, text)  # else it is done, and nobody hears of it

    def say(self, status, text):
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


db = sqlite3.connect("office.db", isolation_level=None)  # each statement is a commit, before the answer
db.execute("CREATE TABLE IF NOT EXISTS effects (verb, key, cents INTEGER, answer, calls INTEGER, PRIMARY KEY (verb, key))")
server = http.server.HTTPServer(("127.0.0.1", 0), Door)
with open("office.url.new", "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}")
os.replace("office.url.new", "office.url")
print("the office is open", flush=True)
server.serve_forever()
