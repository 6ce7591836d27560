# SPDX-License-Identifier: MIT
"""What stands on a page: its blocks, the commands in them, its links."""
import dataclasses
import glob
import os
import re
import subprocess

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MANUAL = "man/pawl.1.scd"


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


def pages():
    """Every document that people read."""
    found = [MANUAL]
    for pattern in "*.md", "docs/*.md", "examples/*.md", "examples/*/README.md", "src/README.md", "src/*/README.md", "tests/*/README.md":
        found += sorted(os.path.relpath(path, TOP) for path in glob.glob(os.path.join(TOP, pattern)))
    return found


def blocks(text, language):
    return [body for name, body in all_blocks(text) if name == language]


def all_blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)


@dataclasses.dataclass
class Command:
    line: str          # as it stands there, without its comment; several lines where the shell needs them
    status: int        # that it shall end with: of the comment "exit status N", else 0
    shown: str = None  # the block of JSON behind it
    is_last: bool = False


def commands(block):
    """The commands of a block of shell."""
    line = ""
    for part in block.splitlines():
        bare = re.sub(r"\s{2,}#.*", "", part)
        line += bare + "\n"
        if line.strip() and subprocess.run(["sh", "-n", "-c", line], capture_output=True).returncode == 0:
            status = re.search(r"# exit status (\d)", part)
            yield Command(line.strip(), int(status[1]) if status else 0)
            line = ""
    assert not line.strip(), f"the shell wants more: {line}"


def steps(path):
    """The commands of a page, in order; a script of its own is none."""
    text = read(path)
    found = all_blocks(text)
    if path == MANUAL:
        found = [("sh", block) for block in text.partition("# EXAMPLES")[2].split("```\n")[1::2]]
    for (language, body), (next_language, next_body) in zip(found, found[1:] + [("", "")]):
        if language == "sh" and not body.startswith("#!"):
            listed = list(commands(body))
            listed[-1].is_last = True
            listed[-1].shown = next_body if next_language == "json" else None
            yield from listed


def check_links(cases, path):
    text = re.sub(r"```.*?```", "", read(path), flags=re.S)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        cases.check(f"{path} leads to {link}", os.path.exists(os.path.join(TOP, os.path.dirname(path), link)))
