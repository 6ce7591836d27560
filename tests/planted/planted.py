#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants mistakes, one at a time, and sees that the test that is named with each fails.

A mistake is made in a copy of one file. The copy is compiled as the build compiles the file, and each program of the test is
linked once more with that object in front, so that the linker leaves the true one in its archive. The sources and the build stay
as they are.
"""
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import tap

QUICK_LINK = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
LIMIT_S = 120  # a test that hangs does not say what is wrong


class Mistake(NamedTuple):
    name: str
    file: str  # of the sources
    old: str   # what stands there once …
    new: str   # … and what is put in its place
    why: str   # what would become of it
    test: str  # as `meson test` names it
    case: str = ""  # the cases of it that are run, as cmocka's filters are written; "": all
    arguments: tuple = ()  # more of the command line


class Unfit(Exception):
    """It cannot be planted, or what it broke cannot be tried."""


def room(mistake):
    """The folder that its file is in: those of one are planted one after the other."""
    return mistake.file.split("/")[-2]


def run(words, **how):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **how)
    if done.returncode:
        raise Unfit(f"{' '.join(words)}\n{done.stdout}")
    return done.stdout


def made_wrong(mistake):
    """The text of its file with the mistake in it."""
    with open(os.path.join(TOP, mistake.file)) as file:
        text = file.read()
    count = text.count(mistake.old)
    if count != 1:
        raise Unfit(f"{mistake.file} has what is to be replaced {count} times, not once:\n{mistake.old}")
    return text.replace(mistake.old, mistake.new)


class Build:
    def __init__(self, path, case_library):
        self.path = os.path.abspath(path)
        self.case_library = os.path.abspath(case_library)
        self.tests = {test["name"]: test for test in self.read("meson-info/intro-tests.json")}
        self.programs = {file: os.path.relpath(file, self.path) for target in self.read("meson-info/intro-targets.json")
                         if target["type"] == "executable" for file in target["filename"]}
        self.compiled = {}  # file: how each of its objects is made
        for entry in self.read("compile_commands.json"):
            file = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
            self.compiled.setdefault(os.path.relpath(file, TOP), []).append(entry)
        self.links = {}

    def read(self, name):
        with open(os.path.join(self.path, name)) as file:
            return json.load(file)

    def link_of(self, program):
        if program not in self.links:
            said = run(["ninja", "-t", "commands", "-s", program], cwd=self.path)
            self.links[program] = shlex.split(said.splitlines()[-1])
        return self.links[program]

    def compile(self, entry, source, object_):
        words = shlex.split(entry["command"])
        for option, value in ("-o", object_), ("-MF", object_ + ".d"), ("-MQ", object_), ("-c", source):
            words[words.index(option) + 1] = value
        run(words + ["-O1", "-w"], cwd=self.path)

    def link(self, program, mistake, text, folder):
        """The program with this text in place of the file's; as it is, when that is in none of its parts."""
        words = list(self.link_of(program))
        made = os.path.join(folder, program.replace("/", "_"))
        words[words.index("-o") + 1] = made
        words += QUICK_LINK
        if any("libcmocka" in word for word in words):
            words += ["-Wl,--whole-archive", self.case_library, "-Wl,--no-whole-archive"]
        for entry in self.compiled.get(mistake.file, []) if text is not None else []:
            archive = entry["output"].split(".p/")[0]
            if entry["output"] not in words and archive not in words:
                continue
            source, object_ = os.path.join(folder, os.path.basename(mistake.file)), os.path.join(folder, "planted.o")
            with open(source, "w") as file:
                file.write(text)
            self.compile(entry, source, object_)
            if entry["output"] in words:
                words[words.index(entry["output"])] = object_
            else:
                words.insert(words.index("-o") + 2, object_)
            run(words, cwd=self.path)
            return made, True
        run(words, cwd=self.path)
        return made, False

    def passes(self, mistake, text, folder):
        """Whether the test passes, and what it said."""
        test = self.tests.get(mistake.test)
        if not test:
            raise Unfit(f'no test is called "{mistake.test}"')
        made, is_planted = {}, text is None
        for file in [*test["cmd"], *test["env"].values()]:
            if file in self.programs:
                made[file], planted_here = self.link(self.programs[file], mistake, text, folder)
                is_planted |= planted_here
        if not is_planted:
            raise Unfit(f'"{mistake.test}" has nothing of {mistake.file} in it')
        environment = {**os.environ, "PAWL_TEST_FOLDER": folder,
                       **{name: made.get(value, value) for name, value in test["env"].items()}}
        words = [made.get(word, word) for word in test["cmd"]] + list(mistake.arguments)
        if mistake.case:
            environment["PLANTED_CASE"] = mistake.case
        try:
            done = subprocess.run(words, env=environment, cwd=self.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=LIMIT_S)
        except subprocess.TimeoutExpired as late:
            raise Unfit(f"it did not end within {LIMIT_S} s, and said nothing: {late.stdout}")
        return done.returncode == 0 and "\nok " in "\n" + done.stdout, done.stdout


def is_caught(build, mistake, sound):
    """What the test said; raises where the mistake was not caught, or nothing is shown by that it was: where the test fails
    without a mistake, too. A test that is not run for some of its cases is not run for that: its own suite does."""
    text = made_wrong(mistake)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pawl-", dir=memory) as folder:
        os.chmod(folder, 0o711)  # servers of tests run as another user
        tried = mistake.test, mistake.case, mistake.arguments
        if mistake.case and tried not in sound:
            passed, said = build.passes(mistake, None, folder)
            if not passed:
                raise Unfit(f"{mistake.test} fails without a mistake:\n{said}")
            sound.add(tried)
        passed, said = build.passes(mistake, text, folder)
        if passed:
            raise Unfit(f"{mistake.test} did not notice:\n{mistake.why}\n{said}")
        return said


def first_failure(said):
    lines = [line for line in said.splitlines() if line.startswith(("not ok", "# "))]
    return "; ".join(line.strip("# ") for line in lines[:2]) or said.strip().splitlines()[-1:]


def plant(mistakes, arguments):
    if arguments == ["--rooms"]:
        print("\n".join(sorted({room(mistake) for mistake in mistakes})))
        return
    build, cases, sound = Build(arguments[0], arguments[1]), tap.Cases(), set()
    for mistake in mistakes:
        if room(mistake) != arguments[2] or arguments[3:] not in ([], [mistake.name]):
            continue
        try:
            said = first_failure(is_caught(build, mistake, sound))
            cases.check(mistake.name, True)
            print(f"# {said}"[:300])
        except Unfit as unfit:
            cases.check(mistake.name, False, unfit)
        sys.stdout.flush()
    cases.end()
