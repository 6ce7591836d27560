# SPDX-License-Identifier: MIT
"""What stands on a page: its blocks, the commands in them, its links."""
import os
import re

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(block):
    return [re.sub(r"\s{2,}#.*", "", line) for line in block.splitlines() if line.strip()]


def check_links(cases, path):
    text = re.sub(r"```.*?```", "", read(path), flags=re.S)
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        cases.check(f"{path} leads to {link}", os.path.exists(os.path.join(TOP, os.path.dirname(path), link)))
