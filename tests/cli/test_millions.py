#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A million messages that wait under a thousand keys (PAWL_PENDING says how many): who starts, or takes over from a server that was
killed, reads as little and needs as much memory as beside a thousand, and nothing is lost. The times that it took are printed.
"""
import json
import os
import signal
import subprocess
import time
import unittest

import support

PENDING = int(os.environ.get("PAWL_PENDING", "1000000"))
KEYS, FEW, SOME = 1000, 20000, 500  # SOME: so many are waited for
MEMORY_KIB, READ_BYTES = 48 << 10, 32 << 20  # more than beside few


class Serving:
    """A server that delivers to a file."""

    def __init__(self, case):
        self.case, self.began, self.at_start = case, time.monotonic(), case.arrived()
        self.process = subprocess.Popen([support.PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-file", case.folder],
                                        cwd=case.folder, env=case.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        case.addCleanup(self.process.wait)
        case.addCleanup(self.process.kill)

    def read(self, name, field):
        with open(f"/proc/{self.process.pid}/{name}") as file:
            return int(next(line for line in file if line.startswith(field)).split()[1])

    def until(self, count):
        """Seconds from its start until so many lines came."""
        self.case.wait_for(self.at_start + count)
        return time.monotonic() - self.began

    def end(self, how):
        self.process.send_signal(how)
        return self.process.wait()


class Millions(support.Case):
    def arrived(self):
        try:
            with open(self.lines, "rb") as file:
                return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        except FileNotFoundError:
            return 0

    def wait_for(self, count):
        size = -1
        for _ in range(50000000):  # minutes, if they never come
            before, size = size, self.lines.stat().st_size if self.lines.exists() else 0
            if size != before and self.arrived() >= count:
                return
            os.sched_yield()
        self.fail(f"{count} lines do not come")

    def fill(self, name, count):
        self.env["PAWL_STORE"] = f"sqlite:{name}.db"
        self.lines = self.folder / f"{name}.lines"
        self.ok("init")
        adding = subprocess.Popen([support.PAWL, "enqueue", "--jsonl", "-", "--quiet"], cwd=self.folder, env=self.env,
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for first in range(0, count, 1000):
            adding.stdin.write("".join(f'{{"lane":"l","target":"t","key":"k{n % KEYS}","data":{n}}}\n'
                                       for n in range(first, min(first + 1000, count))))
        adding.stdin.close()
        self.assertEqual(adding.wait(), 0)
        self.ok("targets", "add", "t", f"file:{self.lines}", "--set", "rate=2000/1s")  # few are still many while it is watched

    def measure(self, name, count):
        """Started, killed while it works, started again, stopped: what it read and needed."""
        self.fill(name, count)
        first = Serving(self)
        took = first.until(1)
        read = first.read("io", "rchar:")
        first.until(SOME)
        first.end(signal.SIGKILL)
        second = Serving(self)
        again = second.until(1)
        second.until(SOME)
        memory = second.read("status", "VmHWM:")
        self.assertEqual(second.end(signal.SIGTERM), 0)
        print(f"# {count} pending: the first delivery after {took:.2f} s and {read >> 10} KiB read, "
              f"{again:.2f} s after a kill -9; at most {memory} KiB of memory")
        counts = self.json("messages", "stats")[0]["counts"]
        self.assertEqual(sum(counts.values()), count)
        self.assertEqual(counts["claimed"], 0)
        return read, memory

    def test_who_starts_beside_millions_reads_little_and_needs_no_more_memory(self):
        few_read, few_memory = self.measure("few", FEW)
        read, memory = self.measure("many", PENDING)
        self.assertLess(read - few_read, READ_BYTES)
        self.assertLess(memory - few_memory, MEMORY_KIB)


if __name__ == "__main__":
    support.main()
