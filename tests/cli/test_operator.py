#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What operators do: moves, policies, targets, holds; each under a reason and an id, each recorded."""
import os
import pathlib
import pwd
import sys
import uuid

import support

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from receiver import Receiver


class Operator(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def dead(self, *words):
        key = self.enqueue("l", "t", "payload", *words)
        _, token = self.claim("l", "t")
        self.ok("nack", key, token, "--permanent", "--error", "no")
        return key

    def uncertain(self, cap=25):
        self.ok("lanes", "set", "l", "unknown=hold")
        key = self.enqueue("l", "t", "1", "--max-attempts", cap)
        _, token = self.claim("l", "t")
        self.ok("nack", key, token, "--uncertain")
        return key

    # ---- messages ----

    def test_lists_are_newest_first_and_filtered_A128(self):
        ids = [self.enqueue("l", "t", "1", "--key", f"k{n}") for n in range(3)] + [self.enqueue("m", "u", "1")]
        def listed(*words):
            return [row["id"] for row in self.json("messages", "list", *words)]
        self.assertEqual(listed(), ids[::-1])
        self.assertEqual(listed("--limit", 2), ids[:1:-1])
        self.assertEqual(listed("--lane", "m"), [ids[3]])
        self.assertEqual(listed("--target", "t", "--key", "k1"), [ids[1]])
        self.assertEqual(listed("--state", "dead"), [])
        self.assertEqual(len(listed("--state", "pending")), 4)
        for words, says in ((("--state", "nonsense"), "pending"), (("--limit", 0), "limit"), (("--lane", " "), "lane"),
                            (("--limit", "x"), "limit")):
            self.fails(2, "messages", "list", *words, says=says)

    def test_a_requeue_copies_everything_but_the_id_A129_A134(self):
        key = self.dead("--key", "k", "--priority", 2, "--header", "x-a:1", "--sender", "s")
        (moved,) = self.json("messages", "requeue", key, "--reason", "mended")
        self.assertEqual((moved["before"], moved["after"]), ("dead", "cancelled"))
        old, new = self.message(key), self.message(moved["successor"])
        self.assertIn(f"replaced by 2-{new['id'][-4:]}", self.ok("messages", "list").out)
        self.assertEqual((old["state"], old["superseded_by"], old["ended_by"]), ("cancelled", new["id"], "ops"))
        for field in ("lane", "target", "key", "priority", "headers", "sender", "data_base64"):
            self.assertEqual(new[field], old[field], field)
        self.assertEqual((new["state"], new["attempts"]), ("pending", 0))
        self.assertIn(f"successor {moved['successor']}", self.ok("messages", "requeue", key, "--reason", "mended",
                                                                 "--id", moved["request_id"]).out)

    def test_a_move_under_its_id_again_gives_the_stored_answer(self):
        key, request = self.dead(), str(uuid.uuid4())
        (first,) = self.json("messages", "requeue", key, "--reason", "r", "--id", request)
        self.assertEqual(self.json("messages", "requeue", key, "--reason", "r", "--id", request), [{**first, "replayed": True}])
        self.writes_nothing(4, "messages", "requeue", key, "--reason", "another", "--id", request)
        self.writes_nothing(7, "messages", "requeue", key, "--reason", "r")
        self.assertEqual(len(self.json("messages", "list")), 2)

    def test_every_move_needs_a_reason_and_an_id_that_is_one(self):
        key = self.dead()
        for move in ("requeue", "cancel", "purge"):
            self.writes_nothing(2, "messages", move, key, says="reason")
            self.writes_nothing(2, "messages", move, key, "--reason", "  ", says="reason")
            self.writes_nothing(2, "messages", move, key, "--reason", "x" * 1025, says=("reason", "1024"))
            self.writes_nothing(2, "messages", move, "nonsense", "--reason", "r", says="id")
            self.writes_nothing(2, "messages", move, key, "--reason", "r", "--id", "x", says="id")
            self.writes_nothing(3, "messages", move, support.NOBODY, "--reason", "r")
            self.writes_nothing(3, "messages", move, key, "--reason", "r", "--scope", "b")

    def test_a_preset_is_what_the_table_of_the_page_says(self):
        page = (pathlib.Path(__file__).parents[2] / "docs" / "operations.md").read_text()
        head, *rows = [[cell.strip(" `") for cell in line.strip("|").split("|")]
                       for line in page.split("## Presets")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
        self.assertEqual(head, ["key", "s4", "s5"])
        told = self.ok("help", "lanes", "set").out
        for place, preset in enumerate(head[1:], 1):
            values = {row[0]: row[place] for row in rows[1:] if row[place]}
            self.assertGreater(len(values), 10)
            self.ok("lanes", "set", preset, f"preset={preset}")
            (policy,) = [lane["policy"] for lane in self.json("lanes", "list") if lane["lane"] == preset]
            self.assertEqual({key: str(value) for key, value in policy.items()}, values)
            record = self.json("journal", "list", "--scope", "pawl.operator", "--limit", "1")[0]
            self.assertEqual((record["data"]["lane"], record["data"]["policy"]), (preset, policy))
            shown = " ".join(told.split(f"preset={preset} ")[1].split("preset=")[0].split("Options:")[0].split())
            self.assertEqual(dict(word.split("=") for word in shown.split() if "=" in word), values)
        self.writes_nothing(2, "lanes", "set", "l", "preset=s6", says=("preset", "s6"))
        self.writes_nothing(2, "lanes", "set", "l", "presset=s4", says="preset")

    def test_what_may_be_cancelled_A130_A135(self):
        pending = self.enqueue("l", "t", "1")
        self.assertEqual(self.json("messages", "cancel", pending, "--reason", "r")[0]["after"], "cancelled")
        claimed = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.writes_nothing(7, "messages", "cancel", claimed, "--reason", "r", says="claimed")
        self.ok("ack", claimed, token)
        for move in ("cancel", "requeue"):
            self.writes_nothing(7, "messages", move, claimed, "--reason", "r", says="delivered")

    def test_a_purge_removes_ended_ones_only_A136(self):
        pending, dead = self.enqueue("m", "t", "1"), self.dead()
        self.writes_nothing(7, "messages", "purge", pending, "--reason", "r", says="pending")
        self.ok("messages", "purge", dead, "--reason", "r")
        self.fails(3, "messages", "show", dead)
        self.assertEqual(self.run_it("verify").status, 0)

    def test_a_person_resolves_what_is_uncertain_A139(self):
        for outcome, cap, state in (("delivered", 25, "delivered"), ("pending", 25, "pending"), ("pending", 1, "dead"),
                                    ("dead", 25, "dead")):
            key = self.uncertain(cap)
            self.assertEqual(self.json("claim", "l", "t"), [])
            (moved,) = self.json("messages", "resolve", key, "--outcome", outcome, "--reason", "looked")
            self.assertEqual((moved["before"], self.message(key)["state"]), ("uncertain", state))
            self.ok("messages", "list")
            if state == "pending":
                self.ok("messages", "cancel", key, "--reason", "next")
        for words, says in (((), "outcome"), (("--outcome", "maybe"), "delivered")):
            self.writes_nothing(2, "messages", "resolve", key, *words, "--reason", "r", says=says)
        self.writes_nothing(2, "messages", "resolve", key, "--outcome", "dead", says="reason")
        self.writes_nothing(7, "messages", "resolve", key, "--outcome", "dead", "--reason", "r", says="dead")

    def awaiting(self):
        key = self.enqueue("l", "t", "1")
        _, token = self.claim("l", "t")
        self.ok("submit", "T", "--settle", f"{key}:{token}=submitted")
        return key

    def test_a_person_resolves_what_is_awaiting_as_delivered_or_dead_A139(self):
        for outcome in "delivered", "dead":
            key = self.awaiting()
            self.writes_nothing(7, "messages", "resolve", key, "--outcome", "pending", "--reason", "r", says="delivered or dead")
            (moved,) = self.json("messages", "resolve", key, "--outcome", outcome, "--reason", "asked the bank")
            self.assertEqual((moved["before"], moved["after"]), ("awaiting", outcome))
            row = self.message(key)
            self.assertEqual((row["ended_by"], row["ended_reason"]), ("ops", "asked the bank"))
            self.assertEqual([(each["phase"], each["verdict"]) for each in row["history"]], [("send", "submitted")])

    def test_several_are_resolved_at_once_A139(self):
        keys = [self.uncertain() for _ in range(4)]
        run = self.run_it("messages", "resolve", *keys[:2], support.NOBODY, "--outcome", "pending", "--reason", "looked", "--json")
        self.assertEqual((run.status, [row["after"] for row in run.rows]), (3, ["pending"] * 2))
        self.assertEqual([self.claim("l", "t")[0] for _ in range(2)], keys[:2]) # the same ids again
        (done,) = self.json("messages", "resolve", "--state", "uncertain", "--outcome", "dead", "--reason", "given up")
        self.assertEqual((done["matched"], done["moved"]), (2, 2))
        for key in keys[2:]:
            self.assertEqual(self.message(key)["ended_reason"], "given up")
        self.assertEqual(sum(row["type"].startswith("pawl.message") for row in
                             self.json("journal", "list", "--scope", "pawl.operator")), 3)

    def test_the_whole_story_of_a_message_is_shown(self):
        key = self.enqueue("l", "t", "1", "--ttl", "1h")
        for words in (("--error", "the line was busy"), ("--permanent", "--error", "no such account")):
            _, token = self.claim("l", "t", "--id", key)
            self.ok("nack", key, token, *words)
        self.ok("messages", "retry", key, "--reason", "mended")
        _, token = self.claim("l", "t")
        self.ok("ack", key, token)
        history = self.message(key)["history"]
        self.assertEqual([(each["phase"], each["attempt"], each["ordinal"], each["verdict"], each.get("text")) for each in history],
                         [("send", 1, 1, "retry", "the line was busy"), ("send", 2, 2, "dead", "no such account"),
                          ("send", 1, 3, "delivered", None)])
        for each in history:
            self.assertEqual(each["worker"], "cli")
            self.assertGreaterEqual(each["ended_at"], each["began_at"])
        rows = self.ok("messages", "show", key).out.split("\n\n")[1].splitlines()
        self.assertEqual(rows[0].split(), ["TRY", "BEGAN", "TOOK", "WORKER", "VERDICT", "ANSWER"])
        self.assertRegex(rows[1], r"^send 1  \S+ \S+Z  +\d+ ms  cli     retry      the line was busy$")
        self.assertRegex(rows[3], r"^send 1  \S+ \S+Z  +\d+ ms  cli     delivered$")
        narrow = self.ok("messages", "show", key, env={"COLUMNS": "60"}).out.split("\n\n")[1].splitlines()
        self.assertGreater(max(map(len, rows)), 60) # how far below 60 the narrow ones end hangs on what it took
        self.assertLessEqual(max(map(len, narrow)), 60)
        self.assertIn("account", "".join(narrow))

    def test_counts_are_right_after_each_step_A137(self):
        def counts():
            return {k: v for k, v in self.json("messages", "stats")[0]["counts"].items() if v}
        key = self.enqueue("l", "t", "1")
        self.assertEqual(counts(), {"pending": 1})
        _, token = self.claim("l", "t")
        self.assertEqual(counts(), {"claimed": 1})
        self.ok("nack", key, token, "--permanent")
        self.assertEqual(counts(), {"dead": 1})
        self.ok("messages", "requeue", key, "--reason", "r")
        self.assertEqual(counts(), {"pending": 1, "cancelled": 1})
        self.assertEqual(self.json("messages", "stats", "--lane", "other"), [])
        self.assertEqual(sorted(self.json("messages", "stats")[0]), ["counts", "due", "held", "lane", "oldest_due_at", "target"])

    def test_counts_say_what_is_due_and_since_when(self):
        first = self.enqueue("l", "t", "1")
        self.enqueue("l", "t", "2", "--delay", "1h")
        self.enqueue("l", "t", "3", "--delay", "2h")
        (row,) = self.json("messages", "stats")
        created = self.message(first)["created_at"]
        self.assertEqual((row["due"], row["oldest_due_at"], row["held"]), (1, created, 0))
        self.assertEqual(row["next_due_at"], self.json("messages", "list", "--oldest")[1]["available_at"])
        _, token = self.claim("l", "t")
        self.ok("nack", first, token, "--permanent")
        (row,) = self.json("messages", "stats")
        self.assertEqual((row["due"], "oldest_due_at" in row), (0, False))
        self.uncertain()
        self.assertEqual(sum(row["held"] for row in self.json("messages", "stats")), 1)
        self.assertIn("OLDEST" if row["due"] else "NEXT", self.ok("messages", "stats").out)

    # ---- a later life ----

    def test_a_retry_keeps_the_id_and_a_requeue_does_not(self):
        key = self.dead()
        (moved,) = self.json("messages", "retry", key, "--reason", "mended")
        self.assertEqual((moved["id"], moved["before"], moved["after"], "successor" in moved), (key, "dead", "pending", False))
        self.assertEqual(self.message(key)["retries"], 1)
        again, token = self.claim("l", "t")
        self.assertEqual(again, key)
        self.ok("ack", key, token)
        self.writes_nothing(7, "messages", "retry", key, "--reason", "r", says="delivered")
        self.writes_nothing(7, "messages", "requeue", key, "--reason", "r", says="--again")
        (copy,) = self.json("messages", "requeue", key, "--again", "--reason", "r")
        self.assertEqual(self.message(copy["successor"])["resent_of"], key)
        self.assertEqual(self.message(key)["state"], "delivered")

    def test_a_message_has_all_its_attempts(self):
        self.ok("submit", "Order", "--message", "l/t=1")
        for n in range(12):
            key, token = self.claim("l", "t")
            self.ok("nack", key, token, "--retry-in", 0, "--error", f"no {n}")
        message = self.message(key)
        self.assertEqual([a["text"] for a in message["history"]], [f"no {n}" for n in range(12)])
        self.assertEqual((message["seq"], message["created_by"]), (1, self.json("journal", "show", 1)[0]["request_id"]))
        self.assertIn("12 of 40", self.ok("messages", "show", key).out)

    def test_a_filter_moves_many_in_order(self):
        made = [self.dead("--key", f"k{n % 2}") for n in range(6)]
        other = self.enqueue("m", "t", "1")
        (dry,) = self.json("messages", "retry", "--state", "dead", "--dry-run", "--reason", "r")
        self.assertEqual((dry["matched"], dry["moved"], dry["refused"]), (6, 0, 0))
        request = str(uuid.uuid4())
        words = ("messages", "requeue", "--lane", "l", "--error", "no", "--limit", 4, "--reason", "mended", "--id", request)
        (done,) = self.json(*words)
        self.assertEqual((done["matched"], done["moved"], done["refused"], done["request_id"]), (4, 4, 0, request))
        self.assertEqual(self.json(*words), [{**done, "replayed": True}])
        self.writes_nothing(4, *words[:2], "--lane", "l", "--reason", "mended", "--id", request)
        successors = [row["resent_of"] for row in self.json("messages", "list", "--oldest", "--lane", "l", "--state", "pending")]
        self.assertEqual(successors, made[:4])
        (row,) = self.json("journal", "list", "--scope", "pawl.operator", "--type", "pawl.messages.requeue")
        self.assertEqual((row["data"]["operation"], row["data"]["part"], row["response"]["moved"]), (request, 1, 4))
        self.assertEqual([m["id"] for m in row["response"]["messages"]], made[:4])
        self.assertIn("matched 1, moved 1", self.ok("messages", "cancel", "--lane", "m", "--reason", "r").out)
        self.assertEqual(self.message(other)["state"], "cancelled")
        self.writes_nothing(2, "messages", "retry", "--reason", "r", says="filter")
        self.writes_nothing(2, "messages", "retry", made[5], "--lane", "l", "--reason", "r", says="--lane")
        self.writes_nothing(2, "messages", "retry", "--state", "dead", says="reason")

    def test_of_several_ids_each_goes_by_itself(self):
        one, two, request = self.dead(), self.dead(), str(uuid.uuid4())
        run = self.run_it("messages", "retry", one, support.NOBODY, two, "--reason", "r", "--id", request, "--json")
        self.assertEqual((run.status, len(run.errors)), (3, 1))
        self.assertEqual([row["id"] for row in run.rows], [one, two])
        again = self.run_it("messages", "retry", one, two, "--reason", "r", "--id", request, "--json")
        self.assertEqual([row["replayed"] for row in again.rows], [True, True])

    def test_lists_go_on_from_either_end(self):
        ids = [self.enqueue("l", "t", "1") for _ in range(5)]
        def listed(*words):
            return [row["id"] for row in self.json("messages", "list", *words)]
        self.assertEqual(listed("--oldest", "--limit", 2), ids[:2])
        self.assertEqual(listed("--oldest", "--after", ids[1]), ids[2:])
        self.assertEqual(listed("--before", ids[2]), ids[1::-1])
        self.assertEqual(listed("--state", "pending", "--oldest", "--after", ids[0], "--before", ids[4]), ids[1:4])
        self.assertEqual(listed("--until", "1h"), [])
        run = self.run_it("messages", "list", "--limit", 2)
        self.assertIn(f"--before {support.short(ids[3])}", run.err)
        self.assertEqual(len(run.out.splitlines()), 3)
        self.assertIn(f"--after {support.short(ids[1])}", self.run_it("messages", "list", "--oldest", "--limit", 2).err)
        self.assertEqual(self.run_it("messages", "list", "--limit", 2, "--quiet").err, "")
        self.assertEqual(self.run_it("messages", "list", "--limit", 5).err, "")

    def test_messages_are_found_by_what_made_them(self):
        self.enqueue("l", "t", "1")
        for n in range(3):
            self.ok("submit", "Order", "--ref", f"order-{n % 2}", "--message", f"l/t={n}", "--message", f"m/t={n}")
        def listed(*words):
            return [(row["seq"], row["lane"]) for row in self.json("messages", "list", *words)]
        self.assertEqual(listed("--ref", "order-0"), [(3, "m"), (3, "l"), (1, "m"), (1, "l")])
        self.assertEqual(listed("--ref", "order-0", "--oldest", "--lane", "m"), [(1, "m"), (3, "m")])
        self.assertEqual(listed("--seq", 2), [(2, "m"), (2, "l")])
        self.assertEqual(listed("--seq", 9) + listed("--ref", "nobody"), [])

    def test_a_short_id_is_taken_everywhere(self):
        key = self.enqueue("l", "t", "1")
        short = f"1-{key[-4:]}"
        self.assertIn(short, self.ok("messages", "list").out)
        self.assertEqual(self.json("messages", "show", short)[0]["id"], key)
        self.assertEqual(self.json("why", short)[0]["id"], key)
        self.assertEqual(self.json("messages", "list", "--after", short), [])
        wrong = f"1-{'0000' if key[-4:] != '0000' else '1111'}"
        for words in (("messages", "show", wrong), ("why", wrong), ("messages", "cancel", wrong, "--reason", "r"),
                      ("messages", "show", "2-0000")):
            self.fails(3, *words)
        self.fails(3, "messages", "show", short, "--scope", "other")
        (claimed,) = self.json("claim", "l", "t", "--id", short)
        self.ok("extend", short, claimed["token"], "5s")
        self.ok("nack", short, claimed["token"], "--permanent")
        self.ok("messages", "retry", short, "--reason", "r")

    def test_who_asks_is_said(self):
        def by(*words, **how):
            key = self.enqueue("l", "t", "1")
            self.ok("messages", "cancel", key, "--reason", "r", *words, **how)
            return self.message(key)["ended_by"]
        self.assertEqual(by("--actor", "anna"), "anna")
        self.assertEqual(by(), "ops")
        self.assertEqual(by(env={"PAWL_ACTOR": ""}), pwd.getpwuid(os.geteuid()).pw_name)

    # ---- policies, targets ----

    def test_a_lane_takes_policy_keys_and_refuses_others(self):
        self.ok("lanes", "set", "l", "max_attempts=3", "backoff_shape=fixed")
        self.ok("lanes", "set", "l", "max_attempts=", "keep_ms=5")
        self.assertEqual(self.json("lanes", "list"), [{"lane": "l", "policy": {"backoff_shape": "fixed", "keep_ms": 5}, "open": 0, "dead": 0}])
        for word, says in (("nonsense=1", "nonsense"), ("max_attempts=0", "max_attempts"), ("max_attempts=x", "max_attempts"),
                           ("backoff_shape=round", "fixed"), ("jitter_percent=101", "jitter_percent"), ("nonsense", "KEY=VALUE"),
                           ("=1", "KEY=VALUE"), ("lease_ms=0", "lease_ms")):
            self.writes_nothing(2, "lanes", "set", "l", word, says=says)
        self.writes_nothing(2, "lanes", "set", "l")
        self.writes_nothing(2, "lanes", "set", "a b", "max_attempts=1", says="lane")

    def test_a_policy_is_read_when_the_decision_is_made(self):
        key = self.enqueue("l", "t", "1")
        self.ok("lanes", "set", "l", "max_attempts=1")
        _, token = self.claim("l", "t")
        self.assertEqual(self.json("nack", key, token)[0]["result"], "dead")

    def heads(self, *words):
        """The names of a table's columns."""
        return self.ok(*words).out.splitlines()[0].split()

    def test_who_is_asked_is_a_setting_of_a_target(self):
        self.ok("targets", "add", "bank", "http://example.com/in", "--set", "probe=http://example.com/was", "--set", "poll=exec:/bin/ask")
        row = {"target": "bank", "url": "http://example.com/in", "probe": "http://example.com/was", "poll": "exec:/bin/ask", "policy": {}}
        self.assertEqual(self.json("targets", "list"), [row])
        self.assertEqual(self.heads("targets", "list"), ["TARGET", "URL", "PROBE", "POLL", "SECRET", "POLICY"])
        self.writes_nothing(4, "targets", "add", "bank", "http://example.com/in", says="targets set")
        self.ok("targets", "set", "bank", "poll=", "probe=callback:bank")
        (record, *_) = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual((record["data"]["probe"], record["data"]["poll"]), ("callback:bank", ""))
        self.ok("targets", "set", "bank", "poll=", "probe=")
        self.assertEqual(self.heads("targets", "list"), ["TARGET", "URL", "SECRET", "POLICY"])
        self.ok("targets", "set", "bank", "probe=callback:bank")
        del row["poll"]
        self.assertEqual(self.json("targets", "list"), [{**row, "probe": "callback:bank"}])
        for value, says in (("file:/var/log/x", "asked"), ("example.com", "asked"), ("http://", "host")):
            self.writes_nothing(2, "targets", "set", "bank", f"probe={value}", says=("probe", says))
        self.writes_nothing(2, "lanes", "set", "l", "probe=http://example.com", says="probe")
        self.writes_nothing(3, "targets", "set", "wob", "probe=http://example.com", says="wob")
        self.ok("targets", "set", "bank", "probe=")
        self.assertEqual(self.ok("targets", "list").out.splitlines()[0].split(), ["TARGET", "URL", "SECRET", "POLICY"])

    def test_targets_are_added_replaced_and_removed(self):
        self.ok("targets", "add", "web", "http://example.com/hook", "--set", "timeout_ms=5", "--secret-file", "secret")
        (row,) = self.json("targets", "list")
        self.assertEqual(row, {"target": "web", "url": "http://example.com/hook", "policy": {"timeout_ms": 5},
                               "secret_file": f"{self.folder}/secret"})
        self.writes_nothing(4, "targets", "add", "web", "http://example.com/hook", says="targets set") # drops no secret
        before = self.json("journal", "list", "--scope", "pawl.operator")
        self.ok("targets", "add", "web", "http://example.com/hook", "--set", "timeout_ms=5", "--secret-file", "secret")
        self.assertEqual(self.json("journal", "list", "--scope", "pawl.operator"), before)
        self.ok("targets", "set", "web", "concurrency=3", "timeout_ms=")
        self.assertEqual(self.json("targets", "list"), [{**row, "policy": {"concurrency": 3}}])
        self.ok("targets", "set", "web", "--url", "exec:/bin/true", "--secret-file", "", "concurrency=")
        self.assertEqual(self.json("targets", "list"), [{"target": "web", "url": "exec:/bin/true", "policy": {}}])
        self.writes_nothing(2, "targets", "set", "web", says="missing")
        self.writes_nothing(3, "targets", "set", "wob", "--url", "http://x", says="wob")
        self.ok("targets", "remove", "web")
        self.assertEqual(self.json("targets", "list"), [])
        self.writes_nothing(3, "targets", "remove", "web", says="web")
        for words, says in ((("web", "ftp://x"), "http"), (("web", ""), "url"), (("web", "http://"), "http"),
                            (("a b", "http://x"), "target"), (("web", "http://x", "--set", "nonsense=1"), "nonsense"),
                            (("web", "http://x", "--set", "x"), "KEY=VALUE"), (("web", "http://" + "x" * 2048), "2048"),
                            (("web", "http://x", "--secret-file", ""), "secret-file")):
            self.writes_nothing(2, "targets", "add", *words, says=says)

    def test_a_sender_has_a_route_of_its_own(self):
        self.ok("targets", "add", "web", "http://a.example/", "http://b.example/")
        self.ok("targets", "add", "web", "http://c.example/", "--sender", "ann", "--header", "x-a:1", "--secret-file", "secret")
        route = {"sender": "ann", "url": "http://c.example/", "secret_file": f"{self.folder}/secret", "headers": {"x-a": "1"}}
        row = {"target": "web", "url": "http://a.example/", "urls": ["http://a.example/", "http://b.example/"], "policy": {}}
        self.assertEqual(self.json("targets", "list"), [{**row, "senders": [route]}])
        self.assertEqual(self.heads("targets", "list"), ["TARGET", "SENDER", "URL", "SECRET", "POLICY"])
        (record, *_) = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual((record["type"], record["data"]["sender"], record["data"]["url"]),
                         ("pawl.target.add", "ann", "http://c.example/"))
        self.writes_nothing(4, "targets", "add", "web", "http://d.example/", "--sender", "ann", says="targets set --sender")
        self.writes_nothing(4, "targets", "add", "web", "http://b.example/", "http://a.example/", says="targets set")
        self.writes_nothing(2, "targets", "add", "web", "http://d.example/", "--sender", "bob", "--set", "rate=1/1s", says="policy")
        self.writes_nothing(2, "targets", "add", "web", "http://d.example/", "--sender", " ", says="sender")
        self.writes_nothing(2, "targets", "add", "web", "--sender", "bob", says="URL")
        self.writes_nothing(7, "targets", "add", "web", *["http://d.example/"] * 9, "--sender", "bob", says="8")
        self.writes_nothing(3, "targets", "set", "web", "--url", "http://d.example/", "--sender", "bob", says="bob")
        self.ok("targets", "set", "web", "--sender", "ann", "--url", "http://d.example/", "--url", "http://e.example/",
                "--secret-file", "", "--header", "x-a:")
        (sender,) = self.json("targets", "list")[0]["senders"]
        self.assertEqual(sender, {"sender": "ann", "url": "http://d.example/",
                                  "urls": ["http://d.example/", "http://e.example/"]})
        key = self.enqueue("l", "web", "1", "--sender", "ann")
        self.ok("targets", "remove", "web", "--sender", "ann")
        (sender,) = self.json("targets", "list")[0]["senders"]
        self.assertGreater(sender["removed_at"], 0)
        reasons = {reason["code"]: reason for reason in self.json("why", key)[0]["reasons"]}
        self.assertGreaterEqual(reasons["sender_gone"]["until"], sender["removed_at"] + 600000)
        self.writes_nothing(3, "targets", "remove", "web", "--sender", "ann", says="ann")
        self.ok("targets", "remove", "web")
        self.assertEqual(self.json("targets", "list"), [])

    def test_a_test_of_a_target_that_nobody_serves_is_refused_and_leaves_nothing_to_send(self):
        self.fails(3, "targets", "test", "web", says="web")
        self.ok("targets", "add", "web", "callback:nobody")
        run = self.run_it("targets", "test", "web", "--wait", "300", "--json")
        self.assertEqual((run.status, run.error["status"]), (7, 7))
        self.assertEqual([row["state"] for row in self.json("messages", "list")], ["cancelled"])

    def test_a_test_that_this_command_may_not_send_says_so_at_once(self):
        secret = self.folder / "secret"
        secret.write_text("whsec_" + "A" * 32)
        secret.chmod(0o666)
        self.ok("targets", "add", "f", f"file:{self.folder}/out")
        self.ok("targets", "add", "w", "https://example.org/", "--secret-file", secret)
        for target, reason in (("f", "--allow-file"), ("w", "secret file")):
            run = self.run_it("targets", "test", target, "--wait", 86400000)
            self.assertEqual(run.status, 7, run.err)
            self.assertIn(reason, run.err)
        self.assertEqual({m["state"] for m in self.json("messages", "list")}, {"cancelled"})

    def test_a_test_of_a_target_sends_one_message_now(self):
        out = self.folder / "out"
        self.ok("targets", "add", "f", f"file:{out}")
        (row,) = self.json("targets", "test", "f", '{"n":1}', "--allow-file", self.folder)
        self.assertEqual((row["state"], row["verdict"], row["would_retry"]), ("delivered", "delivered", False))
        self.assertGreaterEqual(row["took_ms"], 0)
        self.assertIn('"n":1', out.read_text())
        self.assertEqual(self.message(row["id"])["state"], "delivered")

    def test_a_test_tells_what_was_answered_how_long_it_took_and_whether_it_would_be_sent_again(self):
        answers = iter([204, 500, 400, 503] * 2)
        self.ok("targets", "add", "w", Receiver(lambda: (next(answers), {"retry-after": "60"})).url)
        words = "targets", "test", "w", "--allow-address", "127.0.0.0/8"
        rows = [self.run_it(*words, "--json").row for _ in range(4)]
        said = [self.run_it(*words) for _ in range(4)]
        self.assertEqual([(row["status"], row["state"], row["verdict"], row["would_retry"]) for row in rows],
                         [(204, "delivered", "delivered", False), (500, "dead", "retry", True), (400, "dead", "dead", False),
                          (503, "pending", "deferred", True)])
        self.assertTrue(all(row["took_ms"] >= 0 and row["answer"].startswith(str(row["status"])) for row in rows), rows)
        self.assertRegex(said[0].out, r"delivered to w in \d+ ms: 204 No Content; it would not be sent again")
        for run, text in zip(said[1:], ("tried again: 500 ", "dead at once: 400 ", "tried again: 503 ")):
            self.assertRegex(run.err, r"after \d+ ms; one of a lane would be " + text)
            self.assertEqual(run.status, 7)

    # ---- holds ----

    def test_a_paused_lane_gives_nothing_until_it_is_resumed(self):
        key = self.enqueue("l", "t", "1")
        self.ok("lanes", "pause", "l", "--reason", "repairs")
        self.assertEqual(self.json("claim", "l", "t"), [])
        self.assertEqual(self.json("claim", "l", "t", "--id", key), [])
        (hold,) = self.json("holds", "list")
        self.assertEqual((hold["kind"], hold["lane"], hold["code"], hold["reason"], hold["by"]),
                         ("lane", "l", "paused", "repairs", "ops"))
        (why,) = self.json("why", key)
        self.assertEqual((why["id"], why["state"]), (key, "pending"))
        self.assertTrue(any(r["code"] == "held" and "repairs" in r["text"] and r["by"] == "ops" for r in why["reasons"]))
        self.assertIn("repairs", self.ok("why", key).out)
        self.ok("lanes", "resume", "l")
        self.writes_nothing(3, "lanes", "resume", "l", says="hold")
        self.assertEqual(self.claim("l", "t")[0], key)

    def test_the_list_of_lanes_says_which_are_held(self):
        for lane in "a", "b":
            self.ok("lanes", "set", lane, "concurrency=1")
        self.ok("lanes", "pause", "b")
        self.ok("lanes", "pause", "c")
        self.enqueue("d", "t", "1")
        self.assertEqual({row["lane"]: row.get("held") for row in self.json("lanes", "list")},
                         {"a": None, "b": "paused", "c": "paused", "d": None})
        self.assertEqual([(row["lane"], row["open"]) for row in self.json("lanes", "list") if row["open"]], [("d", 1)])

    def test_a_release_names_one_thing(self):
        for words, status, says in ((("--lane", "l", "--reason", "r"), 3, "lane"), (("--target", "t", "--reason", "r"), 3, "target"),
                                    (("--lane", "l", "--target", "t", "--reason", "r"), 3, "queue"), (("--reason", "r"), 3, "store"),
                                    ((), 2, "reason"), (("--lane", " ", "--reason", "r"), 2, "lane"),
                                    (("--lane", "l", "--message", support.NOBODY, "--reason", "r"), 2, "--message"),
                                    (("--message", support.NOBODY, "--reason", "r"), 3, "message"),
                                    (("--message", "x", "--reason", "r"), 2, "message")):
            self.writes_nothing(status, "holds", "release", *words, says=says)
        self.ok("lanes", "pause", "l")
        self.ok("holds", "release", "--lane", "l", "--reason", "r")
        key = self.uncertain()
        self.assertEqual([h["message"] for h in self.json("holds", "list")], [key])
        self.writes_nothing(7, "holds", "release", "--message", key, "--reason", "r", says="resolve")

    def test_why_says_what_it_waits_for_and_changes_nothing(self):
        late = self.enqueue("l", "t", "1", "--delay", 3600000)
        (why,) = self.json("why", late)
        self.assertIn("not_due", [r["code"] for r in why["reasons"]])
        self.assertTrue(any(r.get("until", 0) > 1_600_000_000_000 for r in why["reasons"]))
        self.assertNotIn("last error", why["reasons"][-1]["text"])
        self.writes_nothing(3, "why", support.NOBODY)
        self.writes_nothing(2, "why", "nonsense", says="id")

    def test_why_names_the_last_error_of_what_waits_and_of_what_is_dead(self):
        key = self.enqueue("l", "t", "1")
        self.ok("nack", *self.claim("l", "t"), "--error", "no route", "--retry-in", 3600000)
        (why,) = self.json("why", key)
        (reason,) = [r for r in why["reasons"] if r["code"] == "not_due"]
        self.assertIn("last error (transient): no route", reason["text"])
        self.ok("nack", *self.claim("l", "t", "--id", key), "--error", "no such person", "--permanent")
        (why,) = self.json("why", key)
        self.assertIn("last error (permanent): no such person", why["reasons"][0]["text"])

    def test_why_names_the_secret_that_the_sender_needs(self):
        self.ok("targets", "add", "t", "https://example.org/", "--secret-file", "/nowhere/secret")
        (why,) = self.json("why", self.enqueue("l", "t", "1"))
        self.assertIn("/nowhere/secret", why["reasons"][0]["text"])

    def test_what_operators_do_is_in_the_journal(self):
        key = self.dead()
        self.ok("messages", "cancel", key, "--reason", "because")
        self.ok("lanes", "pause", "l", "--reason", "repairs")
        records = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual([r["type"] for r in records], ["pawl.hold.set", "pawl.message.cancel"])
        self.assertEqual((records[1]["data"]["reason"], records[1]["data"]["id"], records[1]["data"]["actor"]),
                         ("because", key, "ops"))

    def test_a_target_has_headers(self):
        self.json("targets", "add", "t", "http://a.example/", "--header", "x-a:1", "--header", "x-b: two")
        self.assertEqual(self.json("targets", "list")[0]["headers"], {"x-a": "1", "x-b": "two"})
        self.json("targets", "set", "t", "--header", "x-a:", "--header", "x-c:3")
        self.assertEqual(self.json("targets", "list")[0]["headers"], {"x-b": "two", "x-c": "3"})
        self.writes_nothing(4, "targets", "add", "t", "http://a.example/", "--header", "x-b:3")
        for bad, says in (("x", "NAME:VALUE"), ("X-A:1", "X-A"), ("pawl-key:1", "pawl-key")):
            self.writes_nothing(2, "targets", "set", "t", "--header", bad, says=says)


if __name__ == "__main__":
    support.main()
