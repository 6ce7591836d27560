#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What steps do to resources and journals, and what operators do to workflows, as the contract has it. LAW(W1) LAW(J2) LAW(O2) LAW(O3) LAW(T1)

Nothing here knows how they are built. Where the contract leaves something open, each reading of it is taken."""
import json
import uuid

import support
from workflows import Case, LONG, HOUR


class Resources(Case):
    def add(self, *keys):
        for key in keys:
            self.ok("resources", "add", key)

    def test_a_resource_is_added_once(self):
        (row,) = self.json("resources", "add", "r", "--kind", "coin")
        self.assertEqual((row["id"], row["state"]), ("r", "available"))
        row = self.resource()
        self.assertEqual((row["id"], row["kind"], row["state"]), ("r", "coin", "available"))
        self.assertIsInstance(row["generation"], int)
        self.assertNotIn("holder", row)

    def test_A215_what_is_there_keeps_its_state(self):
        self.ok("resources", "add", "r", "--kind", "coin")
        self.step("next", self.started(), "--hold", "r")
        before = self.resource()
        self.ok("resources", "add", "r", "--kind", "coin")
        self.assertEqual(self.resource(), before)
        self.writes_nothing(4, "resources", "add", "r", "--kind", "note")

    def test_rules_of_resources(self):
        self.all_refused(2, (("resources", "add"), ()), (("resources", "add", ""), ()), (("resources", "add", " "), ()),
                         (("resources", "list", "--state", "lost"), "state"), (("resources", "add", "r", "--colour", "red"), "colour"))

    def test_lists(self):
        for key, kind in (("a", "coin"), ("b", "coin"), ("c", "note")):
            self.ok("resources", "add", key, "--kind", kind)
        self.step("next", self.started(), "--hold", "a", "--hold", "c")
        ids = lambda *words: sorted(row["id"] for row in self.json("resources", "list", *words))
        self.assertEqual((ids(), ids("--kind", "coin"), ids("--state", "held"), ids("--state", "available"), ids("--holder", "k/w")),
                         (["a", "b", "c"], ["a", "b"], ["a", "c"], ["b"], ["a", "c"]))
        self.assertEqual((ids("--holder", "k/v"), ids("--kind", "coin", "--state", "held"), ids("--state", "consumed")), ([], ["a"], []))

    def test_A213_what_is_available_is_held_and_by_one(self):
        self.add("r")
        one, two = self.started("one"), self.started("two")
        self.step("next", one, "--hold", "r", "--keep")
        self.has("r", "held", "k/one")
        self.assertEqual(self.held_by("one"), ["r"])
        self.refused(7, "next", two, "--hold", "r")
        self.refused(7, "next", two, "--release", "r")
        self.refused(7, "next", two, "--consume", "r")
        self.refused(7, "done", two, "--release", "r")
        self.assertEqual(self.show("two")["status"], "running")
        self.step("next", one, "--release", "r", "--keep")
        self.has("r", "available")
        self.step("next", two, "--hold", "r")
        self.has("r", "held", "k/two")

    def test_A213_who_holds_it_may_ask_again(self):
        self.add("r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        before = self.resource()
        self.step("next", claim, "--hold", "r", "--keep")
        self.assertEqual(self.resource(), before)
        self.assertEqual(self.held_by(), ["r"])

    def test_it_is_held_over_steps_and_parks_and_lost_claims(self):
        self.add("r")
        self.step("park", self.started(), "--hold", "r", "--wake-in", 1)
        self.has("r", "held", "k/w")
        self.take("--lease", 1)
        claim = self.take("--lease", HOUR)
        self.assertEqual(claim["resources"], ["r"])
        self.has("r", "held", "k/w")
        self.step("done", claim, "--consume", "r")
        self.has("r", "consumed")

    def test_A207_done_with_a_leftover(self):
        self.add("a", "b", "c")
        claim = self.started()
        self.step("next", claim, "--hold", "a", "--hold", "b", "--hold", "c", "--keep")
        self.refused(7, "done", claim)
        self.refused(7, "done", claim, "--consume", "a", "--release", "c", says="b")
        self.refused(7, "done", claim, "--receipt", "1", "--event", "t:e=1", "--consume", "a")
        self.assertEqual((self.show()["status"], self.held_by()), ("running", ["a", "b", "c"]))
        self.step("done", claim, "--consume", "a", "--release", "b", "--consume", "c", "--receipt", "1")
        self.assertEqual((self.show()["status"], self.held_by()), ("finished", []))
        for key, state in (("a", "consumed"), ("b", "available"), ("c", "consumed")):
            self.has(key, state)

    def test_what_nobody_or_another_holds_is_no_leftover(self):
        self.add("r", "q")
        self.step("next", self.started("other"), "--hold", "q")
        self.step("done", self.started())
        self.has("r", "available")
        self.has("q", "held", "k/other")

    def test_A194_a_failure_releases_everything(self):
        self.add("a", "b", "c")
        claim = self.started()
        self.step("next", claim, "--hold", "a", "--hold", "b", "--hold", "c", "--keep")
        self.step("fail", claim, "--error", "e", "--consume", "c")
        self.has("a", "available")
        self.has("b", "available")
        self.has("c", "consumed")
        self.assertEqual(self.held_by(), [])

    def test_A209_a_stop_releases_everything(self):
        self.add("r")
        self.step("park", self.started(), "--hold", "r")
        self.ok("workflows", "stop", "k", "w", "--reason", "r")
        self.has("r", "available")
        self.assertEqual((self.show()["status"], self.held_by()), ("failed", []))

    def test_batches_are_all_or_nothing(self):
        self.add("a", "b", "c")
        self.step("next", self.started("other"), "--hold", "b")
        claim = self.started()
        self.refused(7, "next", claim, "--hold", "a", "--hold", "b", "--hold", "c")
        self.step("next", claim, "--hold", "a", "--keep")
        self.refused(7, "next", claim, "--release", "a", "--consume", "b")
        self.has("a", "held", "k/w")

    def test_what_was_consumed_is_not_held_again(self):
        self.add("r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.step("next", claim, "--consume", "r", "--keep")
        self.has("r", "consumed")
        self.refused(7, "next", claim, "--hold", "r")
        self.run_of((0, 7), "workflows", "next", "k", "w", claim["token"], "--consume", "r", "--keep")  # A215: twice is fine
        self.has("r", "consumed")
        self.step("done", claim)

    def test_a_resource_that_is_not_there(self):
        claim = self.started()
        for option in ("--hold", "--release", "--consume"):
            before = self.state()
            self.run_of((3, 7), "workflows", "next", "k", "w", claim["token"], option, "none")
            self.assertEqual(self.state(), before)
        self.step("next", claim)

    def test_generations_count_what_changed(self):
        self.add("r")
        generations = [self.resource()["generation"]]
        claim = self.started()
        for option in ("--hold", "--release", "--hold", "--consume"):
            self.step("next", claim, option, "r", "--keep")
            generations.append(self.resource()["generation"])
        self.assertEqual(generations, sorted(set(generations)))

    def test_transitions_move_resources(self):
        self.start()
        do = lambda *resources, **more: self.submit({"type": "A", "resources": list(resources), **more})
        act = lambda key, action, **more: {"id": key, "action": action, **more}
        self.assertEqual(do(act("a", "add", kind="coin"), act("b", "add", kind="coin")).status, 0)
        self.assertEqual((self.has("a", "available")["kind"], self.has("b", "available")["kind"]), ("coin", "coin"))
        self.assertEqual(do(act("a", "hold", holder="k/w")).status, 0)
        self.has("a", "held", "k/w")
        self.assertEqual(self.held_by(), ["a"])
        self.assertEqual(do(act("b", "withdraw")).status, 0)
        self.has("b", "withdrawn")
        self.assertIn('"a"', json.dumps(self.records("A")[1]["effects"]))
        before = self.state()
        for resources in ([act("a", "hold", holder="k/v")], [act("b", "hold", holder="k/w")], [act("a", "withdraw")],
                          [act("a", "consume", holder="k/v")], [act("c", "add"), act("b", "hold", holder="k/w")]):
            run = do(*resources, events=[{"topic": "t", "type": "e"}], messages=[{"lane": "l", "target": "t"}])
            self.assertEqual((run.status, run.rows, run.error["line"]), (7, [], 1), resources)
        self.assertEqual(self.state(), before)
        self.assertEqual(do(act("a", "release", holder="k/w")).status, 0)
        self.has("a", "available")
        self.assertEqual((self.held_by(), self.json("verify")[0]["ok"]), ([], True))

    def test_rules_of_resources_in_a_transition(self):
        self.start()
        before = self.state()
        for given, says in (({"id": "r", "action": "add", "colour": "red"}, "colour"), ({"id": "r", "action": "eat"}, "eat"),
                            ({"action": "add"}, "id"), ({"id": "r"}, "action"), ({"id": "", "action": "add"}, "id"),
                            ({"id": "r", "action": "hold", "holder": "w"}, "holder"), ({"id": 1, "action": "add"}, "id"),
                            ({"id": "r", "action": "hold", "holder": "k/a/b"}, "holder")):
            run = self.submit({"type": "A", "resources": [given]})
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), given)
            self.assertIn(says, run.error["message"] + run.error["hint"])
        self.assertEqual(self.state(), before)

    def test_A205_a_start_and_its_reservation_are_one(self):
        self.add("a", "b")
        hold = lambda key: {"id": key, "action": "hold", "holder": "k/w"}
        start = {"kind": "k", "id": "w", "state": "a", "data": 1}
        self.step("next", self.started("other"), "--hold", "b")
        before = self.state()
        run = self.submit({"type": "A", "starts": [start], "resources": [hold("a"), hold("b")]})
        self.assertEqual((run.status, run.rows), (7, []))
        self.assertEqual(self.state(), before)
        self.fails(3, "workflows", "show", "k", "w")
        self.assertEqual(self.submit({"type": "A", "starts": [start], "resources": [hold("a")]}).status, 0)
        self.has("a", "held", "k/w")
        self.assertEqual(self.take("--id", "w")["resources"], ["a"])


class Effects(Case):
    def test_a_step_with_effects_is_a_record(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--state", "b", "--event", 'orders:placed:o-1={"a":1}', "--event", "t:e=2", "--message", "mail/smtp:k=hello",
                  "--post", "alice:EUR=1.50", "--post", "bank:EUR=-1.50", "--hold", "r")
        (record,) = self.records()
        self.assertEqual(record["type"], "pawl.step")
        self.assertEqual([(e["index"], e["topic"], e["type"], e.get("key"), e["data"]) for e in record["events"]],
                         [(0, "orders", "placed", "o-1", {"a": 1}), (1, "t", "e", None, 2)])
        (message,) = self.json("messages", "list")
        self.assertEqual((record["messages"], message["lane"], message["target"], message["key"], message["seq"]),
                         ([message["id"]], "mail", "smtp", "k", record["seq"]))
        self.assertEqual({row["account"]: row["balance"] for row in self.json("ledger", "balance")}, {"alice": "1.5", "bank": "-1.5"})
        self.assertEqual(self.json("journal", "show", record["seq"]), self.json("journal", "show", record["request_id"]))
        shown = self.json("journal", "show", record["seq"])[0]
        self.assertEqual((shown["type"], shown["digest"]), ("pawl.step", record["digest"]))
        self.assertIn('"r"', json.dumps(shown["effects"]))
        self.assertIn("alice", json.dumps(shown["effects"]))
        self.assertEqual([row["ok"] for row in self.json("verify")], [True] * len(self.json("verify")))
        self.assertTrue(self.json("ledger", "check")[0]["ok"])
        self.assertIn("pawl.step", self.ok("journal", "show", record["seq"]).out)

    def test_a_step_that_changes_only_itself_is_none(self):
        claim = self.started("w", "--state", "a")
        self.ok("workflows", "signal", "k", "w", "go")
        self.step("next", claim, "--state", "b", "--data", "1")
        self.step("park", self.take(), "--wake-in", 1)
        self.step("done", self.take(), "--receipt", "1")
        self.ended("fail", "v", "--error", "e")
        self.assertEqual(self.records(), [])

    def test_every_result_may_have_effects(self):
        for n, (verb, more) in enumerate((("next", ()), ("park", ()), ("done", ("--receipt", "1")), ("fail", ("--error", "e")))):
            self.step(verb, self.started(f"w{n}"), *more, "--event", f"t:{verb}={n}", "--message", f"l/t={n}", "--post", f"a{n}:EUR=1")
        self.assertEqual([row["type"] for row in self.json("events", "--topic", "t")], ["next", "park", "done", "fail"])
        self.assertEqual((len(self.json("messages", "list")), len(self.json("ledger", "balance")), len(self.records())), (4, 4, 4))

    def test_resources_alone_are_effects(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.step("done", claim, "--consume", "r")
        self.assertEqual([sorted(record["effects"]) != [] for record in self.records()], [True, True])

    def test_each_generation_has_a_request_id_of_its_own(self):
        claim = self.started()
        for n in range(3):
            self.step("next", claim, "--event", f"t:e={n}", "--keep")
        self.step("fail", claim, "--error", "e", "--event", "t:e=3")
        self.assertFalse(self.start()["replayed"])
        claim = self.take()
        for n in range(4, 7):
            self.step("next", claim, "--event", f"t:e={n}", "--keep")
        self.step("done", self.started("w", kind="j"), "--event", "t:e=7")
        ids = [record["request_id"] for record in self.records()]
        self.assertEqual((len(ids), len(set(ids))), (8, 8))
        for request in ids:
            self.assertRegex(request, f"^{support.UUID}$")
        self.assertEqual([event["data"] for event in self.json("events")], list(range(8)))

    def test_a_refused_effect_refuses_the_step_whole(self):
        self.ok("assets", "set", "EUR", "scale=2")
        self.ok("resources", "add", "r")
        claim = self.started("w", "--state", "a")
        more = {"events": [{"topic": "t", "type": "e", "data": 1}], "messages": [{"lane": "l", "target": "t"}],
                "resources": [{"id": "r", "action": "hold"}]}
        before = self.state()
        for post in ({"delta": "-5", "floor": "0"}, {"delta": "1.234"}, {"delta": "1", "expect": "7"}):
            for result in ("next", "park", "done", "fail"):
                why = {"error": "e"} if result == "fail" else {}
                where = {"state": "b", "data": 2} if result in ("next", "park") else {}
                run = self.settle(self.settlement(claim, result, **more, **where, **why, posts=[{"account": "a", "asset": "EUR", **post}]))
                self.assertIn(run.status, (7, 4) if "expect" in post else (7,), (post, run.err, run.out))
                self.assertEqual((run.rows, run.error["line"]), ([], 1), post)
        self.assertEqual(self.state(), before)
        self.refused(7, "next", claim, "--state", "b", "--event", "t:e=1", "--message", "l/t=1", "--hold", "r", "--post", "a:EUR=0.001")
        self.assertEqual((self.show()["status"], self.show()["state"]), ("running", "a"))
        self.step("next", claim, "--state", "b", "--post", "a:EUR=0.01")  # the claim was still there

    def test_posts_that_must_balance(self):
        claim = self.started()
        before = self.state()
        post = lambda account, delta: {"account": account, "asset": "EUR", "delta": delta}
        run = self.settle(self.settlement(claim, "next", balanced=True, posts=[post("a", "5"), post("b", "-4")]))
        self.assertIn(run.status, (2, 7), run.out)  # 2: a settlement may have no such field
        self.assertEqual(self.state(), before)
        if run.status == 7:
            self.settled(self.settlement(claim, "next", balanced=True, posts=[post("a", "5"), post("b", "-5")]))

    def test_an_event_that_needs_a_fill_refuses_the_step(self):
        self.ok("types", "set", "Trade", "needs=fill")
        claim = self.started()
        self.refused(2, "next", claim, "--event", "t:Trade=1")
        self.step("next", claim, "--event", "t:Other=1")

    def test_a_step_starts_others(self):
        claim = self.started()
        self.settled(self.settlement(claim, "next", keep=True, starts=[{"kind": "j", "id": "child", "state": "a", "data": 1}]))
        self.assertEqual((self.show("child", kind="j")["status"], self.show("child", kind="j")["data"]), ("runnable", 1))
        self.assertIn("child", json.dumps(self.records()[0]["effects"]))
        before = self.state()
        run = self.settle(self.settlement(claim, "next", starts=[{"kind": "j", "id": "new"}, {"kind": "j", "id": "child", "state": "b"}]))
        self.assertEqual((run.status, run.rows), (7, []), run.err)
        self.assertEqual(self.state(), before)

    def test_an_export_with_steps_proves_itself_and_is_imported(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--event", "t:e=1", "--message", "l/t=1", "--post", "a:EUR=1.5", "--hold", "r", "--keep")
        self.step("done", claim, "--release", "r", "--receipt", "1")
        self.submit({"type": "A", "starts": [{"kind": "k", "id": "v", "key": "x", "state": "s", "data": {"a": 1.0}}],
                     "resources": [{"id": "q", "kind": "coin", "action": "add"}]})
        text = self.ok("journal", "export").raw
        done = self.proven(text)
        self.assertEqual(done.returncode, 0, done.stderr)
        other = ("--store", f"sqlite:{self.folder}/other.db")
        self.ok("init", *other)
        (self.folder / "export").write_bytes(text)
        self.json("journal", "import", self.folder / "export", "--reason", "moved", *other)
        self.assertEqual(self.ok("journal", "export", *other).raw, text)
        self.assertEqual(self.json("workflows", "claim", "k", *other), [])

    def test_nobody_else_writes_such_records(self):
        self.writes_nothing(2, "submit", "pawl.step", says="type")
        self.writes_nothing(2, "enqueue", "pawl.workflow", "k", "1", says="lane")
        self.writes_nothing(2, "claim", "pawl.workflow", "k", says="lane")

    def test_an_end_wakes_who_waits_for_it(self):
        status = lambda: self.show()["status"]
        self.step("park", self.started(), "--await", "--wake-in", "1h", "--start", "j/child=1", "--message", "l/t=1")
        self.step("done", self.take(kind="j"))
        self.assertEqual(status(), "runnable")
        self.settled(self.settlement(self.take(), "park", wake_in_ms=HOUR, **{"await": True, "starts": [{"kind": "j", "id": "other"}]}))
        self.assertEqual(status(), "parked")
        (claim,) = self.json("claim", "l", "t")
        self.ok("ack", claim["id"], claim["token"])
        self.assertEqual(status(), "runnable")
        self.step("park", self.take(), "--wake-in", "1h")
        self.ok("workflows", "stop", "j", "other", "--reason", "r")
        self.assertEqual(status(), "runnable")
        self.refused(2, "done", self.take(), "--await", says="await")

    def test_a_child_is_started_once_and_found_again(self):
        self.step("park", self.started(), "--wake-in", "1h", "--await", "--child", "j/child=1")
        self.ok("workflows", "retry", "k", "w", "--reason", "r")
        self.settled(self.settlement(self.take(), "park", wake_in_ms=HOUR,
                                     **{"await": True, "starts": [{"kind": "j", "id": "child", "data": 1, "keep_existing": True}]}))
        self.assertEqual(self.show()["status"], "parked")
        self.step("done", self.take(kind="j"))
        self.assertEqual(self.show()["status"], "runnable")
        claim = self.take()
        self.refused(4, "park", claim, "--child", "j/child=2", says="other content")
        self.refused(7, "park", claim, "--start", "j/child=1", says="--child")
        self.step("park", claim, "--await", "--wake-in", "1h", "--child", "j/child=1")  # it ended
        self.assertEqual(self.show()["status"], "runnable")
        self.ok("submit", "A", "--child", "j/child=1", "--child", "j/new=1")
        self.assertEqual((self.show("new", kind="j")["data"], len(self.json("workflows", "list", "--kind", "j"))), (1, 2))


class Submitting(Case):
    def test_a_transition_starts_a_workflow(self):
        key = str(uuid.uuid4())
        words = ("submit", "Order", "--id", key, "--start", 'k/o:7={"n":1}', "--start", "j/o:7=2", "--event", "t:e=1")
        (receipt,) = self.json(*words)
        self.assertFalse(receipt["replayed"])
        self.assertEqual((self.show("o:7")["status"], self.show("o:7")["data"], self.show("o:7", kind="j")["data"]), ("runnable", {"n": 1}, 2))
        self.assertIn("o:7", json.dumps(self.json("journal", "show", 1)[0]["effects"]))
        self.assertTrue(self.json(*words)[0]["replayed"])
        self.assertEqual(len(self.json("workflows", "list")), 2)
        self.assertEqual(self.take()["data"], {"n": 1})
        self.assertEqual(self.json("verify")[0]["ok"], True)

    def test_an_id_that_is_there_refuses_the_whole(self):
        self.start("w", "--data", "1")
        for data in ("1", "2"):
            self.writes_nothing(7, "submit", "A", "--start", f"k/v={data}", "--start", f"k/w={data}", "--event", "t:e=1", "--message", "l/t=1",
                                "--post", "a:EUR=1", says="w")
        self.step("done", self.take())
        self.writes_nothing(7, "submit", "A", "--start", "k/w=1")
        self.ok("submit", "A", "--start", "j/w=1")

    def test_rules_of_a_start(self):
        self.all_refused(2, *((("submit", "A", "--start", word), says) for word, says in [
            ("nonsense", ()), ("k=1", ()), ("/w=1", "kind"), ("k/=1", "id"), ("k/a/b=1", ()), ("pawl.k/w=1", "kind"),
            (f"k/{LONG}x=1", "id"), ("k/w=@missing", "missing")]))

    def test_starts_of_a_line(self):
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "w", "key": "x", "state": "s", "data": {"a": 1}},
                                                   {"kind": "k", "id": "later", "wake_in_ms": HOUR}]})
        self.assertEqual(run.status, 0, run.err)
        row = self.show()
        self.assertEqual((row["key"], row["state"], row["data"], row["status"]), ("x", "s", {"a": 1}, "runnable"))
        self.assertEqual(self.show("later")["wake_at"] - self.show("later")["started_at"], HOUR)
        self.assertEqual([row["id"] for row in self.json("workflows", "claim", "k", "--limit", 9)], ["w"])

    def test_rules_of_starts_of_a_line(self):
        for given, says in (({"kind": "k", "id": "w", "colour": "red"}, "colour"), ({"id": "w"}, "kind"), ({"kind": "k"}, "id"),
                            ({"kind": "k", "id": "a/b"}, "id"), ({"kind": "pawl.k", "id": "w"}, "kind"), ({"kind": 1, "id": "w"}, "kind"),
                            ({"kind": "k", "id": "w", "wake_in_ms": -1}, "wake_in_ms"), ({"kind": "k", "id": "w", "wake_in_ms": "1"}, "wake_in_ms"),
                            ({"kind": "k", "id": "w", "key": ""}, "key"), ({"kind": "k", "id": LONG + "x"}, "id")):
            run = self.submit({"type": "A", "starts": [given], "events": [{"topic": "t", "type": "e"}]})
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), given)
            self.assertIn(says, run.error["message"] + run.error["hint"])
        for starts in ({}, [1], "x"):
            self.assertEqual(self.submit({"type": "A", "starts": starts}).status, 2)
        self.assertEqual(self.json("journal", "list") + self.json("workflows", "list"), [])

    def test_a_bad_line_is_reported_and_the_good_ones_are_committed(self):
        self.start("there")
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "a"}]}, {"type": "A", "starts": [{"kind": "k", "id": "there"}]},
                          {"type": "A", "starts": [{"kind": "k", "id": "b", "x": 1}]}, {"type": "A", "starts": [{"kind": "k", "id": "c"}]})
        self.assertEqual((run.status, [(e["line"], e["status"]) for e in run.errors]), (7, [(2, 7), (3, 2)]))
        self.assertEqual(sorted(row["id"] for row in self.json("workflows", "list")), ["a", "c", "there"])

    def test_what_is_refused_stops_nobody_behind_it(self):
        self.start("there")
        item = lambda n: {"type": "A", "starts": [{"kind": "k", "id": f"w{n}" if n % 5 else "there"}]}
        run = self.submit(*map(item, range(2000)))
        self.assertEqual((run.status, len(run.answers), len(run.errors)), (7, 2000, 400))

    def test_twice_in_one_transition_is_refused(self):
        run = self.submit({"type": "A", "starts": [{"kind": "k", "id": "a"}, {"kind": "k", "id": "a"}]})
        self.assertIn(run.status, (2, 7))
        self.assertEqual(self.json("journal", "list") + self.json("workflows", "list"), [])


class Settling(Case):
    def test_a_line_for_each_and_none_fails_its_neighbours(self):
        claims = {key: self.started(key, "--state", "a") for key in ("a", "b", "c", "d", "e")}
        self.step("next", claims["b"])  # so its token is spent
        run = self.settle(self.settlement(claims["a"], "next", state="x", version=2, data={"n": 1}), self.settlement(claims["b"], "next"),
                          self.settlement(claims["c"], "park", wake_in_ms=HOUR), "nonsense",
                          self.settlement(claims["d"], "done", receipt={"ok": True}),
                          self.settlement(claims["e"], "fail", error="no"))
        self.assertEqual(len(run.answers), 6, run.out)
        self.assertEqual([answer.get("result") for n, answer in enumerate(run.answers) if n not in (1, 3)], ["next", "park", "done", "fail"])
        for n in (0, 2, 4, 5):
            self.assertIsInstance(run.answers[n]["generation"], int)
        lost, bad = run.answers[1], run.answers[3]
        self.assertTrue(lost.get("result") == "lost" or lost["error"]["status"] == 7, lost)
        self.assertEqual((bad["line"], bad["error"]["status"]), (4, 2))
        self.assertIn(run.status, (2, 7))  # of the first bad line: whether a lost claim is one is not said
        self.assertEqual(run.errors[-1]["line"], 4)
        rows = {key: self.show(key) for key in claims}
        self.assertEqual([rows[key]["status"] for key in "abcde"], ["runnable", "runnable", "parked", "finished", "failed"])
        self.assertEqual((rows["a"]["state"], rows["a"]["version"], rows["a"]["data"]), ("x", 2, {"n": 1}))
        self.assertEqual(rows["c"]["wake_at"] - rows["c"]["updated_at"], HOUR)
        self.assertEqual((rows["d"]["receipt"], rows["e"]["last_error"]["text"]), ({"ok": True}, "no"))

    def test_a_park_with_an_error(self):
        self.ok("kinds", "set", "k", "backoff_ms=60000", "jitter_percent=0")
        self.settled(self.settlement(self.started(), "park", error="refused"))
        row = self.show()
        self.assertEqual((row["status"], row["last_error"]["text"], row["wake_at"] - row["updated_at"]), ("parked", "refused", 60000))

    def test_effects_and_dispositions(self):
        for key in ("r", "s"):
            self.ok("resources", "add", key)
        claim = self.started()
        self.settled(self.settlement(claim, "next", keep=True, resources=[{"id": "r", "action": "hold"}, {"id": "s", "action": "hold"}],
                                     events=[{"topic": "t", "type": "e", "key": "k", "data": 1}],
                                     messages=[{"lane": "l", "target": "t", "data": 2}],
                                     posts=[{"account": "a", "asset": "EUR", "delta": "1.50", "expect": "1.5"}]))
        self.assertEqual(self.held_by(), ["r", "s"])
        run = self.settle(self.settlement(claim, "done", resources=[{"id": "r", "action": "consume"}]))
        self.assertEqual((run.status, run.rows, run.error["line"]), (7, [], 1))
        self.settled(self.settlement(claim, "done", resources=[{"id": "r", "action": "consume"}, {"id": "s", "action": "release"}]))
        self.has("r", "consumed")
        self.has("s", "available")
        self.assertEqual((len(self.records()), len(self.json("events")), len(self.json("messages", "list"))), (2, 1, 1))

    def test_every_rule_names_its_field_and_writes_nothing(self):
        claim = self.started()
        good = self.settlement(claim, "next")
        before = self.state()
        for change, says in (({"colour": "red"}, "colour"), ({"result": "won"}, "result"), ({"result": None}, "result"), ({"token": "x"}, "token"),
                             ({"token": "1" * 21}, "token"), ({"id": "a/b"}, "id"), ({"kind": ""}, "kind"), ({"take": 1}, "take"),
                             ({"events": [{"topic": "t", "type": "e", "colour": 1}]}, "colour"), ({"events": {}}, "events"),
                             ({"messages": [{"lane": "l"}]}, "target"), ({"posts": [{"delta": "1"}]}, "account"),
                             ({"resources": [{"id": "r", "action": "eat"}]}, "eat"), ({"resources": [{"id": "r", "action": "hold", "x": 1}]}, "x"),
                             ({"keep": 1}, "keep"), ({"version": "x"}, "version")):
            given = {name: value for name, value in {**good, **change}.items() if value is not None}
            run = self.settle(given)
            self.assertEqual((run.status, run.rows, run.error["line"]), (2, [], 1), (change, run.out))
            self.assertIn(says, run.error["message"] + run.error["hint"], change)
        for missing in ("kind", "id", "token"):
            run = self.settle({name: value for name, value in good.items() if name != missing})
            self.assertEqual(run.status, 2)
            self.assertIn(missing, run.error["message"] + run.error["hint"])
        self.assertEqual(self.state(), before)
        self.assertEqual(self.settle({**good, "id": "none"}).status, 3)
        self.assertEqual(self.settle("").out, "")
        self.fails(2, "workflows", "settle", "--jsonl", "missing", says="missing")
        self.fails(2, "workflows", "settle")
        self.settled(good)

    def test_two_lines_with_one_token(self):
        claim = self.started()
        run = self.settle(self.settlement(claim, "next", state="b"), self.settlement(claim, "next", state="c"))
        self.assertEqual(run.answers[0]["result"], "next")
        self.assertTrue(run.answers[1].get("result") == "lost" or run.answers[1]["error"]["status"] == 7)
        self.assertEqual(self.show()["state"], "b")

    def test_two_lines_with_one_token_that_is_kept(self):
        claim = self.started()
        rows = self.settled(*(self.settlement(claim, "next", state=f"s{n}", keep=True) for n in range(5)),
                            self.settlement(claim, "done", receipt=1))
        self.assertEqual([row["generation"] for row in rows], list(range(claim["generation"] + 1, claim["generation"] + 7)))
        self.assertEqual((self.show()["status"], self.show()["receipt"]), ("finished", 1))


class Operators(Case):
    def test_what_is_paused_does_not_move(self):
        self.start()
        self.ok("workflows", "pause", "k", "w", "--reason", "repairs")
        row = self.show()
        self.assertEqual((row["status"], row["held"]["reason"], row["held"]["by"]), ("runnable", "repairs", "ops"))
        self.nothing_is_due()
        self.nothing_is_due("--id", "w")
        (why,) = self.json("why", "k/w")
        self.assertTrue(any("repairs" in reason["text"] and reason["by"] == "ops" for reason in why["reasons"]), why)
        self.ok("workflows", "signal", "k", "w", "go")
        self.nothing_is_due()
        self.start("v")
        self.assertEqual(self.take()["id"], "v")  # others go on
        self.ok("workflows", "resume", "k", "w", "--reason", "mended")
        self.assertNotIn("held", self.show())
        self.assertEqual(self.take()["id"], "w")

    def test_what_runs_while_it_is_paused_ends_its_step(self):
        claim = self.started()
        self.ok("workflows", "pause", "k", "w", "--reason", "r")
        self.assertEqual((self.show()["status"], self.show()["held"]["reason"]), ("running", "r"))
        self.step("next", claim, "--state", "b")
        self.assertEqual((self.show()["status"], self.show()["state"]), ("runnable", "b"))
        self.nothing_is_due()
        self.ok("workflows", "resume", "k", "w", "--reason", "r")
        self.assertEqual(self.take()["state"], "b")

    def test_a_resume_of_what_is_not_paused_changes_nothing(self):
        self.start()
        before = self.show()
        self.run_of((0, 3, 7), "workflows", "resume", "k", "w", "--reason", "r")
        self.assertEqual(self.show(), before)

    def test_A209_a_stop_ends_it_at_once(self):
        self.start()
        self.ok("workflows", "stop", "k", "w", "--reason", "not wanted")
        row = self.show()
        self.assertEqual((row["status"], row["last_error"]["class"]), ("failed", "stopped"))
        self.nothing_is_due()
        self.nothing_is_due("--id", "w")
        for key, words in (("parked", ()), ("later", ("--wake-in", "1h"))):
            self.step("park", self.started(key), *words)
            self.ok("workflows", "stop", "k", key, "--reason", "r")
            self.assertEqual(self.show(key)["last_error"]["class"], "stopped")

    def test_a_stop_of_a_running_one_needs_force(self):
        self.ok("resources", "add", "r")
        claim = self.started()
        self.step("next", claim, "--hold", "r", "--keep")
        self.writes_nothing(7, "workflows", "stop", "k", "w", "--reason", "r", says="force")
        self.ok("workflows", "stop", "k", "w", "--reason", "r", "--force")
        self.assertEqual((self.show()["status"], self.show()["last_error"]["class"]), ("failed", "stopped"))
        self.has("r", "available")
        for verb, more in (("next", ("--hold", "r")), ("done", ()), ("park", ()), ("extend", (1000,))):
            self.refused(7, verb, claim, *more)

    def test_a_reason_is_needed(self):
        self.step("park", self.started())
        self.all_refused(2, *((("workflows", verb, "k", "w"), "reason") for verb in ("retry", "stop", "cancel")),
                         *((("workflows", verb, "k", "w", "--reason", ""), "reason") for verb in ("retry", "stop", "cancel")))

    def test_a_move_again_under_its_id_is_the_stored_answer(self):
        self.start()
        key = str(uuid.uuid4())
        for _ in range(2):
            self.ok("workflows", "stop", "k", "w", "--reason", "r", "--id", key)
        self.run_of((0, 7), "workflows", "stop", "k", "w", "--reason", "r")
        self.assertFalse(self.start()["replayed"])
        self.ok("workflows", "stop", "k", "w", "--reason", "r", "--id", key)
        self.assertEqual(self.show()["status"], "runnable")  # it was answered, not done again
        for words in ("fork", "k", "w", "w2"), ("signal", "k", "w", "go"):
            key = str(uuid.uuid4())
            for replayed in False, True:
                self.assertEqual(self.json("workflows", *words, "--id", key)[0]["replayed"], replayed)
            self.fails(4, "workflows", *words[:3], "other", "--id", key)
        self.assertEqual(len(self.show()["signals"]), 1)

    def test_what_operators_do_is_in_their_journal(self):
        self.step("park", self.started())
        verbs = ("retry", "pause", "resume", "signal", "fork", "stop")
        for verb in verbs:
            more = {"signal": ("go",), "fork": ("w2",)}.get(verb, ())
            self.ok("workflows", verb, "k", "w", *more, "--reason", f"because {verb}")
        self.ok("workflows", "signal", "k", "w2", "go")  # a program's
        records = self.json("journal", "list", "--scope", "pawl.operator")
        self.assertEqual([record["data"]["reason"] for record in records if "reason" in record["data"]][::-1],
                         [f"because {verb}" for verb in verbs])
        self.assertEqual({record["data"]["actor"] for record in records}, {"ops"})
        self.assertTrue(all(record["type"].startswith("pawl.") for record in records))
        self.assertEqual(self.records(), [])

    def test_A232_a_cancellation_ends_it_and_gives_back_what_it_held(self):
        self.ok("resources", "add", "r")
        self.step("park", self.started(), "--hold", "r")
        self.ok("workflows", "cancel", "k", "w", "--reason", "not wanted")
        if self.show()["status"] == "failed":
            self.assertEqual(self.show()["last_error"]["class"], "cancelled")
        else:  # then whoever runs it is asked
            self.step("fail", self.take(), "--error", "compensated")
        self.assertEqual((self.show()["status"], self.held_by()), ("failed", []))
        self.has("r", "available")
        self.writes_nothing(7, "workflows", "signal", "k", "w", "go")

    def test_A232_a_cancellation_of_one_that_did_nothing_yet(self):
        self.start()
        self.ok("workflows", "cancel", "k", "w", "--reason", "not wanted")
        if self.show()["status"] != "failed":
            self.step("fail", self.take(), "--error", "nothing to do")
        self.assertEqual(self.show()["status"], "failed")
        self.assertEqual(self.records(), [])

    def test_a_retry_makes_it_due(self):
        self.step("park", self.started(), "--wake-in", "1h")
        self.ok("workflows", "retry", "k", "w", "--reason", "now")
        (claim,) = self.json("workflows", "claim", "k")
        self.run_of((0, 7), "workflows", "retry", "k", "w", "--reason", "it runs")
        self.step("done", claim)  # whose claim it is all the same
        self.writes_nothing(7, "workflows", "retry", "k", "w", "--reason", "it is over")

    def test_a_retry_from_a_step_that_never_was(self):
        self.step("park", self.started("w", "--state", "a"), "--state", "b")
        before = self.show()
        self.run_of((2, 3, 7), "workflows", "retry", "k", "w", "--from", "999999", "--reason", "r")
        self.assertEqual(self.show(), before)

    def test_a_fork_is_another_from_there_on(self):
        self.ok("resources", "add", "r")
        self.start("w", "--state", "a", "--data", "1")
        claim = self.take()
        first = self.step("next", claim, "--state", "b", "--data", "2", "--hold", "r", "--keep")
        self.step("next", claim, "--state", "c", "--data", "3", "--keep")
        self.step("done", claim, "--release", "r", "--receipt", "1")
        before = self.show()
        for at in (first["generation"], "b"):  # a STEP may be a generation or a state
            run = self.run_it("workflows", "fork", "k", "w", "w2", "--at", at, "--reason", "r", "--json")
            if run.status == 0:
                break
        self.assertEqual(run.status, 0, run.err)
        row = self.show("w2")
        self.assertEqual((row["kind"], row["id"], row.get("resources", [])), ("k", "w2", []))
        self.assertIn(row["status"], ("runnable", "parked"))
        self.assertIn((row["state"], row["data"]), (("a", 1), ("b", 2), ("c", 3)))
        self.assertNotIn("receipt", row)
        self.assertEqual(self.show(), before)
        self.assertEqual(self.take("--id", "w2")["id"], "w2")

    def test_rules_of_a_fork(self):
        self.step("next", self.started("w", "--state", "a"), "--state", "b")
        self.start("there")
        before = self.state()
        for words, statuses in ((("none", "new", "--at", 1), (3,)), (("w", "there", "--at", 1), (3, 4, 7)), (("w", "new", "--at", 999999), (2, 3, 7)),
                                (("w", "a/b", "--at", 1), (2,)), (("w",), (2,)), (("w", "w", "--at", 1), (2, 3, 4, 7))):
            run = self.run_it("workflows", "fork", "k", *words, "--json")
            self.assertIn(run.status, statuses, (words, run.err))
        self.assertEqual(self.state(), before)

    def test_why_says_what_it_waits_for_and_changes_nothing(self):
        self.start("due")
        self.step("park", self.started("parked"))
        self.step("park", self.started("asleep"), "--wake-in", "1h")
        self.ok("kinds", "set", "k", "backoff_ms=3600000", "jitter_percent=0")
        self.step("park", self.started("failing"), "--error", "no route")
        self.started("running")
        self.ended("done", "done")
        self.ended("fail", "failed", "--error", "no funds")
        before = self.state()
        whys = {}
        for key, state in (("due", "runnable"), ("parked", "parked"), ("asleep", "parked"), ("failing", "parked"), ("running", "running"),
                           ("done", "finished"), ("failed", "failed")):
            (why,) = self.json("why", f"k/{key}")
            self.assertIn(why["id"], (f"k/{key}", key))
            self.assertEqual(why["state"], state)
            self.assertTrue(why["reasons"] and all(reason["code"] and reason["text"] for reason in why["reasons"]), why)
            self.assertIn(why["reasons"][0]["text"], self.ok("why", f"k/{key}").out.replace("\n", " ") + why["reasons"][0]["text"])
            whys[key] = why
        self.assertEqual([reason["until"] for reason in whys["asleep"]["reasons"] if "until" in reason], [self.show("asleep")["wake_at"]])
        self.assertIn("no route", json.dumps(whys["failing"]))
        self.assertIn("no funds", json.dumps(whys["failed"]))
        self.assertTrue(any(reason.get("by") for reason in whys["running"]["reasons"]))
        self.assertEqual(self.state(), before)
        self.fails(3, "why", "k/none")
        for bad in ("k/", "/w", "k/a/b", "k/a<b>"):
            self.fails(2, "why", bad)


class Scopes(Case):
    def test_scopes_are_separate(self):
        there = ("--scope", "b")
        self.start("w", "--data", "1")
        self.assertFalse(self.start("w", "--data", "2", *there)["replayed"])
        self.assertEqual((self.show()["data"], self.show("w", *there)["data"]), (1, 2))
        claim, other = self.take(), self.take(*there)
        self.fails(7, "workflows", "next", "k", "w", claim["token"], *there)
        self.start("only")
        for words in (("show", "k", "only"), ("signal", "k", "only", "go"), ("next", "k", "only", claim["token"])):
            self.fails(3, "workflows", *words, *there)
        self.ok("workflows", "signal", "k", "w", "go", *there)
        self.step("next", claim, "--event", "t:e=1")
        self.assertEqual(self.take("--id", "w").get("signals", []), [])
        self.assertEqual((len(self.records()), self.records("pawl.step", *there)), (1, []))
        self.assertEqual([row["id"] for row in self.json("workflows", "list", *there)], ["w"])
        self.step("done", other, *there)
        self.assertEqual(self.show()["status"], "running")

    def test_resources_and_kinds_are_too(self):
        there = ("--scope", "b")
        self.ok("resources", "add", "r", "--kind", "coin")
        self.ok("resources", "add", "r", "--kind", "note", *there)
        self.ok("resources", "add", "only")
        self.step("next", self.started(), "--hold", "r")
        self.assertEqual(self.resource("r", *there)["state"], "available")
        self.fails(3, "resources", "show", "only", *there)
        self.ok("kinds", "set", "k", "max_attempts=1", "backoff_ms=1", "jitter_percent=0")
        self.start("w", *there)
        self.step("park", self.take(*there), "--error", "e", *there)
        self.assertEqual(self.show("w", *there)["status"], "parked")  # this scope's kind has no such policy


class Screens(Case):
    def test_tables_fit_80_columns(self):
        self.ok("kinds", "set", "k", "max_attempts=2", "backoff_ms=60000")
        self.ok("resources", "add", "r", "--kind", "coin")
        self.ok("resources", "add", "q" * 100)
        for key in (LONG, "parked", "held", "running", "done", "failed", "stopped"):
            self.start(key, "--state", "reserve-inputs-of-the-round", "--data", json.dumps({"text": "ü日本 " * 50}), kind="k")
        self.step("park", self.take("--id", "parked"), "--error", "the other side " * 20, "--hold", "r")
        self.ok("workflows", "pause", "k", "held", "--reason", "repairs " * 20)
        self.take("--id", "running")
        self.step("done", self.take("--id", "done"), "--receipt", json.dumps("x" * 500))
        self.step("fail", self.take("--id", "failed"), "--error", "no")
        self.ok("workflows", "stop", "k", "stopped", "--reason", "r")
        self.ok("schedules", "add", "s" * 100, "--cron", "*/5 * * * *", "--message", "l/t=1")
        for words in (("workflows", "list"), ("workflows", "list", "--status", "stuck"), ("kinds", "list"), ("resources", "list"),
                      ("schedules", "list")):
            for line in self.on_terminal(*words).splitlines():
                self.assertLessEqual(support.width(line), 80, (words, line))
        for words in (("workflows", "show", "k", "parked"), ("workflows", "show", "k", LONG), ("workflows", "show", "k", "done"),
                      ("resources", "show", "r"), ("schedules", "show", "s" * 100), ("why", "k/parked"), ("why", f"k/{LONG}"),
                      ("workflows", "claim", "k", "--id", LONG), ("workflows", "signal", "k", LONG, "go"), ("workflows", "start", "k", "new")):
            self.assertTrue(self.on_terminal(*words).strip(), words)
        self.assertIn("parked", self.on_terminal("workflows", "list"))

    def test_in_words_every_command_says_something_and_quiet_ones_nothing(self):
        self.assertIn("w", self.ok("workflows", "start", "k", "w").out)
        claim = self.take()
        self.assertTrue(self.ok("workflows", "next", "k", "w", claim["token"], "--state", "b").out)
        claim = self.take()
        self.assertEqual(self.ok("workflows", "park", "k", "w", claim["token"], "--quiet").out, "")
        self.assertEqual(self.ok("workflows", "start", "k", "v", "--quiet").out, "")
        out = self.ok("workflows", "claim", "k").out
        self.assertIn("v", out)
        self.assertIn("b", self.ok("workflows", "show", "k", "w").out)

    def test_nothing_of_an_error_reaches_the_terminal_as_it_is(self):
        self.start("w", "--data", "-")
        self.step("park", self.take(), "--error", "bad \x1b[31m\x07", "--data", '"\x7f\\u001b[31m"')
        for words in (("workflows", "list"), ("workflows", "show", "k", "w"), ("why", "k/w")):
            self.assertEqual([c for c in "\x1b\x07\x7f" if c in self.ok(*words).out], [], words)


if __name__ == "__main__":
    support.main()
