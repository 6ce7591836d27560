#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the command shows of one store, as files in golden/: on terminals of 80 and 120 columns, and in a pipe.

UPDATE=1 writes the files anew: look at what changed before it is committed. The clock stands still and chance is always the same
(still.c), so nothing is masked but what belongs to the machine: versions, and the room on its disk."""
import difflib
import os
import pathlib
import re
import shlex
import sys

import support

GOLDEN = pathlib.Path(__file__).parent / "golden"
BEGIN_MS = 1795244615000  # 2026-11-21 07:03:35Z
MASKS = (
    (r"^(?:ok  |look)  disk: .*\n(?:      hint: make room.*\n)?", "ok    disk: N % used, N MiB free\n"),
    (r"((?:pawl|SQLite|OpenSSL|libcurl):? )\d+(\.\d+)+\w*", r"\1VERSION"),
)

MODES = {"terminal-80": 80, "terminal-120": 120, "pipe": None}
TABLES = ("journal list", "messages list", "messages stats", "lanes list", "targets list", "holds list")
STATES = {"pending", "claimed", "awaiting", "uncertain", "delivered", "dead", "cancelled"}
SHOWN = STATES - {"awaiting"}  # those that the store has


def lines_of(name):
    with open(GOLDEN / name) as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


def mask(shown):
    for pattern, replacement in MASKS:
        shown = re.sub(pattern, replacement, shown, flags=re.M)
    return shown


class Screens(support.Case):
    seen = {}  # of each mode, which is the same for all tests

    def setUp(self):
        super().setUp()
        self.env.update(PAWL_STORE="sqlite:shop.db", LD_PRELOAD=os.environ["PAWL_STILL"])

    def tick(self, seconds):
        self.now_ms += seconds * 1000
        self.env["STILL_MS"] = str(self.now_ms)

    def words(self, line):
        return [re.sub(r"^\{([a-z.]+)\}$", lambda found: self.names[found[1]], word) for word in shlex.split(line)]

    def prepare(self):
        """The store of store.txt."""
        for path in self.folder.iterdir():
            path.unlink()
        self.now_ms, self.names = BEGIN_MS, {}
        for line in lines_of("store.txt"):
            self.tick(61)
            name, arrow, command = line.rpartition(" <- ")
            if line.startswith("+ "):
                self.tick(int(line[2:]))
            elif arrow:
                (row,) = self.json(*self.words(command))
                self.names.update({name: row["id"], name + ".token": row.get("token")})
            else:
                self.ok(*self.words(command))

    def show(self, words, columns):
        """What it prints, on a terminal of so many columns, or in a pipe; and how it ended."""
        if columns:
            shown = self.on_terminal(*words, columns=columns, stderr_too=True, status=None)
            return re.sub(r"\r[^\r\n]*\x1b\[K", "", shown)  # progress, which was overwritten
        run = self.run_it(*words)
        return run.out + run.err

    def screens(self, mode):
        """What each line of screens.txt shows."""
        if mode not in self.seen:
            self.seen[mode] = self.see(MODES[mode])
        return self.seen[mode]

    def see(self, columns):
        self.prepare()
        shown = {}
        for line in lines_of("screens.txt"):
            self.tick(1)
            shown[line] = mask(self.show(self.words(line), columns))
        return shown

    def check_golden(self, mode):
        shown = "".join(f"$ pawl {line}\n{text}\n" for line, text in self.screens(mode).items())
        path = GOLDEN / f"{mode}.txt"
        if os.environ.get("UPDATE"):
            path.write_text(shown)
        difference = list(difflib.unified_diff(path.read_text().splitlines(), shown.splitlines(), str(path), "shown", lineterm=""))
        self.assertFalse(difference, "\n" + "\n".join(difference) + "\nUPDATE=1 writes what is shown into the file")

    def test_screens_of_80_columns_are_as_they_were_looked_at(self):
        self.check_golden("terminal-80")

    def test_screens_of_120_columns_are_as_they_were_looked_at(self):
        self.check_golden("terminal-120")

    def test_what_a_pipe_is_given_is_as_it_was_looked_at(self):
        self.check_golden("pipe")

    def test_no_line_is_wider_than_its_terminal_and_none_ends_in_blanks(self):
        for mode, columns in MODES.items():
            for line, text in self.screens(mode).items():
                for row in text.splitlines():
                    self.assertEqual(row, row.rstrip(), (mode, line))
                    self.assertLessEqual(support.width(row), columns or sys.maxsize, (mode, line))

    def test_no_lane_target_or_state_is_ever_cut(self):
        self.prepare()
        messages, lanes, targets = (self.json(noun, "list") for noun in ("messages", "lanes", "targets"))
        for mode in MODES:
            shown = self.screens(mode)
            for name in {f"{row['lane']}/{row['target']}" for row in messages}:
                self.assertIn(name, shown["messages list"], mode)
                self.assertIn(name, shown["messages stats"], mode)
            self.assertEqual({state for state in STATES if re.search(rf"\b{state}\b", shown["messages list"])}, SHOWN, mode)
            self.assertEqual([row["lane"] for row in lanes if row["lane"] not in shown["lanes list"]], [], mode)
            self.assertEqual([row["target"] for row in targets if row["target"] not in shown["targets list"]], [], mode)

    def test_a_value_that_is_cut_ends_in_an_ellipsis_and_begins_as_it_is(self):
        pipe = self.screens("pipe")
        for mode in "terminal-80", "terminal-120":
            for line, text in self.screens(mode).items():
                for start in re.findall(r"(\S+)…", text):
                    self.assertIn(start, pipe[line], (mode, line))
            self.assertEqual(pipe["journal show 1"], self.screens(mode)["journal show 1"])

    def test_columns_of_the_environment_are_for_tables_alone(self):
        terminal, pipe = self.screens("terminal-80"), self.screens("pipe")
        self.env["COLUMNS"] = "80"
        for line, shown in self.see(None).items():
            if line.startswith(TABLES):
                rows = [row for row in shown.splitlines() if not row.startswith("pawl: ")]
                self.assertEqual([row for row in rows if row not in terminal[line].splitlines()], [], line)
            elif line.startswith("messages show"): # lines, and behind them a table of what was tried
                lines, _, table = shown.partition("\n\n")
                self.assertEqual((lines, table), (pipe[line].partition("\n\n")[0], terminal[line].partition("\n\n")[2]), line)
            else:
                self.assertEqual(shown, pipe[line], line)

    def test_a_queue_wider_than_the_terminal_goes_on_in_the_next_line(self):
        self.prepare()
        lane, target = "l" * 100, "t" * 100
        self.ok("enqueue", lane, target, "x")
        for words in ("messages", "list"), ("messages", "stats"):
            shown = self.on_terminal(*words)
            self.assertLessEqual(max(map(support.width, shown.splitlines())), 80)
            self.assertIn(f"{lane}/{target}", shown.replace("\n", "").replace("    ", "").replace("  ", ""))


if __name__ == "__main__":
    support.main()
