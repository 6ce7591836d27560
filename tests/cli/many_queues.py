#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""many_queues.py [COUNT]: a fresh message beside COUNT queues (100,000) in which something waits. PAWL names the command.

Three worlds: nobody can be sent to; everybody's target refuses the connection; it takes it and never answers. In each a message
for another target comes 20 times, every second time in a queue of its own, and is timed from the end of the command that
added it to the line in a file. Fails when half of them take longer than LIMIT_MS, or the server stops late. Timed, so of the soak.
"""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PAWL = os.environ["PAWL"]
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
LIMIT_MS = 100
ROUNDS = 20


def has_settled(path):
    """The log says nothing for a second: the first wave is over."""
    size = -1
    while size != (size := path.stat().st_size):
        time.sleep(1)


def world(kind, folder):
    env = {"PATH": os.environ["PATH"], "PAWL_STORE": f"sqlite:{folder}/s.db"}

    def pawl(*words, text=None):
        subprocess.run([PAWL, *words], env=env, input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    pawl("init", "--quiet")
    lines = (json.dumps({"lane": f"lane{i}", "target": "many", "data": {"n": i}}) for i in range(COUNT))
    pawl("enqueue", "--jsonl", "-", "--quiet", text="\n".join(lines))
    out, log = folder / "out", folder / "log"
    out.mkdir()
    arrived = out / "lines"
    pawl("targets", "add", "fresh", f"file:{arrived}", "--quiet")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = {"refuses": 9, "hangs": silent.getsockname()[1]}.get(kind)
        if port:
            pawl("targets", "add", "many", f"http://127.0.0.1:{port}/", "--quiet")
        with open(log, "w") as errors:
            server = subprocess.Popen([PAWL, "serve", "--listen", "127.0.0.1:0", "--allow-file", out, "--log-level", "0",
                                       "--allow-address", "127.0.0.0/8"], env=env, stdout=subprocess.DEVNULL, stderr=errors)
        has_settled(log)
        took = []
        for i in range(ROUNDS):
            pawl("enqueue", f"fresh{i}" if i % 2 else "fresh", "fresh", "x", "--quiet")
            began = time.monotonic()
            while not arrived.exists() or arrived.read_text().count("\n") <= i:
                if time.monotonic() > began + 60:
                    break
                time.sleep(0.001)
            took.append((time.monotonic() - began) * 1000)
        peak = next(line.split()[1] for line in open(f"/proc/{server.pid}/status") if line.startswith("VmHWM"))
        began = time.monotonic()
        server.terminate()
        server.wait()
        stopped = time.monotonic() - began
    median = statistics.median(took)
    print(f"{kind}: {COUNT} queues, a fresh message after {median:.0f} ms ({min(took):.0f} to {max(took):.0f}), "
          f"{int(peak) // 1024} MB at most, stopped in {stopped:.1f} s")
    return median <= LIMIT_MS and stopped < 15


def main():
    good = True
    for kind in ("nowhere", "refuses", "hangs"):
        with tempfile.TemporaryDirectory(prefix="pawl-many-") as folder:
            good &= world(kind, pathlib.Path(folder))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
