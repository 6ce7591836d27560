#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The store as a whole: init, backup, adopt, doctor; busy and unknown outcomes; kills. LAW(F1) LAW(J1)"""
import fcntl
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import unittest
import uuid

import support


class Store(support.Case):
    def test_init_creates_once_A19(self):
        (first,) = self.json("init")
        (again,) = self.json("init")
        self.assertEqual(sorted(first), ["created", "schema", "store"])
        self.assertEqual((first["created"], again["created"], first["schema"]), (True, False, again["schema"]))
        self.assertEqual(first["store"], self.env["PAWL_STORE"])

    def test_init_refuses_what_it_cannot_use(self):
        self.fails(5, "init", "--store", f"sqlite:{self.folder}/missing/s.db", says="folder")
        (self.folder / "text").write_text("this is no database, though it is long enough to be looked at " * 30)
        self.assertIn(self.run_it("init", "--store", f"sqlite:{self.folder}/text", "--json").status, (7, 8))
        with sqlite3.connect(self.folder / "other.db") as other:
            other.execute("CREATE TABLE t (a)")
        other.close()
        self.fails(7, "init", "--store", f"sqlite:{self.folder}/other.db", says="something else")

    def test_a_newer_schema_is_refused_by_name_A125(self):
        self.init()
        with sqlite3.connect(self.folder / "s.db") as database:
            database.execute("PRAGMA user_version = 999")
        database.close()
        self.fails(2, "journal", "list", says="999")

    def test_a_backup_is_a_store_that_waits_to_be_adopted(self):
        self.init()
        self.ok("submit", "A", "--message", "l/t=1")
        self.assertEqual(self.json("backup", "copy.db"), [{"backup": "copy.db"}])
        copy = ("--store", f"sqlite:{self.folder}/copy.db")
        self.assertEqual(len(self.json(*copy, "journal", "list")), 1)
        for words in (("submit", "B"), ("enqueue", "l", "t"), ("claim", "l", "t"), ("lanes", "pause", "l")):
            self.fails(7, *copy, *words, says="adopt")
        self.fails(2, *copy, "adopt", says="reason")
        self.assertEqual(self.run_it(*copy, "doctor").status, 7)
        (adopted,) = self.json(*copy, "adopt", "--reason", "a test")
        self.assertEqual(adopted["epoch"], 2)
        self.assertEqual(self.json(*copy, "claim", "l", "t"), [])
        (hold,) = self.json(*copy, "holds", "list")
        self.assertEqual((hold["kind"], hold["code"], hold["reason"]), ("store", "restored", "a test"))
        self.ok(*copy, "holds", "release", "--reason", "looked")
        self.claim(*[], "l", "t", *copy)
        self.assertEqual(self.run_it(*copy, "verify").status, 0)
        self.fails(7, *copy, "adopt", "--reason", "again", says="nothing to adopt")

    def test_a_backup_is_never_written_over_a_file(self):
        self.init()
        self.ok("submit", "A")
        for name in ("s.db", "there"):
            (self.folder / "there").write_text("mine")
            self.fails(7, "backup", name, says="new file")
        self.assertEqual((self.folder / "there").read_text(), "mine")
        self.assertEqual(len(self.json("journal", "list")), 1)
        self.fails(2, "backup", "missing/copy.db", says="missing")
        self.assertFalse((self.folder / "missing").exists())

    def test_a_copied_file_is_noticed(self):
        self.init()
        self.ok("submit", "A")
        for name in ("s.db", "s.db-anchor"):
            shutil.copy(self.folder / name, self.folder / name.replace("s.db", "t.db"))
        self.fails(7, "--store", f"sqlite:{self.folder}/t.db", "submit", "B", says="adopt")

    def test_doctor_says_what_to_look_at(self):
        self.init()
        self.assertEqual(self.run_it("doctor").status, 0)
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.ok("nack", key, token, "--permanent")
        self.ok("lanes", "pause", "l")
        findings = {row["check"]: row for row in self.json("doctor")}
        self.assertEqual((findings["dead"]["finding"], findings["holds"]["finding"]), ("look", "look"))
        self.assertIn("requeue", findings["dead"]["hint"])

    def test_doctor_names_what_is_set_apart_and_is_8(self):
        self.init()
        self.enqueue("l", "t", "1")
        self.enqueue("l", "u", "1")
        self.ok("lanes", "set", "l", "lease_ms=1000")
        for sql, row in (("UPDATE lane SET policy = '{\"lease_ms\":1001}'", "table lane"),
                         ("UPDATE message SET created = created + 1 WHERE number & 0xffffff = 1", "message")):
            database = sqlite3.connect(self.folder / "s.db", isolation_level=None)
            self.assertEqual(database.execute(sql).rowcount, 1)
            database.close()
            found = self.run_it("verify", "--json")
            doctor = self.run_it("doctor", "--json")
            self.assertEqual((found.status, doctor.status), (8, 8), sql)
            (what,) = [scope["first_bad"]["what"] for scope in found.rows if not scope["ok"]]
            self.assertIn(row, what)
            (bad,) = [finding for finding in doctor.rows if finding["finding"] == "bad"]
            self.assertIn(what, bad["text"])
            self.assertTrue(bad["hint"])
            self.assertIn(what, self.run_it("doctor").out)

    def test_doctor_says_that_a_reader_holds_the_log_back(self):
        self.init()
        reader = self.hold_the_log()
        (log,) = [row for row in self.json("doctor") if row["check"] == "log"]
        self.assertEqual(log["finding"], "look")
        self.assertIn("a reader holds them back", log["text"])
        reader.close()
        self.enqueue("l", "t", "1")
        self.assertNotIn("log", [row["check"] for row in self.json("doctor")])

    # ---- files: one rule for all of a store ----

    def modes(self):
        return {path.name: (oct(path.stat().st_mode & 0o7777), path.stat().st_uid, path.stat().st_gid)
                for path in self.folder.glob("s.db*")}

    def test_a_new_store_is_nobody_elses_to_read(self):
        self.run_it("init")
        self.enqueue("l", "t", "secret")
        self.assertGreaterEqual(set(self.modes()), {"s.db", "s.db-wal", "s.db-shm", "s.db-anchor", "s.db-bell", "s.db-gate"})
        self.assertEqual({mode for mode, _, _ in self.modes().values()}, {"0o600"})

    def test_all_files_follow_mode_and_owner_of_the_database(self):
        self.init()
        owner = (12345, 54321) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        for round in range(2):  # of files that are there, and of files that are made anew
            os.chmod(self.folder / "s.db", 0o660)
            os.chown(self.folder / "s.db", *owner)
            self.enqueue("l", "t", str(round))
            self.assertEqual(set(self.modes().values()), {("0o660", *owner)}, self.modes())
            for suffix in ("-bell", "-gate", "-shm", "-wal"):
                (self.folder / f"s.db{suffix}").unlink()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_who_looks_first_as_root_locks_nobody_out(self):
        os.chown(self.folder, 12345, 54321)
        as_user = ["setpriv", "--reuid=12345", "--regid=54321", "--clear-groups", support.PAWL]
        for path in self.folder.parents:
            if path.stat().st_mode & 0o001 == 0:
                self.skipTest("nobody else may enter the folder of this test")
        run = lambda *words: subprocess.run([*as_user, *words], env=self.env, capture_output=True, cwd=self.folder)
        first = run("init")
        if first.returncode == 126 or b"Permission denied" in first.stderr:
            self.skipTest("nobody else may run the command here")
        self.assertEqual(first.returncode, 0, first.stderr)
        for suffix in ("-bell", "-gate", "-shm", "-wal"):
            (self.folder / f"s.db{suffix}").unlink()
        self.ok("messages", "list")
        wrote = run("enqueue", "l", "t", "x")
        self.assertEqual(wrote.returncode, 0, wrote.stderr)

    def test_no_file_of_a_store_is_reached_through_a_link(self):
        self.init()
        victim = self.folder / "victim"
        for suffix in ("-wal", "-shm", "-anchor", "-bell", "-gate"):
            victim.write_bytes(b"somebody's")
            file = self.folder / f"s.db{suffix}"
            kept = file.read_bytes()
            file.unlink()
            file.symlink_to(victim)
            self.fails(7, "enqueue", "l", "t", says=("link", f"s.db{suffix}"))
            self.assertEqual(victim.read_bytes(), b"somebody's")
            file.unlink()
            file.write_bytes(kept)
        (self.folder / "elsewhere").mkdir()
        (self.folder / "elsewhere" / "link.db").symlink_to(self.folder / "s.db")  # of the store itself: where it leads
        self.ok("--store", f"sqlite:{self.folder}/elsewhere/link.db", "enqueue", "l", "t")
        self.assertEqual([path.name for path in (self.folder / "elsewhere").iterdir()], ["link.db"])

    def test_somebody_elses_database_is_left_as_it_was(self):
        def look():
            return {path.name: path.read_bytes() for path in self.folder.iterdir() if not path.name.endswith("-shm")}
        other = sqlite3.connect(self.folder / "other.db")
        for sql in (None, "PRAGMA journal_mode = WAL"):
            with other:
                other.execute(sql or "CREATE TABLE t (a)")
            before = look()
            for words in (("init",), ("enqueue", "l", "t"), ("messages", "list")):
                self.fails(7, "--store", f"sqlite:{self.folder}/other.db", *words, says="something else")
                self.assertEqual(look(), before)
        other.close()
        other = sqlite3.connect(self.folder / "new.db")  # all that it has is in its log yet
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (a)")
        before = look()
        self.fails(7, "--store", f"sqlite:{self.folder}/new.db", "init", says="something else")
        self.assertEqual(look(), before)
        other.close()
        (self.folder / "text").write_text("no database")
        before = look()
        self.fails(8, "--store", f"sqlite:{self.folder}/text", "init")
        self.assertEqual(look(), before)

    def test_what_is_printed_to_a_closed_stream_ends_up_in_no_store(self):
        self.init()
        key = self.enqueue("l", "t", "x" * 100)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"):
            for command in ("messages list", "enqueue l t y", f"messages show {key}", "no-such-command"):
                subprocess.run(["sh", "-c", f'"{support.PAWL}" {command} {closed}'], env=self.env, cwd=self.folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(all(row["ok"] for row in self.json("verify")))
        self.assertEqual(len(self.json("messages", "list")), 7)
        for path in self.folder.glob("s.db*"):
            self.assertNotIn(b"hint", path.read_bytes(), path)
        with sqlite3.connect(self.folder / "s.db") as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        database.close()

    # ---- 5: busy ----

    def hold_lock(self, byte):
        """As another process does that will not let go."""
        fd = os.open(self.folder / "s.db-gate", os.O_RDWR)
        self.addCleanup(os.close, fd)
        F_OFD_SETLK = 37
        fcntl.fcntl(fd, F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0))

    def test_busy_is_5_with_the_request_id_and_nothing_was_written(self):
        self.init()
        self.hold_lock(self.gate_byte("GATE_OPENING"))
        request = str(uuid.uuid4())
        runs = [subprocess.Popen([support.PAWL, "--json", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env)
                for words in (("submit", "A", "--id", request), ("lanes", "pause", "l"), ("journal", "list"))]
        errors = []
        for run in runs:
            out, err = run.communicate()
            self.assertEqual((run.returncode, out), (5, b""))
            errors.append(json.loads(err)["error"])
        self.assertEqual(errors[0]["request_id"], request)
        self.assertRegex(errors[1]["request_id"], support.UUID)
        self.assertNotIn("request_id", errors[2])

    def gate_byte(self, name):
        """Which byte of the gate file it is, as the header says."""
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
        for folder, _, files in os.walk(root):
            for file in files:
                if file.endswith(".h"):
                    with open(os.path.join(folder, file)) as header:
                        found = re.search(rf"{name}\s*=?\s*(\d+)", header.read())
                    if found:
                        return int(found[1])
        self.fail(f"{name} is nowhere")

    # ---- 6: unknown ----

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_a_commit_whose_sync_failed_is_6_with_the_id_and_the_id_resolves_it(self):
        self.init()
        fail = {"LD_PRELOAD": os.environ["PAWL_FAILING_DISK"]}
        seen = set()
        for count in range(1, 8):
            request = str(uuid.uuid4())
            run = self.run_it("--json", "submit", "A", "--id", request, "--data", str(count), env={**fail, "FAIL_SYNC": str(count)})
            seen.add(run.status)
            if run.status == 6:
                self.assertEqual(run.error["request_id"], request)
                self.assertIn("same", run.error["hint"])
            if run.status == 0:
                self.assertEqual(run.err, "")
            (receipt,) = self.json("submit", "A", "--id", request, "--data", str(count))
            self.assertEqual(self.json("journal", "show", receipt["seq"])[0]["request_id"], request)
        self.assertIn(6, seen)
        self.assertIn(0, seen)
        self.assertEqual(self.json("verify")[0], {"scope": "default", "records": 7, "ok": True})

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_a_stream_stops_where_storage_failed_and_names_every_id_that_is_unknown(self):
        self.init()
        ids = [str(uuid.uuid4()) for _ in range(3000)]
        text = "".join(json.dumps({"type": "A", "request_id": i}) + "\n" for i in ids)
        run = self.run_it("--json", "submit", "--jsonl", "-", stdin=text,
                          env={"LD_PRELOAD": os.environ["PAWL_FAILING_DISK"], "FAIL_SYNC": "3"})
        self.assertIn(run.status, (1, 6))
        self.assertTrue(all(e["request_id"] == ids[e["line"] - 1] for e in run.errors if e["status"] == 6))
        accepted = [row["request_id"] for row in run.rows]
        self.assertEqual(accepted, ids[:len(accepted)])
        again = self.run_it("--json", "submit", "--jsonl", "-", stdin=text)
        self.assertEqual((again.status, [row["request_id"] for row in again.rows]), (0, ids))
        self.assertEqual(self.json("verify")[0]["records"], len(ids))

    # ---- 7: refused, whatever the line says ----

    def check_stops_with_one_error(self, status, says, **how):
        text = '{"type":"A"}\n' * 9000
        run = self.run_it("--json", "submit", "--jsonl", "-", stdin=text, **how)
        self.assertEqual((run.status, run.rows, [(e["line"], e["status"]) for e in run.errors]), (status, [], [(1, status)]))
        self.assertIn(says, run.error["message"])
        in_words = self.run_it("submit", "--jsonl", "-", stdin=text, **how)
        self.assertEqual((in_words.status, in_words.err.count("line 1:"), in_words.err.count("line 2:")), (status, 1, 0))
        self.assertIn("the rest was not tried", in_words.err)

    def test_a_stream_into_a_restored_store_stops_with_one_error(self):
        self.init()
        self.ok("backup", "copy.db")
        self.check_stops_with_one_error(7, "restored", env={"PAWL_STORE": f"sqlite:{self.folder}/copy.db"})

    @unittest.skipUnless("PAWL_FAILING_DISK" in os.environ, "needs a library that is preloaded")
    def test_a_stream_into_a_full_store_stops_with_one_error_and_goes_on_when_there_is_room(self):
        self.init()
        (self.folder / "full").touch()
        full = {"LD_PRELOAD": os.environ["PAWL_FAILING_DISK"], "FULL_WHILE": str(self.folder / "full")}
        self.check_stops_with_one_error(7, "full", env=full)
        self.assertEqual(self.json("verify"), [])
        (self.folder / "full").unlink()
        self.assertEqual(len(self.json("submit", "--jsonl", "-", stdin='{"type":"A"}\n' * 10, env=full)), 10)

    # ---- kills ----

    def test_a_killed_stream_is_finished_by_the_same_file_again_A108_A168(self):
        self.init()
        seed = int(os.environ.get("SEED", random.randrange(2**32)))
        print(f"# seed {seed}")
        chance = random.Random(seed)
        ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(4000)]
        text = "".join(json.dumps({"type": "A", "request_id": i, "messages": [{"lane": "l", "target": "t", "data": n}]}) + "\n"
                       for n, i in enumerate(ids))
        (self.folder / "in").write_text(text)
        receipts = {}
        for _ in range(6):
            process = subprocess.Popen([support.PAWL, "submit", "--jsonl", str(self.folder / "in"), "--json"],
                                       stdout=subprocess.PIPE, env=self.env)
            for _ in range(chance.randrange(1, 1500)):
                self.remember(receipts, process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            for line in process.communicate()[0].splitlines(keepends=True):
                if line.endswith(b"\n"):
                    self.remember(receipts, line)
        for line in self.ok("submit", "--jsonl", str(self.folder / "in"), "--json").raw.splitlines():
            self.remember(receipts, line)
        self.assertEqual(set(receipts), set(ids))
        self.assertEqual(self.json("verify")[0], {"scope": "default", "records": len(ids), "ok": True})
        self.assertEqual(self.json("messages", "stats")[0]["counts"]["pending"], len(ids))

    def remember(self, receipts, line):
        """A receipt that was given once is true for ever after."""
        receipt = json.loads(line)
        kept = receipts.setdefault(receipt["request_id"], receipt)
        self.assertEqual({**receipt, "replayed": None}, {**kept, "replayed": None})


if __name__ == "__main__":
    support.main()
