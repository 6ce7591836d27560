#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Schedules from a script's side, as the contract has them. LAW(W1)

Nothing here knows how they are built. Where the contract leaves something open, each reading of it is taken."""
import datetime
import time
import zoneinfo

import support
from workflows import Case


class Schedules(Case):
    """What fires them is a server; here is only what is kept of them."""

    def add(self, name, *words):
        (row,) = self.json("schedules", "add", name, *words)
        return row

    def shown(self, name="s", *words):
        (row,) = self.json("schedules", "show", name, *words)
        return row

    def toggled(self, verb, name):
        """With a reason where one is taken."""
        run = self.run_it("schedules", verb, name, "--reason", "r", "--json")
        run = self.run_it("schedules", verb, name, "--json") if run.status == 2 else run
        self.assertEqual(run.status, 0, run.err)

    def moments(self, name="s", zone="UTC"):
        return [datetime.datetime.fromtimestamp(slot / 1000, zoneinfo.ZoneInfo(zone)) for slot in self.shown(name)["next"]]

    def test_a_schedule_shows_its_next_five_slots(self):
        begin = int(time.time() * 1000)
        self.add("s", "--cron", "*/5 * * * *", "--message", "l/t=1")
        row = self.shown()
        self.assertEqual((row["name"], row["cron"], row["missed"]), ("s", "*/5 * * * *", "one"))
        self.assertFalse(row.get("paused", False))
        self.assertIsNone(row.get("last_slot"))
        self.assertNotIn("every_ms", row)
        slots = row["next"]
        self.assertEqual([slot - slots[0] for slot in slots], [n * 300000 for n in range(5)])
        self.assertEqual(slots[0] % 300000, 0)
        self.assertLess(begin, slots[0])
        self.assertLessEqual(slots[0], int(time.time() * 1000) + 300000)

    def test_every_counts_from_when_it_was_added(self):
        begin = int(time.time() * 1000)
        self.add("s", "--every", "90m", "--start", "k=1")
        end = int(time.time() * 1000)
        row = self.shown()
        self.assertEqual(row["every_ms"], 5400000)
        self.assertNotIn("cron", row)
        slots = row["next"]
        self.assertEqual([slot - slots[0] for slot in slots], [n * 5400000 for n in range(5)])
        self.assertLessEqual(begin, slots[0] if slots[0] <= end else slots[0] - 5400000)
        self.assertLessEqual(slots[0] - 5400000, end)

    def test_names_steps_lists_and_ranges(self):
        for name, cron, fits in (("names", "30 9 * jan,jul mon-fri", lambda t: (t.hour, t.minute) == (9, 30) and t.month in (1, 7) and t.weekday() < 5),
                                 ("or", "0 0 13 * fri", lambda t: t.day == 13 or t.weekday() == 4),
                                 ("step", "10-50/20 0-6/3 * * *", lambda t: t.minute in (10, 30, 50) and t.hour in (0, 3, 6)),
                                 ("list", "1,2,3 4 5 6 *", lambda t: (t.hour, t.day, t.month) == (4, 5, 6) and t.minute in (1, 2, 3)),
                                 ("sunday", "0 0 * * 0", lambda t: t.weekday() == 6), ("leap", "0 0 29 2 *", lambda t: (t.month, t.day) == (2, 29))):
            self.add(name, "--cron", cron, "--zone", "UTC", "--message", "l/t")
            moments = self.moments(name)
            self.assertEqual(len(moments), 5, name)
            self.assertTrue(all(fits(moment) for moment in moments), (name, moments))
            self.assertEqual(moments, sorted(set(moments)))

    def test_the_two_day_fields_are_one_or_the_other(self):
        self.add("s", "--cron", "0 0 13 * fri", "--zone", "UTC", "--message", "l/t")
        moments = self.moments()
        self.assertLessEqual(max(b - a for a, b in zip(moments, moments[1:])), datetime.timedelta(days=7))

    def test_a_zone_has_its_own_hours(self):
        self.add("s", "--cron", "0 9 * * *", "--zone", "Asia/Tokyo", "--message", "l/t")
        self.assertEqual(self.shown()["zone"], "Asia/Tokyo")
        self.assertEqual([(t.hour, t.minute) for t in self.moments(zone="Asia/Tokyo")], [(9, 0)] * 5)
        self.assertEqual({t.hour for t in self.moments()}, {0})

    def test_the_same_again_writes_nothing_and_another_is_4(self):
        words = ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/t=1")
        self.add("s", *words)
        before = self.state()
        self.ok("schedules", "add", "s", *words)
        self.assertEqual(self.state(), before)
        for other in (("--cron", "0 10 * * *", "--zone", "UTC", "--message", "l/t=1"), ("--cron", "0 9 * * *", "--zone", "Asia/Tokyo", "--message", "l/t=1"),
                      ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/t=2"), ("--cron", "0 9 * * *", "--zone", "UTC", "--message", "l/u=1"),
                      ("--every", "1h", "--message", "l/t=1"), ("--cron", "0 9 * * *", "--zone", "UTC", "--start", "k=1"),
                      (*words, "--missed", "all"), (*words, "--jitter", 5000)):
            self.writes_nothing(4, "schedules", "add", "s", *other)

    def test_rules_of_schedules(self):
        when, what = ("--every", "1h"), ("--message", "l/t=1")
        crons = ("", "x", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
                 "5-1 * * * *", "* * * foo *", "* * * * someday", "-1 * * * *", "1,,2 * * * *", "1- * * * *")
        self.all_refused(2, *((("schedules", "add", "s", "--cron", cron, *what), "cron") for cron in crons),
                         *((("schedules", "add", name, *when, *what), "name") for name in ("", " ", "a b", "pawl.s", "n" * 129)),
                         *((("schedules", "add", "s", *words), says) for words, says in [
                             ((*when,), ()), ((*what,), ()), ((*when, "--cron", "* * * * *", *what), ()), ((*when, *what, "--start", "k=1"), ()),
                             (("--every", 0, *what), "every"), (("--every", -1, *what), "every"), (("--every", "x", *what), "every"),
                             (("--cron", "* * * * *", "--zone", "Mars/Olympus", *what), "zone"),
                             (("--cron", "* * * * *", "--zone", "../../etc/passwd", *what), "zone"),
                             ((*when, *what, "--missed", "most"), "missed"), ((*when, *what, "--catch-up", -1), "catch-up"),
                             ((*when, *what, "--catch-up", "x"), "catch-up"), ((*when, *what, "--jitter", -1), "jitter"),
                             ((*when, "--message", "nonsense"), "LANE/TARGET"), ((*when, "--message", " /t=1"), "lane"),
                             ((*when, "--message", "pawl.l/t=1"), "lane"), ((*when, "--start", "pawl.k=1"), "kind"), ((*when, "--start", "=1"), ()),
                             ((*when, "--message", "l/t=@missing"), "missing"), ((*when, *what, "--colour", "red"), "colour"), ((), ())]))

    def test_words_for_missed_slots(self):
        for missed in ("one", "all", "none"):
            self.add(missed, "--every", "1h", "--missed", missed, "--message", "l/t")
            self.assertEqual(self.shown(missed)["missed"], missed)
        self.add("many", "--every", "1h", "--missed", "all", "--catch-up", 7, "--message", "l/t")

    def test_lists(self):
        for name in ("a", "b"):
            self.add(name, "--every", "1h", "--message", "l/t")
        self.assertEqual(sorted(row["name"] for row in self.json("schedules", "list")), ["a", "b"])
        self.assertEqual(self.json("schedules", "list", "--scope", "b"), [])
        self.fails(3, "schedules", "show", "a", "--scope", "b")

    def test_pause_and_resume(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.toggled("pause", "s")
        self.assertTrue(self.shown()["paused"])
        self.assertTrue(self.json("schedules", "list")[0]["paused"])
        self.toggled("resume", "s")
        self.assertFalse(self.shown().get("paused", False))

    def test_remove(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.toggled("remove", "s")
        self.assertEqual(self.json("schedules", "list"), [])
        self.fails(3, "schedules", "show", "s")
        self.add("s", "--cron", "0 0 * * *", "--start", "k")
        self.assertEqual(self.shown()["cron"], "0 0 * * *")

    def test_what_is_not_there_is_3(self):
        for verb in ("show", "pause", "resume", "remove"):
            run = self.run_it("schedules", verb, "none", *(("--reason", "r") if verb != "show" else ()), "--json")
            run = self.run_it("schedules", verb, "none", "--json") if run.status == 2 else run
            self.assertEqual((run.status, run.out), (3, ""), verb)

    def test_nothing_is_told_before_it_fires(self):
        self.add("s", "--every", "1h", "--message", "l/t")
        self.add("r", "--every", "1h", "--start", "k")
        self.assertEqual(self.json("messages", "list") + self.json("workflows", "list") + self.json("journal", "list"), [])


if __name__ == "__main__":
    support.main()
