#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Targets that are brokers, on the command line: against a real NATS server, and where a client library is not installed."""
import os
import pathlib
import subprocess
import tempfile

import support

NATS = pathlib.Path(os.environ["PAWL_TEST_SERVERS"], "usr/sbin/nats-server")
LOOPBACK = "--allow-address", "127.0.0.0/8"
CLIENTS = (("nats", "nats://127.0.0.1:1/news", "libnats.so.3.4", "libnats3.4"),
           ("amqp", "amqp://127.0.0.1:1/%2F//news", "librabbitmq.so.4", "librabbitmq4"))


class Brokers(support.Case):
    def setUp(self):
        super().setUp()
        self.init()

    def nats(self, *lines):
        """A server on a port of its own choice; its URL without a scheme."""
        self.assertTrue(NATS.exists(), "run scripts/setup --tests")
        place = pathlib.Path(tempfile.mkdtemp(prefix="pawl-nats-"))
        self.addCleanup(lambda: [place.joinpath("conf").unlink(), place.rmdir()])
        place.chmod(0o755)
        place.joinpath("conf").write_text("\n".join(("listen: 127.0.0.1:-1", *lines)))
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
        process = subprocess.Popen([NATS, "-c", place / "conf"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   **user)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stderr:
            if "Listening for client connections on" in line:
                return line.split()[-1]
        self.fail("NATS did not start")

    def without(self, *files):
        """An environment in which libraries are there that nobody can load."""
        folder = self.folder / "lib"
        folder.mkdir(exist_ok=True)
        for name in files:
            (folder / name).write_bytes(b"")
        return {"LD_LIBRARY_PATH": str(folder)}

    def test_a_target_on_a_broker_is_tested_with_the_password_of_its_secret_file(self):
        address = self.nats("authorization { user: pawl, password: sesame }")
        secret = self.folder / "secret"
        secret.write_text("simsim\n")
        secret.chmod(0o600)
        self.ok("targets", "add", "n", f"nats://pawl@{address}/news?core=1", "--secret-file", secret)
        run = self.run_it("targets", "test", "n", *LOOPBACK)
        self.assertEqual(run.status, 7)
        self.assertIn("look at the user in the URL", run.err)
        self.assertNotIn("simsim", run.err)
        secret.write_text("sesame\n")
        (row,) = self.json("targets", "test", "n", *LOOPBACK)
        self.assertEqual((row["state"], row["answer"]), ("delivered", "received: the broker gave it to whoever listened"))
        self.assertEqual(self.message(row["id"])["durability"], "received")
        run = self.run_it("targets", "test", "n")
        self.assertIn("--allow-address", run.err)
        self.assertEqual(run.status, 7)

    def test_what_no_stream_takes_says_what_is_missing(self):
        self.ok("targets", "add", "n", f"nats://{self.nats()}/news")
        run = self.run_it("targets", "test", "n", *LOOPBACK)
        self.assertEqual(run.status, 7)
        self.assertIn("tried again: no stream has the subject news", run.err)

    def test_a_client_that_is_not_installed_is_named_with_its_package(self):
        for name, url, file, package in CLIENTS:
            self.ok("targets", "add", name, url)
            run = self.run_it("targets", "test", name, *LOOPBACK, env=self.without(file))
            self.assertEqual(run.status, 7)
            self.assertIn(f"{file} cannot be loaded: install Debian's package {package}", run.err)

    def test_why_names_the_package_too_and_the_messages_wait(self):
        process = subprocess.Popen([support.PAWL, "serve", "--listen", "127.0.0.1:0", *LOOPBACK, "--log-level", "3"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder, text=True,
                                   env={**self.env, **self.without(*(client[2] for client in CLIENTS))})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        keys = {}
        for name, url, _, package in CLIENTS:
            self.ok("targets", "add", name, url)
            keys[self.enqueue("l", name, "1")] = package
        waits = len(keys)
        for line in process.stderr:
            waits -= "deferred" in line
            if waits == 0:
                break
        for key, package in keys.items():
            message = self.message(key)
            self.assertEqual((message["state"], message["attempts"]), ("pending", 0))
            (why,) = self.json("why", key)
            self.assertIn(package, why["reasons"][0]["text"])

    def test_a_secret_of_the_wrong_kind_is_said_when_it_is_named(self):
        secret = self.folder / "secret"
        secret.write_text("one\ntwo\n")
        secret.chmod(0o600)
        def said(*words):
            run = self.run_it("targets", *words, "--secret-file", secret)
            self.assertEqual(run.status, 0, run.err)
            return run.err
        self.assertIn("is not one password", said("add", "n", "nats://a/b"))
        secret.write_text("one\n")
        self.assertNotIn("secret", said("set", "n"))
        self.assertIn("is no key", said("add", "w", "http://a/"))

    def test_a_password_in_a_url_is_refused(self):
        for url in ("nats://pawl:sesame@a/b", "amqp://pawl:sesame@a/%2F//b"):
            self.writes_nothing(2, "targets", "add", "n", url, says="secret file")


if __name__ == "__main__":
    support.main()
