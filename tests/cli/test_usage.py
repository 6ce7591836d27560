#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the command is spoken to: the table, options anywhere, every usage error."""
import os
import pathlib
import re
import subprocess

import support


class Usage(support.Case):
    def commands(self):
        return re.findall(r"^    '([a-z]+(?: [a-z]+)?)'\|", self.ok("help", "--bash").out, re.M)

    def test_every_command_has_help_that_fits_80_columns(self):
        names = self.commands()
        self.assertGreater(len(names), 30)
        for name in names:
            run = self.ok("help", *name.split())
            self.assertIn(f"usage: pawl {name}", run.out)
            self.assertLessEqual(max(map(len, run.out.splitlines())), 80, name)
            self.assertEqual(self.ok(*name.split(), "--help").out, run.out)
        self.assertLessEqual(max(map(len, self.ok("help").out.splitlines())), 80)

    def test_help_names_every_key_of_a_policy_with_its_default(self):
        for command in ("lanes", "set"), ("targets", "add"):
            out = self.ok("help", *command).out
            for setting in "max_attempts=40", "backoff_shape=exponential", "unknown=resend", "dedupe_keep_ms=2592000000":
                self.assertIn("  " + setting, out)
        self.assertIn("*max\\_attempts*=40", self.ok("help", "--scdoc").out)

    def test_every_command_of_the_stage_is_there(self):
        wanted = """init, submit, journal list, journal show, journal tail, journal verify, journal export, journal replay,
            events, enqueue, claim, ack, nack, extend, messages list, messages show, messages retry, messages requeue, messages cancel,
            messages purge, messages stats, messages resolve, lanes list, lanes pause, lanes resume, lanes set,
            targets list, targets add, targets set, targets remove, targets test, holds list, holds release, why, verify, doctor,
            workers, backup, adopt, version"""
        self.assertLessEqual({" ".join(name.split()) for name in wanted.split(",")}, set(self.commands()))

    def test_the_completion_completes(self):
        script = self.ok("help", "--bash").out
        def complete(*words):
            line = f'{script}\nCOMP_WORDS=({" ".join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; _pawl; ' \
                   'printf "%s\\n" "${COMPREPLY[@]}"'
            return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True,
                                  env=self.env).stdout.split()
        self.assertEqual(complete("pawl", "jour"), ["journal"])
        self.assertIn("verify", complete("pawl", "journal", ""))
        self.assertEqual(complete("pawl", "--scope", "a", "journal", "sh"), ["show"])
        self.assertEqual(complete("pawl", "--store", "sqlite", ":", "a", "journal", "sh"), ["show"]) # as bash splits it
        self.assertEqual(complete("pawl", "help", "messages", "sh"), ["show"])
        self.assertIn("--dedupe", complete("pawl", "enqueue", "--de"))
        self.assertEqual(complete("pawl", "messages", "list", "--state", "d"), ["delivered", "dead"])
        self.assertEqual(complete("pawl", "lanes", "set", "l", "max"), ["max_attempts="])
        self.init()
        self.ok("enqueue", "mail", "smtp", "1")
        self.ok("targets", "add", "sms", "https://example.org/")
        self.assertEqual(complete(support.PAWL, "lanes", "pause", "m"), ["mail"])
        self.assertEqual(complete(support.PAWL, "messages", "list", "--target", "s"), ["sms"])
        self.assertEqual(complete(support.PAWL, "targets", "set", "s"), ["sms"])

    def test_what_was_meant_is_said(self):
        self.init()
        for words, meant in ((("messges", "list"), "pawl messages"), (("messages", "lsit"), "list"), (("enqeue", "l", "t"), "enqueue"),
                             (("messages", "list", "--sate", "dead"), "--state"), (("lanes", "set", "l", "max_atempts=1"), "max_attempts"),
                             (("messages", "list", "--jsn"), "--json")):
            self.fails(2, *words, says=f"did you mean")
            self.assertIn(meant, self.run_it(*words).err)
        self.assertNotIn("did you mean", self.run_it("zzzzzz").err)
        self.ok("enqueue", "mail", "smtp", "1")
        self.assertIn("mial: no message has this lane yet: did you mean mail?", self.run_it("lanes", "pause", "mial").err)
        self.assertEqual(len(self.json("holds", "list")), 1) # done all the same
        self.assertEqual(self.run_it("lanes", "pause", "mail").err, "")
        missing = self.run_it("targets", "add", "smtp", "https://x.example/", "--secret-file", "/no/secret")
        self.assertEqual(missing.status, 0)
        self.assertIn("until the process that serves can read it", missing.err)

    def test_help_of_a_group_says_what_is_in_it(self):
        out = self.ok("messages", "--help").out
        self.assertEqual(out, self.ok("help", "messages").out)
        self.assertEqual([name for name in self.commands() if name.startswith("messages ")],
                         re.findall(r"^  (messages \w+) ", out, re.M))

    def test_times_take_units(self):
        self.init()
        def expires(text):
            (row,) = self.json("messages", "show", self.enqueue("l", "t", "1", "--ttl", text))
            return row["expires_at"] - row["created_at"]
        self.assertEqual([expires(text) for text in ("1500", "1500ms", "5s", "3m", "2h", "1d")],
                         [1500, 1500, 5000, 180000, 7200000, 86400000])
        for bad in ("5x", "s", "1.5s", "-1s", "99999999999999999d", "", "5 s"):
            self.fails(2, "enqueue", "l", "t", "1", "--ttl", bad, says="ttl")

    def test_usage_errors_end_with_2_and_say_how(self):
        for words, says in [
                ((), "no command"),
                (("nonsense",), "nonsense"),
                (("journal",), "list, show"),
                (("journal", "nonsense"), "list, show"),
                (("init", "more"), "more"),
                (("submit", "A", "--nonsense"), "--nonsense"),
                (("submit", "A", "--data"), "needs a value"),
                (("submit", "A", "--data", "1", "--data", "2"), "given twice"),
                (("init", "--json=1"), "takes no value"),
                (("ack", "x"), "2 arguments"),
                (("help", "nonsense"), "nonsense"),
                (("submit",), "TYPE"),
                (("enqueue", "mail"), "LANE and TARGET")]:
            if words not in ((), ("nonsense",)):
                self.init()
            self.fails(2, *words, says=says)

    def test_options_stand_before_and_behind_the_command(self):
        self.init()
        for words in (("--json", "--scope", "a", "journal", "list"), ("journal", "--json", "list", "--scope=a"),
                      ("journal", "list", "--scope", "a", "--json")):
            self.assertEqual(self.ok(*words).out, "")

    def test_words_behind_two_dashes_are_no_options(self):
        self.init()
        self.assertEqual(self.run_it("--json", "submit", "--", "--data").status, 0)  # a type may begin with dashes
        self.assertEqual(self.json("journal", "list")[0]["type"], "--data")

    def test_a_store_that_is_not_there_is_3_with_the_hint_and_is_not_made(self):
        for words in [("submit", "A"), ("enqueue", "a", "b"), ("claim", "a", "b"), ("journal", "list"), ("events",),
                      ("verify",), ("messages", "list"), ("why", support.NOBODY), ("backup", "copy"),
                      ("lanes", "set", "a", "max_attempts=1"), ("holds", "list"), ("workers",),
                      ("adopt", "--reason", "x")]:
            self.fails(3, *words, says="pawl init")
        self.assertEqual(self.run_it("doctor").status, 3)
        self.assertEqual([p.name for p in self.folder.iterdir()], [])

    def test_a_store_url_that_is_none_is_2(self):
        for url in ("nonsense", "sqlite:", "", "postgres:x"):
            run = self.run_it("--store", url, "--json", "journal", "list")
            self.assertEqual((run.status, run.error["status"]), (2, 2), url)

    def test_a_scope_that_is_no_name_is_2_A89(self):
        self.init()
        for scope in ("", " ", "a/b", "x" * 129, "a\tb", "ü"):
            self.fails(2, "journal", "list", "--scope", scope, says="scope")

    def test_the_environment_names_the_store_and_the_option_beats_it(self):
        self.init()
        self.assertTrue(pathlib.Path(self.folder, "s.db").exists())
        self.ok("--store", f"sqlite:{self.folder}/t.db", "init")
        self.assertTrue(pathlib.Path(self.folder, "t.db").exists())
        self.assertEqual(self.run_it("init", env={"PAWL_STORE": ""}).status, 0)
        self.assertTrue(pathlib.Path(self.folder, "pawl.db").exists())

    def test_quiet_prints_what_was_asked_for_and_nothing_else(self):
        self.assertEqual(self.ok("init", "--quiet").out, "")
        self.assertEqual(self.ok("submit", "A", "--quiet").out, "")
        self.assertIn("A", self.ok("journal", "list", "--quiet").out)

    def test_output_that_cannot_be_written_is_1(self):
        self.init()
        with open("/dev/full", "w") as full:
            process = subprocess.run([support.PAWL, "doctor"], stdout=full, stderr=subprocess.PIPE, env=self.env)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"standard output", process.stderr)

    def test_version_names_what_is_linked(self):
        (row,) = self.json("version")
        self.assertRegex(row["version"], r"^\d+\.\d+\.\d+")
        self.assertIn("SQLite", row["linked"])
        self.assertEqual(self.ok("--version").out, self.ok("version").out)


if __name__ == "__main__":
    support.main()
