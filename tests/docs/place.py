# SPDX-License-Identifier: MIT
"""A folder in which the commands of a page run, as a reader would run them: in order, in one shell, with a pawl that is installed."""
import json
import os
import re
import shutil
import signal
import subprocess

from page import TOP

# What is not run, and why. It must be there all the same.
NOT_RUN = {
    "scripts/quickstart": "installs packages as root, and fetches sources",
    "scripts/test": "builds everything four times, and runs this test",
}
# What never ends by itself: it is started, must say something, and goes on beside what follows, to the end of its block.
NEVER_END = ("pawl serve", "pawl listen", "./shop mail", "examples/workers/", "./payment peer")
# What a reader does otherwise than a test may.
INSTEAD = (
    (r"meson setup build && meson install -C build", "meson install --no-rebuild --quiet -C '{build}'"),  # of a clean clone
    (r"^pawl listen\b", "pawl listen 127.0.0.1:0"),  # its port may be taken
    (r"^pawl bench\b", "pawl bench --seconds 1 --rounds 1"),
    (r"^pawl demo\b", "pawl demo --kills 1"),
)
FILES = {
    "orders.jsonl": "".join(json.dumps({"type": "PlaceOrder", "data": {"number": number}}) + "\n" for number in (1, 2)),
    "bad.jsonl": '{"type":"PlaceOrder","data":{"number":3}}\n{"type":"PlaceOrder","date":4}\n',
    "mail.json": '{"text":"Thank you."}\n',
    "bin/send": "#!/bin/sh\ncat >>sent\n",
    "bin/print": "#!/bin/sh\ncat >>printed\n",
}


class Place:
    def __init__(self, folder, pawl, root=None, build=None):
        """root: where pawl is installed, for who links it; build: of which meson may install."""
        self.folder, self.pawl, self.build = folder, pawl, build
        self.env = {**os.environ, "HOME": folder, "PWD": folder, "PAWL_LISTEN": "127.0.0.1:0",
                    "PATH": f"{folder}/bin:{os.path.dirname(pawl)}:{os.environ['PATH']}"}
        for name in ("PAWL_ACTOR", "PAWL_STORE", "LD_LIBRARY_PATH"):
            self.env.pop(name, None)
        if root:
            self.env.update(root)
        self.state, self.servers, self.ports, self.last = self.path(".state"), [], {}, {}
        os.symlink(os.path.join(TOP, "examples"), self.path("examples"))
        for name, text in FILES.items():
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            self.write(name, text)
        self.write(".state", "")
        self.run("pawl init", check=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text, mode=0o755):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run(self, line, where=None, **more):
        words = ["sh", "-c", line] if isinstance(line, str) else line
        return subprocess.run(words, cwd=self.folder, env={**self.env, **(where or {})}, capture_output=True,
                              timeout=100, **more)

    # ---- the commands of a page ----

    def step(self, line):
        """Runs a command behind those before it: in the folder that they went to, with the variables that they set."""
        for pattern, instead in INSTEAD:
            line = re.sub(pattern, instead.format(build=self.build), line)
        line = re.sub(r"\b(ID|TOKEN)\b", lambda found: self.placeholder(found[1]), line)
        for port, address in self.ports.items():
            line = line.replace(f"127.0.0.1:{port}", address)
        script = f'set -a\n. "{self.state}"\ncd "$PWD"\n'
        if line.startswith(NEVER_END):
            done = self.start(line, script + "exec " + line)
            while line.startswith("pawl serve") and done.returncode == 0 and not self.works(script, self.servers[-1]):
                pass
            return done
        done = self.run(f'{script}{line}\nstatus=$?\nexport -p >"{self.state}"\nexit $status')
        for row in rows(done.stdout):
            self.last.update({name: row[name] for name in ("id", "token") if name in row})
        for key, token in re.findall(rb"^([0-9a-f-]{36}) (\d+) \d+ ", done.stdout, re.M):
            self.last = {"id": key.decode(), "token": token.decode()}
        return done

    def placeholder(self, word):
        if word.lower() not in self.last:
            state = f'. "{self.state}"; cd "$PWD"; pawl messages list --json --limit 1 --quiet'
            self.last.update(rows(self.run(state).stdout)[0])
        return self.last[word.lower()]

    def start(self, line, script):
        server = subprocess.Popen(["sh", "-c", script], cwd=self.folder, env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, start_new_session=True)
        self.servers.append(server)
        said = server.stdout.readline()
        address = re.search(rb"127\.0\.0\.1:\d+", said)
        if address:
            self.ports["7296" if "listen" in line.split()[1] else "7295"] = address[0].decode()
        return subprocess.CompletedProcess(script, 0 if said else 1, said, b"" if said else server.communicate()[1])

    def works(self, script, server):
        """Whether its worker has said so, or it has ended: one that is ended before is none of those that worked."""
        workers = rows(self.run(script + "pawl workers --json --quiet").stdout)
        return server.poll() is not None or any(worker["pid"] == server.pid for worker in workers)

    def end_servers(self):
        """Ends them; answers the JSON that they printed since they began."""
        printed = []
        for server in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            for out in server.communicate(timeout=60):
                printed += rows(out)
        self.servers = []
        return printed


def rows(out):
    """The lines that are objects of JSON."""
    found = []
    for line in out.decode(errors="replace").splitlines():
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
    return found


def install(folder, build):
    """Where a program that links pawl finds it: the variables of README.md, of an installation below the folder."""
    root = os.path.join(folder, "root")
    subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "-C", build, "--destdir", root], check=True, timeout=100,
                   stdout=subprocess.DEVNULL)
    lib = os.path.dirname(next(path for path, _, names in os.walk(root) if "pawl.pc" in names))
    return {"PKG_CONFIG_PATH": f"{lib}/pkgconfig", "PKG_CONFIG_SYSROOT_DIR": root, "LD_LIBRARY_PATH": f"{lib}:{lib}/pawl"}
