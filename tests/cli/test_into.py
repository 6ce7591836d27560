#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A store beside the tables of another program, whose SQLite is Python's and lives in a process of its own. LAW(J1)"""
import os
import signal
import sqlite3
import subprocess
import sys
import unittest

import support

WRITES = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
db.execute("PRAGMA wal_autocheckpoint = 0")
for number in range(int(sys.argv[2])):
    db.execute("INSERT INTO message VALUES (?, 'theirs')", (str(number),))
    print(number, flush=True)
if sys.argv[3] == "die":
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO message VALUES ('half', 'theirs')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


class Into(support.Case):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "app.db"
        self.url = f"sqlite:{self.file}"
        self.into = self.url + "?into=1"
        self.env["PAWL_STORE"] = self.url
        self.program("PRAGMA user_version = 7; PRAGMA application_id = 99; CREATE TABLE message (id TEXT, body TEXT);"
                     "CREATE TABLE store (a); CREATE TRIGGER t AFTER INSERT ON message BEGIN INSERT INTO store VALUES (1); END")

    def program(self, sql, file=None):
        db = sqlite3.connect(file or self.file)
        db.executescript(sql)
        db.close()

    def ask(self, sql, file=None):
        db = sqlite3.connect(file or self.file)
        ((value,),) = db.execute(sql).fetchall()
        db.close()
        return value

    def writes(self, count, how="end"):
        return subprocess.Popen([sys.executable, "-c", WRITES, self.file, str(count), how], stdout=subprocess.PIPE)

    def test_init_adds_to_what_is_there_and_changes_nothing_of_it(self):
        self.program("INSERT INTO message VALUES ('1', 'theirs')")
        first = self.ok("init", "--into", self.url)
        self.assertIn("WAL", first.out)
        again = self.ok("init", "--into", self.url)
        self.assertIn("already there", again.out)
        self.assertNotIn("WAL", again.out)
        self.assertEqual([self.ask(f"PRAGMA {name}") for name in ("user_version", "application_id", "journal_mode")],
                         [7, 99, "wal"])
        self.assertEqual(self.ask("SELECT count(*) FROM message") + self.ask("SELECT count(*) FROM store"), 2)
        self.assertGreater(self.ask("SELECT version FROM pawl_store"), 0)

    def test_init_answers_in_json(self):
        (first,) = self.json("init", "--into", self.url)
        self.assertEqual((first["created"], first["store"], first["put_into_wal"]), (True, self.into, True))
        (again,) = self.json("init", "--into", self.into)
        self.assertEqual((again["created"], again["store"], "put_into_wal" in again), (False, self.into, False))

    def test_what_cannot_be_is_refused_with_what_can(self):
        self.fails(7, "init", says=("something else", "init --into", "into=1"))
        self.fails(3, "journal", "list", "--store", self.into, says="init --into")
        self.fails(2, "init", "--into", "memory:", says="sqlite:FILE")
        self.fails(2, "init", "--store", self.url + "?into=yes", says="into=1")
        own = f"sqlite:{self.folder}/own.db"
        self.ok("init", "--store", own)
        self.fails(7, "init", "--into", own, says="store itself")
        wide = self.folder / "wide.db"
        self.program("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)", wide)
        self.fails(2, "init", "--into", f"sqlite:{wide}", says="UTF-16")
        self.program("CREATE VIEW Pawl_mine AS SELECT 1")
        self.fails(7, "init", "--into", self.url, says="begins with pawl_")
        self.assertEqual(self.ask("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'pawl%'"), 1)

    def test_a_program_that_has_it_open_in_another_mode_is_named(self):
        db = sqlite3.connect(self.file)
        db.execute("BEGIN")
        db.execute("SELECT * FROM message").fetchall()
        self.fails(5, "init", "--into", self.url, says=("WAL", "journal_mode"))
        db.close()
        self.ok("init", "--into", self.url)

    def test_commands_find_it_by_its_anchor(self):
        self.ok("init", "--into", self.url)
        self.ok("submit", "A", "--message", "l/t=1")
        for url in self.url, self.into, self.url + "?mode=ro", self.into + "&mode=ro":
            self.assertEqual(len(self.json("journal", "list", "--store", url)), 1)
        self.ok("verify")
        self.assertIn("in another program's database", self.ok("doctor").out)
        os.remove(f"{self.file}-anchor")
        self.fails(7, "journal", "list", says="into=1")
        self.assertEqual(self.run_it("doctor", "--store", self.into).status, 7)
        self.ok("adopt", "--reason", "a test", "--store", self.into)
        self.ok("submit", "B")

    def test_a_backup_has_the_rows_of_both(self):
        self.ok("init", "--into", self.url)
        self.program("INSERT INTO message VALUES ('1', 'theirs')")
        self.ok("submit", "A")
        self.ok("backup", "copy.db")
        copy = self.folder / "copy.db"
        self.assertEqual(self.ask("SELECT body FROM message", copy), "theirs")
        into = ("--store", f"sqlite:{copy}?into=1")
        self.fails(7, "submit", "B", *into, says="adopt")
        self.ok("adopt", "--reason", "a test", *into)
        self.assertEqual(len(self.json("journal", "list", *into)), 1)

    def test_both_write_at_once_and_lose_nothing(self):
        self.ok("init", "--into", self.url)
        program = self.writes(200)
        lines = "".join('{"type":"T","messages":[{"lane":"l","target":"t"}]}\n' for _ in range(300))
        self.ok("submit", "--jsonl", "-", stdin=lines)
        program.communicate(timeout=60)
        self.assertEqual(program.returncode, 0)
        self.ok("verify")
        self.assertEqual(self.ask("SELECT count(*) FROM message"), 200)
        self.assertEqual(self.ask("SELECT count(*) FROM pawl_messages"), 300)

    def test_who_is_killed_takes_nothing_of_the_other(self):
        self.ok("init", "--into", self.url)
        accepted = 0
        for number in range(1, 4):
            program = self.writes(5, "die")
            self.ok("submit", "A")
            program.communicate(timeout=60)
            self.assertEqual(program.returncode, -signal.SIGKILL)
            words = [support.PAWL, "submit", "--jsonl", "-", "--json"]
            pawl = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env)
            pawl.stdin.write(b'{"type":"T"}\n' * 4)
            pawl.stdin.flush()
            pawl.stdout.readline()
            pawl.kill()
            accepted += 1 + len(pawl.communicate()[0].splitlines())
            self.assertEqual(self.ask("SELECT count(*) FROM message WHERE id <> 'half'"), number * 5)
            self.assertEqual(self.ask("SELECT count(*) FROM message WHERE id = 'half'"), 0)
            self.assertGreaterEqual(self.ask("SELECT count(*) FROM pawl_records WHERE type = 'T'"), accepted)
            self.ok("verify")
        self.ok("submit", "A")  # it is not taken for a restored one
        self.assertFalse(os.path.exists(f"{self.file}-wal-old"))

    def test_what_is_missing_of_pawls_is_named(self):
        self.ok("init", "--into", self.url)
        self.program("DROP VIEW pawl_records")
        self.fails(8, "journal", "list", says="pawl_records")

    def test_an_older_schema_is_brought_up_to_date(self):
        self.ok("init", "--into", self.url)
        self.ok("submit", "A")
        views = [row[0] for row in sqlite3.connect(self.file).execute("SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE 'pawl\\_%' ESCAPE '\\'")]
        self.assertGreater(len(views), 10)
        self.program("".join(f"DROP VIEW {view}; " for view in views) + "UPDATE pawl_store SET version = 1")
        self.assertIn("migrated", self.ok("init").out)
        self.assertEqual(self.ask("SELECT count(*) FROM pawl_records"), 1)
        self.assertEqual(self.ask("PRAGMA user_version"), 7)

    def test_one_that_only_reads_beside_the_program_says_what_it_needs(self):
        self.ok("init", "--into", self.url)
        program = sqlite3.connect(self.file)
        program.execute("INSERT INTO message VALUES ('1', 'theirs')")
        program.commit()
        self.fails(5, "claim", "l", "t", "--store", self.into + "&mode=ro", says="may write")
        self.ok("journal", "list")
        program.close()

    def test_a_newer_schema_is_refused_by_name(self):
        self.ok("init", "--into", self.url)
        self.program("UPDATE pawl_store SET version = 999")
        self.fails(2, "journal", "list", says="999")

    def test_a_database_that_is_gone_is_not_begun_anew(self):
        self.ok("init", "--into", self.url)
        self.ok("submit", "A")
        for suffix in "", "-wal", "-shm":
            os.remove(f"{self.file}{suffix}")
        self.program("CREATE TABLE message (id)")
        self.fails(8, "init", "--into", self.url, says="remembers")


if __name__ == "__main__":
    support.main()
